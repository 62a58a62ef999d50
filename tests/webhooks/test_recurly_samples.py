"""Recurly's published samples, through the receiver: none is lost, none is a 500."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connector.models.events import Event, Fate
from connector.webhooks import recurly
from connector.webhooks.source import Delivery

from .memory import SITE, Desk, desk
from .recurly_deliveries import USER, Settings, basic, signed, source

MALFORMED = "external_subscription"


@pytest.fixture
def at() -> Desk:
    return desk({("recurly", SITE): source("s3cret", users=[USER])})


def received(at: Desk, path: Path) -> Event:
    body = path.read_bytes()
    headers = signed(body, "s3cret") if path.suffix == ".json" else basic()
    at.inbox.events.clear()
    answer = at.client.post("/webhooks/recurly", data=body, headers=headers)
    assert (answer.status_code, answer.json) == (200, {"accepted": 1, "duplicates": 0}), path.name
    return at.inbox.only


def test_every_json_sample_is_known_under_its_own_name(at: Desk, recurly_samples: Path) -> None:
    paths = sorted((recurly_samples / "json").glob("[a-z]*.json"))
    assert paths
    for path in paths:
        event = received(at, path)
        assert event.kind == path.stem.partition("--")[0]
        assert event.fate in (Fate.HANDLED, Fate.IGNORED), path.name
        assert event.occurred_at
        assert bool(event.pointers) == (event.fate is Fate.HANDLED)


def test_recurlys_broken_json_sample_is_kept_for_a_person(at: Desk, recurly_samples: Path) -> None:
    paths = sorted((recurly_samples / "json").glob("INVALID*"))
    assert paths
    for path in paths:
        assert received(at, path).fate is Fate.UNREADABLE


@pytest.mark.parametrize("folder", ["xml", "xml-blacklightcms"])
def test_every_xml_sample_is_known(at: Desk, recurly_samples: Path, folder: str) -> None:
    paths = sorted((recurly_samples / folder).glob("*.xml"))
    assert paths
    for path in paths:
        event = received(at, path)
        expected = {Fate.UNKNOWN} if path.stem == "unknown_notification" else {Fate.HANDLED, Fate.IGNORED}
        assert event.fate in expected, path.name
        assert bool(event.pointers) == (event.fate is Fate.HANDLED)


def test_recurlys_known_answer_is_accepted(recurly_samples: Path) -> None:
    known = json.loads((recurly_samples / "signature-known-answer.json").read_text())
    site = recurly.configured(Settings((known["secret"],), (), 300))
    assert site
    header = known["recurly-signature"]
    sent_at = datetime.fromtimestamp(int(header.partition(",")[0]) / 1000, UTC)
    delivery = Delivery("recurly", SITE, known["body"].encode(), {"recurly-signature": header}, sent_at)
    (event,) = site.read(delivery)
    assert (event.kind, event.fate) == ("account.created", Fate.HANDLED)
