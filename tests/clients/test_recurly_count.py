"""How much a list holds is told by one call that brings no page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connector.clients.recurly import RecurlyClient, RecurlyConfig
from sandbox import recurly
from sandbox.control import Control
from sandbox.recurly.scenarios import crowds
from sandbox.recurly.scenarios.orders import Order
from sandbox.server import serve

from .scripted import Reply, Scripted

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


def test_a_count_on_a_connection_that_went_stale_is_asked_for_again() -> None:
    """A backfill counts after it has waited for the rate limit, longer than a server keeps an idle connection."""
    reply = Reply(headers={"Recurly-Total-Records": "7"}, then_close=True)
    with Scripted(lambda asked: reply) as server:
        client = RecurlyClient(RecurlyConfig("acme", "sandbox", api_url=server.url))
        assert [client.count("account") for _ in range(3)] == [7, 7, 7]
        assert [one.method for one in server.asked] == ["HEAD"] * 3
        client.close()


def test_what_is_counted_since_a_moment_is_what_the_feed_brings_since_then() -> None:
    """The feed is in the order of changes: an old invoice that was paid today is news."""
    site = recurly.Site()
    crowds.populate(site, Order(seed=1, at=AT, accounts=3, invoices=2))
    with serve(recurly.create_app(site, Control())) as server:
        client = RecurlyClient(RecurlyConfig("acme", "sandbox", api_url=server.url))
        for kind in ("account", "subscription", "invoice"):
            for days in range(0, 400, 8):
                since = AT - timedelta(days=days)
                told = sum(item.object == kind for page in client.changed(kind, since) for item in page.found)
                assert client.count(kind, since) == told, (kind, days)
        client.close()
    site.close()
