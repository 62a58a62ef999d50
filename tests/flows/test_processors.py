"""Recurly and the payment processors together: who speaks first, who is away, and what is left of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.cli.local_stack import Stack
from connector.mappers.fields import Case, Dispute
from flows.playing import cue, fault, mended, play, scalar, settled, started, tell, wait_for, worked

ACCOUNTS = 40
MINUTES_OF_FAILURES = 5
PAUSE = 120_000
"""Milliseconds after each step of a story, or until the cue."""
RETRIED_AFTER = timedelta(days=0.1)


def of_rule(running: Stack, rule: str, **match: object) -> list[dict[str, Any]]:
    wanted = {Case.RULE: rule, **match}
    return [
        row
        for row in running.vendors.records("Case")
        if all(row[name] == value for name, value in wanted.items())
    ]


@pytest.mark.slow
def test_a_dispute_that_comes_before_its_payment_joins_by_itself(flow: Stack) -> None:
    """Its record is there before its account is known; afterwards nothing tells that it ever waited. Recurly is away
    meanwhile: otherwise it would be asked for the invoice, and would know it."""
    fault(flow, "recurly", "unavailable", times=1000)
    told = threading.Thread(
        target=lambda: expected.extend(tell(flow, ["dispute_before_recurly"], step_pause_ms=PAUSE))
    )
    expected: list[dict[str, Any]] = []
    told.start()
    waiting = wait_for(lambda: flow.vendors.records(Dispute.OBJECT), "the dispute is in Salesforce")
    assert [(row[Dispute.ACCOUNT], row[Dispute.JOINED_BY]) for row in waiting] == [(None, None)]
    mended(flow, "recurly")
    cue(flow, times=2)
    told.join()
    worked(flow, expected)
    (dispute,) = flow.vendors.records(Dispute.OBJECT)
    assert dispute[Dispute.ACCOUNT]
    assert dispute[Dispute.JOINED_BY].startswith("gateway reference ")
    assert scalar(flow, "SELECT count(*) FROM subject WHERE key LIKE '%:dispute:%'") == 0


@pytest.mark.slow
def test_an_outage_makes_one_case_while_it_lasts_and_afterwards_only_those_that_are_needed(
    flow: Stack,
) -> None:
    """Told as if it were now: the failures are minutes old when they come, the retries not made yet."""
    now = datetime.now(UTC).replace(microsecond=0)
    at = now + RETRIED_AFTER - timedelta(minutes=MINUTES_OF_FAILURES)
    played: list[dict[str, Any]] = []
    how = {"count": ACCOUNTS, "at": at.isoformat(), "step_pause_ms": PAUSE}
    story = threading.Thread(target=lambda: played.append(play(flow, "gateway_outage", **how)))
    story.start()
    wait_for(lambda: scalar(flow, "SELECT count(*) FROM event") == 5 * ACCOUNTS, "all have failed")
    wait_for(flow.quiet, "and are worked")
    (incident,) = of_rule(flow, "incident")
    assert (incident[Case.STATE], incident[Case.AFFECTED]) == ("open", ACCOUNTS)
    assert of_rule(flow, "payment_failed", **{Case.STATE: "open"}) == []
    cue(flow, times=2)
    story.join()
    worked(flow, played[0]["expect"])
    assert [row[Case.STATE] for row in of_rule(flow, "incident")] == ["resolved"]
    failing = of_rule(flow, "payment_failed", **{Case.STATE: "open"})
    assert [row[Case.PARENT] for row in failing] == [incident["Id"]] * (ACCOUNTS // 10)


@pytest.mark.slow
def test_a_processor_that_does_not_answer_holds_nothing_up(flow: Stack) -> None:
    """What its events carry is worked; what they lack is asked for when it is back."""
    fault(flow, "processors", "unavailable", times=3)
    expected = tell(flow, ["chargeback_won", "mandate_lost"])
    wait_for(lambda: of_rule(flow, "dispute"), "the dispute has its case")
    mended(flow, "processors")
    wait_for(lambda: of_rule(flow, "bank_debit"), "the mandate is joined by what was asked for")
    worked(flow, expected)


@pytest.fixture
def impatient(home: Path) -> Iterator[Stack]:
    """A Casewire whose policy asks a person at once about what is not joined."""
    policy = home / "impatient.toml"
    policy.write_text("[joining]\nwait_minutes = 0\n")
    with started(home, changes={"CASEWIRE_POLICY": str(policy)}) as running:
        yield running


@pytest.mark.slow
def test_the_case_of_an_unknown_account_becomes_the_accounts_own(impatient: Stack) -> None:
    """Triage has it first; when the account is known it is the same case, in the queue it belongs to."""
    fault(impatient, "recurly", "unavailable", times=1000)
    story = threading.Thread(target=lambda: tell(impatient, ["dispute_before_recurly"]))
    story.start()
    (before,) = wait_for(lambda: of_rule(impatient, "dispute"), "triage is asked")
    mended(impatient, "recurly")
    assert (before["AccountId"], before[Case.STATE]) == (None, "open")
    story.join()
    assert settled(impatient)
    (after,) = of_rule(impatient, "dispute")
    assert after["Id"] == before["Id"]
    assert after["AccountId"]
    queues = {row["Id"]: row["DeveloperName"] for row in impatient.vendors.records("Group")}
    assert (queues[before["OwnerId"]], queues[after["OwnerId"]]) == ("Billing_Triage", "Billing_Disputes")
    assert "not known" in before["Subject"]
    assert "not known" not in after["Subject"]
