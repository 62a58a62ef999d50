"""Reading the cases of a report: Salesforce's rows as a stream, with what the ledger knows of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from connector.ledger.transitions import Transitions
from connector.mappers import fields, keys
from connector.mappers.fields import Case as F
from connector.mappers.fields import Dispute as D
from connector.mappers.times import parse_salesforce_time
from connector.reporting.cases import Case, Owner
from connector.sync import lifecycle

_DISPUTE: Final = F.DISPUTE.replace("__c", "__r")
_ASKED: Final = (
    *("CaseNumber", "CreatedDate", "IsClosed", "ClosedDate", F.OWNER),
    *(
        fields.KEY,
        F.RULE,
        F.ACCOUNT_KEY,
        F.STATE,
        F.OUTCOME,
        F.OPENED_AT,
        F.RESOLVED_AT,
        F.AMOUNT,
        F.CURRENCY,
    ),
    *(F.DUNNING_STEP, F.DECLINE_CATEGORY, F.REASON, F.GATEWAY),
    *(f"{_DISPUTE}.{name}" for name in (D.REASON_CATEGORY, D.STATUS, D.DUE_AT)),
)
_QUEUE: Final = "00G"
"""What the id of a queue begins with."""


def soql(since: datetime) -> str:
    """All our cases that are open, or whose case or problem ended since then."""
    from_ = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        f"SELECT {', '.join(_ASKED)} FROM {F.OBJECT} WHERE {fields.KEY} != null "
        f"AND (IsClosed = false OR ClosedDate >= {from_} OR {F.RESOLVED_AT} >= {from_}) ORDER BY {fields.KEY}"
    )


def cases(
    rows: Iterable[Mapping[str, Any]], known: Transitions, us: str, site: str | None = None
) -> Iterator[Case]:
    """``us``: the id of Casewire's own user. ``site``: only the cases of accounts of this Recurly site."""
    for row in rows:
        if site is None or keys.account_of(row[F.ACCOUNT_KEY] or "")[:2] == ("recurly", site):
            yield _case(row, known, us)


def _case(row: Mapping[str, Any], known: Transitions, us: str) -> Case:
    key, dispute = row[fields.KEY], row[_DISPUTE] or {}
    closed, over = row["IsClosed"], row[F.STATE] == lifecycle.RESOLVED
    closed_at = parse_salesforce_time(row["ClosedDate"]) if closed else None
    created_at = datetime.strptime(row["CreatedDate"], "%Y-%m-%dT%H:%M:%S.%f%z")
    return Case(
        key=key,
        number=row["CaseNumber"] or "",
        kind=row[F.RULE] or "",
        cycle=lifecycle.split(key)[1],
        opened_at=parse_salesforce_time(row[F.OPENED_AT]) or created_at,
        closed_at=closed_at,
        resolved_at=(parse_salesforce_time(row[F.RESOLVED_AT]) or closed_at) if over else None,
        outcome=row[F.OUTCOME] or "",
        closed_by_us=key in known.closed,
        amount=_amount(row[F.AMOUNT]),
        currency=row[F.CURRENCY] or "",
        dunning_step=int(row[F.DUNNING_STEP] or 0),
        decline=row[F.DECLINE_CATEGORY] or "",
        reason=row[F.REASON] or "",
        dispute_reason=dispute.get(D.REASON_CATEGORY) or "",
        dispute_status=dispute.get(D.STATUS) or "",
        due_at=parse_salesforce_time(dispute.get(D.DUE_AT)),
        gateway=row[F.GATEWAY] or "",
        owner=_owner(row[F.OWNER] or "", us),
        reopened=known.reopened.get(key, ()),
        escalated=key in known.escalated,
    )


def _amount(value: Any) -> Decimal | None:
    """Salesforce tells three decimals at most; two are kept where the third says nothing: ``49.00``."""
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
