from __future__ import annotations

from connector.sources.recurly import LABELS as RECURLY
from connector.webhooks.recurly.kinds import HANDLED, IGNORED, LISTED_ONLY, XML_ONLY, XML_ROOTS
from connector.webhooks.recurly.parse import _REFS as JSON_REFS
from connector.webhooks.recurly.xml import _REFS as XML_REFS

KINDS = HANDLED.keys() | IGNORED.keys()


def test_every_kind_recurly_documents_is_here() -> None:
    # The 98 of the notification pages' lists, and dunning_event.created, which has a page of its own.
    assert len(KINDS - XML_ONLY) == 98 + 1


def test_no_kind_is_both_handled_and_ignored() -> None:
    assert not HANDLED.keys() & IGNORED.keys()


def test_every_kind_has_its_xml_twin() -> None:
    assert KINDS - set(XML_ROOTS.values()) == {"external_subscription.grace_period_expired"}
    assert set(XML_ROOTS.values()) <= KINDS


def test_the_kinds_that_need_a_remark_exist() -> None:
    assert LISTED_ONLY | XML_ONLY <= KINDS


def test_every_handled_kind_has_words_for_the_timeline() -> None:
    assert RECURLY.keys() == HANDLED.keys()
    assert all(0 < len(label) <= 80 for label in RECURLY.values())


def test_every_object_pointed_to_can_be_found_in_json_and_in_xml() -> None:
    objects = {handled.object for handled in HANDLED.values()}
    assert objects == JSON_REFS.keys() == XML_REFS.keys()


def test_every_ignored_kind_has_a_reason() -> None:
    assert all(len(reason) > 20 and reason.endswith(".") for reason in IGNORED.values())


def test_a_payment_event_never_points_to_an_invoice() -> None:
    assert {HANDLED[kind].object for kind in HANDLED if kind.startswith("payment.")} == {"payment"}
