"""Cases are worked by people: what they change stays, and what billing proves is said all the same."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.cli.local_stack import Stack, Vendors
from flows.crm import cases
from flows.playing import cue, play, settled, started, verdict, wait_for

STORY = "renewal_fails_then_recovers"
"""Fails, fails again, is paid."""
STEPS = 3
PAUSE = 120_000
"""Milliseconds after each step, or until the cue: an agent works in between."""
SOON = (datetime.now(UTC) + timedelta(days=5, hours=12)).replace(microsecond=0).isoformat()
"""Told to end then, its second failure is after whatever an agent does now, as it would be in life."""


class Agent:
    """Somebody who works cases in Salesforce."""

    def __init__(self, vendors: Vendors) -> None:
        self._url = f"{vendors.salesforce}/services/data/v66.0/sobjects/Case"
        login = requests.post(
            f"{vendors.salesforce}/services/oauth2/token",
            data={"grant_type": "client_credentials"},
            auth=("sandbox", "sandbox"),
            timeout=10,
        )
        # a person at the screen is not sent through the assignment rules, as an API call is unless it says so
        bearer = {"Authorization": f"Bearer {login.json()['access_token']}"}
        self._headers = {**bearer, "Sforce-Auto-Assign": "FALSE"}
        self.id = next(row["Id"] for row in vendors.records("User") if row["Name"] == "Agent One")

    def edits(self, case: dict[str, Any], **values: str) -> None:
        answer = requests.patch(f"{self._url}/{case['Id']}", json=values, headers=self._headers, timeout=10)
        assert answer.status_code == 204, answer.text


@contextmanager
def _told(running: Stack, **how: Any) -> Iterator[Future[dict[str, Any]]]:
    """A story that goes on beside what is done meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        story = pool.submit(play, running, STORY, step_pause_ms=PAUSE, **how)
        try:
            yield story
        finally:
            cue(running, times=STEPS)


def _case(running: Stack, number: int = 0, **values: object) -> dict[str, Any]:
    """The only case, or the second, once it says this."""

    def found() -> dict[str, Any] | None:
        rows = sorted(running.vendors.records("Case"), key=lambda row: str(row["Billing_Key__c"]))
        right = len(rows) > number and all(rows[number][name] == value for name, value in values.items())
        return rows[number] if right else None

    case: dict[str, Any] = wait_for(found, f"a case with {values}")
    return case


@pytest.mark.slow
def test_what_an_agent_changes_survives_and_a_case_resolves_itself(flow: Stack) -> None:
    agent = Agent(flow.vendors)
    with _told(flow) as story:
        case = _case(flow, Billing_Attempts__c=1)
        assert (case["Status"], case["Priority"]) != ("Working", "Low")
        agent.edits(case, Status="Working", Priority="Low", OwnerId=agent.id, Subject="Called, will pay")
        cue(flow)
        later = _case(flow, Billing_Attempts__c=2)
        theirs = {"Status": "Working", "Priority": "Low", "OwnerId": agent.id, "Subject": "Called, will pay"}
        assert {name: later[name] for name in theirs} == theirs
        cue(flow, times=2)
        told = story.result()
    assert settled(flow)
    done = _case(flow, Billing_State__c="resolved", Billing_Outcome__c="Recovered")
    assert {name: done[name] for name in theirs} == {**theirs, "Status": "Closed"}
    assert verdict(flow, told["expect"]).good


@pytest.mark.slow
def test_a_new_failure_after_an_agent_closed_the_case_reopens_it(flow: Stack) -> None:
    agent = Agent(flow.vendors)
    with _told(flow, at=SOON) as story:
        agent.edits(_case(flow, Billing_Attempts__c=1), Status="Closed", OwnerId=agent.id)
        cue(flow)
        again = _case(flow, Billing_Attempts__c=2)
        assert (again["IsClosed"], again["Billing_State__c"]) == (False, "open")
        assert again["OwnerId"] == agent.id
        cue(flow, times=2)
        story.result()
    assert settled(flow)
    assert len(flow.vendors.records("Case")) == 1
    assert _case(flow)["Billing_Outcome__c"] == "Recovered"


@pytest.mark.slow
def test_a_new_failure_gets_a_new_case_where_the_policy_says_link(home: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('[cases]\nafter_close = "link"\n')
    with (
        started(home, changes={"CASEWIRE_POLICY": str(policy)}) as running,
        _told(running, at=SOON) as story,
    ):
        agent = Agent(running.vendors)
        agent.edits(_case(running, Billing_Attempts__c=1), Status="Closed")
        cue(running)
        second = _case(running, 1, Billing_State__c="open")
        first = _case(running, 0, Billing_State__c="resolved", Billing_Outcome__c="Continued")
        assert second["ParentId"] == first["Id"]
        assert (first["Status"], second["Status"]) == ("Closed", "New")
        cue(running, times=2)
        code = story.result()["accounts"][0]
        assert settled(running)
        assert [row["Billing_Outcome__c"] for row in cases(running.vendors, code)] == [
            "Continued",
            "Recovered",
        ]
