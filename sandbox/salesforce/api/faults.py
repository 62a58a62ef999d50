"""Faults that strike single rows: a lock, a validation rule, a duplicate rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sandbox.salesforce.errors import RowError
from sandbox.salesforce.incoming import Incoming
from sandbox.salesforce.schema import ObjectType
from sandbox.salesforce.writer import Guard

if TYPE_CHECKING:
    from sandbox.salesforce.api.calls import Call

_ROW_FAULTS: Final = ("row_lock", "validation_rule", "duplicate_rule")
_DUPLICATE: Final = "You're creating a duplicate record. We recommend you use an existing record instead."


def row_guard(call: Call) -> Guard | None:
    """A check for the rows of a call; None while no fault is set.

    A match is looked for in the call's method and path and in the row's external ids, one to a line; a lock
    also strikes the children of what it matches, as locks on a parent do.
    """
    if not call.control.faults():
        return None
    place = f"{call.method} {call.url(call.path)}"

    def guard(kind: ObjectType, sent: Incoming) -> RowError | None:
        own = "\n".join((place, *sent.keys, *(str(name) for name in (sent.values.get("Name"),) if name)))
        if call.control.take_fault(("row_lock",), "\n".join((own, *sent.parents))):
            return _locked(sent)
        if call.control.take_fault(("validation_rule",), own):
            return RowError("FIELD_CUSTOM_VALIDATION_EXCEPTION", "Refused by a validation rule of this org.")
        if call.control.take_fault(("duplicate_rule",), own):
            return RowError("DUPLICATES_DETECTED", _DUPLICATE, (), 400, _duplicates(call, kind, sent))
        return None

    return guard


def _locked(sent: Incoming) -> RowError:
    where = sent.record_id or "000000000000000AAA"
    return RowError(
        "UNABLE_TO_LOCK_ROW", f"unable to obtain exclusive access to this record or 1 records: {where}"
    )


def _duplicates(call: Call, kind: ObjectType, sent: Incoming) -> dict[str, Any]:
    """The key really is spelt ``duplicateResut`` in the answers of real orgs."""
    rows = call.org.store.table(kind).live.values()
    name = sent.values.get("Name") or sent.values.get("LastName")
    twins = [row for row in rows if name and name in (row.get("Name"), row.get("LastName"))]
    records = [
        {
            "additionalInformation": [],
            "fieldDiffs": [],
            "matchConfidence": 100.0,
            "record": {
                "attributes": {"type": kind.name, "url": call.url("sobjects", kind.name, twin["Id"])},
                "Id": twin["Id"],
            },
        }
        for twin in twins[:3]
    ]
    matched = {
        "entityType": kind.name,
        "errors": [],
        "matchEngine": "FuzzyMatchEngine",
        "matchRecords": records,
        "rule": f"Standard_{kind.name}_Match_Rule_v1_0",
        "size": len(records),
        "success": True,
    }
    return {
        "duplicateResut": {
            "allowSave": False,
            "duplicateRule": f"Standard_{kind.name}_Duplicate_Rule",
            "duplicateRuleEntityType": kind.name,
            "errorMessage": _DUPLICATE,
            "matchResults": [matched],
        }
    }
