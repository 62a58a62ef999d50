"""Where a reconcile begins: early enough for what is settled late, and not before the ledger knows a site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from samples import SITE, SOURCE, event, one, record, rows
from sqlalchemy import Engine

from connector.ledger import missed_changes, runs
from connector.policy import Compare
from connector.sync.monitoring.gap_detection import FIRST_READ
from connector.sync.reconcile.reconciliation import Reconciliation, Window, WindowChoice, reach, since_last
from connector.sync.refresh import change_feed
from sync.reconcile.books import NOW, WINDOW, ThreeSides, charge, paid, told
from sync.world import at

DAY = timedelta(days=1)


@pytest.fixture
def sides(engine: Engine) -> ThreeSides:
    return ThreeSides(engine).agree(*(paid(str(n), at(n), invoice_number=f"10{n:02}") for n in range(2, 11)))


def keep(sides: ThreeSides, window: Window, known: WindowChoice | None = None) -> Reconciliation:
    with sides.engine.begin() as connection:
        run_id = runs.begin(connection, "reconcile", "ada", "month end", {})
    made = Reconciliation(sides.sides, Compare(), window, window.until, run_id, known=known or WindowChoice())
    assert list(made.findings()) is not None
    return made


def begins(engine: Engine, now: datetime = NOW, days: int = 35, policy: Compare | None = None) -> datetime:
    with engine.connect() as connection:
        return since_last(connection, policy or Compare(), (SITE,), now, now, days)


def known(engine: Engine, *sites: str, **how: Any) -> WindowChoice:
    with engine.connect() as connection:
        return reach(
            connection, Compare(), 35, sites or (SITE,), NOW, NOW, failed=how.pop("failed", {}), **how
        )


def backfilled(engine: Engine, state: str = runs.DONE, **changed: Any) -> None:
    options = {"since": None, "objects": list(change_feed.KINDS), "sites": [SITE]} | changed
    with engine.begin() as connection:
        runs.end(connection, runs.begin(connection, "backfill", "ada", "moving in", options), state)


def mark(engine: Engine) -> datetime | None:
    found = rows(engine, "SELECT at FROM watermark WHERE name = 'reconcile:recurly:acme'")
    return found[0].at if found else None


# ── where nobody says ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("days", [35, 20])
def test_it_looks_back_as_many_days_as_the_policy_says(sides: ThreeSides, days: int) -> None:
    """A bank debit is returned, a dispute lost, weeks after the money moved."""
    keep(sides, WINDOW)
    assert begins(sides.engine, days=days) == NOW - days * DAY


def test_no_less_than_time_may_explain_and_to_where_the_last_one_ended(sides: ThreeSides) -> None:
    policy = Compare(settlement_hours=24, bank_debit_hours=48, date_tolerance_days=2)
    keep(sides, WINDOW)
    assert begins(sides.engine, days=1, policy=policy) == NOW - 5 * DAY
    assert begins(sides.engine, NOW + 60 * DAY, policy=policy) == NOW - 5 * DAY, "nothing ran for two months"


def test_it_looks_at_the_oldest_that_is_not_cleared_for_half_a_year(sides: ThreeSides) -> None:
    sides.without_charge("ch_3")
    keep(sides, WINDOW)
    assert begins(sides.engine, NOW + 60 * DAY) == at(3)
    later = NOW + 300 * DAY
    keep(sides, Window(NOW - DAY, later, (SITE,)))
    assert begins(sides.engine, later) == later - 35 * DAY, "one for ever would make all of them long"


def test_what_is_mended_after_weeks_is_cleared(sides: ThreeSides) -> None:
    sides.without_charge("ch_3")
    keep(sides, WINDOW)
    sides.stripe.items.append(charge("ch_3", at(3), invoice_number="1003"))
    later = NOW + 40 * DAY
    keep(sides, Window(begins(sides.engine, later), later, (SITE,)))
    assert one(sides.engine, "SELECT state FROM discrepancy").state == "cleared"


def test_a_look_at_a_day_does_not_say_that_all_before_it_is_reconciled(sides: ThreeSides) -> None:
    usual = replace(known(sides.engine), known_from={})
    keep(sides, Window(NOW - DAY, NOW, (SITE,)), usual)
    assert mark(sides.engine) is None
    keep(sides, Window(NOW - 35 * DAY, NOW, (SITE,)), usual)
    assert mark(sides.engine) == NOW


def test_one_that_begins_where_the_ledger_does_says_so(sides: ThreeSides) -> None:
    usual = replace(known(sides.engine), known_from={SITE: at(20)})
    keep(sides, usual.window(NOW, (SITE,), None), usual)
    assert mark(sides.engine) == NOW


# ── how far back the ledger reaches ───────────────────────────────────────────────────────────────────────────


def first_heard(engine: Engine, at_: datetime) -> None:
    record(engine, event("first", occurred_at=at_))
    rows(engine, "UPDATE event SET received_at = :at", at=at_)


def test_a_young_ledger_knows_a_site_since_it_heard_of_it(engine: Engine) -> None:
    assert known(engine).known_from == {SITE: NOW - FIRST_READ}
    first_heard(engine, at(20))
    assert known(engine).known_from == {SITE: at(20)}
    assert known(engine).window(NOW, (SITE,), None).since == at(20)


def test_what_was_looked_through_is_known_though_its_first_events_are_purged(engine: Engine) -> None:
    with engine.begin() as connection:
        missed_changes.looked_through(connection, (SOURCE, SITE), at(10), at(12))
        missed_changes.looked_through(connection, (SOURCE, SITE), at(12), at(27))
    first_heard(engine, at(20))
    assert known(engine).known_from == {SITE: at(10)}


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ({}, {}),
        ({"since": at(3).isoformat()}, {SITE: at(3)}),
        ({"state": runs.STOPPED}, {SITE: at(20)}),
        ({"objects": ["account"]}, {SITE: at(20)}),
        ({"sites": ["other"]}, {SITE: at(20)}),
    ],
    ids=["whole", "since a date", "only counted", "not every kind", "another site"],
)
def test_a_backfill_that_is_done_reaches_back(
    engine: Engine, run: Mapping[str, Any], expected: Mapping[str, datetime]
) -> None:
    first_heard(engine, at(20))
    backfilled(engine, **run)
    assert known(engine).known_from == expected


def test_a_first_night_invents_nothing(engine: Engine) -> None:
    """Three hundred payments agree at Recurly and Stripe, and nobody told the ledger of any."""
    sides = ThreeSides(engine)
    for number in range(300):
        when = at(10) + timedelta(minutes=number)
        sides.api.replace(paid(f"x{number}", when, invoice_number=f"9{number:04}"))
        sides.stripe.items.append(charge(f"ch_x{number}", when, invoice_number=f"9{number:04}"))
    first_heard(engine, at(20))
    there = known(engine)
    window = there.window(NOW, (SITE,), None)
    made = Reconciliation(sides.sides, Compare(), window, NOW, known=there)
    assert told(list(made.findings())) == []
    (said,) = made.not_compared()
    assert said.startswith("site acme, what moved before 2026-11-20 12:00 UTC: the ledger does not reach")
    assert made.failed == {}
    assert there.lists(window).since == NOW - 35 * DAY, "disputes are looked for nevertheless"


def test_each_site_is_compared_from_when_it_is_known(sides: ThreeSides) -> None:
    """A second site is set up; the first is compared as far back as ever."""
    there = WindowChoice(usual=at(1), known_from={"beta": at(20)})
    window = there.window(NOW, (SITE, "beta"), None)
    assert window.since == at(1)
    sides.stripe.items += [
        charge("ch_whose", at(15), invoice_number="8"),
        charge("ch_new", at(22), invoice_number="9"),
    ]
    made = Reconciliation(sides.sides, Compare(), window, NOW, known=there)
    assert [(found.reference, str(found.state), found.why) for found in made.findings()] == [
        ("ch_whose", "explained", "it may be of site beta, which the ledger knows since 2026-11-20"),
        ("ch_new", "open", ""),
    ]


def test_what_may_be_of_a_site_that_is_out_is_not_missing(sides: ThreeSides) -> None:
    there = WindowChoice(usual=at(1), failed={"beta": "503"})
    sides.stripe.items.append(charge("ch_whose", at(15), invoice_number="8"))
    made = Reconciliation(sides.sides, Compare(), there.window(NOW, (SITE, "beta"), None), NOW, known=there)
    assert [(found.reference, found.why) for found in made.findings()] == [
        ("ch_whose", "it may be of site beta, which could not be asked")
    ]
    assert (made.window.sites, made.failed) == ((SITE,), {"site beta": "503"})


def test_what_was_open_stays_open_while_a_site_is_out(sides: ThreeSides) -> None:
    """One that could ask everybody found it: that another cannot says nothing against it."""
    sides.stripe.items.append(charge("ch_lost", at(15), invoice_number="8"))
    keep(sides, WINDOW)
    there = WindowChoice(usual=at(1), failed={"beta": "503"})
    keep(sides, replace(there.window(NOW, (SITE, "beta"), None), until=NOW + DAY), there)
    assert one(sides.engine, "SELECT state, why FROM discrepancy") == ("open", "")


def test_what_may_be_of_a_site_that_nobody_wanted_to_look_at_is_not_missing(sides: ThreeSides) -> None:
    there = WindowChoice(usual=at(1), others=("beta",))
    sides.stripe.items.append(charge("ch_whose", at(15), invoice_number="8"))
    made = Reconciliation(sides.sides, Compare(), there.window(NOW, (SITE,), None), NOW, known=there)
    assert [found.why for found in made.findings()] == ["it may be of site beta, which was not looked at"]


def test_nothing_is_cleared_of_before_its_site_is_known(sides: ThreeSides) -> None:
    sides.stripe.items.append(charge("ch_lost", at(15), invoice_number="8"))
    keep(sides, WINDOW)
    sides.stripe.items.pop()
    later = WindowChoice(usual=at(1), known_from={SITE: at(20)})
    keep(sides, replace(later.window(NOW + DAY, (SITE, "beta"), None), since=at(1)), later)
    assert one(sides.engine, "SELECT state FROM discrepancy").state == "open"
