"""What is measured is what is said: real deliveries, and only Casewire's own time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bench import __main__ as command
from bench.burst import Burst
from bench.deliveries import posted, prepared
from bench.idle import Took
from connector.models.events import Event, Fate
from connector.webhooks.recurly import Recurly
from connector.webhooks.source import Delivery

SECRET = "5" * 64


def test_prepared_deliveries_are_signed_known_and_no_two_alike() -> None:
    events = [_read(request) for request in prepared(SECRET, 50, "x")]
    assert {event.fate for event in events} == {Fate.HANDLED}
    assert {pointer.object for event in events for pointer in event.pointers} == {
        "account",
        "invoice",
        "payment",
        "subscription",
    }
    assert len({event.event_id for event in events}) == 50


def test_a_delivery_of_the_sandbox_is_posted_as_it_was_signed() -> None:
    request = posted({"headers": {"recurly-notification-id": "n1"}, "body": '{"a":"ü"}'})
    head, _, body = request.partition(b"\r\n\r\n")
    assert b"recurly-notification-id: n1" in head
    assert b"Content-Length: 10" in head
    assert body.decode() == '{"a":"ü"}'


def test_the_time_the_vendors_need_is_taken_off() -> None:
    assert Took(1.4, {"salesforce": 6, "recurly": 3}).own == pytest.approx(0.2)


def test_calls_are_told_per_thousand_events() -> None:
    burst = Burst(10_000, 4.0, 20.0, {"salesforce": 110, "recurly": 57})
    assert (burst.per_second, burst.per_thousand("salesforce"), burst.per_thousand("recurly")) == (
        500,
        11,
        5.7,
    )


def test_a_benchmark_that_does_not_exist_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["recieve"])
    assert ended.value.code == 2
    assert "recieve" in capsys.readouterr().err


def _read(request: bytes) -> Event:
    head, _, body = request.partition(b"\r\n\r\n")
    lines = (line.partition(b": ") for line in head.split(b"\r\n")[1:])
    headers = {name.decode().lower(): value.decode() for name, _, value in lines}
    assert int(headers["content-length"]) == len(body)
    delivery = Delivery("recurly", "bench", body, headers, datetime.now(UTC))
    (event,) = Recurly((SECRET.encode(),), (), 300.0).read(delivery)
    return event
