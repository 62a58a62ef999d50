"""The change feed: pages become facts, never older than what is known; and what was no news."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from samples import SITE, SOURCE, one, rows, subject
from sqlalchemy import Engine

from connector.errors import Unavailable
from connector.ledger import snapshots
from connector.models.facts import BillingObject
from connector.sync.refresh import change_feed
from connector.sync.refresh.change_feed import Page
from sync.fake_api import FakeApi
from sync.world import account, at, invoice

HERE = (SOURCE, SITE)


def read(engine: Engine, api: FakeApi, kind: str = "account") -> list[Page]:
    return list(change_feed.pages(engine, api, kind, None))


def people(*days: int) -> list[BillingObject]:
    return [account(id=f"a{day}", code=f"c{day}", updated_at=at(day)) for day in days]


def known(engine: Engine, *objects: BillingObject) -> None:
    with engine.begin() as connection:
        snapshots.store(connection, *HERE, snapshots.clock(connection), objects)


def ids(objects: Sequence[BillingObject]) -> list[str]:
    return [one_.id for one_ in objects]


def test_the_pages_are_in_the_order_of_the_changes_and_tell_where_to_go_on(engine: Engine) -> None:
    found = read(engine, FakeApi(people(3, 1, 2)))
    assert [ids(page.objects) for page in found] == [["a1", "a2"], ["a3"]]
    assert [page.until for page in found] == [at(2), at(3)]


def test_each_page_is_observed_when_it_was_asked_for(engine: Engine) -> None:
    first, second = read(engine, FakeApi(people(1, 2, 3)))
    assert first.observed_at < second.observed_at


def test_a_page_that_was_asked_for_earlier_does_not_overwrite_what_is_newer(engine: Engine) -> None:
    (page,) = read(engine, FakeApi(people(1)))
    known(engine, account(id="a1", code="c1", updated_at=at(2), company="Newer"))
    change_feed.keep(engine, HERE, page)
    assert one(engine, "SELECT data->>'company' AS company FROM snapshot").company == "Newer"


def test_news_is_what_the_ledger_did_not_have_or_had_older(engine: Engine) -> None:
    same, newer, unknown, older = people(1, 2, 3, 4)
    known(engine, same, replace(newer, updated_at=at(1)), replace(older, updated_at=at(9)))
    page = Page("account", (same, newer, unknown, older), at(10), at(4))
    assert ids(change_feed.news(engine, HERE, page)) == ["a2", "a3"]
    change_feed.keep(engine, HERE, page)
    assert change_feed.news(engine, HERE, page) == [], "read twice it is no news"


def test_whose_they_are(engine: Engine) -> None:
    owners = change_feed.owners(
        HERE, [account(code="bob"), invoice(account_code="eve"), invoice(account_code="bob")]
    )
    assert [(due.key, due.code) for due in owners] == [(subject("bob"), "bob"), (subject("eve"), "eve")]


def test_what_was_read_before_the_site_went_away_is_kept(engine: Engine) -> None:
    api = FakeApi(people(1, 2, 3))
    walk = change_feed.pages(engine, api, "account", None)
    change_feed.keep(engine, HERE, next(walk))
    api.down = Unavailable("recurly:acme", "503")
    with pytest.raises(Unavailable):
        next(walk)
    assert [row.id for row in rows(engine, "SELECT id FROM snapshot ORDER BY id")] == ["a1", "a2"]
