"""``casewire status``: what no delivery told of, who is silent, and when the systems were compared last."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis
from samples import SITE, SOURCE, rows
from sqlalchemy import Engine

from connector.ledger import missed, runs, silences
from connector.ledger.missed import Missing
from connector.queue import Queue

from .conftest import Run

SINCE = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
NAMES = ("silent", "missed", "reconciled", "refused")


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, engine: Engine) -> Engine:
    monkeypatch.setenv("RECURLY_SITE", SITE)
    monkeypatch.setenv("RECURLY_WEBHOOK_SECRETS", "secret")
    return engine


def lines(connected: Run) -> dict[str, str]:
    found = (line.partition("  ") for line in connected("status").stdout.splitlines())
    return {label.strip(): told.strip() for label, _, told in found}


def test_a_source_that_is_silent_needs_a_person(connected: Run, site: Engine) -> None:
    with site.begin() as connection:
        silences.begin(connection, (SOURCE, SITE), SINCE)
        silences.begin(connection, ("stripe", ""), SINCE)
    told = lines(connected)["silent"]
    assert told == f"recurly:acme since {SINCE:%Y-%m-%d %H:%M:%S}: is its webhook endpoint in order?"
    found = json.loads(connected("status", "--json").stdout)
    assert found["needs_a_person"] is True
    assert [(one["source"], one["site"]) for one in found["silent"]] == [(SOURCE, SITE)], (
        "stripe is not set up"
    )


def test_what_was_missed_lately_is_counted(connected: Run, site: Engine) -> None:
    there = [Missing("invoice", f"i{number}", SINCE, "s") for number in range(12)]
    with site.begin() as connection:
        missed.record(connection, (SOURCE, SITE), there, None)
    assert lines(connected)["missed"].startswith(
        "12 changes in 7 days that no delivery told of, all filled in; the last "
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
