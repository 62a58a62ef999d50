"""Lists stay in order while the site changes, however large it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.recurly.objects import Account, Invoice, Transaction
from sandbox.recurly.scenarios import crowds
from sandbox.recurly.scenarios.orders import BadOrder, Order, read
from sandbox.recurly.site import Site

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    crowds.populate(made, Order(seed=1, at=AT, accounts=6, invoices=3))
    yield made
    made.close()


def in_order(site: Site, field: str = "updated_at") -> list[Account]:
    with site.store.held():
        return list(site.store.ordered(Account, field, None)[1])


def test_a_change_moves_an_object_to_its_new_place(site: Site) -> None:
    first = in_order(site)[0]
    changed = site.store.change(replace(first, company="Other"), AT + timedelta(days=1))
    assert in_order(site)[-1] == changed
    assert in_order(site) == sorted(
        site.store.rows(Account), key=lambda one: (int(one.updated_at.timestamp()), one.id)
    )
    assert changed in in_order(site, "created_at")


def test_what_is_added_or_gone_is_in_the_order_or_not(site: Site) -> None:
    gone = in_order(site)[2]
    site.store.remove(gone)
    crowds.populate(site, Order(seed=2, at=AT, accounts=2))
    found = in_order(site)
    assert gone not in found
    assert len(found) == 7
    keys, rows = site.store.ordered(Account, "updated_at", None)
    assert keys == sorted(keys)
    assert [key[1] for key in keys] == [row.id for row in rows]


def test_everybody_of_a_population_has_paid_for_so_many_periods(site: Site) -> None:
    for account in site.store.rows(Account):
        invoices = site.store.rows(Invoice, account_id=account.id)
        assert [one.state for one in invoices] == ["paid"] * 3
        assert len({one.number for one in invoices}) == 3
        assert len(site.store.rows(Transaction, account_id=account.id)) == 3


def test_an_order_of_no_invoices_is_refused() -> None:
    with pytest.raises(BadOrder, match="invoices must be a whole number, 1 or more"):
        read({"invoices": 0}, 1)
