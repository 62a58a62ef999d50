"""Derive from Salesforce's responses whether an account is done, is tried again, or becomes a dead letter.

The outcomes are pure; ``BatchSettlement`` writes them to the ledger and releases the accounts that the batch still
leases. If a lease has expired, another worker may have leased the account, and the rows sent here may have overwritten
newer ones. So nothing of that attempt is saved, and the account is written again with all its fields.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Protocol

import structlog
from sqlalchemy import Connection, Engine

from connector.errors import CasewireError, Unavailable
from connector.ledger import attempts, bulk_jobs, leases, subjects
from connector.ledger.attempts import Attempt, Cause, Encoded, Mirrored, RowChange
from connector.ledger.subjects import MOST_TRIES, Claimed, Due, Settled
from connector.models.events import Urgency
from connector.models.facts import Facts
from connector.models.plan import Plan
from connector.retry import backoff
from connector.sync.apply.facts_loader import LoadedFacts
from connector.sync.apply.row_diff import Record, Row

log = structlog.get_logger("connector.apply")

_LEVELS = {"retry": "warning", "dead": "error"}
"""Log level by outcome; other outcomes are logged as info."""


class RowError(Protocol):
    """Why Salesforce refused one row. ``exception``: the error that decides what happens next."""

    @property
    def code(self) -> str: ...
    @property
    def fields(self) -> tuple[str, ...]: ...
    @property
    def matches(self) -> tuple[str, ...]: ...
    def exception(self) -> CasewireError: ...


class RowAnswer(Protocol):
    """Salesforce's response for one row."""

    @property
    def id(self) -> str | None: ...
    @property
    def created(self) -> bool: ...
    @property
    def error(self) -> RowError | None: ...


@dataclass(frozen=True, slots=True)
class Written:
    """A written record. ``row``: as it was sent; an optional parent or a rejected value may have been removed."""

    id: str
    created: bool
    row: Row


@dataclass(frozen=True, slots=True)
class Refused:
    """A refused row. ``matches``: records that a duplicate rule named. ``fields``: the fields at fault, if named."""

    code: str
    text: str
    transient: bool
    matches: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()


@dataclass(slots=True)
class Results:
    """The result of each row. A record in neither ``written`` nor ``refused`` was not sent: Salesforce was unavailable,
    or the record was dropped. ``under_way``: the records of the running bulk job. ``left_out``: fields whose value
    Salesforce rejected, and without which the record was sent again."""

    written: dict[Record, Written] = field(default_factory=dict)
    refused: dict[Record, Refused] = field(default_factory=dict)
    unavailable: Unavailable | None = None
    under_way: Set[Record] = frozenset()
    left_out: dict[Record, frozenset[str]] = field(default_factory=dict)


ASTRAY: Final = "KEY_ASTRAY"
"""The code of a key conflict: the row was written to another record. The mirror is kept to repair both."""
RELEASED_EARLY: Final = "Something more urgent came in while this was written: a worker continues with it."


@dataclass(slots=True)
class Decision:
    """One claimed subject in stage 4: its facts, plan and rows. ``failure``: why it could not be decided."""

    subject: Claimed
    reading: LoadedFacts | None = None
    plan: Plan = field(default_factory=lambda: Plan(""))
    rows: tuple[Row, ...] = ()
    failure: str = ""

    @property
    def facts(self) -> Facts:
        assert self.reading is not None
        return self.reading.facts

    @property
    def mirror(self) -> Mapping[tuple[str, str], Mirrored]:
        return self.reading.mirror if self.reading is not None else {}


@dataclass(frozen=True, slots=True)
class Settlement:
    """The outcome of one attempt. ``forget``: the mirror was wrong and is cleared; all fields are sent next time."""

    settled: Settled
    outcome: str
    changes: tuple[RowChange, ...] = ()
    event_ids: tuple[int, ...] = ()
    forget: bool = False

    @property
    def at_once(self) -> bool:
        """Whether the subject is to be tried again without a wait."""
        return self.settled.status == "due" and self.outcome != "waiting" and self.settled.wait == 0.0

    @property
    def refused(self) -> int:
        """How many of its records Salesforce refused."""
        return sum(not change.written for change in self.changes)

    def attempt(self, cause: Cause, started_at: datetime, ended_at: datetime) -> Attempt:
        return Attempt(
            subject=self.settled.key,
            cause=cause,
            started_at=started_at,
            ended_at=ended_at,
            outcome=self.outcome,
            error=self.settled.error,
            error_code=self.settled.error_code,
            changes=self.changes,
            event_ids=self.event_ids,
        )


def settle_one(
    decision: Decision, results: Results, *, relinked: bool = False, org_read: bool = False
) -> Settlement:
    """Derive one subject's outcome from the results of its rows. A subject that waits for Salesforce is ready at once:
    the open circuit delays it, so it continues as soon as the circuit closes. ``relinked``: the link has changed, and
    all fields are written to the new record. ``org_read``: the baseline was read from Salesforce, so a refusal is not
    caused by a wrong mirror."""
    if decision.failure:
        return _dead(decision, (), decision.failure, "RULE_FAILED")
    changes = tuple(_change(row, results) for row in decision.rows if _answered(row, results))
    unsent = decision.reading is None or len(changes) < len(decision.rows)
    refused = _refusals(decision, results)
    partly = _is_known_in_part(decision, results)
    if results.unavailable is not None and unsent:
        error = results.unavailable
        return _waits(decision, changes, str(error), error.code, forget=partly)
    if refused and relinked:
        forget = not _has_key_conflict(refused)
        return _again(decision, changes, 0.0, refused[0].text, refused[0].code, forget=forget)
    if refused:
        return _refused(decision, changes, refused, org_read=org_read, partly=partly)
    if partly:
        text = "A record had vanished from Salesforce; all of this account is written again."
        return _again(decision, changes, 0.0, text, "RECORD_VANISHED", forget=True)
    if decision.reading is not None and decision.reading.more_events:
        return _go_on(decision, decision.reading, changes)
    return Settlement(
        settled=Settled(
            decision.subject.key,
            decision.subject.generation,
            "idle",
            look_again_at=decision.plan.look_again_at,
            look_again_as=decision.plan.look_again_as,
            known_at=decision.reading.known_at if decision.reading else None,
        ),
        outcome="applied" if decision.rows else "unchanged",
        changes=changes,
        event_ids=decision.reading.new_events if decision.reading else (),
    )


def _go_on(decision: Decision, reading: LoadedFacts, changes: tuple[RowChange, ...]) -> Settlement:
    """Keep the subject due for the events that were not loaded. They are routine: the cases are already up to date."""
    settled = Settled(
        decision.subject.key,
        decision.subject.generation,
        "due",
        spend=False,
        remainder=Urgency.ROUTINE,
    )
    outcome = "applied" if decision.rows else "unchanged"
    return Settlement(settled, outcome, changes=changes, event_ids=reading.new_events)


def settle_early(decision: Decision, results: Results) -> Settlement:
    """Settle a subject that is released early: keep what was written, leave the rest to the next worker."""
    changes = tuple(_change(row, results) for row in decision.rows if _answered(row, results))
    return _waits(decision, changes, RELEASED_EARLY, "", forget=_is_known_in_part(decision, results))


def _refusals(decision: Decision, results: Results) -> list[Refused]:
    return [results.refused[row.record] for row in decision.rows if row.record in results.refused]


def _has_key_conflict(refused: Iterable[Refused]) -> bool:
    return any(one.code == ASTRAY for one in refused)


def _is_known_in_part(decision: Decision, results: Results) -> bool:
    """Whether a record had vanished: the upsert, with only the fields that differ, created an incomplete record. After
    a key conflict the mirror is kept all the same."""
    written = [results.written[row.record] for row in decision.rows if row.record in results.written]
    return any(map(_had_vanished, written)) and not _has_key_conflict(_refusals(decision, results))


def _had_vanished(written: Written) -> bool:
    return written.created and written.row.exists


def _refused(
    decision: Decision,
    changes: tuple[RowChange, ...],
    refused: list[Refused],
    *,
    org_read: bool,
    partly: bool,
) -> Settlement:
    permanent = [one for one in refused if not one.transient]
    worst = permanent[0] if permanent else refused[0]
    tries = decision.subject.tries
    forgets = permanent and tries == 1 and decision.mirror and not org_read
    if forgets and not _has_key_conflict(permanent):
        # It may be refused only because a record it rests on was deleted in Salesforce: send all of it once.
        return _again(decision, changes, 0.0, worst.text, worst.code, forget=True)
    if permanent or tries >= MOST_TRIES:
        return _dead(decision, changes, worst.text, worst.code)
    return _again(decision, changes, backoff(tries), worst.text, worst.code, forget=partly)


def _waits(
    decision: Decision, changes: tuple[RowChange, ...], text: str, code: str, *, forget: bool
) -> Settlement:
    return _again(decision, changes, 0.0, text, code, outcome="waiting", forget=forget, spend=False)


def _again(
    decision: Decision,
    changes: tuple[RowChange, ...],
    seconds: float,
    text: str,
    code: str,
    *,
    outcome: str = "retry",
    forget: bool = False,
    spend: bool = True,
) -> Settlement:
    settled = Settled(
        decision.subject.key,
        decision.subject.generation,
        "due",
        wait=seconds,
        spend=spend,
        error=text,
        error_code=code,
    )
    # A forgotten mirror must not come back with this attempt's rows.
    kept = tuple(replace(change, mirror=None) for change in changes) if forget else changes
    return Settlement(settled, outcome, changes=kept, forget=forget)


def _dead(decision: Decision, changes: tuple[RowChange, ...], text: str, code: str) -> Settlement:
    settled = Settled(decision.subject.key, decision.subject.generation, "dead", error=text, error_code=code)
    return Settlement(settled, "dead", changes=changes)


def _answered(row: Row, results: Results) -> bool:
    return row.record in results.written or row.record in results.refused


def _change(row: Row, results: Results) -> RowChange:
    written = results.written.get(row.record)
    refused = results.refused.get(row.record)
    row = written.row if written else row
    return RowChange(
        object=row.change.object,
        key=row.change.key,
        rule=row.change.rule,
        reason=row.change.reason,
        before=row.before,
        after=row.after,
        transition=row.change.transition,
        salesforce_id=written.id if written else None,
        error=refused.text if refused else "",
        written=written is not None,
        mirror=_known(written) if written else None,
    )


def _known(written: Written) -> Encoded:
    """The new mirror of the record. A record that had vanished contains only the sent fields; the others differ."""
    row = written.row
    if not _had_vanished(written):
        return row.mirror
    return {name: value for name, value in row.mirror.items() if name in row.after}


@dataclass(frozen=True, slots=True)
class BatchSettlement:
    """Settles one batch, leased under ``token``. ``cause``: None if each account's own run is the cause."""

    engine: Engine
    token: str
    claimed: Mapping[str, Claimed]
    cause: Cause | None
    clock: Callable[[], datetime]
    started_at: datetime

    def settle(self, settlements: Sequence[Settlement], *, last: bool = True) -> Set[str]:
        """Save these outcomes and release the subjects. ``last``: the batch has no others. Returns the keys of the
        subjects whose lease the batch had lost."""
        with self.engine.begin() as connection:
            keys = [one.settled.key for one in settlements]
            held = leases.renew(connection, self.token, keys)
            ours = [one for one in settlements if one.settled.key in held]
            tried = self._save(connection, ours, last=last)
        for one in tried:
            _log(one)
        lost = [one for one in settlements if one.settled.key not in held]
        if lost:
            self._write_again(lost)
        return {one.settled.key for one in lost}

    def _save(
        self, connection: Connection, settlements: Sequence[Settlement], *, last: bool
    ) -> list[Settlement]:
        """Waiting for an unavailable destination is no attempt: an outage of a day must not fill the audit trail."""
        ended_at = self.clock()
        tried = [one for one in settlements if one.outcome != "waiting" or one.changes]
        if last:
            bulk_jobs.settle(connection, self.token)
        attempts.forget(connection, [one.settled.key for one in settlements if one.forget])
        attempts.record(
            connection,
            [one.attempt(self._cause(one.settled.key), self.started_at, ended_at) for one in tried],
        )
        subjects.settle(connection, self.token, [one.settled for one in settlements])
        return tried

    def _write_again(self, lost: Sequence[Settlement]) -> None:
        """Make the lost accounts due again with all their fields. In a transaction of its own, the account before its
        mirror: the worker that leases them now may be settling them, in that order."""
        sent = [self.claimed[one.settled.key] for one in lost if one.changes]
        log.warning("lease_lost", accounts=len(lost), written_again=len(sent))
        with self.engine.begin() as connection:
            subjects.mark_due(
                connection, [Due(one.key, one.source, one.site, one.code, one.urgency) for one in sent]
            )
            attempts.forget(connection, [one.key for one in sent])

    def _cause(self, key: str) -> Cause:
        return self.cause or Cause(run_id=self.claimed[key].run_id)


def _log(one: Settlement) -> None:
    getattr(log, _LEVELS.get(one.outcome, "info"))(
        "subject_settled",
        subject=one.settled.key,
        written=len(one.changes),
        outcome=one.outcome,
        **({"error": one.settled.error} if one.settled.error else {}),
    )
