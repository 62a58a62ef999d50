"""Lists: pages, order, times, filters, ids."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import recurly

from sandbox.recurly import Site
from sandbox.recurly.limits import RateLimit
from sandbox.recurly.objects import Account

if TYPE_CHECKING:
    from conftest import LocalClient, Plane


@pytest.fixture(autouse=True)
def population(plane: Plane) -> None:
    plane.play("population", accounts=45, prefix="p-")


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("sort", ["created_at", "updated_at"])
@pytest.mark.parametrize("limit", [1, 20, 45, 200])
def test_pages_hold_every_row_once_and_in_order(
    client: LocalClient, sort: str, order: str, limit: int
) -> None:
    pages = list(client.list_accounts(params={"limit": limit, "sort": sort, "order": order}).pages())
    rows = [row for page in pages for row in page]
    assert len({row.id for row in rows}) == len(rows) == 45
    assert all(len(page) == limit for page in pages[:-1])
    moments = [getattr(row, sort) for row in rows]
    assert moments == sorted(moments, reverse=order == "desc")


def test_a_row_that_changes_while_one_pages_by_update_is_told_again(client: LocalClient, site: Site) -> None:
    pages = client.list_accounts(params={"limit": 20, "sort": "updated_at", "order": "asc"}).pages()
    first = next(pages)
    moved = site.store.must(Account, first[0].id)
    site.store.change(moved, datetime(2026, 11, 21, tzinfo=UTC))
    rest = [row.id for page in pages for row in page]
    assert rest[-1] == first[0].id
    assert len(first) + len(rest) == 46


def test_times_bound_the_field_that_is_sorted_by_inclusively(client: LocalClient) -> None:
    rows = list(client.list_invoices(params={"limit": 200, "sort": "updated_at", "order": "asc"}).items())
    begin, end = rows[10].updated_at, rows[30].updated_at
    params = {"limit": 7, "sort": "updated_at", "order": "asc", "begin_time": begin, "end_time": end}
    expected = [row.id for row in rows if begin <= row.updated_at <= end]
    assert [row.id for row in client.list_invoices(params=dict(params)).items()] == expected
    assert client.list_invoices(params=dict(params)).count() == len(expected)
    naive = {"begin_time": begin.replace(tzinfo=None).isoformat(), "sort": "updated_at"}
    assert client.list_invoices(params=naive).count() == sum(row.updated_at >= begin for row in rows)


def test_filters_narrow(client: LocalClient, plane: Plane) -> None:
    plane.play("renewal_lost")
    plane.play("customer_cancels")
    plane.play("renewal_fails_hard")

    def states(name: str, field: str, **params: Any) -> set[Any]:
        rows = getattr(client, f"list_{name}")(params={"limit": 200, **params}).items()
        return {getattr(row, field) for row in rows}

    assert states("invoices", "type", type="credit") == {"credit"}
    assert states("invoices", "type", type="non-legacy") == {"credit", "charge"}
    assert states("invoices", "state", state="past_due") == {"past_due"}
    assert states("subscriptions", "state", state="canceled") == {"canceled"}
    assert states("subscriptions", "state", state="live") == {"active", "canceled"}
    assert states("subscriptions", "state", state="in_trial") == set()
    assert states("transactions", "status", success="false") == {"declined"}
    assert states("transactions", "type", type="payment") == {"purchase"}
    assert states("accounts", "has_past_due_invoice", past_due="true") == {True}
    assert states("accounts", "has_live_subscription", subscriber="false") == {False}
    some = client.list_accounts(params={"limit": 1}).first()
    assert states("accounts", "email", email=some.email) == {some.email}


@pytest.mark.parametrize(
    "params",
    [
        {"limit": 0},
        {"limit": 201},
        {"limit": "many"},
        {"sort": "code"},
        {"order": "up"},
        {"begin_time": "yesterday"},
        {"cursor": "x"},
        {"state": "lost"},
        {"ids": "a", "limit": 2},
        {"ids": ",".join(f"id{n}" for n in range(201))},
    ],
)
def test_what_recurly_would_not_accept_is_a_bad_request(client: LocalClient, params: dict[str, Any]) -> None:
    with pytest.raises(recurly.errors.BadRequestError) as caught:
        list(client.list_invoices(params=params).items())
    assert caught.value.error.params[0]["param"] == next(iter(params))


def test_ids_find_up_to_two_hundred_and_ignore_the_unknown(client: LocalClient) -> None:
    rows = list(client.list_transactions(params={"limit": 200}).items())
    asked = [row.id for row in rows] + ["unknown", f"uuid-{rows[0].uuid}"]
    found = list(client.list_transactions(params={"ids": asked}).items())
    assert {row.id for row in found} == {row.id for row in rows}
    assert client.list_transactions(params={"ids": asked}).count() == len(rows)


def test_ids_within_an_account_find_only_its_own(client: LocalClient) -> None:
    mine, other = next(client.list_invoices(params={"limit": 2}).pages())
    found = client.list_account_invoices(mine.account.id, params={"ids": [mine.id, other.id]}).items()
    assert [row.id for row in found] == [mine.id]


def test_credit_payments_know_no_ids(client: LocalClient) -> None:
    with pytest.raises(recurly.errors.BadRequestError):
        client.list_credit_payments(params={"ids": ["a"]}).first()


def test_the_window_of_the_rate_limit_slides() -> None:
    now = [1000.0]
    limit = RateLimit(2, 10, clock=lambda: now[0])
    assert limit.take().remaining == 1
    now[0] = 1004.0
    assert limit.take().remaining == 0
    refused = limit.take()
    assert (refused.wait, refused.reset) == (6, 1010)
    now[0] = 1010.0
    again = limit.take()
    assert (again.wait, again.remaining, again.reset) == (0, 0, 1014)
    assert limit.take().wait == 4
