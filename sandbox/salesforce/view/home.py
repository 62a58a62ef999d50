"""The first page: what is urgent, how much there is of each problem, who owes, what was paid out."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sandbox.salesforce.org import Org
from sandbox.salesforce.store import Row
from sandbox.salesforce.values import salesforce_time
from sandbox.salesforce.view.cases import CaseLine, by_urgency, folded, is_closed, line, rule_of
from sandbox.salesforce.view.rows import SHOWN, newest, owner_name, rows

MOST_OF_A_RULE: Final = 10
"""As many cases of one rule stand on the page until someone asks for that rule."""
_CLOSED_SHOWN: Final = 10
_PAYOUTS_SHOWN: Final = 15
_DECIDED: Final = frozenset({"won", "lost", "accepted", "expired", "withdrawn"})
_SOON: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Overview:
    """``rule``: the one asked for. ``more``: how many open cases of which rule the page leaves out."""

    rule: str | None
    open_cases: int
    closed_cases: int
    open_disputes: int
    evidence_due: int
    past_due: int
    accounts_total: int
    payouts_total: int
    api_calls: int
    by_rule: list[tuple[str, int]]
    by_owner: list[tuple[str, int]]
    cases: list[CaseLine]
    more: list[tuple[str, int]]
    closed: list[CaseLine]
    accounts: list[Row]
    payouts: list[Row]


def overview(org: Org, rule: str | None = None) -> Overview:
    """With a rule, only its cases are listed; the numbers stay those of the whole org."""
    with org.store.lock:
        return _overview(org, rule)


def _overview(org: Org, rule: str | None) -> Overview:
    cases, accounts = by_urgency(rows(org, "Case")), rows(org, "Account")
    disputes, payouts = rows(org, "Billing_Dispute__c"), rows(org, "Billing_Payout__c")
    still_open = [row for row in cases if not is_closed(row)]
    shown, more = _listed(still_open, rule)
    closed = [row for row in cases if is_closed(row) and rule in (None, rule_of(row))]
    owners = Counter(row.get("OwnerId") for row in still_open)
    return Overview(
        rule=rule,
        open_cases=len(still_open),
        closed_cases=len(cases) - len(still_open),
        open_disputes=sum(row.get("Status__c") not in _DECIDED for row in disputes),
        evidence_due=_evidence_due(org, disputes),
        past_due=sum(_due(row) > 0 for row in accounts),
        accounts_total=len(accounts),
        payouts_total=len(payouts),
        api_calls=org.api_used,
        by_rule=Counter(rule_of(row) for row in still_open).most_common(),
        by_owner=[(owner_name(org, owner), count) for owner, count in owners.most_common()],
        cases=[line(org, row) for row in shown],
        more=more,
        closed=[line(org, row) for row in closed[:_CLOSED_SHOWN]],
        accounts=heapq.nlargest(SHOWN, accounts, key=lambda row: (_due(row), row["LastModifiedDate"])),
        payouts=newest(payouts, "Opened_At__c")[:_PAYOUTS_SHOWN],
    )


def _listed(still_open: Sequence[Row], rule: str | None) -> tuple[list[Row], list[tuple[str, int]]]:
    """All of the rule asked for, up to what a page holds; of several rules only the most urgent of each."""
    if rule is None:
        return folded(still_open, MOST_OF_A_RULE)
    return folded([row for row in still_open if rule_of(row) == rule], SHOWN)


def _evidence_due(org: Org, disputes: Sequence[Row]) -> int:
    """Disputes that wait for our answer and whose time ends within a week."""
    now = org.clock()
    first, last = salesforce_time(now), salesforce_time(now + _SOON)
    waiting = (row for row in disputes if row.get("Status__c") == "needs_response")
    return sum(first <= (row.get("Due_At__c") or "") <= last for row in waiting)


def _due(row: Row) -> float:
    return float(row.get("Billing_Past_Due_Amount__c") or 0)
