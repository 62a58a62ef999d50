"""Three sides that agree, and then differ by hand: each class of discrepancy is found once, and none is invented. And
what a processor's lost webhooks would have told is filled in from its lists."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from openpyxl import load_workbook

from connector.cli.local_stack import Stack, casewire, processor_endpoints
from connector.mappers.fields import Account, Case, Discrepancy, Dispute, Event
from flows.crm import Rows, contents, differences, undated
from flows.playing import cue, fresh, scalar, settled, stories, tell, wait_for, worked

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "reconcile.schema.json"
LEFT_OUT = frozenset({"refund_fails_at_bank", "gateway_outage"})
"""A refund that fails at the customer's bank, of which Recurly does not hear: that is a discrepancy. And many accounts
at a gateway without a list."""
SINCE = ("--since", "60d")


@pytest.fixture
def agreed(flow: Stack) -> Stack:
    """All stories were told, and what they did not announce is filled in."""
    worked(flow, tell(flow, [name for name in stories(flow) if name not in LEFT_OUT], beside=8))
    casewire(flow.environment, "reconcile", *SINCE, "--apply")
    assert settled(flow)
    return flow


def look(running: Stack, *more: str, code: int) -> dict[str, Any]:
    done = casewire(running.environment, "reconcile", *SINCE, "--json", *more)
    assert done.returncode == code, done.stdout + done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    jsonschema.validate(document, json.loads(SCHEMA.read_text()), jsonschema.Draft202012Validator)
    return document


def classes(document: dict[str, Any]) -> dict[str, int]:
    return {one["class"]: one["open"] for one in document["classes"] if one["open"]}


def book(running: Stack, do: str, charge: dict[str, Any], **changed: str) -> None:
    order = {"do": do, "object": "charge", "source": charge["source"], "id": charge["id"], "set": changed}
    running.vendors.control("processors", "POST", "books", order)


def settled_charges(running: Stack, oldest: timedelta) -> list[dict[str, Any]]:
    """Stripe's, of a time that no settlement delay explains any more."""
    found: list[dict[str, Any]] = running.vendors.control("processors", "GET", "records/charge")
    moments = {one["id"]: datetime.fromisoformat(one["created_at"]) for one in found}
    newest = max(moments.values())
    return sorted(
        (
            one
            for one in found
            if (one["source"], one["status"]) == ("stripe", "succeeded")
            and not one["disputed"]
            and timedelta(days=4) < newest - moments[one["id"]] < oldest
        ),
        key=lambda one: str(one["id"]),
    )


def plant(running: Stack) -> list[dict[str, Any]]:
    """One of each class that a processor's books can make; the charges as they were."""
    gone, amount, currency, status, date = chosen = settled_charges(running, timedelta(days=45))[:5]
    book(running, "remove", gone)
    book(running, "change", amount, amount=str(Decimal(amount["amount"]) + 1))
    book(running, "change", currency, currency="CHF")
    book(running, "change", status, status="returned")
    moved = datetime.fromisoformat(date["created_at"]) - timedelta(days=3)
    book(running, "change", date, created_at=moved.isoformat())
    named = ("amount", "currency", "customer", "created_at")
    book(running, "add", {**gone, "id": "ch_of_nobody"}, **{name: gone[name] for name in named})
    return chosen


def mend(running: Stack, chosen: list[dict[str, Any]]) -> None:
    book(running, "remove", {**chosen[0], "id": "ch_of_nobody"})
    book(
        running,
        "add",
        chosen[0],
        **{name: value for name, value in chosen[0].items() if name not in ("id", "source")},
    )
    for one in chosen[1:]:
        names = ("amount", "currency", "status", "created_at")
        book(running, "change", one, **{name: one[name] for name in names})


def cases(running: Stack) -> dict[str, str]:
    found = (row for row in running.vendors.records("Case") if row[Case.RULE] == "discrepancy")
    return {str(row["Billing_Key__c"]).split(":")[3]: str(row[Case.STATE]) for row in found}


@pytest.mark.slow
def test_what_is_planted_is_found_and_nothing_else(agreed: Stack, tmp_path: Path) -> None:
    assert classes(look(agreed, code=0)) == {}
    chosen = plant(agreed)
    expected = {
        "missing_at_processor": 1,
        "missing_in_recurly": 1,
        "amount": 1,
        "currency": 1,
        "status": 1,
        "date": 1,
    }
    assert classes(look(agreed, code=1)) == expected
    assert cases(agreed) == {}
    first = look(agreed, "--apply", "--reason", "month end", code=1)
    assert first["applied"]["refused"] == 0
    assert cases(agreed) == dict.fromkeys(expected, "open")
    rows = agreed.vendors.records(Discrepancy.OBJECT)
    assert sorted(row[Discrepancy.CLASS] for row in rows) == sorted(expected)
    assert all(row[Discrepancy.CASE] for row in rows)
    assert len([row for row in rows if row[Discrepancy.ACCOUNT]]) == 5
    written = tmp_path / "found.xlsx"
    look(agreed, "--xlsx", str(written), code=1)
    sheet = load_workbook(written)["Discrepancies"]
    states = [row[1] for row in sheet.iter_rows(min_row=2, values_only=True)]
    assert states.count("open") == len(expected)
    mend(agreed, chosen)
    look(agreed, "--apply", code=0)
    assert cases(agreed) == dict.fromkeys(expected, "resolved")
    assert {row[Discrepancy.STATE] for row in agreed.vendors.records(Discrepancy.OBJECT)} == {"cleared"}


# What a processor holds and no delivery told of -------------------------------------------------------------------

PAUSE = 120_000
"""Milliseconds after each step of a story, or until the cue."""
MARKS = ("charge.succeeded", "funds_withdrawn", "dispute.updated", "funds_reinstated")
"""The last that Stripe says in each step of a chargeback that is won."""
NOT_LISTED = (Account.AS_OF, Dispute.AS_OF, Case.RESOLVED_AT)
"""A list says how something stands, and not since when."""
ESCALATED = (Case.OWNER, Case.PRIORITY)
"""What the steps of an escalation leave behind, which a dispute that is over when it is heard of never goes through."""
NOT_TOLD = (Dispute.METHOD, Dispute.OPENED_AT, Case.OPENED_AT)
"""A list says how a disputed payment was made, and at Braintree the moment where events say the day."""


@pytest.fixture
def deaf(flow: Stack) -> Iterator[Stack]:
    """Whose processors may be cut off."""
    yield flow
    as_new(flow)


def as_new(running: Stack) -> None:
    """What was never sent would be waited for by whoever comes next."""
    running.vendors.control("recurly", "POST", "reset")
    endpoints(running)
    fresh(running)


def endpoints(running: Stack, *without: str) -> None:
    told = processor_endpoints(running.url, running.environment["STRIPE_WEBHOOK_SECRETS"])
    left = {name: one for name, one in told.items() if name not in without}
    running.vendors.control("processors", "PUT", "webhooks", left)


def contested(running: Stack, lost_after: int) -> None:
    """A chargeback at Stripe is opened, contested and won; after this step no webhook of Stripe's comes any more."""
    story = threading.Thread(target=lambda: tell(running, ["chargeback_won"], step_pause_ms=PAUSE))
    story.start()
    for step, mark in enumerate(MARKS):
        wait_for(partial(was_said, running, mark), mark)
        wait_for(running.quiet, "it is worked")
        if step == lost_after:
            endpoints(running, "stripe")
        cue(running)
    story.join()


def was_said(running: Stack, mark: str) -> bool:
    """Whether it was to be sent."""
    told = running.vendors.control("processors", "GET", "webhooks")["notifications"]
    return any(mark in one["kind"] for one in told)


def filled(running: Stack) -> Rows:
    """All but the timeline, once everything was filled in: a delivery that never came is not on it."""
    done = casewire(
        running.environment, "reconcile", *SINCE, "--apply", "--reason", "a lost webhook", "--json"
    )
    assert json.loads(done.stdout)["not_compared"] == [], done.stderr
    wait_for(running.quiet, "it is filled in")
    return {
        key: {
            name: undated(value, "Won", "Lost") if isinstance(value, str) else value
            for name, value in row.items()
            if name not in _left_out(row)
        }
        for key, row in contents(running.vendors).items()
        if key[0] != Event.OBJECT
    }


def _left_out(row: dict[str, Any]) -> tuple[str, ...]:
    return NOT_LISTED + NOT_TOLD + (ESCALATED if row.get(Case.STATE) == "resolved" else ())


def disputes(running: Stack) -> list[str]:
    """The states of the cases."""
    rows = running.vendors.records("Case")
    return [str(row[Case.STATE]) for row in rows if row[Case.RULE] == "dispute"]


def missing(document: dict[str, Any]) -> dict[str, int]:
    return {one["processor"]: one["missing"] for one in document["missed_at_processors"] if one["missing"]}


@pytest.mark.slow
def test_a_dispute_whose_webhooks_were_lost_has_the_case_it_would_have_had(deaf: Stack) -> None:
    """All of them, or those of its end."""
    contested(deaf, lost_after=len(MARKS))
    as_told = filled(deaf)
    for lost_after, states in ((0, []), (2, ["open"])):
        as_new(deaf)
        contested(deaf, lost_after)
        wait_for(deaf.quiet, "what came is worked")
        assert disputes(deaf) == states
        assert missing(look(deaf, code=1)) == {"stripe": 1}
        assert differences(as_told, filled(deaf)) == []
        assert disputes(deaf) == ["resolved"]
        assert missing(look(deaf, code=0)) == {}
    attempts = "SELECT count(*) FROM attempt JOIN run ON run.id = run_id WHERE run.command = 'reconcile'"
    assert scalar(deaf, attempts) > 0


@pytest.mark.slow
def test_a_dispute_that_only_braintree_knows_of_opens_its_case(deaf: Stack) -> None:
    tell(deaf, ["refund_meets_dispute"])
    assert settled(deaf)
    as_told = filled(deaf)
    as_new(deaf)
    endpoints(deaf, "braintree")
    tell(deaf, ["refund_meets_dispute"])
    wait_for(deaf.quiet, "what came is worked")
    assert disputes(deaf) == []
    assert missing(look(deaf, code=1)) == {"braintree": 1}
    assert differences(as_told, filled(deaf)) == []
    assert disputes(deaf) == ["open"]
    assert missing(look(deaf, code=0)) == {}
