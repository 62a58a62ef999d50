"""How much a list holds is told by one call that brings no page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connector.clients.recurly import RecurlyClient, RecurlyConfig
from sandbox import recurly
from sandbox.control import Control
from sandbox.recurly.scenarios import crowds
from sandbox.recurly.scenarios.orders import Order
from sandbox.server import serve

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_each_kind_is_counted_whole_or_since_a_moment() -> None:
    site = recurly.Site()
    crowds.populate(site, Order(seed=1, at=AT, accounts=3, invoices=2))
    with serve(recurly.create_app(site, Control())) as server:
        client = RecurlyClient(RecurlyConfig("acme", "sandbox", api_url=server.url))
        assert [client.count(kind) for kind in ("account", "invoice", "credit_payment")] == [3, 6, 0]
        assert client.count("invoice", AT - timedelta(days=20)) == 3
        assert client.calls == 4
        client.close()
    site.close()
