"""Braintree's own samples, for all 41 kinds: none is lost, none is a 500, and no card is kept."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from braintree import BraintreeGateway, Configuration, Environment, WebhookNotification
from braintree.webhook_testing_gateway import WebhookTestingGateway

from connector.models.events import Event, Fate
from connector.webhooks.braintree.kinds import HANDLED, IGNORED

from .braintree_deliveries import PRIVATE, PUBLIC, event

pytestmark = pytest.mark.filterwarnings("ignore:.*utcnow.*:DeprecationWarning")

KINDS = sorted(value for name, value in vars(WebhookNotification.Kind).items() if not name.startswith("_"))


def sample(kind: str) -> bytes:
    """The XML that the vendor's library makes for tests."""
    gateway = BraintreeGateway(Configuration(Environment.Sandbox, "acme_merchant", PUBLIC, PRIVATE))
    made: bytes = WebhookTestingGateway(gateway).sample_notification(kind, "my_id")["bt_payload"]
    return base64.b64decode(made)


def expected(kind: str) -> Fate:
    return Fate.HANDLED if kind in HANDLED else Fate.IGNORED


def judged(found: Event, kind: str) -> None:
    assert (found.kind, found.fate) == (kind, expected(kind)), found.note
    assert bool(found.carried) == (found.fate is Fate.HANDLED)
    assert bool(found.note) == (found.fate is not Fate.HANDLED)
    assert found.occurred_at


@pytest.mark.parametrize("kind", KINDS)
def test_every_sample_of_the_library_has_its_fate(kind: str) -> None:
    judged(event(sample(kind)), kind)


def test_every_saved_sample_has_its_fate() -> None:
    folder = Path(__file__).resolve().parents[2] / "../shared/fixtures/braintree"
    if not folder.is_dir():
        pytest.skip("no samples of Braintree beside this checkout (../shared/fixtures/braintree)")
    paths = sorted(folder.glob("*.xml"))
    assert paths
    for path in paths:
        judged(event(path.read_bytes()), path.stem)


def test_the_card_of_a_failed_refund_is_not_kept() -> None:
    body = sample("refund_failed")
    assert b"<number>1234560000001234</number>" in body
    assert b"<cvv>123</cvv>" in body
    found = event(body)
    assert "1234560000001234" not in found.body
    assert ">123<" not in found.body
    assert "my_id" in found.body


@pytest.mark.parametrize(
    ("kind", "secret"),
    [("partner_merchant_connected", "<private-key>private_key"), ("transaction_settled", "123456789")],
)
def test_no_key_and_no_bank_account_is_kept(kind: str, secret: str) -> None:
    body = sample(kind)
    assert secret.encode() in body
    assert secret not in event(body).body


def test_the_handled_and_the_ignored_are_all() -> None:
    assert HANDLED.keys() | IGNORED.keys() == set(KINDS)
