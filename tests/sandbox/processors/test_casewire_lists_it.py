"""Casewire's clients walk the lists of the local processors, by the official libraries, and miss nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from connector.clients.processors import CLIENTS, ProcessorClient, braintree
from connector.errors import Transient, Unavailable
from connector.models.facts import Kind, ProcessorObject, Status
from sandbox.processors.apis import braintree as braintree_api
from sandbox.processors.objects import Charge, Dispute, Refund

if TYPE_CHECKING:
    from conftest import Town

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
PAGES = {"stripe": 100, "braintree": 50, "gocardless": 500, "authorizenet": 1_000}
LISTS = [
    ("stripe", Kind.CHARGE),
    ("stripe", Kind.REFUND),
    ("stripe", Kind.DISPUTE),
    ("braintree", Kind.CHARGE),
    ("braintree", Kind.REFUND),
    ("braintree", Kind.DISPUTE),
    ("gocardless", Kind.CHARGE),
    ("gocardless", Kind.REFUND),
    ("authorizenet", Kind.CHARGE),
    ("authorizenet", Kind.REFUND),
]
EVERY_LIST = pytest.mark.parametrize(("source", "kind"), LISTS)


def client(town: Town, source: str) -> ProcessorClient:
    made = CLIENTS[source](town.settings()[source])
    assert made
    return made


def held(source: str, kind: Kind, number: int, at: datetime) -> Charge | Refund | Dispute:
    """Number ``number`` of its kind, of its amount."""
    money: dict[str, Any] = {"amount": Decimal(number), "currency": "USD", "created_at": at}
    of = f"ch_{number:06}" if source == "stripe" else f"{number:06}"
    if kind is Kind.CHARGE:
        return Charge(source=source, id=of, customer="c1", invoice=1000 + number, **money)
    if kind is Kind.REFUND:
        return Refund(source=source, id=f"9{number:06}", charge_id=of, **money)
    more: dict[str, Any] = {"reason": "fraudulent", "code": "10.4", "due_at": at + DAY, "updated_at": at}
    return Dispute(source=source, id=f"d{number}", charge_id=of, **more, **money)


def hold(town: Town, source: str, kind: Kind, times: Iterable[datetime]) -> list[str]:
    """Their ids."""
    rows = [held(source, kind, number, at) for number, at in enumerate(times, 1)]
    for row in rows:
        town.office.store.put(row)
    return [row.id for row in rows]


def listed(
    town: Town, source: str, kind: Kind, since: datetime = NOON, until: datetime = NOON + DAY
) -> list[ProcessorObject]:
    return [one for page in client(town, source).listed(kind, since, until) for one in page]


def by_the_minute(count: int) -> Iterator[datetime]:
    """Within one day, however many."""
    return (NOON + SECOND * (number * 20) for number in range(count))


def test_every_kind_that_a_client_lists_is_tried_here(town: Town) -> None:
    made = {source: client(town, source) for source in CLIENTS}
    assert {(source, kind) for source in CLIENTS for kind in made[source].lists} == set(LISTS)


@EVERY_LIST
def test_all_of_it_comes_page_by_page_and_once(town: Town, source: str, kind: Kind) -> None:
    size = PAGES[source]
    ids = hold(town, source, kind, by_the_minute(2 * size + 3))
    pages = list(client(town, source).listed(kind, NOON, NOON + DAY))
    assert [len(page) for page in pages] == [size, size, 3]
    assert sorted(one.id for page in pages for one in page) == sorted(ids)
    assert {one.kind for page in pages for one in page} == {kind}


@EVERY_LIST
def test_the_window_begins_with_its_first_moment_and_ends_before_its_last(
    town: Town, source: str, kind: Kind
) -> None:
    until = NOON + 3 * DAY
    times = [NOON - SECOND, NOON, until - SECOND, until]
    _, first, last, _ = hold(town, source, kind, times)
    assert {one.id for one in listed(town, source, kind, NOON, until)} == {first, last}


@EVERY_LIST
def test_a_window_may_begin_within_a_second(town: Town, source: str, kind: Kind) -> None:
    half = timedelta(microseconds=500_000)
    _, first, last, _ = hold(town, source, kind, [NOON, NOON + SECOND, NOON + MINUTE, NOON + MINUTE + SECOND])
    found = listed(town, source, kind, NOON + half, NOON + MINUTE + half)
    assert {one.id for one in found} == {first, last}


@EVERY_LIST
def test_where_there_is_nothing_there_is_no_page(town: Town, source: str, kind: Kind) -> None:
    hold(town, source, kind, [NOON - DAY])
    assert list(client(town, source).listed(kind, NOON, NOON + DAY)) == []


@EVERY_LIST
@pytest.mark.parametrize(
    ("fault", "error"),
    [("unavailable", Unavailable), ("rate_limited", Unavailable), ("drop_after_commit", Transient)],
)
def test_an_error_in_the_middle_is_raised_and_no_half_page_comes(
    town: Town, source: str, kind: Kind, fault: str, error: type[Exception]
) -> None:
    ids = hold(town, source, kind, by_the_minute(PAGES[source] + 1))
    pages = client(town, source).listed(kind, NOON, NOON + DAY)
    assert len(next(pages)) == PAGES[source]
    town.plane("POST", "faults", {"kind": fault, "times": 1})
    with pytest.raises(Transient) as caught:
        next(pages)
    assert type(caught.value) is error
    assert len(listed(town, source, kind)) == len(ids)


@pytest.mark.parametrize(
    ("source", "key"),
    [
        ("stripe", "api_key"),
        ("braintree", "private_key"),
        ("gocardless", "access_token"),
        ("authorizenet", "transaction_key"),
    ],
)
def test_a_key_that_is_refused_is_an_outage(town: Town, source: str, key: str) -> None:
    made = CLIENTS[source](replace(town.settings()[source], **{key: "other"}))
    assert made
    with pytest.raises(Unavailable):
        list(made.listed(Kind.CHARGE, NOON, NOON + DAY))


@pytest.mark.parametrize("source", CLIENTS)
def test_a_kind_that_is_not_listed_is_a_mistake(town: Town, source: str) -> None:
    with pytest.raises(ValueError, match="lists no payout"):
        list(client(town, source).listed(Kind.PAYOUT, NOON, NOON + DAY))


@EVERY_LIST
def test_what_is_told_is_what_the_books_say(town: Town, source: str, kind: Kind) -> None:
    hold(town, source, Kind.CHARGE, [NOON])
    (id_,) = hold(town, source, kind, [NOON])
    (found,) = listed(town, source, kind)
    silent = source == "authorizenet"
    assert (found.source, found.id, found.opened_at) == (source, id_, NOON)
    assert (found.amount, found.currency) == (Decimal(1), None if silent else "USD")
    assert found.status is (Status.NEEDS_RESPONSE if kind is Kind.DISPUTE else Status.SUCCEEDED)
    paid = "ch_000001" if source == "stripe" else "000001"
    assert (paid in found.references) is not (silent and kind is Kind.REFUND)


@pytest.mark.parametrize("source", CLIENTS)
def test_a_payment_under_way_is_told_as_such(town: Town, source: str) -> None:
    """Where one payment is looked up this is left out: no time dates it."""
    (id_,) = hold(town, source, Kind.CHARGE, [NOON])
    edit = {"do": "change", "source": source, "object": "charge", "id": id_, "set": {"status": "pending"}}
    town.plane("POST", "books", edit)
    assert [one.status for one in listed(town, source, Kind.CHARGE)] == [Status.PENDING]


@pytest.mark.parametrize("source", ["braintree", "authorizenet"])
def test_when_it_was_settled_is_told_where_the_processor_tells_it(town: Town, source: str) -> None:
    hold(town, source, Kind.CHARGE, [NOON])
    assert [one.settles_at for one in listed(town, source, Kind.CHARGE)] == [NOON]


@pytest.mark.parametrize("source", ["stripe", "braintree", "authorizenet"])
def test_the_invoice_number_comes_along(town: Town, source: str) -> None:
    hold(town, source, Kind.CHARGE, [NOON])
    assert [one.invoice_number for one in listed(town, source, Kind.CHARGE)] == ["1001"]


@pytest.mark.parametrize("kind", [Kind.REFUND, Kind.DISPUTE])
def test_stripes_refunds_and_disputes_tell_the_invoice_of_their_payment(town: Town, kind: Kind) -> None:
    hold(town, "stripe", Kind.CHARGE, [NOON])
    hold(town, "stripe", kind, [NOON])
    (found,) = listed(town, "stripe", kind)
    assert (found.invoice_number, found.customer) == ("1001", "c1")
    assert found.references == ("ch_000001", "pi_000001")


@EVERY_LIST
def test_a_long_window_is_walked_without_a_gap(town: Town, source: str, kind: Kind) -> None:
    """Where Braintree's month ends, and Authorize.Net's 31 days."""
    ends = [NOON + days * DAY for days in (30, 31, 60, 62)]
    ids = hold(town, source, kind, [end + near for end in ends for near in (-SECOND, 0 * SECOND)])
    found = [one.id for one in listed(town, source, kind, NOON, NOON + 90 * DAY)]
    assert sorted(found) == sorted(ids)


def test_two_lists_at_a_time_do_not_mix(town: Town) -> None:
    """Braintree's library keeps what was last searched for."""
    ids = hold(town, "braintree", Kind.DISPUTE, by_the_minute(60))
    made = client(town, "braintree")
    walking = made.listed(Kind.DISPUTE, NOON, NOON + DAY)
    first = next(walking)
    assert list(made.listed(Kind.DISPUTE, NOON + 300 * DAY, NOON + 301 * DAY)) == []
    assert {one.id for page in (first, *walking) for one in page} == set(ids)


def test_a_search_that_finds_too_many_is_made_smaller(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond its most a search leaves out the rest and does not say so."""
    monkeypatch.setattr(braintree_api, "MOST", 30)
    monkeypatch.setattr(braintree, "MOST_FOUND", 30)
    ids = hold(town, "braintree", Kind.CHARGE, by_the_minute(200))
    found = [one.id for one in listed(town, "braintree", Kind.CHARGE)]
    assert sorted(found) == sorted(ids)


def test_batches_are_asked_for_by_no_more_than_31_days(town: Town) -> None:
    times = [NOON + number * 9 * DAY for number in range(12)]
    ids = hold(town, "authorizenet", Kind.CHARGE, times)
    found = listed(town, "authorizenet", Kind.CHARGE, NOON, NOON + 100 * DAY)
    assert [one.id for one in found] == ids
    assert town.plane("GET", "calls")["total"] > 12


def test_a_payment_is_found_though_its_batch_was_settled_after_the_window(town: Town) -> None:
    ids = hold(town, "authorizenet", Kind.CHARGE, [NOON, NOON + 60 * MINUTE])
    found = listed(town, "authorizenet", Kind.CHARGE, NOON, NOON + MINUTE)
    assert [(one.id, one.settles_at) for one in found] == [(ids[0], NOON + 60 * MINUTE)]
