"""Vendors that are down, slow, full or forgetful: work waits, nobody is called, nothing is lost or doubled."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connector.cli.local_stack import Stack, casewire
from flows.playing import calls, fault, mended, play, scalar, tell, wait_for, worked

STORIES = (
    "renewal_fails_then_recovers",
    "renewal_fails_hard",
    "customer_cancels_then_reactivates",
    "chargeback_recorded",
    "new_customer_signs_up",
)
DEAD = (
    "SELECT (SELECT count(*) FROM event WHERE status = 'dead') + "
    "(SELECT count(*) FROM subject WHERE status = 'dead')"
)


def _all_written(running: Stack, expectations: list[dict[str, Any]]) -> None:
    worked(running, expectations)
    assert scalar(running, DEAD) == 0


def _waits_for(running: Stack, destination: str, failures: int = 1) -> None:
    """Until its circuit has opened so many times in a row."""
    opened = f"SELECT count(*) FROM circuit WHERE destination = '{destination}' AND failures >= {failures}"
    wait_for(lambda: scalar(running, opened), f"the circuit of {destination} opens {failures} times")


def _costs_no_try(running: Stack, table: str) -> None:
    """Whoever looks whether the vendor is back holds what it would work on, for a moment: all of it, now and then."""
    untried = f"SELECT max(tries) = 0 FROM {table} WHERE lease IS NULL"
    wait_for(lambda: scalar(running, untried), "nothing that waits has been charged a try")


@pytest.mark.slow
def test_salesforce_is_down_for_a_while(flow: Stack) -> None:
    """503 with an HTML page, to everything that is asked in a session."""
    fault(flow, "salesforce", "unavailable", match="/services/data")
    expectations = tell(flow, STORIES)
    _waits_for(flow, "salesforce", failures=2)
    assert scalar(flow, "SELECT count(*) FROM subject WHERE status = 'due'") > 0
    _costs_no_try(flow, "subject")
    assert flow.vendors.records("Account") == []
    mended(flow, "salesforce")
    _all_written(flow, expectations)
    assert scalar(flow, "SELECT count(*) FROM attempt WHERE outcome = 'retry'") == 0
    assert scalar(flow, "SELECT count(*) FROM circuit") == 0


@pytest.mark.slow
def test_recurly_is_down_for_a_while(flow: Stack) -> None:
    fault(flow, "recurly", "unavailable")
    expectations = tell(flow, STORIES)
    _waits_for(flow, "recurly:sandbox", failures=2)
    assert scalar(flow, "SELECT count(*) FROM event WHERE status = 'pending'") > 0
    _costs_no_try(flow, "event")
    mended(flow, "recurly")
    _all_written(flow, expectations)


def test_recurly_says_too_many_requests(flow: Stack) -> None:
    fault(flow, "recurly", "rate_limited", times=2)
    _all_written(flow, tell(flow, STORIES))


def test_a_session_that_is_ended_costs_one_login_for_all_workers(flow: Stack) -> None:
    _all_written(flow, tell(flow, STORIES, prefix="before-"))
    before = calls(flow, "salesforce", "oauth2/token")
    fault(flow, "salesforce", "session_expired", times=1)
    _all_written(flow, tell(flow, STORIES, prefix="after-"))
    assert calls(flow, "salesforce", "oauth2/token") == before + 1


def test_locked_rows_are_written_when_the_lock_is_gone(flow: Stack) -> None:
    fault(flow, "salesforce", "row_lock", match="account:", times=3)
    _all_written(flow, tell(flow, STORIES))


def test_an_answer_that_is_lost_after_the_commit_doubles_nothing(flow: Stack) -> None:
    fault(flow, "salesforce", "drop_after_commit", times=5)
    _all_written(flow, tell(flow, STORIES))


def test_a_daily_limit_is_waited_for_and_an_admin_can_try_at_once(flow: Stack) -> None:
    fault(flow, "salesforce", "daily_limit")
    told = play(flow, "renewal_fails_hard")
    _waits_for(flow, "salesforce")
    status = casewire(flow.environment, "status", "--json")
    circuit = json.loads(status.stdout)["circuits"][0]
    assert (circuit["destination"], circuit["code"]) == ("salesforce", "REQUEST_LIMIT_EXCEEDED")
    used = calls(flow, "salesforce", "vXX.0")
    expectations = told["expect"] + tell(flow, ["customer_cancels"])
    wait_for(
        lambda: scalar(flow, "SELECT count(*) FROM event WHERE status = 'pending'") == 0, "all is fetched"
    )
    assert calls(flow, "salesforce", "vXX.0") == used

    mended(flow, "salesforce")
    done = casewire(flow.environment, "resync", told["accounts"][0], "--apply")
    assert done.returncode == 0, done.stderr
    _all_written(flow, expectations)
