"""Deliveries that never came: the change feed tells what they would have told, and silence is noticed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from sqlalchemy import Row, text

from connector.cli.local_stack import SITE, Stack, casewire
from connector.mappers.fields import Account, Event
from flows.crm import Rows, contents, differences
from flows.playing import fresh, play, scalar, verdict, wait_for, worked

ACCOUNTS, DROPPED = 520, 500
STORY = "renewal_fails_hard"
OF_EVENTS = (Account.AS_OF,)
"""What is known may have been told of a second after it changed: a delivery that never came does not say so."""


def told(running: Stack, **how: Any) -> dict[str, Any]:
    """A population that was there before, and news of each of them."""
    fresh(running)
    play(running, "population", accounts=ACCOUNTS)
    return play(running, "news", accounts=ACCOUNTS, **how)


def records(running: Stack) -> Rows:
    """All but the timeline: a delivery that never came is not on it."""
    return {
        key: {name: value for name, value in row.items() if name not in OF_EVENTS}
        for key, row in contents(running.vendors).items()
        if key[0] != Event.OBJECT
    }


def execute(running: Stack, sql: str) -> None:
    with running.engine.begin() as connection:
        connection.exec_driver_sql(sql)


def read_feed(running: Stack) -> dict[str, str]:
    """An hour passes; what the scheduler's look found."""
    name = f"turn:feed:recurly:{running.environment['RECURLY_SITE']}"
    wait_for(
        lambda: scalar(running, f"SELECT count(*) FROM watermark WHERE name = '{name}'"),
        "it has begun to count",
    )
    before = len(lines(running, "feed_walked"))
    execute(running, f"UPDATE watermark SET at = at - interval '61 minutes' WHERE name = '{name}'")
    found: dict[str, str] = wait_for(lambda: lines(running, "feed_walked")[before:], "the feed is read")[0]
    return found


def lines(running: Stack, event: str) -> list[dict[str, str]]:
    """What the log says of such a transition."""
    log = (running.home / "casewire.log").read_text(errors="replace").splitlines()
    return [dict(re.findall(r"(\w+)=(\S+)", line)) for line in log if event in line]


@pytest.mark.slow
def test_500_dropped_deliveries_are_named_and_filled_in(flow: Stack) -> None:
    worked(flow, told(flow)["expect"])
    without_loss = records(flow)
    lost = told(flow, drop=DROPPED)["dropped"]
    assert len(lost) == DROPPED
    wait_for(lambda: scalar(flow, "SELECT count(*) FROM event") == ACCOUNTS - DROPPED, "the others came")
    wait_for(flow.quiet, "they are worked")
    assert differences(without_loss, records(flow))
    for apply in ((), ("--apply", "--reason", "webhooks were lost")):
        asked = casewire(flow.environment, "reconcile", *apply)
        assert f"site {SITE}: {DROPPED} missing of {ACCOUNTS}" in asked.stdout, asked.stderr
    wait_for(flow.quiet, "all is filled in")
    assert differences(without_loss, records(flow)) == []
    again = read_feed(flow)
    assert again["missing"] == "0"


def status(running: Stack) -> tuple[int, dict[str, Any]]:
    done = casewire(running.environment, "status", "--json")
    return done.returncode, json.loads(done.stdout)


def told_attempts(running: Stack) -> Sequence[Row[Any]]:
    with running.engine.connect() as connection:
        return connection.execute(
            text("SELECT trigger, who, written, outcome, subject, run_id FROM attempt ORDER BY id")
        ).all()


def listen_now(running: Stack) -> None:
    execute(running, "DELETE FROM watermark WHERE name = 'turn:silence'")


@pytest.mark.slow
def test_a_site_whose_webhooks_are_switched_off_is_noticed_and_read(flow: Stack) -> None:
    """It spoke every five minutes for eight days, and then no more; meanwhile a renewal failed."""
    quiet, heard = len(lines(flow, "source_silent")), len(lines(flow, "source_speaks_again"))
    endpoint = flow.vendors.control("recurly", "DELETE", "webhooks")
    assert endpoint["url"] is None
    played = play(flow, STORY)
    execute(
        flow,
        f"INSERT INTO heard (source, site, at, events, last_at) SELECT 'recurly', '{SITE}', at, 3, at FROM "
        "generate_series(now() - interval '8 days', now() - interval '1 hour', interval '5 minutes') AS at",
    )
    listen_now(flow)
    (line,) = wait_for(lambda: lines(flow, "source_silent")[quiet:], "the silence is noticed")
    assert line["source"] == "recurly"
    wait_for(lambda: not verdict(flow, played["expect"]).different, "Salesforce says what Recurly says")
    wait_for(flow.quiet, "all is filled in")
    code, told = status(flow)
    assert (code, told["needs_a_person"]) == (1, True)
    assert [one["site"] for one in told["silent"]] == [SITE]
    assert told["missed"]["count"] > 0
    attempts = told_attempts(flow)
    assert ("missed", "scheduler") in {one[:2] for one in attempts if one.written}, attempts[-20:]

    switched_on(flow)
    worked_again = play(flow, "customer_cancels")
    wait_for(lambda: not verdict(flow, worked_again["expect"]).different, "it is worked as ever")
    listen_now(flow)
    wait_for(lambda: lines(flow, "source_speaks_again")[heard:], "it is heard again")
    assert status(flow)[1]["silent"] == []


def switched_on(running: Stack) -> None:
    secret = running.environment["RECURLY_WEBHOOK_SECRETS"]
    endpoint = {"url": f"{running.url}/webhooks/recurly", "secret": secret, "format": "json"}
    running.vendors.control("recurly", "PUT", "webhooks", endpoint)


@pytest.fixture(autouse=True)
def _nothing_is_waited_for(flow: Stack) -> Iterator[None]:
    """What was never sent would be waited for by whoever comes next."""
    yield
    flow.vendors.control("recurly", "POST", "reset")
    switched_on(flow)
