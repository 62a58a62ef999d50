"""A notification Authorize.Net really sent, with its signature and key, through the receiver."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connector.models.events import Event, Fate

from .authorizenet_deliveries import signed, source
from .memory import SITE, desk


@pytest.fixture(scope="module")
def samples() -> Path:
    """Kept beside the checkout."""
    found = Path(__file__).resolve().parents[2] / "../shared/fixtures/authorizenet"
    if not found.is_dir():
        pytest.skip("no samples of Authorize.Net beside this checkout (../shared/fixtures/authorizenet)")
    return found


def _known(samples: Path) -> tuple[bytes, dict[str, str]]:
    return (
        (samples / "authcapture.created.json").read_bytes(),
        json.loads((samples / "authcapture.created.signature.json").read_text()),
    )


def _posted(body: bytes, known: dict[str, str]) -> tuple[int, list[Event]]:
    there = desk({("authorizenet", SITE): source(known["signature_key"])})
    headers = {"X-Anet-Signature": known["X-Anet-Signature"]}
    status = there.client.post("/webhooks/authorizenet", data=body, headers=headers).status_code
    return status, list(there.inbox.events.values())


def test_authorize_nets_known_answer_is_accepted(samples: Path) -> None:
    status, (event,) = _posted(*_known(samples))
    assert status == 200
    assert event.event_id == "182cbbff-cab2-4080-931d-80e5d818f23a"
    assert (event.kind, event.fate) == ("net.authorize.payment.authcapture.created", Fate.HANDLED)
    (charge,) = event.carried
    # Its response code is 0, which none of the documented four is.
    assert (charge.id, charge.status, charge.amount) == ("40005915599", None, None)
    assert charge.at.isoformat() == "2017-08-18T20:40:52.772200+00:00"


def test_the_known_answer_with_one_byte_changed_is_refused(samples: Path) -> None:
    body, known = _known(samples)
    for place in range(0, len(body), 17):
        changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        assert _posted(changed, known) == (401, [])


def test_authorize_net_signs_as_our_tests_do(samples: Path) -> None:
    body, known = _known(samples)
    assert signed(body, known["signature_key"])["X-ANET-Signature"] == known["X-Anet-Signature"]
