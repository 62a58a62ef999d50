"""Load the facts of many subjects at once: snapshots and events from the ledger, cases from Salesforce."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

import structlog
from sqlalchemy import Connection

from connector.errors import Permanent
from connector.ledger import account_events, attempts, discrepancies, incidents, links, snapshots, subjects
from connector.ledger.attempts import MovedCase
from connector.ledger.subjects import Claimed
from connector.mappers import external_ids as keys
from connector.mappers import fields
from connector.mappers.safe_parse import parse_salesforce_time
from connector.models import facts
from connector.models.facts import (
    Discrepancies,
    ExistingCase,
    Facts,
    Incident,
    Link,
    ProcessorObject,
    SubjectKind,
    TimelineEvent,
)

log = structlog.get_logger("connector.apply")


class SalesforceReader(Protocol):
    """Queries Salesforce (``clients/salesforce``)."""

    def query_keys(
        self, select: str, field: str, keys: Sequence[str], suffix: str = ""
    ) -> list[dict[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class LoadedFacts:
    """The facts of one subject at one moment (``known_at``, by the ledger's clock), the events that they include, and
    the mirror of its records. ``generation``: the newest reason to decide that the facts include. ``more_events``: the
    subject has more new events than one batch loads."""

    facts: Facts
    known_at: datetime
    new_events: tuple[int, ...]
    mirror: Mapping[tuple[str, str], attempts.Mirrored]
    generation: int | None = None
    more_events: bool = False

    def with_cases(self, cases: tuple[ExistingCase, ...]) -> LoadedFacts:
        return replace(self, facts=replace(self.facts, cases=cases))

    def with_link(self, link: Link) -> LoadedFacts:
        return replace(self, facts=replace(self.facts, link=link))


CASE_SELECT = (
    f"SELECT Id, {fields.KEY}, {fields.Case.ACCOUNT_KEY}, {fields.Case.RULE}, {fields.Case.STATE}, "
    f"{fields.Case.ESCALATION}, {fields.Case.OWNER}, {fields.Case.ACCOUNT}, IsClosed, ClosedDate FROM Case"
)

_QUEUE_PREFIX = "00G"
"""The prefix of a queue's id; the id of a user begins with 005."""


def read_cases(
    crm: SalesforceReader, subjects: Sequence[str], moved: Sequence[MovedCase] = ()
) -> dict[str, tuple[ExistingCase, ...]]:
    """Read the cases of these subjects by one SOQL query, in as few requests as the length of the keys allows.

    ``moved``: cases that Salesforce still has under a former subject."""
    owner = CaseOwners(moved)
    found: dict[str, list[ExistingCase]] = defaultdict(list)
    for row in crm.query_keys(CASE_SELECT, fields.Case.ACCOUNT_KEY, owner.read_under(subjects)):
        found[owner.of(row)].append(case_seen(row))
    return {subject: tuple(sorted(cases, key=lambda case: case.key)) for subject, cases in found.items()}


class CaseOwners:
    """Maps the cases that Salesforce has under a subject to the subject that owns them now."""

    def __init__(self, moved: Sequence[MovedCase]) -> None:
        self._moved = {one.key: one.subject for one in moved}
        self._former = {one.former for one in moved}
        # nothing is left of an object's own subject once its account is known
        self._whole = {one.former: one.subject for one in moved if not keys.is_account(one.former)}

    def read_under(self, subjects: Iterable[str]) -> list[str]:
        """The subjects to query, former subjects included."""
        return list(dict.fromkeys([*subjects, *sorted(self._former)]))

    def of(self, row: Mapping[str, Any]) -> str:
        """The subject that owns this row of ``CASE_SELECT`` now."""
        subject: str = row[fields.Case.ACCOUNT_KEY]
        return self._moved.get(row[fields.KEY]) or self._whole.get(subject, subject)


def with_priorities(
    crm: SalesforceReader, cases: Mapping[str, tuple[ExistingCase, ...]]
) -> dict[str, tuple[ExistingCase, ...]]:
    """Add the priority to escalated cases; only a de-escalation needs it. An org may hide the field from the
    integration user: then the priority stays unknown."""
    escalated = [case.id for found in cases.values() for case in found if case.escalation]
    if not escalated:
        return dict(cases)
    try:
        rows = crm.query_keys(f"SELECT Id, {fields.Case.PRIORITY} FROM Case", "Id", escalated)
    except Permanent as error:
        log.warning("priorities_not_read", cases=len(escalated), error=str(error), outcome="left as they are")
        return dict(cases)
    priorities = {row["Id"]: row[fields.Case.PRIORITY] for row in rows}
    return {
        subject: tuple(replace(case, priority=priorities.get(case.id)) for case in found)
        for subject, found in cases.items()
    }


def case_seen(row: Mapping[str, Any]) -> ExistingCase:
    """Convert a row of ``CASE_SELECT``."""
    return ExistingCase(
        id=row["Id"],
        key=row[fields.KEY] or "",
        rule=row[fields.Case.RULE] or "",
        state=row[fields.Case.STATE] or "",
        closed=bool(row["IsClosed"]),
        closed_at=parse_salesforce_time(row["ClosedDate"]),
        escalation=int(row[fields.Case.ESCALATION] or 0),
        in_queue=str(row[fields.Case.OWNER] or "").startswith(_QUEUE_PREFIX),
        subject=row[fields.Case.ACCOUNT_KEY] or "",
        account_id=row[fields.Case.ACCOUNT],
    )


def read(connection: Connection, claimed: Sequence[Claimed], now: datetime) -> dict[str, LoadedFacts]:
    """Load the facts of the claimed subjects by key, without cases, in a fixed number of statements. The statements
    must see one database snapshot: a processor object that is matched meanwhile appears with all its data, or not."""
    wanted = [one.key for one in claimed]
    known_at = snapshots.transaction_began(connection)
    generations = subjects.generations(connection, wanted)
    stored = snapshots.load(connection, wanted)
    seen = account_events.load(connection, wanted)
    linked = links.load(connection, wanted)
    troubles = incidents.load(connection, sorted({(one.source, one.site) for one in claimed}))
    classes = [one.key for one in claimed if _about(one) is SubjectKind.DISCREPANCY]
    differing = discrepancies.load(connection, classes) if classes else {}
    mirrored: dict[str, dict[tuple[str, str], attempts.Mirrored]] = defaultdict(dict)
    for record, subject, row in attempts.mirrored(connection, wanted):
        mirrored[subject][record] = row
    return {
        one.key: LoadedFacts(
            facts=_facts(
                one,
                stored[one.key],
                seen[one.key].entries,
                now,
                troubles[one.source, one.site],
                linked.get(one.key),
                differing.get(one.key),
            ),
            known_at=known_at,
            new_events=tuple(event.id for event in seen[one.key].entries if event.new),
            mirror=mirrored[one.key],
            generation=generations.get(one.key),
            more_events=seen[one.key].more,
        )
        for one in claimed
    }


def _facts(
    subject: Claimed,
    stored: Sequence[snapshots.Snapshot],
    seen: Sequence[account_events.Entry],
    now: datetime,
    troubles: Sequence[Incident],
    link: Link | None,
    differing: Discrepancies | None,
) -> Facts:
    about = _about(subject)
    account = next((s for s in stored if isinstance(s.value, facts.Account)), None)
    values = [s.value for s in stored if not s.gone]
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
        about=about,
        objects=tuple(v for v in values if isinstance(v, ProcessorObject)),
        incidents=tuple(one for one in troubles if about is SubjectKind.ACCOUNT or _is_of(one, subject)),
        link=link,
        discrepancies=differing,
    )


def _about(subject: Claimed) -> SubjectKind:
    if subject.key == keys.subject(subject.source, subject.site, subject.code):
        return SubjectKind.ACCOUNT
    what = subject.code.partition(":")[0]
    other = {
        "payee": SubjectKind.PAYEE,
        "gateway": SubjectKind.GATEWAY,
        "discrepancy": SubjectKind.DISCREPANCY,
    }
    return other.get(what, SubjectKind.OBJECT)


def _is_of(one: Incident, subject: Claimed) -> bool:
    return subject.code == f"gateway:{one.gateway}"


def _seen(entry: account_events.Entry) -> TimelineEvent:
    return TimelineEvent(
        source=entry.source,
        event_id=entry.event_id,
        kind=entry.kind,
        occurred_at=entry.occurred_at,
        refs=entry.refs,
        on_timeline=not entry.new,
    )
