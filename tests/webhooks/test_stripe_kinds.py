from __future__ import annotations

from typing import get_args

from stripe.params import WebhookEndpointCreateParams

from connector.sources.stripe import LABELS as STRIPE
from connector.webhooks.stripe.kinds import HANDLED, IGNORED


def test_every_kind_of_stripes_library_is_here() -> None:
    (listed,) = get_args(WebhookEndpointCreateParams.__annotations__["enabled_events"])
    assert HANDLED.keys() | IGNORED.keys() == set(get_args(listed)) - {"*"}


def test_no_kind_is_both_handled_and_ignored() -> None:
    assert not HANDLED.keys() & IGNORED.keys()


def test_every_handled_kind_has_words_for_the_timeline() -> None:
    assert STRIPE.keys() == HANDLED.keys()
    assert all(0 < len(label) <= 80 for label in STRIPE.values())


def test_every_ignored_kind_has_a_reason() -> None:
    assert all(len(reason) > 20 and reason.endswith(".") for reason in IGNORED.values())
