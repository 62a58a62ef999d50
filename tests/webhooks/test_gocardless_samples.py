"""GoCardless's published samples, through the receiver: none is lost, none is a 500."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connector.models.events import Event, Fate
from connector.webhooks.gocardless.kinds import HANDLED, IGNORED

from .gocardless_deliveries import batch, item, read, signed, source
from .memory import SITE, desk

PLURALS = {"payer_authorization": "payer_authorisations"}
"""The catalogue names a resource in the singular, and this one in American English."""


@pytest.fixture(scope="module")
def samples() -> Path:
    """GoCardless's own samples, kept beside the checkout."""
    found = Path(__file__).resolve().parents[2] / "../shared/fixtures/gocardless"
    if not found.is_dir():
        pytest.skip("no samples of GoCardless beside this checkout (../shared/fixtures/gocardless)")
    return found


def catalogue(samples: Path) -> dict[str, list[dict[str, str]]]:
    """Kind → its documented causes."""
    found = json.loads((samples / "event-actions-catalogue.json").read_text())
    return {
        f"{PLURALS.get(resource, resource + 's')}.{action}": told["details"]
        for resource, actions in found.items()
        for action, told in actions.items()
    }


def test_every_documented_kind_is_handled_or_ignored_and_no_other_is(samples: Path) -> None:
    assert catalogue(samples).keys() == HANDLED.keys() | IGNORED.keys()


def test_every_documented_cause_is_read(samples: Path) -> None:
    links = {"payment": "PM1", "refund": "RF1", "payout": "PO1", "mandate": "MD1", "creditor": "CR1"}
    for kind, causes in catalogue(samples).items():
        for told in causes:
            details = {name.lower().replace(" ", "_"): value for name, value in told.items()}
            (event,) = read(batch(item(kind, links=links, details=details)))
            assert event.fate is (Fate.HANDLED if kind in HANDLED else Fate.IGNORED), kind
            assert bool(event.carried) == (kind in HANDLED)


def _known(samples: Path) -> tuple[bytes, dict[str, str]]:
    return (
        (samples / "webhook_body.json").read_bytes().rstrip(),
        json.loads((samples / "webhook_body.signature.json").read_text()),
    )


def _posted(body: bytes, known: dict[str, str]) -> tuple[int, list[Event]]:
    there = desk({("gocardless", SITE): source(known["secret"])})
    headers = {"Webhook-Signature": known["Webhook-Signature"]}
    status = there.client.post("/webhooks/gocardless", data=body, headers=headers).status_code
    return status, list(there.inbox.events.values())


def test_gocardlesss_known_answer_is_accepted(samples: Path) -> None:
    status, events = _posted(*_known(samples))
    assert status == 200
    assert [(event.event_id, event.kind, event.fate) for event in events] == [
        ("EV00BD05S5VM2T", "subscriptions.created", Fate.IGNORED),
        ("EV00BD05TB8K63", "mandates.created", Fate.HANDLED),
    ]


def test_the_known_answer_with_one_byte_changed_is_refused(samples: Path) -> None:
    body, known = _known(samples)
    for place in range(0, len(body), 37):
        changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        assert _posted(changed, known) == (498, [])


def test_every_event_of_the_librarys_sample_is_read(samples: Path) -> None:
    found = json.loads((samples / "events.json").read_text())
    listed = [one for shown in found.values() for one in _events(shown["body"])]
    assert listed
    for one in listed:
        (event,) = read(batch(one))
        assert (event.kind, event.fate) == ("mandates.cancelled", Fate.HANDLED)
        assert (event.carried[0].id, event.carried[0].customer) == ("MD123", "CU123")
        assert event.carried[0].network_code == "ADDACS-B"


def _events(body: dict[str, object]) -> list[object]:
    found = body["events"]
    return found if isinstance(found, list) else [found]


def test_the_library_signs_as_our_tests_do(samples: Path) -> None:
    body, known = _known(samples)
    assert signed(body, known["secret"])["Webhook-Signature"] == known["Webhook-Signature"]
