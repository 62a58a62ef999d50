"""Cases in a list: what each is about, and which an agent takes first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sandbox.salesforce.org import Org
from sandbox.salesforce.store import Row
from sandbox.salesforce.view.rows import linked, owner_name

_PRIORITIES: Final = ("High", "Medium", "Low")
_NO_DEADLINE: Final = "9999"


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One case in a list, with what its lookups are called. ``payout``: of a case that is about one."""

    row: Row
    account: Row | None
    payout: Row | None
    owner: str
    urgent_by: str | None
    """The day after which it is too late; None for a case that is over."""


def line(org: Org, row: Row) -> CaseLine:
    return CaseLine(
        row,
        linked(org, row, "AccountId"),
        linked(org, row, "Billing_Payout__c"),
        owner_name(org, row.get("OwnerId")),
        urgent_by(row),
    )


def urgent_by(row: Row) -> str | None:
    over = is_closed(row) or row.get("Billing_State__c") == "resolved"
    return None if over else row.get("Billing_Deadline__c")


def by_urgency(rows: Iterable[Row]) -> list[Row]:
    """Open ones first: the soonest deadline, then the highest priority, then the newest. Closed ones by age."""
    return sorted(newest_first(rows), key=_urgency)


def _urgency(row: Row) -> tuple[bool, str, int]:
    if is_closed(row):
        return (True, "", 0)
    priority = row.get("Priority")
    rank = _PRIORITIES.index(priority) if priority in _PRIORITIES else len(_PRIORITIES)
    return (False, urgent_by(row) or _NO_DEADLINE, rank)


def newest_first(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: str(row["Id"]), reverse=True)


def is_closed(row: Row) -> bool:
    return bool(row.get("IsClosed"))


def rule_of(row: Row) -> str:
    return row.get("Billing_Rule__c") or "no_rule"


def folded(rows: Sequence[Row], most: int) -> tuple[list[Row], list[tuple[str, int]]]:
    """The first ``most`` of each rule in the order given, and how many of which rule were left out."""
    seen: Counter[str] = Counter()
    kept = []
    for row in rows:
        seen[rule_of(row)] += 1
        if seen[rule_of(row)] <= most:
            kept.append(row)
    return kept, [(rule, count - most) for rule, count in seen.most_common() if count > most]
