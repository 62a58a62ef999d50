"""Backfill: the whole of a site becomes facts and records, over any interruption, and beside live work."""

from __future__ import annotations

from dataclasses import replace

import pytest
from samples import SITE, SOURCE, due, one, rows, subject
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from connector.errors import Permanent, Transient, Unavailable
from connector.ledger import api_usage, circuit_breakers, locks, snapshots, subjects
from connector.ledger.locks import Lock
from connector.policy import Budget
from connector.sync.availability.api_budget import ApiBudget
from connector.sync.backfill import BackfillLock, BackfillOptions, Phase, report
from connector.sync.backfill.runner import Backfill
from sync.world import account, at

from .place import HERE, Counted, Place, people

MANY = 10


@pytest.fixture
def place(engine: Engine) -> Place:
    return Place(engine, Counted(people(MANY)))


def whole() -> dict[str, str]:
    """What the CRM should say."""
    return {subject(f"c{n:03}"): "Rivera Books, 1 invoices" for n in range(MANY)}


def test_everything_is_read_and_written_and_the_accounts_pasts_are_known(
    engine: Engine, place: Place
) -> None:
    place.begin()
    state = place.run()
    assert (state.phase, state.accounts, state.objects()["invoice"]) == (Phase.OVER, MANY, MANY)
    assert place.names() == whole()
    assert {row.history for row in rows(engine, "SELECT history FROM subject")} == {"done"}
    assert rows(engine, "SELECT DISTINCT trigger, who, run_id FROM attempt") == [
        ("backfill", "lead", place.run_id)
    ]


def test_without_writing_it_counts_and_keeps_what_it_read(place: Place) -> None:
    place.begin()
    state = place.run(writes=False)
    assert state.phase is Phase.DECIDED
    assert place.crm.upserts == []
    assert state.would == {
        "accounts": MANY,
        "changed": MANY,
        "create Account": MANY,
        "new": MANY,
        "calls": 3,
    }
    calls = len(place.api.calls)
    assert place.run(writes=False).would == state.would
    assert place.run(writes=True).phase is Phase.OVER
    assert place.names() == whole()
    assert len(place.api.calls) == calls + 2  # what changed since, of the two kinds that there are


@pytest.mark.parametrize("moment", range(1, 16))
def test_one_that_was_interrupted_anywhere_goes_on_and_the_crm_is_the_same(place: Place, moment: int) -> None:
    place.begin()
    told = 0

    def stop(phase: Phase, done: int) -> None:
        nonlocal told
        told += 1
        if told == moment:
            raise KeyboardInterrupt

    place.on_tell = stop
    with pytest.raises(KeyboardInterrupt):
        place.run()
    assert place.run().phase is Phase.OVER
    assert place.names() == whole()
    assert report(place.engine, place.run_id).records == {"Account": {"created": MANY}}


def test_it_goes_on_reading_with_the_last_change_it_read(place: Place) -> None:
    place.begin()
    pages = 0

    def stop(phase: Phase, done: int) -> None:
        nonlocal pages
        pages += 1
        if pages == 4:
            raise KeyboardInterrupt

    place.on_tell = stop
    with pytest.raises(KeyboardInterrupt):
        place.run()
    place.api.calls.clear()
    place.run()
    read = [kind for kind, _ in place.api.calls if kind == "changed account"]
    # the last of the six objects that were read, and the four behind it; and whether the last has changed since
    assert len(read) == 3 + 1


def test_what_a_webhook_brought_meanwhile_is_not_overwritten_by_an_older_page(
    engine: Engine, place: Place
) -> None:
    """The page was asked for before, and comes after."""
    place.begin()
    newer = account(id="a001", code="c001", company="Renamed", updated_at=at(28))

    def deliver() -> None:
        place.api.meanwhile = lambda: None
        with engine.begin() as connection:
            snapshots.store(connection, *HERE, snapshots.clock(connection), [newer])

    place.api.meanwhile = deliver
    place.run()
    assert place.names()[subject("c001")] == "Renamed, 1 invoices"


def test_an_account_that_came_up_while_its_kind_was_read_already_is_fetched(place: Place) -> None:
    place.begin()
    late = people(MANY + 1)[-2:]

    def arrive(phase: Phase, done: int) -> None:
        if done >= MANY:
            place.api.replace(*late)

    place.on_tell = arrive
    place.run()
    assert place.names()[subject("c010")] == "Rivera Books, 1 invoices"


def test_since_a_date_only_what_changed_is_read_and_the_pasts_that_are_not_known_are_fetched(
    place: Place,
) -> None:
    place.begin(BackfillOptions(HERE_ONLY, since=at(9, 0)))
    state = place.run()
    assert set(place.names().values()) == {"Rivera Books, 1 invoices"}
    assert (state.accounts, state.objects()["account"]) == (2, 2)


def test_of_some_kinds_the_rest_of_an_account_is_fetched(place: Place) -> None:
    place.begin(BackfillOptions(HERE_ONLY, kinds=("invoice",)))
    state = place.run()
    assert state.objects() == {"invoice": MANY}
    assert place.names() == whole()


def test_a_past_that_cannot_be_fetched_is_left_to_the_workers(engine: Engine, place: Place) -> None:
    place.begin(BackfillOptions(HERE_ONLY, kinds=("invoice",)))
    place.api.errors["account", "code-c003"] = Transient("busy")
    state = place.run()
    assert state.left == 1
    assert one(engine, f"SELECT history, status, run_id FROM subject WHERE key = '{subject('c003')}'") == (
        "wanted",
        "due",
        place.run_id,
    )
    assert subject("c003") not in place.names()


def test_a_vendor_that_goes_away_is_waited_for(place: Place) -> None:
    place.begin()
    place.api.meanwhile = lambda: _go_away(place) if len(place.api.calls) == 4 else None
    place.on_nap = lambda: setattr(place.api, "down", None)
    assert place.run().phase is Phase.OVER
    assert place.names() == whole()
    assert place.said == ["Recurly is unavailable (503). Trying again in 7 s."]
    assert place.naps[0] == 7.0


def test_salesforce_that_goes_away_is_waited_for(place: Place) -> None:
    place.begin()

    def fall(phase: Phase, done: int) -> None:
        if phase is Phase.WRITING and done == 4 and not place.said:
            place.crm.outages["Account"] = Unavailable("salesforce", "Salesforce is down.")

    place.on_tell = fall
    place.on_nap = place.crm.outages.clear
    assert place.run().phase is Phase.OVER
    assert place.names() == whole()
    assert place.said == ["Salesforce is not available. Salesforce is down. Trying again in 1 s."]


def test_who_stays_away_ends_it_and_it_goes_on_later(place: Place) -> None:
    place.begin()
    place.api.meanwhile = lambda: _go_away(place) if len(place.api.calls) == 4 else None
    with pytest.raises(Unavailable):
        place.run(within=30)
    assert sum(place.naps) <= 30
    place.api.down, place.api.meanwhile = None, lambda: None
    assert place.run().phase is Phase.OVER
    assert place.names() == whole()


def test_what_is_away_from_the_start_is_said_at_once(place: Place) -> None:
    place.begin()
    _go_away(place)
    with pytest.raises(Unavailable):
        place.run()
    assert place.naps == []


def test_postgresql_that_is_restarted_is_waited_for_and_the_turn_taken_again(
    engine: Engine, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.begin()
    work = place.backfill()
    broken = []

    def cut(phase: Phase, done: int) -> None:
        if phase is Phase.WRITING and done == 4 and not broken:
            broken.append(1)
            with engine.connect() as connection:
                connection.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE pid <> pg_backend_pid() AND datname = current_database()"
                )
            raise OperationalError("SELECT 1", {}, Exception("server closed the connection"))

    place.on_tell = cut
    assert work.run().phase is Phase.OVER
    assert place.names() == whole()
    with pytest.raises(Permanent, match="Another backfill"):
        BackfillLock(engine).acquire()  # refused, and so not held
    work.lock.release()
    after = BackfillLock(engine)
    after.acquire()
    after.release()


def test_two_at_once_are_refused(engine: Engine) -> None:
    first, second = BackfillLock(engine), BackfillLock(engine)
    first.acquire()
    with pytest.raises(Permanent, match="Another backfill is under way"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


def test_an_account_that_a_worker_holds_is_left_to_it_and_is_this_runs(engine: Engine, place: Place) -> None:
    place.begin()
    key = subject("c005")

    def hold(phase: Phase, done: int) -> None:
        if phase is Phase.WRITING and done == 0:
            with engine.begin() as connection:
                subjects.mark_due(connection, [due("c005")])
                subjects.claim(connection, "worker:1", 1, [key])

    place.on_tell = hold
    state = place.run()
    assert state.left == 1
    assert key not in place.names()
    assert one(engine, f"SELECT status, run_id FROM subject WHERE key = '{key}'") == ("due", place.run_id)
    assert report(engine, place.run_id).accounts["unsettled"] == 1


def test_what_a_killed_process_held_is_free_for_who_goes_on(engine: Engine, place: Place) -> None:
    place.begin()
    place.run(writes=False)
    with engine.begin() as connection:
        subjects.claim(connection, f"backfill-{place.run_id}:abc", 3, [subject("c001"), subject("c002")])
    assert place.run().left == 0
    assert place.names() == whole()


def test_what_was_refused_for_a_moment_is_tried_again_at_the_end(place: Place) -> None:
    place.begin()
    record = ("Account", subject("c002"))
    place.crm.refusals[record] = Transient("locked", code="UNABLE_TO_LOCK_ROW")

    def mend(phase: Phase, done: int) -> None:
        if phase is Phase.WRITING and done == MANY:
            place.crm.refusals.clear()

    place.on_tell = mend
    assert place.run().phase is Phase.OVER
    assert place.names() == whole()


def test_the_org_s_calls_that_are_kept_for_people_stop_it(engine: Engine, place: Place) -> None:
    place.begin()
    work = _with_spending(place, engine)

    def spend(phase: Phase, done: int) -> None:
        if phase is Phase.WRITING and done == 0:
            with engine.begin() as connection:
                api_usage.note(connection, "salesforce", 80, 100)

    place.on_tell = spend
    with pytest.raises(Permanent, match="kept for people"):
        work.run()
    work.lock.release()
    assert place.crm.upserts == []
    with engine.begin() as connection:
        api_usage.note(connection, "salesforce", 1, 100)
    place.on_tell = lambda phase, done: None
    assert place.run().phase is Phase.OVER


def test_an_org_that_only_a_person_can_mend_is_not_waited_for(engine: Engine, place: Place) -> None:
    place.begin()

    def unmake(phase: Phase, done: int) -> None:
        if phase is Phase.WRITING and done == 4:
            place.crm.outages["Account"] = Permanent("No such field", code="NO_FIELD")
            with engine.begin() as connection:
                circuit_breakers.open_circuit(
                    connection, "salesforce", "Deploy first.", circuit_breakers.NOT_SET_UP, 300
                )
            place.crm.query_outage = Permanent("No such field")

    place.on_tell = unmake
    with pytest.raises(Permanent):
        place.run()
    assert place.naps == []


def test_others_get_their_turn_at_writing_in_bulk(engine: Engine, place: Place) -> None:
    """While a worker writes in bulk it waits, and says nothing is lost."""
    place.begin()
    place.run(writes=False)
    with locks.alone(engine, Lock.BULK):
        place.on_nap = lambda: (_ for _ in ()).throw(KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            place.run()
    assert place.crm.upserts == []
    assert place.said == ["Another process writes in bulk: waiting until it ends."]
    place.on_nap = lambda: None
    assert place.run().phase is Phase.OVER


def test_the_report_counts_what_became_of_it_with_reasons(engine: Engine, place: Place) -> None:
    place.api.replace(account(id="a001", code="c001", company="broken", updated_at=at(2)))
    place.crm.refusals["Account", subject("c002")] = Permanent("Name: too long", code="STRING_TOO_LONG")
    place.begin()
    place.run()
    found = report(engine, place.run_id)
    told = ("found", "written", "failed", "unsettled")
    assert tuple(found.accounts[name] for name in told) == (MANY, MANY - 2, 2, 0)
    assert found.records == {"Account": {"created": MANY - 2, "refused": 1}}
    assert [(one["code"], one["accounts"]) for one in found.groups()] == [
        ("RULE_FAILED", 1),
        ("STRING_TOO_LONG", 1),
    ]


def test_a_second_backfill_finds_nothing_to_write(place: Place, engine: Engine) -> None:
    place.begin()
    place.run()
    place.begin()
    place.run()
    found = report(engine, place.run_id)
    assert (found.accounts["unchanged"], found.accounts["written"], found.records) == (MANY, 0, {})


def test_a_record_that_was_written_before_or_that_was_linked_is_updated_not_created(
    engine: Engine, place: Place
) -> None:
    place.begin()
    place.run()
    place.api.replace(account(id="a001", code="c001", company="Other", updated_at=at(25)))
    rows(engine, f"DELETE FROM mirror WHERE subject = '{subject('c002')}'")
    place.begin()
    place.run()
    assert report(engine, place.run_id).records == {"Account": {"updated": 2}}


HERE_ONLY = ((SOURCE, SITE),)


def _go_away(place: Place) -> None:
    place.api.down = Unavailable("recurly:acme", "Recurly is unavailable (503).", retry_after=7.0)


class _Limits:
    usage = None
    usage_at = None

    def limits(self) -> dict[str, dict[str, int]]:
        return {}


def _with_spending(place: Place, engine: Engine) -> Backfill:
    work = place.backfill()
    work.applier = replace(work.applier, spending=ApiBudget(engine, _Limits(), Budget()))
    return work
