"""The vendors' own clients page through the local lists by themselves; what a vendor refuses is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import braintree
import gocardless_pro
import pytest
import requests
import stripe
from gocardless_pro.errors import InvalidApiUsageError

from sandbox.processors.objects import Charge, Dispute, Refund

if TYPE_CHECKING:
    from conftest import Town

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)


def hold(town: Town, source: str, count: int) -> list[str]:
    """The newest first, as they are listed."""
    prefix = "ch_" if source == "stripe" else ""
    for number in range(count):
        money: dict[str, Any] = {"amount": Decimal(5), "currency": "USD"}
        at = NOON + timedelta(minutes=number)
        row = Charge(source=source, id=f"{prefix}{number}", customer="c", created_at=at, **money)
        town.office.store.put(row)
    return [f"{prefix}{number}" for number in reversed(range(count))]


def at_stripe(town: Town) -> stripe.StripeClient:
    return stripe.StripeClient("sk_test_sandbox", base_addresses={"api": town.processors})


def test_stripes_client_walks_both_ways(town: Town) -> None:
    ids = hold(town, "stripe", 25)
    charges = at_stripe(town).v1.charges
    assert [one.id for one in charges.list().auto_paging_iter()] == ids
    back = charges.list({"ending_before": ids[-1], "limit": 10}).auto_paging_iter()
    assert [one.id for one in back] == ids[-2::-1]
    assert [one.id for one in charges.list({"starting_after": ids[4], "limit": 2})] == ids[5:7]


def test_a_cursor_of_stripes_need_not_be_in_the_window(town: Town) -> None:
    ids = hold(town, "stripe", 10)
    old = {"lt": int(NOON.timestamp()) + 300}
    charges = at_stripe(town).v1.charges
    assert [one.id for one in charges.list({"created": old, "starting_after": ids[0]})] == ids[5:]
    assert [one.id for one in charges.list({"created": old, "ending_before": ids[0]})] == []


def test_an_exact_moment_is_a_window_too(town: Town) -> None:
    hold(town, "stripe", 3)
    found = at_stripe(town).v1.charges.list({"created": int(NOON.timestamp()) + 60})
    assert [one.id for one in found] == ["ch_1"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"limit": 101}, "from 1 to 100"),
        ({"colour": "red"}, "Received unknown parameter: colour"),
        ({"created": {"gte": "yesterday"}}, "Invalid timestamp"),
        ({"expand": ["data.invoice"]}, "cannot be expanded"),
        ({"starting_after": "ch_nobody"}, "No such charge"),
    ],
)
def test_stripe_refuses_what_it_does_not_know(town: Town, asked: Any, told: str) -> None:
    hold(town, "stripe", 1)
    with pytest.raises(stripe.InvalidRequestError, match=told):
        at_stripe(town).v1.charges.list(asked)


def test_a_refund_of_a_payment_that_is_not_in_the_books_is_listed_all_the_same(town: Town) -> None:
    money: dict[str, Any] = {"amount": Decimal(5), "currency": "USD", "created_at": NOON}
    town.office.store.put(Refund(source="stripe", id="re_1", charge_id="ch_gone", **money))
    (found,) = at_stripe(town).v1.refunds.list({"expand": ["data.charge"]})
    assert (found.id, found.charge) == ("re_1", "ch_gone")


def at_gocardless(town: Town) -> Any:
    return gocardless_pro.Client(access_token="sandbox", base_url=town.processors)


def test_gocardless_client_walks_to_the_end(town: Town) -> None:
    ids = hold(town, "gocardless", 25)
    payments = at_gocardless(town).payments
    assert [one.id for one in payments.all({"limit": 10})] == ids
    page = payments.list({"limit": 10, "after": ids[9]})
    assert (page.before, page.after) == (ids[10], ids[19])
    assert [one.id for one in payments.list({"limit": 10, "before": ids[10]}).records] == ids[:10]
    few = payments.list({"created_at[gt]": NOON.isoformat(), "created_at[lte]": "2026-11-03T12:02:00Z"})
    assert [one.id for one in few.records] == ["2", "1"]


@pytest.mark.parametrize(
    "asked", [{"limit": 501}, {"colour": "red"}, {"created_at[gte]": "yesterday"}, {"after": "nobody"}]
)
def test_gocardless_refuses_what_it_does_not_know(town: Town, asked: Any) -> None:
    hold(town, "gocardless", 1)
    with pytest.raises(InvalidApiUsageError):
        at_gocardless(town).payments.list(asked)


def at_braintree(town: Town) -> Any:
    port = town.processors.rpartition(":")[2]
    local = braintree.Environment("local", "127.0.0.1", port, town.processors, False, None)
    keys = {"public_key": "sandbox", "private_key": "sandbox"}
    return braintree.BraintreeGateway(braintree.Configuration(local, "sandbox", **keys))


def test_braintrees_client_searches(town: Town) -> None:
    ids = hold(town, "braintree", 120)
    found = at_braintree(town).transaction.search(braintree.TransactionSearch.created_at >= NOON)
    assert (found.maximum_size, [one.id for one in found.items]) == (120, ids)


def test_a_dispute_of_braintrees_is_found_by_the_day_it_was_received(town: Town) -> None:
    more: dict[str, Any] = {"amount": Decimal(5), "currency": "USD", "reason": "fraud", "code": "83"}
    times = {"due_at": NOON, "created_at": NOON, "updated_at": NOON}
    town.office.store.put(Dispute(source="braintree", id="d1", charge_id="t1", **more, **times))
    received = braintree.DisputeSearch.received_date
    disputes = at_braintree(town).dispute
    assert [one.id for one in disputes.search(received.between(NOON.date(), NOON.date())).disputes] == ["d1"]
    tomorrow = NOON.date() + timedelta(days=1)
    assert list(disputes.search(received.between(tomorrow, tomorrow)).disputes) == []


def test_what_the_local_braintree_cannot_search_by_is_refused(town: Town) -> None:
    with pytest.raises(braintree.exceptions.request_timeout_error.RequestTimeoutError):
        at_braintree(town).transaction.search(braintree.TransactionSearch.order_id == "7")


@pytest.mark.parametrize(
    ("request_", "asked", "code"),
    [
        ("getSettledBatchListRequest", {"firstSettlementDate": "2026-01-01T00:00:00Z"}, "E00003"),
        ("getTransactionListRequest", {"batchId": "7"}, "E00040"),
        ("getUnsettledTransactionListRequest", {"paging": {"limit": 1001, "offset": 1}}, "E00013"),
        ("getUnsettledTransactionListRequest", {}, "I00004"),
    ],
)
def test_authorizenet_says_why_it_lists_nothing(
    town: Town, request_: str, asked: dict[str, Any], code: str
) -> None:
    login = {"name": "sandbox", "transactionKey": "sandbox"}
    body = {request_: {"merchantAuthentication": login, **asked}}
    answer = requests.post(f"{town.processors}/xml/v1/request.api", json=body, timeout=10)
    answer.encoding = "utf-8-sig"
    assert answer.json()["messages"]["message"][0]["code"] == code
