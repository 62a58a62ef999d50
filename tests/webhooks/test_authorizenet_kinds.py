from __future__ import annotations

from connector.mappers import phrases
from connector.models.facts import Kind
from connector.models.processor_objects import STATUSES
from connector.sources.authorizenet import LABELS as AUTHORIZENET
from connector.webhooks.authorizenet import parse
from connector.webhooks.authorizenet.kinds import HANDLED, IGNORED


def test_no_kind_is_both_handled_and_ignored() -> None:
    assert not HANDLED.keys() & IGNORED.keys()


def test_every_handled_kind_has_words_for_the_timeline() -> None:
    assert AUTHORIZENET.keys() == HANDLED.keys()
    assert all(0 < len(label) <= 80 for label in AUTHORIZENET.values())
    assert {kind: phrases.event_label("authorizenet", kind) for kind in AUTHORIZENET} == AUTHORIZENET
    assert phrases.source_title("authorizenet") == "Authorize.Net"


def test_every_ignored_kind_has_a_reason() -> None:
    assert all(len(reason) > 20 and reason.endswith(".") for reason in IGNORED.values())


def test_every_kind_is_named_as_authorize_net_names_it() -> None:
    assert all(kind.startswith("net.authorize.") for kind in (*HANDLED, *IGNORED))


def test_every_handled_kind_is_read_and_no_other_is() -> None:
    assert {f"net.authorize.payment.{kind}" for kind in parse._READERS} == HANDLED.keys()


def test_every_status_belongs_to_its_kind_of_object() -> None:
    assert set(parse._APPROVED.values()) | set(parse._NOT_APPROVED.values()) <= STATUSES[Kind.CHARGE]
    assert {parse._APPROVED["refund.created"], *parse._NOT_APPROVED.values()} <= STATUSES[Kind.REFUND]
    assert {review for review, _ in parse._REVIEWS.values()} == STATUSES[Kind.FRAUD_WARNING]
    assert {charge for _, charge in parse._REVIEWS.values() if charge} <= STATUSES[Kind.CHARGE]
