"""``casewire status``: what no delivery told of, who is silent, and when the systems were compared last."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis
from rq import Worker
from rq.utils import utcformat
from samples import SITE, SOURCE, rows
from sqlalchemy import Engine

from connector.container import Container
from connector.ledger import missed_changes, runs, source_activity
from connector.ledger.missed_changes import MissedChange
from connector.queue import NAME, Queue

from .conftest import Run

SINCE = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
NAMES = ("silent", "missed", "reconciled", "refused")


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, engine: Engine) -> Engine:
    monkeypatch.setenv("RECURLY_SITE", SITE)
    monkeypatch.setenv("RECURLY_WEBHOOK_SECRETS", "secret")
    return engine


@pytest.fixture
def well(connected: Run, site: Engine, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A worker and a scheduler run, and all is set up."""
    monkeypatch.setattr(Container, "not_configured", lambda wires: [])
    a_worker(redis, datetime.now(UTC) - timedelta(hours=2))
    Queue(redis).swept(datetime.now(UTC))
    return connected


def a_worker(redis: Redis, born: datetime) -> None:
    worker = Worker([NAME], connection=redis, name="w")
    redis.delete(worker.key)
    worker.register_birth()
    redis.hset(worker.key, "birth", utcformat(born))


def needs_a_person(well: Run) -> bool:
    found: bool = json.loads(well("status", "--json").stdout)["needs_a_person"]
    return found


def lines(connected: Run) -> dict[str, str]:
    found = (line.partition("  ") for line in connected("status").stdout.splitlines())
    return {label.strip(): told.strip() for label, _, told in found}


def test_a_source_that_is_silent_needs_a_person(connected: Run, site: Engine) -> None:
    with site.begin() as connection:
        source_activity.begin(connection, (SOURCE, SITE), SINCE)
        source_activity.begin(connection, ("stripe", ""), SINCE)
    told = lines(connected)["silent"]
    assert told == f"recurly:acme since {SINCE:%Y-%m-%d %H:%M:%S}: is its webhook endpoint enabled?"
    found = json.loads(connected("status", "--json").stdout)
    assert found["needs_a_person"] is True
    assert [(one["source"], one["site"]) for one in found["silent"]] == [(SOURCE, SITE)], (
        "stripe is not set up"
    )


def test_what_was_missed_lately_is_counted(connected: Run, site: Engine) -> None:
    there = [MissedChange("invoice", f"i{number}", SINCE, "s") for number in range(12)]
    with site.begin() as connection:
        missed_changes.record(connection, (SOURCE, SITE), there, None)
    assert lines(connected)["missed"].startswith(
        "12 changes in 7 days without a delivery, all filled in; the last "
    )
    assert json.loads(connected("status", "--json").stdout)["missed"]["count"] == 12
    rows(site, "UPDATE missed SET found_at = now() - interval '8 days'")
    assert "missed" not in lines(connected)


def test_the_last_comparison_is_told(connected: Run, site: Engine) -> None:
    assert "reconciled" not in lines(connected)
    with site.begin() as connection:
        run = runs.begin(connection, "reconcile", "ann", "monday", {})
        runs.progress(connection, run, {"compared": 7})
        runs.end(connection, run, runs.FAILED, "Salesforce is not available.")
    assert lines(connected)["reconciled"].endswith(f", failed, run {run}: Salesforce is not available.")
    found = json.loads(connected("status", "--json").stdout)["reconciled"]
    assert (found["who"], found["state"], found["found"]) == ("ann", "failed", {"compared": 7})


def test_a_night_without_somebody_who_is_set_up_needs_a_person(well: Run, site: Engine) -> None:
    def night(**progress: object) -> None:
        with site.begin() as connection:
            run = runs.begin(connection, "reconcile", "scheduler", "every night", {})
            runs.progress(connection, run, {"compared": 7, **progress})
            runs.end(connection, run, runs.DONE)

    said = ["5 payments through adyen: there is no list of a processor to compare with"]
    night(not_compared=said)
    assert not needs_a_person(well), "no processor of that name can be asked"
    assert f"not compared: {said[0]}" in well("status").stdout
    night(not_compared=["stripe: 403", *said], failed=["stripe"])
    assert needs_a_person(well)
    told = lines(well)["reconciled"]
    assert told.endswith(", without stripe  → casewire reconcile --apply once that is fixed")
    night()
    assert not needs_a_person(well)


@pytest.mark.parametrize(
    ("options", "state"),
    [
        ({"processors": ["braintree"]}, runs.DONE),
        ({"sites": ["another"], "processors": None}, runs.DONE),
        ({"sites": [SITE], "processors": None}, runs.STOPPED),
        ({"sites": [SITE], "processors": None}, None),
    ],
    ids=["of a processor", "of another site", "stopped", "under way, or killed"],
)
def test_only_one_about_everything_makes_up_for_a_night_that_failed(
    well: Run, site: Engine, options: dict[str, object], state: str | None
) -> None:
    with site.begin() as connection:
        runs.end(connection, runs.begin(connection, "reconcile", "scheduler", "", {}), runs.FAILED, "503")
        later = runs.begin(connection, "reconcile", "ann", "", options)
        if state:
            runs.end(connection, later, state)
    assert needs_a_person(well)
    with site.begin() as connection:
        whole = runs.begin(connection, "reconcile", "ann", "", {"sites": [SITE], "processors": None})
        runs.end(connection, whole, runs.DONE)
    assert not needs_a_person(well)


def test_a_night_that_failed_needs_a_person(well: Run, site: Engine) -> None:
    with site.begin() as connection:
        run = runs.begin(connection, "reconcile", "scheduler", "every night", {})
        runs.end(connection, run, runs.FAILED, "503")
    assert needs_a_person(well)


# ── the scheduler, and what it has read ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("seen", "born", "dead"),
    [
        (timedelta(seconds=5), timedelta(hours=2), False),
        (timedelta(minutes=3), timedelta(hours=2), True),
        (None, timedelta(hours=2), True),
        (None, timedelta(seconds=5), False),
        (timedelta(hours=3), timedelta(seconds=5), False),
    ],
    ids=["it runs", "it stopped", "it never ran", "all was just started", "after a downtime"],
)
def test_a_scheduler_that_does_not_run_needs_a_person(
    well: Run, redis: Redis, seen: timedelta | None, born: timedelta, dead: bool
) -> None:
    a_worker(redis, datetime.now(UTC) - born)
    redis.delete("casewire:swept")
    if seen is not None:
        Queue(redis).swept(datetime.now(UTC) - seen)
    assert needs_a_person(well) == dead
    assert ("it is not running" in lines(well)["scheduler"]) == dead
    assert ("→ casewire scheduler" in lines(well)["scheduler"]) == dead


@pytest.mark.parametrize(("hours", "late"), [(1, False), (5, True)])
def test_a_feed_that_was_not_read_for_long_needs_a_person(
    well: Run, site: Engine, monkeypatch: pytest.MonkeyPatch, hours: int, late: bool
) -> None:
    monkeypatch.setenv("RECURLY_API_KEY", "key")
    read = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=hours)
    with site.begin() as connection:
        missed_changes.looked_through(connection, (SOURCE, SITE), SINCE, read)
    assert needs_a_person(well) == late
    told = lines(well).get("feed", "")
    assert (
        told.startswith(
            f"the changes of recurly:acme were not read completely since {read:%Y-%m-%d %H:%M:%S}"
        )
        == late
    )


def test_what_cannot_be_read_is_said(well: Run, site: Engine) -> None:
    with site.begin() as connection:
        missed_changes.keep_unread(connection, (SOURCE, SITE), [("invoice", "i1")])
    told = lines(well)["not readable"]
    assert told == "1 changed object in 7 days; the last recurly:acme:invoice:i1  → feed_lacks in the log"


def test_what_is_refused_at_the_door_is_said(connected: Run, site: Engine, redis: Redis) -> None:
    forged = (SOURCE, SITE, "bad_signature")
    Queue(redis).refused({forged: 1_200}, {forged: "Compare the secret with RECURLY_WEBHOOK_SECRETS."})
    told = lines(connected)["refused"]
    assert told.startswith("recurly:acme × 1,200 in two hours, the last 2")
    assert told.endswith(": bad_signature. Compare the secret with RECURLY_WEBHOOK_SECRETS.")
    assert json.loads(connected("status", "--json").stdout)["refused"][0]["count"] == 1_200


def test_where_nothing_is_amiss_nothing_is_said(connected: Run, site: Engine) -> None:
    assert not lines(connected).keys() & set(NAMES)
    found = json.loads(connected("status", "--json").stdout)
    assert [found[name] for name in NAMES] == [[], {"days": 7, "count": 0, "last_at": None}, None, []]
