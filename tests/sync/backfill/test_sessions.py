"""A backfill that is gone on with: by whom, from what was read, and what changed meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from samples import SITE, SOURCE, due, one, rows, subject
from sqlalchemy import Engine

from connector.ledger import locks, runs, subjects
from connector.ledger.attempts import Cause
from connector.ledger.locks import Lock
from connector.models.events import Urgency
from connector.models.facts import Facts
from connector.models.plan import Plan
from connector.sync.backfill import Backfill, BackfillOptions, Phase, Unit, report
from connector.sync.monitoring import gap_detection
from connector.sync.refresh import change_feed
from connector.sync.resync import account_fetch
from sync.world import account, at

from .place import Counted, Place, decide, people

MANY = 10
INVOICES = BackfillOptions(((SOURCE, SITE),), kinds=("invoice",))


@pytest.fixture
def place(engine: Engine) -> Place:
    return Place(engine, Counted(people(MANY)))


def ended(work: Backfill) -> None:
    try:
        work.run()
    finally:
        work.lock.release()


def test_what_is_written_is_theirs_who_had_it_go_on_and_so_is_what_workers_do_for_it(
    engine: Engine, place: Place
) -> None:
    place.begin()
    place.run(writes=False)
    with engine.begin() as connection:
        runs.begin_session(connection, place.run_id, "anna", "only a look", writes=False)
        go = runs.begin_session(connection, place.run_id, "bert", "approved", writes=True)
        subjects.mark_due(connection, [replace(due("c004", Urgency.DISPUTE), run_id=place.run_id)])
        subjects.claim(connection, "worker:1", 1, [subject("c004")])
    work = place.backfill()
    work.cause = Cause("backfill", "bert", place.run_id, go)
    ended(work)
    rows(engine, "UPDATE subject SET ready_at = now() WHERE status = 'due'")
    place.backfill().applier.run()
    assert rows(engine, "SELECT DISTINCT trigger, who, go_id FROM attempt") == [("backfill", "bert", go)]
    with engine.connect() as connection:
        told = [
            (one["who"], one["reason"], one["writes"])
            for one in runs.sessions_of_run(connection, place.run_id)
        ]
    assert told == [("anna", "only a look", False), ("bert", "approved", True)]


def test_what_changed_after_it_was_read_is_read_before_it_is_written(place: Place) -> None:
    """Looked at on Monday, renamed, and written on Tuesday."""
    place.begin()
    place.run(writes=False)
    place.api.replace(account(id="a001", code="c001", company="Renamed", updated_at=at(28)))
    place.api.replace(*people(MANY + 1)[-2:])
    place.run()
    assert place.names()[subject("c001")] == "Renamed, 1 invoices"
    assert place.names()[subject("c010")] == "Rivera Books, 1 invoices"


def test_what_changes_while_another_kind_is_read_is_written_as_it_is(place: Place) -> None:
    place.begin()

    def rename(phase: Phase, done: int) -> None:
        if phase is Phase.READING and done == MANY + 2:
            place.api.replace(account(id="a001", code="c001", company="Renamed", updated_at=at(28)))

    place.on_tell = rename
    place.run()
    assert place.names()[subject("c001")] == "Renamed, 1 invoices"


def test_what_was_written_before_the_change_is_written_again(place: Place) -> None:
    place.begin()

    def stop(phase: Phase, done: int) -> None:
        if phase is Phase.WRITING and done == 4:
            raise KeyboardInterrupt

    place.on_tell = stop
    with pytest.raises(KeyboardInterrupt):
        place.run()
    place.on_tell = lambda phase, done: None
    place.api.replace(account(id="a001", code="c001", company="Renamed", updated_at=at(28)))
    assert place.run().phase is Phase.OVER
    assert place.names()[subject("c001")] == "Renamed, 1 invoices"
    assert rows(place.engine, "SELECT key FROM subject WHERE status <> 'idle'") == []


def test_whoever_looks_for_what_was_missed_begins_where_all_was_read(engine: Engine, place: Place) -> None:
    """Or what changes before the first delivery comes would never be read."""
    place.begin()
    place.run()
    marks = dict(rows(engine, "SELECT name, at FROM watermark WHERE name LIKE 'feed:%'"))
    last = max(it.updated_at for it in place.api.objects if it.object == "invoice" and it.updated_at)
    assert set(marks) == {f"feed:{SOURCE}:{SITE}:{kind}" for kind in change_feed.KINDS}
    assert marks[f"feed:{SOURCE}:{SITE}:invoice"] == last - gap_detection.OVERLAP
    begun = one(engine, "SELECT started_at FROM run").started_at
    assert marks[f"feed:{SOURCE}:{SITE}:payment"] == begun - gap_detection.OVERLAP, "there is none"


def test_one_that_reads_a_part_says_nothing_of_the_rest(engine: Engine, place: Place) -> None:
    place.begin(INVOICES)
    place.run()
    assert rows(engine, "SELECT name FROM watermark WHERE name LIKE 'feed:%'") == []


def test_one_that_is_over_is_not_gone_through_again(engine: Engine, place: Place) -> None:
    place.begin()
    place.run()
    before, calls = one(engine, "SELECT count(*) FROM attempt"), len(place.api.calls)
    assert place.run().phase is Phase.OVER
    assert (one(engine, "SELECT count(*) FROM attempt"), len(place.api.calls)) == (before, calls)


@pytest.mark.parametrize(("looked", "asked"), [(True, (MANY, Unit.CHANGES)), (False, (MANY, Unit.ACCOUNTS))])
def test_much_is_written_only_if_somebody_agrees_and_is_asked_once(
    place: Place, looked: bool, asked: tuple[int, Unit]
) -> None:
    place.begin()
    if looked:
        place.run(writes=False)
    questions: list[tuple[int, Unit]] = []

    def refuse(count: int, unit: Unit) -> None:
        questions.append((count, unit))
        raise SystemExit(1)

    place.agree = refuse
    with pytest.raises(SystemExit):
        place.run()
    assert place.crm.upserts == []
    place.agree = lambda count, unit: questions.append((count, unit))
    place.on_tell = _interrupt_once(Phase.WRITING)
    with pytest.raises(KeyboardInterrupt):
        place.run()
    place.run(writes=False)
    assert questions == [asked, asked]
    assert len(place.names()) == MANY


def test_a_look_that_was_not_agreed_to_stays_a_look(place: Place) -> None:
    place.begin()
    place.run(writes=False)
    place.agree = lambda count, unit: (_ for _ in ()).throw(SystemExit(1))
    with pytest.raises(SystemExit):
        place.run()
    assert place.run(writes=False).writes is False
    assert place.crm.upserts == []


def test_pasts_are_fetched_before_anybody_s_turn_is_taken_and_what_it_takes_is_said(
    engine: Engine, place: Place
) -> None:
    place.begin(INVOICES)
    free: list[bool] = []

    def look(phase: Phase, done: int) -> None:
        if phase is Phase.COMPLETING:
            with locks.alone(engine, Lock.BULK) as is_free:
                free.append(is_free)

    place.on_tell = look
    place.run()
    assert free == [True] * MANY
    assert place.said == [f"The histories of {MANY} accounts are not known: {MANY * 5} calls to Recurly."]


def test_a_site_is_read_whole_where_that_takes_fewer_calls_than_the_pasts(
    engine: Engine, place: Place
) -> None:
    """And of what is read so only the accounts that were asked for are kept."""
    many = account_fetch.FEW + 10
    place.api.objects = people(many)
    place.api.replace(account(id="x", code="x", company="Elsewhere", updated_at=at(1)))
    place.begin(INVOICES)
    state = place.run(writes=False)
    assert (
        f"To read all of acme takes fewer calls: 7, where one by one it would be {many * 5:,}."
        in place.said[0]
    )
    assert len(place.said) == 1
    assert place.api.asked("account") == []
    assert (state.accounts, state.would["changed"]) == (many, many)
    assert rows(engine, "SELECT 1 FROM snapshot WHERE id = 'x'") == []


def test_what_is_urgent_is_left_to_workers_and_taken_at_the_end_if_nobody_came(
    engine: Engine, place: Place
) -> None:
    place.begin()
    place.run(writes=False)
    key = subject("c005")
    with engine.begin() as connection:
        subjects.mark_due(connection, [due("c005", Urgency.DISPUTE)])
    named: list[int] = []
    place.on_tell = lambda phase, done: named.append(len(place.names()))
    state = place.run()
    assert (state.left, max(named)) == (1, MANY - 1)
    assert place.names().keys() >= {key}
    assert report(engine, place.run_id).accounts["written"] == MANY


def test_an_account_that_kills_its_process_is_found_alone_and_given_up_on(
    engine: Engine, place: Place
) -> None:
    place.begin()
    place.run(writes=False)
    kills = 0
    while place.names().keys() != {subject(f"c{n:03}") for n in range(MANY)} - {subject("c002")}:
        kills += _killed_by(place, "c002")
        assert kills < 5
    assert one(engine, f"SELECT status, error_code FROM subject WHERE key = '{subject('c002')}'") == (
        "dead",
        "WORKER_DIED",
    )
    found = report(engine, place.run_id)
    assert (found.accounts["failed"], [one["code"] for one in found.groups()]) == (1, ["WORKER_DIED"])


class _Killed(BaseException):
    """Nothing of the process is left but what it held."""


def _killed_by(place: Place, code: str) -> int:
    """One process, that this account kills if it is taken; whether it did."""
    held: list[str] = []

    def deadly(facts: Facts) -> Plan:
        if facts.code == code:
            held.extend(row.key for row in rows(place.engine, "SELECT key FROM subject WHERE lease <> ''"))
            raise _Killed
        return decide(facts)

    work = place.backfill()
    work.applier = replace(work.applier, decide=deadly)
    try:
        ended(work)
    except _Killed:
        lease = f"backfill-{place.run_id}:killed"
        rows(place.engine, "UPDATE subject SET lease = :l WHERE key = ANY(:held)", l=lease, held=held)
        return 1
    return 0


def _interrupt_once(at_phase: Phase) -> Callable[[Phase, int], None]:
    told: list[int] = []

    def stop(phase: Phase, done: int) -> None:
        if phase is at_phase and done and not told:
            told.append(done)
            raise KeyboardInterrupt

    return stop
