"""The stories: the same for the same seed, the same in the end however they are sent, and true to Recurly."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from connector.mappers import fields
from sandbox.recurly.kinds import XML_ROOTS
from sandbox.recurly.scenarios import SCENARIOS, STORIES
from sandbox.recurly.scenarios.people import PERSONAS

if TYPE_CHECKING:
    from conftest import Plane, Receiver

NAMES = [story.name for story in STORIES]
RULES = {
    "payment_failed",
    "payment_method",
    "cancellation",
    "refund",
    "chargeback",
    "unapplied_credit",
    "dispute",
    "payout",
    "fraud_warning",
    "bank_debit",
    "incident",
}
FACTS = Path(__file__).resolve().parents[3] / "../shared/facts/webhooks.md"
AT = datetime.fromisoformat("2026-11-20T10:00:00Z")


def replay(plane: Plane, name: str, **body: Any) -> tuple[dict[str, Any], dict[str, Any], list[Any]]:
    """By one account unless said otherwise."""
    plane.post("/reset", {})
    told = plane.play(name, **{"count": 1, **body})
    return told, plane.state(), plane.get("/webhooks")["notifications"]


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_tells_the_same_story(plane: Plane, name: str) -> None:
    assert replay(plane, name) == replay(plane, name)


def test_a_cue_ends_the_pause_after_a_step(plane: Plane) -> None:
    """Its three steps would pause for an hour."""
    for _ in range(3):
        plane.post("/cue", {})
    assert plane.play("renewal_fails_then_recovers", count=1, step_pause_ms=20 * 60 * 1000)["notifications"]


@pytest.mark.parametrize("name", NAMES)
def test_what_was_played_before_changes_nothing(plane: Plane, name: str) -> None:
    alone = replay(plane, name)[0]
    plane.post("/reset", {})
    plane.play("renewal_lost", seed=99, count=3)
    assert plane.play(name, count=1) == alone


@pytest.mark.parametrize("name", NAMES)
def test_the_end_does_not_depend_on_how_it_is_sent(plane: Plane, name: str) -> None:
    calm, state, _ = replay(plane, name, count=2)
    wild, wild_state, _ = replay(plane, name, count=2, shuffle=True, duplicates=3, drop=1)
    assert wild_state == state
    assert sorted(wild["notifications"]) == sorted(calm["notifications"])
    assert in_order(wild["processor_events"]) == in_order(calm["processor_events"])
    assert (wild["expect"], wild["accounts"]) == (calm["expect"], calm["accounts"])


def in_order(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(events, key=lambda event: (event["account_code"], event["event_time"]))


@pytest.mark.parametrize("name", NAMES)
def test_another_seed_or_prefix_is_another_story(plane: Plane, name: str) -> None:
    first, other = plane.play(name, count=1), plane.play(name, seed=8, count=1)
    prefixed = plane.play(name, prefix="x-", count=1)
    for told in (other, prefixed):
        assert not set(told["accounts"]) & set(first["accounts"])
        assert not set(told["notifications"]) & set(first["notifications"])
    assert prefixed["accounts"][0].startswith("x-")


@pytest.mark.parametrize("name", NAMES)
def test_time_moves_on_and_ends_at_the_moment_asked_for(plane: Plane, name: str) -> None:
    told, state, notes = replay(plane, name)
    times = [datetime.fromisoformat(note["event_time"]) for note in notes]
    assert times == sorted(set(times))
    processed = [datetime.fromisoformat(event["event_time"]) for event in told["processor_events"]]
    assert processed == sorted(set(processed))
    assert AT - timedelta(days=1, minutes=1) <= max([*times, *processed]) <= AT
    assert not set(times) & set(processed)
    for rows in state.values():
        for row in rows:
            assert (
                datetime.fromisoformat(row["created_at"]) <= datetime.fromisoformat(row["updated_at"]) <= AT
            )


@pytest.mark.parametrize("name", NAMES)
def test_only_recurlys_kinds_are_sent(plane: Plane, name: str) -> None:
    told, _, notes = replay(plane, name)
    assert notes or told["processor_events"]
    assert {note["kind"] for note in notes} <= set(XML_ROOTS)


@pytest.mark.skipif(not FACTS.is_file(), reason="the shared facts are not next to this checkout")
def test_the_kinds_are_those_of_the_facts() -> None:
    known = dict(_rows(FACTS.read_text()))
    # named in 1.3 and 1.6, but without a row of its own in the table
    known["dunning_event.created"] = "new_dunning_event_notification"
    assert {kind: known.get(kind) for kind in XML_ROOTS} == XML_ROOTS


def _rows(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        cells = [cell.strip().strip("`") for cell in line.split("|")]
        if len(cells) == 6 and "." in cells[2]:
            yield cells[2], cells[3]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_expected_is_in_the_words_of_the_crm(plane: Plane, name: str) -> None:
    told = plane.play(name, count=2)
    assert told["expect"]
    for row in told["expect"]:
        assert set(row) == {"object", "match", "count", "fields"}
        known = _fields_of(row["object"])
        assert set(row["match"]) | set(row["fields"]) <= known
        rule = row["match"].get("Billing_Rule__c")
        assert rule is None or rule in RULES
    keys = {v for row in told["expect"] for k, v in row["match"].items() if k in KEYS}
    codes = {f"recurly:sandbox:account:{code}" for code in told["accounts"]}
    assert all(key in codes or OTHER_KEYS.fullmatch(key) for key in keys)


KEYS = ("Billing_Key__c", "Billing_Account_Key__c")
OTHER_KEYS = re.compile(r"stripe:payee:acct_\w+|recurly:sandbox:gateway:worldpay")


def _fields_of(name: str) -> set[str]:
    classes = [value for value in vars(fields).values() if getattr(value, "OBJECT", None) == name]
    assert classes, name
    return {value for value in vars(classes[0]).values() if isinstance(value, str)} | {fields.KEY}


def test_every_rule_is_told_of_open_and_resolved_where_it_can_be(plane: Plane) -> None:
    told = {
        (row["match"].get("Billing_Rule__c"), row["fields"].get("Billing_Outcome__c"))
        for name in NAMES
        for row in plane.play(name, count=10)["expect"]
        if row["object"] == "Case" and row["count"]
    }
    assert told == {
        ("payment_failed", None),
        ("payment_failed", "Recovered"),
        ("payment_failed", "Lost"),
        ("payment_method", None),
        ("payment_method", "Updated"),
        ("cancellation", None),
        ("cancellation", "Saved"),
        ("cancellation", "Lost"),
        ("refund", None),
        ("chargeback", None),
        ("unapplied_credit", None),
        ("dispute", None),
        ("dispute", "Won"),
        ("dispute", "Lost"),
        ("dispute", "Expired"),
        ("dispute", "Withdrawn"),
        ("payout", "Paid"),
        ("bank_debit", None),
        ("fraud_warning", "Refunded"),
        ("fraud_warning", "Reviewed"),
        ("incident", "Recovered"),
    }


def test_a_retried_refund_that_fails_leaves_a_declined_refund_and_open_credit(plane: Plane) -> None:
    plane.play("refund_fails")
    refund = plane.get("/records/transaction")[-1]
    credit = plane.get("/records/invoice")[-1]
    original = plane.get("/records/transaction")[0]
    assert (refund["type"], refund["status"], refund["original_transaction_id"]) == (
        "refund",
        "declined",
        original["id"],
    )
    assert (credit["state"], credit["balance"], credit["previous_invoice_id"]) == (
        "open",
        -24.5,
        original["invoice"]["id"],
    )


def test_a_chargeback_is_an_external_refund_with_a_transaction_that_says_so(plane: Plane) -> None:
    plane.play("chargeback_recorded")
    credit = plane.get("/records/invoice")[-1]
    assert (credit["origin"], credit["state"], credit["total"]) == ("external_refund", "closed", -129.0)
    assert [(t["status"], t["origin"], t["type"]) for t in credit["transactions"]] == [
        ("chargeback", "chargeback", "refund")
    ]
    charge = plane.get("/records/invoice")[0]
    assert (charge["state"], charge["refundable_amount"]) == ("paid", 0.0)


def test_a_card_is_nothing_but_brand_and_last_four(plane: Plane) -> None:
    for name in NAMES:
        plane.play(name, count=1)
    methods = [row["payment_method"] for row in plane.get("/records/transaction")]
    assert methods
    assert not any({"first_six", "number", "routing_number"} & set(method) for method in methods)


def test_stories_speak_many_currencies_and_gateways() -> None:
    assert {"USD", "EUR", "GBP", "JPY", "CHF", "CAD", "AUD", "NZD"} <= {s.cast.currency for s in STORIES}
    assert len({story.cast.gateway.type for story in STORIES}) >= 6
    slugs = {persona.slug for persona in PERSONAS}
    assert {story.cast.persona for story in STORIES} <= slugs | {None}


def test_every_scenario_is_listed_with_its_title(plane: Plane) -> None:
    told = plane.get("/scenarios")
    assert [row["name"] for row in told] == [*NAMES, "population", "news", "burst"]
    assert all(row["title"] and row["description"] for row in told)
    assert {row["name"]: row["count"] for row in told if row["count"] != 1} == {"gateway_outage": 400}
    assert len({s.name for s in SCENARIOS}) == len(SCENARIOS)


def test_playing_the_same_again_is_a_conflict_and_without_a_seed_it_is_not(plane: Plane) -> None:
    for name in ("customer_cancels", "account_closed_and_redacted"):
        plane.play(name)
        assert plane.post(f"/scenarios/{name}", {"seed": 7}).status_code == 409
        first, second = (plane.post(f"/scenarios/{name}", {}).json() for _ in range(2))
        assert first["accounts"] != second["accounts"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"seed": "x"}, "seed must be a whole number"),
        ({"count": 0}, "count must be a whole number"),
        ({"shuffle": 1}, "shuffle must be true or false"),
        ({"drop": -1}, "drop must be a number"),
        ({"at": "soon"}, "at must be an ISO 8601 time"),
        ({"speed": 1}, "unknown key speed"),
    ],
)
def test_an_order_that_cannot_be_is_refused(plane: Plane, body: dict[str, Any], says: str) -> None:
    answer = plane.post("/scenarios/customer_cancels", body)
    assert answer.status_code == 400
    assert says in answer.json()["error"]


def test_an_unknown_scenario_is_not_found(plane: Plane) -> None:
    assert plane.post("/scenarios/happy_end", {}).status_code == 404


def test_a_population_is_silent_and_a_burst_is_five_events_an_account(
    plane: Plane, receiver: Receiver
) -> None:
    plane.put("/webhooks", {"url": receiver.url, "secret": "s"})
    crowd = plane.play("population", accounts=20, prefix="b-")
    assert crowd["notifications"] == []
    told = plane.play("burst", accounts=20, events=100, prefix="b-")
    notes = plane.settled()
    assert sorted(receiver.ids()) == sorted(told["notifications"])
    assert len(told["notifications"]) == 100
    assert set(told["accounts"]) == set(crowd["accounts"])
    assert {note["kind"] for note in notes.values()} <= set(XML_ROOTS)
    per_account = [sum(n["account_code"] == code for n in notes.values()) for code in told["accounts"]]
    assert per_account == [5] * 20
    assert sum(row["count"] for row in told["expect"]) == 4


def test_news_is_one_notification_about_each_customer_of_a_population(
    plane: Plane, receiver: Receiver
) -> None:
    plane.put("/webhooks", {"url": receiver.url, "secret": "s"})
    crowd = plane.play("population", accounts=20, prefix="b-")
    told = plane.play("news", accounts=20, prefix="b-")
    notes = plane.settled().values()
    assert sorted(receiver.ids()) == sorted(told["notifications"])
    assert sorted(note["account_code"] for note in notes) == sorted(crowd["accounts"])
    assert {note["kind"] for note in notes} == {"billing_info.updated"}
    assert told["expect"] == []


def test_no_two_customers_of_a_population_have_one_address(plane: Plane) -> None:
    crowd = plane.play("population", accounts=20, prefix="b-")
    emails = {row["email"] for row in plane.get("/records/account")}
    assert emails == {f"billing@{code}.example" for code in crowd["accounts"]}


def test_a_burst_that_is_not_sent_is_handed_over_signed(plane: Plane, tmp_path: Path) -> None:
    plane.put("/webhooks", {"url": "http://127.0.0.1:9/", "secret": "s"})
    plane.play("population", accounts=3, prefix="b-")
    told = plane.play("burst", accounts=3, events=25, prefix="b-", send=False, duplicates=2)
    assert len(told["notifications"]) == 25
    assert [d["id"] for d in told["deliveries"]] == [i for i in told["notifications"] for _ in range(2)]
    assert all("recurly-signature" in d["headers"] for d in told["deliveries"])
    assert plane.get("/webhooks")["notifications"] == []
    plane.play("population", accounts=3, prefix="c-")
    file = tmp_path / "burst.jsonl"
    told = plane.play("burst", accounts=3, events=15, prefix="c-", send=False, file=str(file))
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["id"] for line in lines] == told["notifications"]
    assert "deliveries" not in told
    plane.play("population", accounts=3, prefix="d-")
    told = plane.play("burst", accounts=3, events=15, prefix="d-", send=False, drop=5)
    kept = [id_ for id_ in told["notifications"] if id_ not in told["dropped"]]
    assert [d["id"] for d in told["deliveries"]] == kept
    assert len(kept) == 10


def test_a_burst_needs_a_population(plane: Plane) -> None:
    answer = plane.post("/scenarios/burst", {"accounts": 5, "prefix": "none-"})
    assert answer.status_code == 400
    assert "play population first" in answer.json()["error"]
