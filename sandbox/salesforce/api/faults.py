"""What keeps single rows out: the org's own rules, and faults that strike rows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from sandbox.salesforce.errors import RowError
from sandbox.salesforce.incoming import Incoming
from sandbox.salesforce.rulebook import DuplicateRule
from sandbox.salesforce.schema import ObjectType
from sandbox.salesforce.writer import Guard

if TYPE_CHECKING:
    from sandbox.salesforce.api.calls import Call

_MOST_TOLD: Final = 3
_DUPLICATE: Final = "You're creating a duplicate record. We recommend you use an existing record instead."


def row_guard(call: Call) -> Guard | None:
    """A check for the rows of a call; None while neither a rule nor a fault is set.

    A match is looked for in the call's method and path and in the row's external ids, one to a line; a lock
    also strikes the children of what it matches, as locks on a parent do. A share strikes by what identifies
    the row.
    """
    book, faulty = call.org.rulebook, bool(call.control.faults())
    if not (faulty or book.validations or book.duplicates):
        return None
    fault, rule = _fault_guard(call), _rule_guard(call)
    return lambda kind, sent: (fault(kind, sent) if faulty else None) or rule(kind, sent)


def _rule_guard(call: Call) -> Guard:
    book, store, allow_save = call.org.rulebook, call.org.store, _allows_save(call)

    def guard(kind: ObjectType, sent: Incoming) -> RowError | None:
        broken = book.invalid(kind, sent)
        if broken:
            return RowError("FIELD_CUSTOM_VALIDATION_EXCEPTION", broken.message)
        found = book.duplicate(kind, store, sent, allow_save)
        if found is None:
            return None
        rule, twins = found
        return RowError("DUPLICATES_DETECTED", _DUPLICATE, (), 400, _told(call, kind, rule, twins))

    return guard


def _allows_save(call: Call) -> bool:
    """``Sforce-Duplicate-Rule-Header: allowSave=true; …``, with semicolons or commas."""
    told = call.headers.get("sforce-duplicate-rule-header", "").lower()
    return re.search(r"(^|[;,])\s*allowsave\s*=\s*true\s*($|[;,])", told) is not None


def _fault_guard(call: Call) -> Guard:
    place = f"{call.method} {call.url(call.path)}"

    def guard(kind: ObjectType, sent: Incoming) -> RowError | None:
        own = "\n".join((place, *sent.keys, *(str(name) for name in (sent.values.get("Name"),) if name)))
        if call.control.take_fault(("row_lock",), "\n".join((own, *sent.parents)), sent.identity):
            return _locked(sent)
        if call.control.take_fault(("validation_rule",), own, sent.identity):
            return RowError("FIELD_CUSTOM_VALIDATION_EXCEPTION", "Refused by a validation rule of this org.")
        if call.control.take_fault(("duplicate_rule",), own, sent.identity):
            rule = DuplicateRule(f"Standard_{kind.name}_Duplicate_Rule", kind.name, (), True)
            told = _told(call, kind, rule, _namesakes(call, kind, sent))
            return RowError("DUPLICATES_DETECTED", _DUPLICATE, (), 400, told)
        return None

    return guard


def _locked(sent: Incoming) -> RowError:
    where = sent.record_id or "000000000000000AAA"
    return RowError(
        "UNABLE_TO_LOCK_ROW", f"unable to obtain exclusive access to this record or 1 records: {where}"
    )


def _namesakes(call: Call, kind: ObjectType, sent: Incoming) -> list[str]:
    rows = call.org.store.table(kind).live.values()
    name = sent.values.get("Name") or sent.values.get("LastName")
    return [row["Id"] for row in rows if name and name in (row.get("Name"), row.get("LastName"))]


def _told(call: Call, kind: ObjectType, rule: DuplicateRule, twins: list[str]) -> dict[str, Any]:
    """The key really is spelt ``duplicateResut`` in the answers of real orgs."""
    standard = not rule.fields
    records = [_matched(call, kind, twin) for twin in twins[:_MOST_TOLD]]
    matched = {
        "entityType": kind.name,
        "errors": [],
        "matchEngine": "FuzzyMatchEngine" if standard else "ExactMatchEngine",
        "matchRecords": records,
        "rule": f"Standard_{kind.name}_Match_Rule_v1_0" if standard else rule.name,
        "size": len(records),
        "success": True,
    }
    return {
        "duplicateResut": {
            "allowSave": not rule.blocks,
            "duplicateRule": rule.name,
            "duplicateRuleEntityType": kind.name,
            "errorMessage": _DUPLICATE,
            "matchResults": [matched],
        }
    }


def _matched(call: Call, kind: ObjectType, record_id: str) -> dict[str, Any]:
    attributes = {"type": kind.name, "url": call.url("sobjects", kind.name, record_id)}
    return {
        "additionalInformation": [],
        "fieldDiffs": [],
        "matchConfidence": 100.0,
        "record": {"attributes": attributes, "Id": record_id},
    }
