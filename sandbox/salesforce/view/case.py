"""A case as an agent sees it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from sandbox.salesforce.org import Org
from sandbox.salesforce.store import Row
from sandbox.salesforce.view.cases import by_urgency, line
from sandbox.salesforce.view.rows import SHOWN, children, linked, owner_name, rows, timeline

_RECORDS: Final = (
    ("Dispute", "Billing_Dispute__c"),
    ("Refund", "Billing_Refund__c"),
    ("Payout", "Billing_Payout__c"),
    ("Payment", "Billing_Payment__c"),
    ("Invoice", "Billing_Invoice__c"),
    ("Subscription", "Billing_Subscription__c"),
)
_CANDIDATE: Final = re.compile(r"(?P<name>.*) \((?P<id>001[0-9A-Za-z]{12,15})\): (?P<why>.*)")
_TICKS: Final = {"[x] ": True, "[ ] ": False}


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the evidence checklist. ``done``: None for a line that is no item."""

    text: str
    done: bool | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """An account that an agent may set on a review case. ``account``: its row; None where it is gone."""

    id: str
    name: str
    why: str
    account: Row | None


def case_page(org: Org, case_id: str) -> dict[str, Any] | None:
    """The case with its records, its checklist, its candidates and what an agent can change; None if there is none."""
    with org.store.lock:
        row = org.store.row(case_id)
        if row is None or not case_id.startswith("500"):
            return None
        parent, below = linked(org, row, "ParentId"), by_urgency(children(org, "Case", "ParentId", case_id))
        return {
            "case": line(org, row),
            "summary": summary(row),
            "checklist": checklist(row.get("Billing_Evidence__c")),
            "candidates": candidates(org, row.get("Billing_Candidates__c")),
            "records": _records(org, row),
            "parents": [line(org, parent)] if parent else [],
            "children": [line(org, child) for child in below[:SHOWN]],
            "children_total": len(below),
            "timeline_rows": timeline(org, "Case__c", case_id),
            **_choices(org, row),
        }


def checklist(evidence: str | None) -> list[Item]:
    """``[x] The invoice`` → done, ``[ ] Messages`` → not yet."""
    return [_item(told) for told in (evidence or "").splitlines() if told.strip()]


def _item(told: str) -> Item:
    done = _TICKS.get(told[:4])
    return Item(told if done is None else told[4:], done)


def candidates(org: Org, told: str | None) -> list[Candidate]:
    """``Rivera Books (001…): billing e-mail of a contact``, one a line."""
    found = (_CANDIDATE.fullmatch(one.strip()) for one in (told or "").splitlines())
    return [Candidate(one["id"], one["name"], one["why"], org.store.row(one["id"])) for one in found if one]


def summary(row: Row) -> str:
    """Without what the page shows as a list of its own, and the line that announces that."""
    told = str(row.get("Billing_Summary__c") or row.get("Description") or "")
    for name in ("Billing_Evidence__c", "Billing_Candidates__c"):
        told = _without(told, row.get(name))
    return told


def _without(told: str, part: str | None) -> str:
    head, found, tail = told.partition(part) if part else (told, "", "")
    if not found:
        return told
    before = head.rstrip().splitlines()
    kept = before[:-1] if before and before[-1].endswith(":") else before
    return "\n".join([*kept, *tail.strip().splitlines()])


def _records(org: Org, row: Row) -> list[tuple[str, Row]]:
    """What the billing system and the processors tell that the case is about."""
    found = ((label, linked(org, row, link)) for label, link in _RECORDS)
    return [(label, record) for label, record in found if record]


def _choices(org: Org, row: Row) -> dict[str, Any]:
    statuses = [str(status["ApiName"]) for status in rows(org, "CaseStatus")]
    priorities = [value for value, _ in org.schema.objects["Case"].fields["Priority"].values]
    return {
        "statuses": _with(statuses, row.get("Status")),
        "priorities": _with(priorities, row.get("Priority")),
        "owners": _owners(org, row.get("OwnerId")),
    }


def _with(values: list[str], current: str | None) -> list[str]:
    return values if current is None or current in values else [*values, current]


def _owners(org: Org, current: str | None) -> list[tuple[str, str]]:
    queues = [owner for owner, name in sorted(org.rules.queue_objects) if name == "Case"]
    ids = dict.fromkeys([*queues, *org.users[2:], *((current,) if current else ())])
    return [(owner, owner_name(org, owner)) for owner in ids]
