"""What the agents' page shows, read from the org's rows. An org without the billing fields shows less."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sandbox.salesforce.org import Org
from sandbox.salesforce.store import Row

SHOWN: Final = 100
_LISTS: Final = (
    ("Subscriptions", "Billing_Subscription__c", "Activated_At__c"),
    ("Invoices", "Billing_Invoice__c", "Issued_At__c"),
    ("Payments and refunds", "Billing_Payment__c", "At__c"),
)


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One case in a list, with what its lookups are called."""

    row: Row
    account: Row | None
    owner: str


@dataclass(frozen=True, slots=True)
class Overview:
    open_cases: int
    closed_cases: int
    past_due: int
    accounts_total: int
    api_calls: int
    by_rule: list[tuple[str, int]]
    by_owner: list[tuple[str, int]]
    cases: list[CaseLine]
    accounts: list[Row]


def overview(org: Org) -> Overview:
    with org.store.lock:
        cases, accounts = _rows(org, "Case"), _rows(org, "Account")
        still_open = [row for row in cases if not row.get("IsClosed")]
        rules = Counter(row.get("Billing_Rule__c") or "no rule" for row in still_open)
        owners = Counter(row.get("OwnerId") for row in still_open)
        return Overview(
            open_cases=len(still_open),
            closed_cases=len(cases) - len(still_open),
            past_due=sum(1 for row in accounts if _due(row) > 0),
            accounts_total=len(accounts),
            api_calls=org.api_used,
            by_rule=rules.most_common(),
            by_owner=[(owner_name(org, owner), count) for owner, count in owners.most_common()],
            cases=[_line(org, row) for row in heapq.nsmallest(SHOWN, _newest_first(cases), key=_closed)],
            accounts=heapq.nlargest(SHOWN, accounts, key=lambda row: (_due(row), row["LastModifiedDate"])),
        )


def account_page(org: Org, account_id: str) -> dict[str, Any] | None:
    """The account with its related lists, newest first; None if there is none."""
    with org.store.lock:
        row = org.store.row(account_id)
        if row is None or not account_id.startswith("001"):
            return None
        cases = _newest_first(_children(org, "Case", "AccountId", account_id))
        return {
            "account": row,
            "contacts": _children(org, "Contact", "AccountId", account_id),
            "cases": [_line(org, case) for case in sorted(cases, key=_closed)],
            "lists": [(title, name, _list(org, name, at, account_id)) for title, name, at in _LISTS],
            "timeline_rows": _timeline(org, "Account__c", account_id),
        }


def case_page(org: Org, case_id: str) -> dict[str, Any] | None:
    """The case as an agent sees it; None if there is none."""
    with org.store.lock:
        row = org.store.row(case_id)
        if row is None or not case_id.startswith("500"):
            return None
        kind = org.schema.objects["Case"]
        statuses = [str(status["ApiName"]) for status in _rows(org, "CaseStatus")]
        return {
            "case": _line(org, row),
            "timeline_rows": _timeline(org, "Case__c", case_id),
            "statuses": _with(statuses, row.get("Status")),
            "priorities": _with([value for value, _ in kind.fields["Priority"].values], row.get("Priority")),
            "owners": _owners(org, row.get("OwnerId")),
        }


def owner_name(org: Org, owner_id: str | None) -> str:
    row = org.store.row(owner_id) if owner_id else None
    return str(row["Name"]) if row else "nobody"


def _rows(org: Org, name: str) -> list[Row]:
    table = org.store.tables.get(name)
    return list(table.live.values()) if table else []


def _children(org: Org, name: str, link: str, parent: str) -> list[Row]:
    kind = org.schema.objects.get(name)
    if kind is None or link not in kind.fields:
        return []
    table = org.store.table(kind)
    return [table.live[at] for at in table.find(kind.fields[link], parent)]


def _list(org: Org, name: str, at: str, account_id: str) -> list[Row]:
    rows = _children(org, name, "Account__c", account_id)
    return heapq.nlargest(SHOWN, rows, key=lambda row: row.get(at) or "")


def _timeline(org: Org, link: str, parent: str) -> list[Row]:
    rows = _children(org, "Billing_Event__c", link, parent)
    return heapq.nlargest(SHOWN, rows, key=lambda row: row.get("Occurred_At__c") or "")


def _line(org: Org, row: Row) -> CaseLine:
    account = org.store.row(row["AccountId"]) if row.get("AccountId") else None
    return CaseLine(row, account, owner_name(org, row.get("OwnerId")))


def _newest_first(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: str(row["Id"]), reverse=True)


def _closed(row: Row) -> bool:
    return bool(row.get("IsClosed"))


def _due(row: Row) -> float:
    return float(row.get("Billing_Past_Due_Amount__c") or 0)


def _with(values: list[str], current: str | None) -> list[str]:
    return values if current is None or current in values else [*values, current]


def _owners(org: Org, current: str | None) -> list[tuple[str, str]]:
    queues = [owner for owner, name in sorted(org.rules.queue_objects) if name == "Case"]
    ids = dict.fromkeys([*queues, *org.users[2:], *((current,) if current else ())])
    return [(owner, owner_name(org, owner)) for owner in ids]
