from __future__ import annotations

from braintree import WebhookNotification

from connector.mappers.braintree_kinds import LABELS
from connector.webhooks.braintree.kinds import HANDLED, IGNORED
from connector.webhooks.braintree.objects import _READERS


def test_every_kind_of_the_vendors_library_has_a_fate() -> None:
    kinds = {value for name, value in vars(WebhookNotification.Kind).items() if not name.startswith("_")}
    assert len(kinds) == 41
    assert HANDLED.keys() | IGNORED.keys() == kinds


def test_no_kind_is_both_handled_and_ignored() -> None:
    assert not HANDLED.keys() & IGNORED.keys()


def test_every_handled_kind_is_read_and_has_words_for_the_timeline() -> None:
    assert _READERS.keys() == HANDLED.keys() == LABELS.keys()
    assert all(0 < len(label) <= 80 for label in LABELS.values())


def test_every_ignored_kind_has_a_reason() -> None:
    assert all(len(reason) > 20 and reason.endswith(".") for reason in IGNORED.values())
