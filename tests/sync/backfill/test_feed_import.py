"""Where reading goes on: behind what it read, and never behind what it has not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import pytest
from samples import SITE, SOURCE
from sqlalchemy import Engine

from connector.errors import SetupError
from connector.sync.backfill import BackfillOptions
from connector.sync.backfill.feed_import import prefetch
from connector.sync.refresh import change_feed
from sync.fake_api import Answer, FakeApi
from sync.world import at, invoice, payment

from .place import Counted, Place


@dataclass
class Embedding(FakeApi):
    """An invoice comes with its payment, which changed later than the next invoice."""

    def changed(self, kind: str, since: datetime | None) -> Iterator[Answer]:
        yield Answer((invoice(updated_at=at(3)), payment(updated_at=at(20))))


def test_what_comes_inside_an_object_does_not_say_how_far_the_feed_was_read(engine: Engine) -> None:
    (page,) = change_feed.pages(engine, Embedding(), "invoice", None)
    assert page.until == at(3)


def test_the_next_page_is_fetched_while_this_one_is_worked() -> None:
    fetched: list[int] = []

    def pages() -> Iterator[int]:
        for number in (1, 2, 3):
            fetched.append(number)
            yield number

    assert list(prefetch(pages())) == fetched == [1, 2, 3]


def test_what_fetching_raises_comes_behind_the_pages_before_it() -> None:
    def pages() -> Iterator[int]:
        yield 1
        raise SetupError("no key")

    coming = prefetch(pages())
    assert next(coming) == 1
    with pytest.raises(SetupError):
        next(coming)


def test_a_site_without_a_key_is_named(engine: Engine) -> None:
    place = Place(engine, Counted([]))
    place.begin(BackfillOptions(((SOURCE, SITE), (SOURCE, "eu"))))
    with pytest.raises(SetupError, match="Site eu has no API key"):
        place.run()
