"""Stripe's published objects, each in an event of every kind it can be in: none is lost, none is a 500."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connector.models.events import Fate
from connector.webhooks.stripe.kinds import HANDLED

from .memory import SITE, desk
from .stripe_deliveries import event, read, signed, source

HOLDS = {
    "charge.dispute.": "dispute",
    "charge.refund.updated": "refund",
    "charge.": "charge",
    "mandate.": "mandate",
    "payment_intent.": "payment_intent",
    "payout.": "payout",
    "radar.early_fraud_warning.": "radar.early_fraud_warning",
    "refund.": "refund",
    "review.": "review",
}


@pytest.fixture(scope="module")
def samples() -> Path:
    found = Path(__file__).resolve().parents[2] / "../shared/fixtures/stripe"
    if not found.is_dir():
        pytest.skip("no samples of Stripe beside this checkout (../shared/fixtures/stripe)")
    return found


def held_by(kind: str) -> str:
    return next(name for start, name in HOLDS.items() if kind.startswith(start))


def objects(samples: Path) -> dict[str, Any]:
    found = json.loads((samples / "fixtures3.json").read_text())["resources"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("kind", HANDLED)
def test_stripes_own_object_of_each_handled_kind_is_read(samples: Path, kind: str) -> None:
    told = read(event(kind, objects(samples)[held_by(kind)]))
    assert told.fate is Fate.HANDLED, told.note
    assert told.carried[0].kind is HANDLED[kind].object
    assert told.carried[0].status


def test_every_object_of_stripe_in_every_handled_kind_has_a_fate(samples: Path) -> None:
    for kind in HANDLED:
        for name, found in objects(samples).items():
            told = read(event(kind, found))
            assert told.fate in (Fate.HANDLED, Fate.UNREADABLE), (kind, name)


def test_every_recorded_event_is_taken(samples: Path) -> None:
    paths = sorted((samples / "dj-stripe").glob("event_*.json"))
    assert paths
    for path in paths:
        body = path.read_bytes()
        at = desk({("stripe", SITE): source()})
        answer = at.client.post("/webhooks/stripe", data=body, headers=signed(body))
        assert (answer.status_code, answer.json) == (200, {"accepted": 1, "duplicates": 0}), path.name
        assert at.inbox.only.fate is Fate.IGNORED, path.name


def test_every_recorded_dispute_and_payout_is_read(samples: Path) -> None:
    for name, kind in (("dispute_dp_*", "charge.dispute.created"), ("payout_*", "payout.paid")):
        paths = sorted((samples / "dj-stripe").glob(f"{name}.json"))
        assert paths
        for path in paths:
            told = read(event(kind, json.loads(path.read_text())))
            assert told.fate is Fate.HANDLED, (path.name, told.note)
