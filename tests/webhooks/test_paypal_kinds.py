from __future__ import annotations

from connector.sources.paypal import LABELS as PAYPAL
from connector.webhooks.paypal.kinds import HANDLED, IGNORED


def test_no_kind_is_both_handled_and_ignored() -> None:
    assert not HANDLED.keys() & IGNORED.keys()


def test_every_handled_kind_has_words_for_the_timeline() -> None:
    assert PAYPAL.keys() == HANDLED.keys()
    assert all(0 < len(label) <= 80 for label in PAYPAL.values())


def test_every_ignored_kind_has_a_reason() -> None:
    assert all(len(reason) > 20 and reason.endswith(".") for reason in IGNORED.values())


def test_every_kind_is_written_as_paypal_writes_it() -> None:
    assert all(kind == kind.upper() and "." in kind for kind in HANDLED.keys() | IGNORED.keys())
