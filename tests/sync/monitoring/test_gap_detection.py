"""Missed deliveries: what changed and nobody told of is found by the change feed, once, and filled in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import samples
from samples import SITE, SOURCE, event, one, record, rows, subject
from sqlalchemy import Engine, text

from connector.errors import Permanent, Unavailable
from connector.ledger import missed_changes as ledger
from connector.ledger import observations, runs, snapshots, subjects, watermarks
from connector.models.events import Pointer, Urgency
from connector.models.facts import BillingObject, Facts, Kind
from connector.models.plan import Plan
from connector.retry import RetryPolicy
from connector.sync.apply.applier import Applier
from connector.sync.monitoring import gap_detection
from connector.sync.monitoring.gap_detection import GRACE, OVERLAP, GapReport
from connector.sync.refresh import change_feed
from sync.fake_api import Answer, FakeApi
from sync.fake_crm import FakeCrm, Org
from sync.world import NOW, account, dispute, invoice, payment, subscription

HERE = (SOURCE, SITE)


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def people(*minutes: float) -> list[BillingObject]:
    """Accounts that changed so many minutes ago."""
    return [account(id=f"a{ago_}", code=f"c{ago_}", updated_at=ago(ago_)) for ago_ in minutes]


def look(engine: Engine, *objects: BillingObject, **how: Any) -> GapReport:
    usual: dict[str, Any] = {"since": None, "fill": True, "run_id": None}
    return gap_detection.detect_gaps(
        engine, HERE, how.pop("api", FakeApi(list(objects))), how.pop("now", NOW), **usual | how
    )


def seen(engine: Engine, *objects: BillingObject) -> None:
    """By a plan, or a count: nothing follows from it."""
    with engine.begin() as connection:
        snapshots.store(connection, *HERE, snapshots.clock(connection), objects)


def known(engine: Engine, *objects: BillingObject) -> None:
    """And worked."""
    seen(engine, *objects)
    with engine.begin() as connection:
        subjects.mark_due(connection, change_feed.owners(HERE, objects))
    worked(engine)


def worked(engine: Engine) -> None:
    rows(engine, "UPDATE subject SET status = 'idle', applied_at = clock_timestamp()")


def told_first(engine: Engine, at: datetime) -> None:
    """The first event of the site, worked."""
    record(engine, event("first", "none", occurred_at=at))
    rows(engine, "UPDATE event SET status = 'done', received_at = :at", at=at)


def mark(engine: Engine, kind: str = "account") -> datetime | None:
    with engine.connect() as connection:
        return watermarks.load(connection, f"feed:{SOURCE}:{SITE}:{kind}")


def due(engine: Engine) -> dict[str, Any]:
    return {row.code: row for row in rows(engine, "SELECT * FROM subject WHERE status = 'due'")}


def test_what_no_delivery_told_of_is_counted_and_named(engine: Engine) -> None:
    there = people(30, 40, 50)
    known(engine, there[0])
    found = look(engine, *there, invoice(id="i1", updated_at=ago(60)))
    assert str(found) == "3 missing of 4: 2 accounts, 1 invoice"
    assert {(one_.object, one_.id) for one_ in found.samples} == {
        ("account", "a40"),
        ("account", "a50"),
        ("invoice", "i1"),
    }


@dataclass
class Nesting(FakeApi):
    """An invoice comes with its payments, which the feed has a page of their own for, too."""

    def changed(self, kind: str, since: datetime | None) -> Iterator[Answer]:
        within = [one_ for one_ in self.objects if one_.object == "payment"] if kind == "invoice" else []
        for answer in super().changed(kind, since):
            yield replace(answer, found=(*answer.found, *within))


@pytest.mark.parametrize("fill", [True, False])
def test_what_comes_inside_another_object_counts_once_and_by_its_own_kind(engine: Engine, fill: bool) -> None:
    old = payment(id="p90", updated_at=ago(90))
    api = Nesting([invoice(id="i1", updated_at=ago(30)), payment(id="p40", updated_at=ago(40)), old])
    found = look(engine, api=api, since=ago(60), fill=fill)
    assert str(found) == "3 missing of 3: 1 invoice, 2 payments"
    assert sorted(one_.id for one_ in found.samples) == ["i1", "p40", "p90"]


def test_a_walk_goes_on_behind_what_is_young_inside_another_object(engine: Engine) -> None:
    """A payment that was tried again a minute ago stands in an old invoice; what comes after that is not its fault."""
    old = [invoice(id=f"i{ago_}", number=f"{ago_}", updated_at=ago(ago_)) for ago_ in (60, 50, 40, 30)]
    young = payment(id="p2", updated_at=ago(2))
    found = look(engine, api=Nesting([*old, young]))
    assert (str(found), found.complete) == ("4 missing of 4: 4 invoices", True)
    assert [one_.id for one_ in rows(engine, "SELECT id FROM snapshot ORDER BY id")] == [
        "i30",
        "i40",
        "i50",
        "i60",
    ]
    later = look(engine, api=Nesting([*old, young]), now=NOW + GRACE)
    assert [one_.id for one_ in later.samples] == ["p2"], "it has a page of its own"


def test_nothing_missing_is_said_too() -> None:
    found = GapReport(NOW, NOW)
    found.scanned["invoice"] = 18_204
    assert (str(found), found.count) == ("0 missing of 18,204", 0)


def test_an_older_version_is_not_enough(engine: Engine) -> None:
    (person,) = people(30)
    known(engine, replace(person, updated_at=ago(40)))
    assert look(engine, person).count == 1
    assert look(engine, person).count == 0


def test_what_was_missing_becomes_facts_and_is_due_for_a_run_of_its_own(engine: Engine) -> None:
    found = look(engine, *people(30, 40))
    assert found.count == 2
    assert look(engine, *people(30, 40)).count == 0
    with engine.connect() as connection:
        run = runs.latest(connection, gap_detection.COMMAND)
    assert run is not None
    assert (run.state, run.progress) == (runs.DONE, {"scanned": 2, "missing": 2})
    assert {code: row.run_id for code, row in due(engine).items()} == {"c30": run.id, "c40": run.id}
    kept = rows(engine, "SELECT object, object_id, version, subject, run_id FROM missed ORDER BY object_id")
    assert kept[0] == ("account", "a30", ago(30), subject("c30"), run.id)
    with engine.connect() as connection:
        assert ledger.recent(connection, timedelta(days=7)).count == 2


def test_without_filling_nothing_is_changed(engine: Engine) -> None:
    assert look(engine, *people(30), fill=False).count == 1
    assert look(engine, *people(30), fill=False).count == 1
    for table in ("snapshot", "subject", "missed", "run", "watermark"):
        assert rows(engine, f"SELECT * FROM {table}") == []


def test_where_nothing_is_missing_there_is_no_run(engine: Engine) -> None:
    known(engine, *people(30))
    look(engine, *people(30))
    assert rows(engine, "SELECT * FROM run") == []


def test_a_run_that_is_given_is_used_and_not_ended(engine: Engine) -> None:
    with engine.begin() as connection:
        run_id = runs.begin(connection, "reconcile", "ann", "monday", {})
    look(engine, *people(30), run_id=run_id)
    assert due(engine)["c30"].run_id == run_id
    assert one(engine, "SELECT id, state FROM run") == (run_id, "running")


# ── what is on its way is not missing ─────────────────────────────────────────────────────────────────────────


def test_what_is_younger_than_the_grace_is_left_to_its_delivery(engine: Engine) -> None:
    found = look(engine, *people(5, 30))
    assert (found.scanned.total(), found.count) == (1, 1)
    assert set(due(engine)) == {"c30"}
    later = look(engine, *people(5, 30), now=NOW + GRACE)
    assert [one_.id for one_ in later.samples] == ["a5"]


@pytest.mark.parametrize(("status", "count"), [("pending", 0), ("done", 1)])
def test_what_a_delivery_points_to_is_known_of_though_not_fetched_yet(
    engine: Engine, status: str, count: int
) -> None:
    told_first(engine, ago(200))
    record(engine, event("n1", pointers=(Pointer("account", ("code-c30",)),)))
    rows(engine, "UPDATE event SET status = :status", status=status)
    assert look(engine, *people(30), since=ago(60)).count == count


# ── where a look begins and ends ──────────────────────────────────────────────────────────────────────────────


def test_the_first_look_begins_where_the_site_was_first_heard_of(engine: Engine) -> None:
    told_first(engine, ago(200))
    found = look(engine, *people(150, 190, 300))
    assert found.since == ago(200) - OVERLAP
    assert {one_.id for one_ in found.samples} == {"a150", "a190"}


@pytest.mark.parametrize("fill", [False, True])
def test_what_changed_before_the_site_was_heard_of_was_not_missed(engine: Engine, fill: bool) -> None:
    """An installation of today has no deliveries of last week to miss. What it lacks is brought in nevertheless."""
    told_first(engine, ago(200))
    found = look(engine, *people(150, 300, 400), since=ago(600), fill=fill)
    assert (found.count, found.earlier, found.scanned.total()) == (1, 2, 3)
    assert [one_.id for one_ in found.samples] == ["a150"]
    assert set(due(engine)) == ({"c150", "c300", "c400"} if fill else set())


def test_of_a_site_that_was_never_heard_of_a_day_is_looked_at(engine: Engine) -> None:
    assert {one_.id for one_ in look(engine, *people(30, 1400, 1500)).samples} == {"a30", "a1400"}


def test_the_next_look_goes_on_a_little_before_the_last_one_ended(engine: Engine) -> None:
    look(engine, *people(30))
    assert mark(engine) == NOW - GRACE - OVERLAP
    assert look(engine, *people(12, 30)).scanned.total() == 1, "the overlap"


def test_a_look_from_later_than_the_last_end_leaves_no_gap_behind(engine: Engine) -> None:
    with engine.begin() as connection:
        watermarks.save(connection, f"feed:{SOURCE}:{SITE}:account", ago(500))
    assert look(engine, *people(30, 400), since=ago(60)).count == 1
    assert mark(engine) == ago(500)
    assert look(engine, *people(30, 400), since=ago(600)).count == 1
    assert mark(engine) == NOW - GRACE - OVERLAP


class Failing(FakeApi):
    """Goes away after so many pages."""

    pages = 1

    def changed(self, kind: str, since: datetime | None) -> Iterator[Answer]:
        for number, answer in enumerate(super().changed(kind, since)):
            if number == self.pages:
                raise Unavailable("recurly:acme", "503")
            yield answer


def test_a_look_that_is_cut_short_goes_on_behind_its_last_page(engine: Engine) -> None:
    there = people(90, 80, 70, 60)
    with pytest.raises(Unavailable):
        look(engine, api=Failing(there))
    assert mark(engine) == ago(80)
    assert one(engine, "SELECT state, error FROM run") == ("failed", "503")
    assert set(due(engine)) == {"c90", "c80"}
    again = FakeApi(there)
    assert {one_.id for one_ in look(engine, api=again).samples} == {"a70", "a60"}


@pytest.mark.parametrize("fill", [True, False])
def test_a_look_waits_for_billing_and_counts_nothing_twice(engine: Engine, fill: bool) -> None:
    """Each time it goes on where it was, with the last change that it saw."""
    there, naps = people(90, 80, 70, 60, 50), list[float]()
    found = look(engine, api=Failing(there), fill=fill, patience=RetryPolicy(naps.append, lambda _: None))
    assert str(found) == "5 missing of 5: 5 accounts"
    assert len(naps) == 3
    assert len(rows(engine, "SELECT id FROM run")) == (1 if fill else 0), "one look, one run"


def test_billing_that_stays_away_ends_a_look(engine: Engine) -> None:
    gone = FakeApi(people(90, 80), down=Unavailable("recurly:acme", "503"))
    with pytest.raises(Unavailable):
        look(engine, api=gone, patience=RetryPolicy(lambda _: None, lambda _: None))


def test_what_only_a_plan_has_seen_was_told_of_by_nobody(engine: Engine) -> None:
    """A plan fetches an account anew, and writes nothing: what it learnt is not to be lost by it."""
    known(engine, account(id="a90", code="c90", updated_at=ago(120)))
    there = people(90, 80)
    seen(engine, *there)
    assert look(engine, *there, fill=False).count == 2
    assert str(look(engine, *there)) == "2 missing of 2: 2 accounts"
    assert set(due(engine)) == {"c90", "c80"}
    worked(engine)
    assert look(engine, *there, since=ago(100)).count == 0
    seen(engine, *there)
    assert look(engine, *there, since=ago(100)).count == 0, "it learnt nothing that time"


def test_what_a_plan_has_seen_of_an_account_that_is_due_is_not_missing(engine: Engine) -> None:
    there = people(90)
    known(engine, account(id="a90", code="c90", updated_at=ago(120)))
    seen(engine, *there)
    with engine.begin() as connection:
        subjects.mark_due(connection, change_feed.owners(HERE, there))
    assert look(engine, *there).count == 0


def test_what_a_plan_has_seen_while_its_account_was_being_written_is_missing(engine: Engine) -> None:
    """What was written was decided from what was known before."""
    there = people(90)

    def decide(facts: Facts) -> Plan:
        seen(engine, *there)
        return Plan(facts.subject)

    seen(engine, account(id="a90", code="c90", updated_at=ago(120)))
    with engine.begin() as connection:
        subjects.mark_due(connection, change_feed.owners(HERE, there))
    applier = Applier(engine, FakeCrm(), Org, decide, lambda: NOW, "w")
    assert applier.run().claimed == 1
    assert due(engine) == {}
    assert look(engine, *there).count == 1
    assert applier.run().claimed == 1
    assert look(engine, *there).count == 0


def test_a_look_that_is_told_to_stop_leaves_the_rest_to_the_next(engine: Engine) -> None:
    there = people(90, 80, 70, 60)
    first = look(engine, *there, stop=lambda: True)
    assert (first.complete, first.count) == (False, 2)
    second = look(engine, *there, stop=lambda: True)
    assert (second.complete, second.count) == (False, 1), "each goes on"
    third = look(engine, *there)
    assert (third.complete, third.count) == (True, 1)


@pytest.mark.parametrize("fill", [True, False])
def test_what_cannot_be_read_is_kept_to_be_told(engine: Engine, fill: bool) -> None:
    api = FakeApi(people(60, 50), errors={("account", "a60"): Permanent("no shape of an account")})
    assert look(engine, api=api, fill=fill).count == 1
    with engine.connect() as connection:
        found = ledger.not_readable(connection, timedelta(days=7))
    assert (found.count, found.last) == ((1, "recurly:acme:account:a60") if fill else (0, ""))


def test_it_is_kept_how_far_the_site_was_looked_through(engine: Engine) -> None:
    def scanned() -> tuple[datetime | None, datetime | None]:
        with engine.connect() as connection:
            return ledger.known_from(connection, HERE), ledger.read_until(connection, HERE)

    look(engine, *people(90, 80), since=ago(60))
    assert scanned() == (None, None), "nobody looked before"
    look(engine, *people(90, 80), stop=lambda: True)
    assert scanned() == (None, None), "not to the end"
    look(engine, *people(90, 80), since=ago(3000))
    assert scanned() == (ago(3000), NOW - GRACE)
    look(engine, now=NOW + GRACE)
    assert scanned() == (ago(3000), NOW)


def test_a_crash_between_two_statements_leaves_it_missing(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Facts without a due account would never be written, and would never be news again."""
    monkeypatch.setattr(ledger, "record", lambda connection, *_: connection.execute(text("SELECT 1 / 0")))
    with pytest.raises(Exception, match="division by zero"):
        look(engine, *people(30))
    assert rows(engine, "SELECT * FROM snapshot") == []
    monkeypatch.undo()
    assert look(engine, *people(30)).count == 1


# ── how urgent, and whose past ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("changed", "urgency"),
    [
        (payment(status="chargeback"), Urgency.DISPUTE),
        (payment(status="declined"), Urgency.FAILURE),
        (payment(status="success"), Urgency.ROUTINE),
        (invoice(state="past_due"), Urgency.FAILURE),
        (invoice(state="paid"), Urgency.ROUTINE),
        (subscription(), Urgency.ROUTINE),
    ],
)
def test_it_is_as_urgent_as_its_delivery_would_have_been(
    engine: Engine, changed: BillingObject, urgency: Urgency
) -> None:
    look(engine, account(updated_at=ago(30)), replace(changed, updated_at=ago(30)))
    assert Urgency(due(engine)["bob"].urgency) is urgency


def test_accounts_older_than_the_ledger_get_their_history(engine: Engine) -> None:
    told_first(engine, ago(100))
    young = account(id="y", code="young", created_at=ago(50), updated_at=ago(50))
    look(engine, account(updated_at=ago(30)), young)
    assert {code: row.history for code, row in due(engine).items()} == {"bob": "wanted", "young": "done"}


@pytest.mark.parametrize(
    ("changed", "status", "found"),
    [
        ({}, "pending", True),
        ({"site": "eu1"}, "pending", False),
        ({"source": "stripe"}, "pending", False),
        ({"pointers": (Pointer("account", ("inv1",)),)}, "pending", False),
        ({"pointers": (Pointer("invoice", ("other", "inv1")),)}, "pending", True),
        ({}, "fetched", False),
        ({}, "dead", False),
    ],
)
def test_only_an_event_of_the_same_site_that_waits_says_that_it_is_on_its_way(
    engine: Engine, changed: dict[str, Any], status: str, found: bool
) -> None:
    record(engine, event("n1", **{"pointers": (Pointer("invoice", ("inv1",)),)} | changed))
    rows(engine, "UPDATE event SET status = :status", status=status)
    wanted = [("invoice", "inv1"), ("payment", "inv1")]
    with engine.connect() as connection:
        assert ledger.on_their_way(connection, (SOURCE, SITE), wanted) == ({wanted[0]} if found else set())


def test_a_site_is_known_since_what_its_first_event_told_of(engine: Engine) -> None:
    record(engine, event("n1", occurred_at=ago(300)), event("n2", site="eu1", occurred_at=ago(900)))
    with engine.begin() as connection:
        assert ledger.first_told_of(connection, (SOURCE, SITE)) == ago(300)
        ledger.looked_through(connection, (SOURCE, SITE), ago(600), ago(0))
        assert ledger.known_from(connection, (SOURCE, SITE)) == ago(600)
        assert ledger.known_from(connection, (SOURCE, "us1")) is None


@pytest.mark.parametrize(
    ("status", "lease", "applied", "looked_at"),
    [
        ("idle", None, None, True),
        ("idle", None, -1, True),
        ("idle", None, 1, False),
        ("idle", "w:1", None, False),
        ("due", None, None, False),
        ("dead", None, None, False),
    ],
)
def test_an_object_is_only_looked_at_while_its_account_was_not_worked_since(
    engine: Engine, status: str, lease: str | None, applied: int | None, looked_at: bool
) -> None:
    with engine.begin() as connection:
        snapshots.store(connection, SOURCE, SITE, ago(0), [account()])
        subjects.mark_due(connection, [samples.due("bob")])
    rows(
        engine,
        "UPDATE subject SET status = :status, lease = :lease, applied_at = (SELECT learnt_at FROM snapshot) "
        "+ make_interval(secs => CAST(:applied AS double precision))",
        status=status,
        lease=lease,
        applied=applied,
    )
    with engine.connect() as connection:
        found = ledger.only_looked_at(connection, (SOURCE, SITE), [("account", "acc1"), ("account", "acc9")])
    assert found == ({("account", "acc1")} if looked_at else set())


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("site = site", True),
        ("gone = true", False),
        ('data = data || \'{"status": "won"}\'', False),
        ("data = data - 'status'", True),
        ('data = data || \'{"opened_at": "2026-01-01T00:00:00Z"}\'', False),
        ("source = 'adyen'", False),
    ],
)
def test_what_began_since_then_and_has_not_ended_is_open(engine: Engine, change: str, found: bool) -> None:
    began = datetime(2026, 11, 1, tzinfo=UTC)
    with engine.begin() as connection:
        observations.store(connection, [("evt_1", dispute(opened_at=began))])
    rows(engine, f"UPDATE snapshot SET {change}")
    with engine.connect() as connection:
        assert (ledger.open_since(connection, "stripe", Kind.DISPUTE, began) is not None) is found
