"""Reading the cases of a report: Salesforce's rows as a stream, with what the ledger knows of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from connector.ledger.attempts import Transitions
from connector.mappers import external_ids, fields
from connector.mappers.fields import Case as F
from connector.mappers.fields import Dispute as D
from connector.mappers.org_schema import OrgShape
from connector.mappers.safe_parse import parse_salesforce_time
from connector.reporting.cases import Case, Owner
from connector.sync.decide import lifecycle

_DISPUTE: Final = F.DISPUTE.replace("__c", "__r")
_ALWAYS: Final = ("CaseNumber", "CreatedDate", "IsClosed", "ClosedDate", F.OWNER, fields.KEY)
_OURS: Final = (
    *(F.RULE, F.ACCOUNT_KEY, F.STATE, F.OUTCOME, F.OPENED_AT, F.RESOLVED_AT, F.AMOUNT, F.CURRENCY),
    *(F.DUNNING_STEP, F.DECLINE_CATEGORY, F.REASON, F.GATEWAY),
)
_OF_DISPUTES: Final = (D.REASON_CATEGORY, D.STATUS, D.DUE_AT)
_QUEUE: Final = "00G"
"""Prefix of the ids of queues."""


def soql(since: datetime, shape: OrgShape) -> str:
    """All our cases that are open, or whose case or problem ended since then, with the fields that the org has."""
    from_ = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    without = lacking(shape)
    asked = [*_ALWAYS, *(name for name in _OURS if f"{F.OBJECT}.{name}" not in without)]
    if f"{F.OBJECT}.{F.DISPUTE}" not in without:
        asked += [f"{_DISPUTE}.{name}" for name in _OF_DISPUTES if f"{D.OBJECT}.{name}" not in without]
    ended = ["IsClosed = false", f"ClosedDate >= {from_}"]
    if F.RESOLVED_AT in asked:
        ended.append(f"{F.RESOLVED_AT} >= {from_}")
    return (
        f"SELECT {', '.join(asked)} FROM {F.OBJECT} WHERE {fields.KEY} != null "
        f"AND ({' OR '.join(ended)}) ORDER BY {fields.KEY}"
    )


def lacking(shape: OrgShape) -> list[str]:
    """Fields that the report needs and the org lacks, as ``Case.Billing_Reason__c``."""
    wanted = [(F.OBJECT, name) for name in (*_OURS, F.DISPUTE)] + [(D.OBJECT, name) for name in _OF_DISPUTES]
    return [f"{object_}.{name}" for object_, name in wanted if shape.field(object_, name) is None]


def cases(
    rows: Iterable[Mapping[str, Any]], known: Transitions, us: str, site: str | None = None
) -> Iterator[Case]:
    """``us``: the id of Casewire's own user. ``site``: only the cases of accounts of this Recurly site."""
    for row in rows:
        if site is None or external_ids.account_of(row.get(F.ACCOUNT_KEY) or "")[:2] == ("recurly", site):
            yield _case(row, known, us)


def _case(row: Mapping[str, Any], known: Transitions, us: str) -> Case:
    told, dispute = row.get, row.get(_DISPUTE) or {}
    key, cycle = row[fields.KEY], lifecycle.split(row[fields.KEY])[1]
    closed, over = row["IsClosed"], told(F.STATE) == lifecycle.RESOLVED
    closed_at = parse_salesforce_time(row["ClosedDate"]) if closed else None
    created_at = datetime.strptime(row["CreatedDate"], "%Y-%m-%dT%H:%M:%S.%f%z")
    began_at = parse_salesforce_time(told(F.OPENED_AT)) or created_at
    return Case(
        key=key,
        number=row["CaseNumber"] or "",
        kind=told(F.RULE) or "",
        cycle=cycle,
        opened_at=max(began_at, created_at) if cycle > 1 else began_at,
        began_at=began_at,
        closed_at=closed_at,
        resolved_at=(parse_salesforce_time(told(F.RESOLVED_AT)) or closed_at) if over else None,
        outcome=told(F.OUTCOME) or "",
        closed_by_us=key in known.closed,
        amount=_amount(told(F.AMOUNT)),
        currency=told(F.CURRENCY) or "",
        dunning_step=int(told(F.DUNNING_STEP) or 0),
        decline=told(F.DECLINE_CATEGORY) or "",
        reason=told(F.REASON) or "",
        dispute_reason=dispute.get(D.REASON_CATEGORY) or "",
        dispute_status=dispute.get(D.STATUS) or "",
        due_at=parse_salesforce_time(dispute.get(D.DUE_AT)),
        gateway=told(F.GATEWAY) or "",
        owner=_owner(row[F.OWNER] or "", us),
        reopened=known.reopened.get(key, ()),
        escalated=key in known.escalated,
    )


def _amount(value: Any) -> Decimal | None:
    """Salesforce returns at most three decimals; a third decimal of 0 is dropped: ``49.00``."""
    if value is None:
        return None
    amount = Decimal(str(value))
    short = amount.quantize(Decimal("0.01"))
    return short if short == amount else amount


def _owner(id_: str, us: str) -> Owner:
    """Ids of 15 and 18 characters are the same up to the fifteenth."""
    if id_.startswith(_QUEUE):
        return Owner.QUEUE
    return Owner.CASEWIRE if id_[:15] == us[:15] else Owner.PERSON
