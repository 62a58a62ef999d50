from __future__ import annotations

from connector.models.facts import Kind
from connector.models.processor_objects import STATUSES
from connector.sources.gocardless import LABELS as GOCARDLESS
from connector.webhooks.gocardless import parse
from connector.webhooks.gocardless.kinds import HANDLED, IGNORED


def test_no_kind_is_both_handled_and_ignored() -> None:
    assert not HANDLED.keys() & IGNORED.keys()


def test_every_handled_kind_has_words_for_the_timeline() -> None:
    assert GOCARDLESS.keys() == HANDLED.keys()
    assert all(0 < len(label) <= 80 for label in GOCARDLESS.values())


def test_every_ignored_kind_has_a_reason() -> None:
    assert all(len(reason) > 20 and reason.endswith(".") for reason in IGNORED.values())


def test_every_handled_kind_says_how_its_object_stands_and_no_other_does() -> None:
    tables = {
        "payments": (Kind.CHARGE, parse._PAYMENTS),
        "refunds": (Kind.REFUND, parse._REFUNDS),
        "mandates": (Kind.MANDATE, parse._MANDATES),
    }
    for resource_type, (kind, statuses) in tables.items():
        actions = {name.partition(".")[2] for name in HANDLED if name.startswith(f"{resource_type}.")}
        assert statuses.keys() == actions
        assert {status for status in statuses.values() if status} <= STATUSES[kind]
    assert parse._PAYOUTS.keys() == {"paid", "bounced_payout"}
    assert set(parse._PAYOUTS.values()) <= STATUSES[Kind.PAYOUT]
    assert set(parse._CHARGEBACKS.values()) <= STATUSES[Kind.DISPUTE]
    assert {kind.partition(".")[0] for kind in HANDLED} == parse._READERS.keys()
