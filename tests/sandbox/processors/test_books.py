"""What the processors hold is what Recurly knows of, unless a test says otherwise; and what it says shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import requests

from connector.clients.processors import CLIENTS
from connector.models.facts import Kind, ProcessorObject, Status
from sandbox.processors.objects import STATUSES
from sandbox.recurly.scenarios import STORIES

if TYPE_CHECKING:
    from conftest import Town

END = datetime(2026, 11, 21, tzinfo=UTC)
BEGINNING = END - timedelta(days=500)
KINDS = {"purchase": Kind.CHARGE, "refund": Kind.REFUND}
STANDS = {
    "success": {Status.SUCCEEDED},
    "processing": {Status.PENDING},
    "declined": {Status.FAILED, Status.RETURNED},
}
GATEWAYS = {"braintree_v_zero": "braintree", "authorize_net": "authorizenet"}
LISTED = [("stripe", one) for one in (Kind.CHARGE, Kind.REFUND, Kind.DISPUTE)] + [
    ("braintree", Kind.CHARGE),
    ("braintree", Kind.REFUND),
    ("braintree", Kind.DISPUTE),
    ("gocardless", Kind.CHARGE),
    ("gocardless", Kind.REFUND),
    ("authorizenet", Kind.CHARGE),
    ("authorizenet", Kind.REFUND),
]
Key = tuple[str, Kind, str]


def listed(town: Town, source: str, kind: Kind) -> dict[str, ProcessorObject]:
    made = CLIENTS[source](town.settings()[source])
    assert made
    return {one.id: one for page in made.listed(kind, BEGINNING, END) for one in page}


def everything(town: Town) -> dict[Key, ProcessorObject]:
    kinds = KINDS.values()
    return {
        (source, kind, id_): one
        for source in CLIENTS
        for kind in kinds
        for id_, one in listed(town, source, kind).items()
    }


def payments(town: Town) -> dict[Key, dict[str, Any]]:
    """Recurly's, as far as they went through a processor that lists; a card that was only tried moves no money."""
    rows = town.plane("GET", "records/transaction", server="recurly")
    found = {}
    for row in rows:
        gateway = row["payment_gateway"]["type"]
        source = GATEWAYS.get(gateway, gateway)
        if source in CLIENTS and row["type"] in KINDS:
            found[source, KINDS[row["type"]], row["gateway_reference"]] = row
    return found


def agrees(row: dict[str, Any], one: ProcessorObject) -> bool:
    return (
        one.amount == Decimal(str(row["amount"]))
        and one.currency in (row["currency"], None)
        and one.opened_at == datetime.fromisoformat(row["created_at"])
        and one.status in STANDS[row["status"]]
    )


@pytest.mark.parametrize("story", [story.name for story in STORIES])
def test_in_a_story_recurly_and_the_processors_agree(town: Town, story: str) -> None:
    town.play(story, count=3)
    known, found = payments(town), everything(town)
    assert set(known) == set(found)
    differing = {key[1] for key, row in known.items() if not agrees(row, found[key])}
    # the one story about a refund that Recurly believes to have arrived
    assert differing == ({Kind.REFUND} if story == "refund_fails_at_bank" else set())


def test_in_a_population_recurly_and_the_processors_agree(town: Town) -> None:
    town.play("population", accounts=40)
    known, found = payments(town), everything(town)
    assert len(known) > 25
    assert set(known) == set(found)
    assert all(agrees(row, found[key]) for key, row in known.items())


def edit(town: Town, source: str, kind: Kind, id_: str, do: str, **given: Any) -> dict[str, Any]:
    body = {"do": do, "source": source, "object": kind, "id": id_, "set": given}
    told: dict[str, Any] = town.plane("POST", "books", body)
    return told


def added(town: Town, source: str, kind: Kind, id_: str) -> dict[str, Any]:
    """One that nobody else knows."""
    given = {"amount": "66.60", "currency": "USD", "created_at": "2026-11-03T12:00:00Z"}
    if kind is Kind.CHARGE:
        return edit(town, source, kind, id_, "add", customer="c1", invoice=4711, **given)
    given |= {"charge_id": "ch_1"}
    if kind is Kind.REFUND:
        return edit(town, source, kind, id_, "add", **given)
    more = {"due_at": "2026-11-13T12:00:00Z", "updated_at": "2026-11-03T12:00:00Z"}
    return edit(town, source, kind, id_, "add", reason="fraudulent", code="10.4", **given, **more)


@pytest.mark.parametrize(("source", "kind"), LISTED)
def test_what_is_put_in_changed_and_taken_out_shows_in_the_list(town: Town, source: str, kind: Kind) -> None:
    told = added(town, source, kind, "777")
    assert (told["id"], told["amount"]) == ("777", "66.60")
    (one,) = listed(town, source, kind).values()
    assert (one.id, one.amount, one.opened_at) == (
        "777",
        Decimal("66.60"),
        datetime(2026, 11, 3, 12, tzinfo=UTC),
    )

    other = "lost" if kind is Kind.DISPUTE else "pending"
    edit(town, source, kind, "777", "change", amount="60.00", currency="EUR", status=other)
    edit(town, source, kind, "777", "change", created_at="2026-11-04T12:00:00+01:00")
    (one,) = listed(town, source, kind).values()
    assert (one.amount, one.status, one.opened_at) == (
        Decimal("60.00"),
        Status(other),
        datetime(2026, 11, 4, 11, tzinfo=UTC),
    )
    assert one.currency == (None if source == "authorizenet" else "EUR")

    edit(town, source, kind, "777", "remove")
    assert listed(town, source, kind) == {}


@pytest.mark.parametrize(("source", "kind"), LISTED)
def test_every_processor_has_a_word_for_every_status(town: Town, source: str, kind: Kind) -> None:
    added(town, source, kind, "777")
    for status in STATUSES[kind]:
        edit(town, source, kind, "777", "change", status=status)
        found = list(listed(town, source, kind).values())
        # Authorize.Net's lists do not tell a declined refund from a declined payment
        hidden = (source, kind, status) == ("authorizenet", Kind.REFUND, "failed")
        assert [one.status is not None for one in found] == ([] if hidden else [True])


def test_nothing_is_announced(town: Town) -> None:
    added(town, "stripe", Kind.CHARGE, "ch_1")
    edit(town, "stripe", Kind.CHARGE, "ch_1", "remove")
    assert town.settled() == []


@pytest.mark.parametrize(
    ("more", "status", "told"),
    [
        ({"do": "burn"}, 400, "do must be one of remove, change, add"),
        ({"object": "payout"}, 400, "object must be one of charge, refund, dispute"),
        ({"source": "bank"}, 400, "source must be one of stripe"),
        ({"id": 7}, 400, "id must be a text"),
        ({"set": []}, 200, ""),
        ({"set": "much"}, 400, "set must be an object"),
        ({"set": {"colour": "red"}}, 400, "a charge has no colour to set; it has amount"),
        ({"set": {"id": "ch_2"}}, 400, "a charge has no id to set"),
        ({"set": {"amount": 12.5}}, 400, 'amount must be an amount as a text ("12.50"), not 12.5'),
        ({"set": {"amount": "-1"}}, 400, "amount must be an amount"),
        ({"set": {"created_at": "2026-11-03"}}, 400, "created_at must be a time with an offset"),
        ({"set": {"invoice": "7"}}, 400, "invoice must be a whole number"),
        ({"set": {"disputed": 1}}, 400, "disputed must be true or false"),
        ({"set": {"status": "won"}}, 400, "status must be one of failed, held"),
        ({"set": {"currency": None}}, 400, "currency must be a text"),
        ({"set": {"code": None}}, 200, ""),
        ({"id": "ch_2"}, 404, "stripe has no charge ch_2"),
        ({"do": "add"}, 400, "stripe has a charge ch_1 already"),
        (
            {"do": "add", "id": "ch_2", "set": {"amount": "1"}},
            400,
            "set lacks currency, customer, created_at",
        ),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    town: Town, more: dict[str, Any], status: int, told: str
) -> None:
    added(town, "stripe", Kind.CHARGE, "ch_1")
    before = town.records("charge")
    body = {"do": "change", "source": "stripe", "object": "charge", "id": "ch_1", **more}
    answer = requests.post(f"{town.processors}/__sandbox__/books", json=body, timeout=10)
    assert (answer.status_code, answer.json().get("error", "")[: len(told)]) == (status, told)
    assert town.records("charge") == before
