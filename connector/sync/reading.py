"""Reading the facts of many accounts at once: snapshots and events from the ledger, cases from Salesforce."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection

from connector import facts
from connector.facts import CaseSeen, Facts, SeenEvent
from connector.ledger import attempts, snapshots, timeline
from connector.ledger.subjects import Claimed
from connector.mappers import fields
from connector.mappers.times import parse_salesforce_time


class Crm(Protocol):
    """Reading from Salesforce (``clients/salesforce``)."""

    def query_keys(
        self, select: str, field: str, keys: Sequence[str], suffix: str = ""
    ) -> list[dict[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class Reading:
    """The facts of one subject, the events they include, and what was last written for it."""

    facts: Facts
    new_events: tuple[int, ...]
    mirror: Mapping[tuple[str, str], attempts.Mirrored]


CASE_SELECT = (
    f"SELECT Id, {fields.KEY}, {fields.Case.ACCOUNT_KEY}, {fields.Case.RULE}, {fields.Case.STATE}, "
    "IsClosed, ClosedDate FROM Case"
)


def read_cases(crm: Crm, subjects: Sequence[str]) -> dict[str, tuple[CaseSeen, ...]]:
    """One SOQL read (by as few requests as the length of the keys allows) for the cases of these subjects."""
    found: dict[str, list[CaseSeen]] = defaultdict(list)
    for row in crm.query_keys(CASE_SELECT, fields.Case.ACCOUNT_KEY, subjects):
        found[row[fields.Case.ACCOUNT_KEY]].append(_case(row))
    return {subject: tuple(sorted(cases, key=lambda case: case.key)) for subject, cases in found.items()}


def _case(row: Mapping[str, Any]) -> CaseSeen:
    return CaseSeen(
        id=row["Id"],
        key=row[fields.KEY] or "",
        rule=row[fields.Case.RULE] or "",
        state=row[fields.Case.STATE] or "",
        closed=bool(row["IsClosed"]),
        closed_at=parse_salesforce_time(row["ClosedDate"]),
    )


def read(
    connection: Connection,
    claimed: Sequence[Claimed],
    cases: Mapping[str, tuple[CaseSeen, ...]],
    now: datetime,
) -> dict[str, Reading]:
    """The facts of each claimed subject, by its key. A fixed number of statements, however many there are."""
    keys = [one.key for one in claimed]
    known = snapshots.load(connection, keys)
    seen = timeline.load(connection, keys)
    mirrored: dict[str, dict[tuple[str, str], attempts.Mirrored]] = defaultdict(dict)
    for record, subject, row in attempts.mirrored(connection, keys):
        mirrored[subject][record] = row
    return {
        one.key: Reading(
            facts=_facts(one, known[one.key], seen[one.key], cases.get(one.key, ()), now),
            new_events=tuple(event.id for event in seen[one.key] if event.new),
            mirror=mirrored[one.key],
        )
        for one in claimed
    }


def _facts(
    subject: Claimed,
    known: Sequence[snapshots.Snapshot],
    seen: Sequence[timeline.Entry],
    cases: tuple[CaseSeen, ...],
    now: datetime,
) -> Facts:
    account = next((s for s in known if isinstance(s.value, facts.Account)), None)
    values = [s.value for s in known if not s.gone]
    return Facts(
        subject=subject.key,
        source=subject.source,
        site=subject.site,
        code=subject.code,
        now=now,
        account=account.value if account and isinstance(account.value, facts.Account) else None,
        gone=bool(account and account.gone),
        subscriptions=tuple(v for v in values if isinstance(v, facts.Subscription)),
        invoices=tuple(v for v in values if isinstance(v, facts.Invoice)),
        payments=tuple(v for v in values if isinstance(v, facts.Payment)),
        credit_payments=tuple(v for v in values if isinstance(v, facts.CreditPayment)),
        events=tuple(_seen(entry) for entry in seen),
        cases=cases,
    )


def _seen(entry: timeline.Entry) -> SeenEvent:
    return SeenEvent(
        source=entry.source,
        event_id=entry.event_id,
        kind=entry.kind,
        occurred_at=entry.occurred_at,
        refs=entry.refs,
        on_timeline=not entry.new,
    )
