"""Whatever is posted to a running Casewire, it answers what is wrong, never 500, and goes on."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from typing import Any

import pytest
import requests

from connector.cli.local_stack import Stack
from flows.playing import play, scalar, worked
from sandbox.recurly.notifications import sign

MIB = 1_048_576
DAYS_17 = 17 * 24 * 3600
EVENT = {
    "id": "sbx00000001",
    "object_type": "account",
    "event_type": "updated",
    "event_time": "2026-11-01T10:00:00Z",
    "account_code": "nobody",
}
BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><new_account_notification>&c;</new_account_notification>'
)
OUTSIDE = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    b"<new_account_notification><account><account_code>&x;</account_code></account></new_account_notification>"
)


def _signed(running: Stack, body: bytes, age: float = 0.0) -> dict[str, str]:
    moment = int((time.time() - age) * 1000)
    signature = sign(body, [running.environment["RECURLY_WEBHOOK_SECRETS"]], moment)
    return {"Content-Type": "application/json", "recurly-signature": signature}


def _in_xml(running: Stack) -> dict[str, str]:
    told = base64.b64encode(running.environment["RECURLY_WEBHOOK_BASIC_AUTH"].encode()).decode()
    return {"Content-Type": "application/xml", "Authorization": f"Basic {told}"}


def _post(running: Stack, body: bytes, headers: Mapping[str, str], path: str = "recurly") -> tuple[int, Any]:
    answer = requests.post(f"{running.url}/webhooks/{path}", data=body, headers=headers, timeout=10)
    return answer.status_code, answer.json()


def test_what_cannot_be_trusted_is_refused_and_not_kept(flow: Stack) -> None:
    body = json.dumps(EVENT).encode()
    good = _signed(flow, body)
    refused = {
        "tampered": (401, _post(flow, body.replace(b"nobody", b"anybody"), good)),
        "unsigned": (401, _post(flow, body, {"Content-Type": "application/json"})),
        "stale": (401, _post(flow, body, _signed(flow, body, age=DAYS_17))),
        "no body": (401, _post(flow, b"", {})),
        "xml without a password": (401, _post(flow, BOMB, {"Content-Type": "application/xml"})),
        "unknown site": (404, _post(flow, body, good, "recurly/elsewhere")),
        "unknown source": (404, _post(flow, body, good, "nobody-knows")),
        "another site": (404, _post(flow, body, good, "recurly/elsewhere")),
        "1 MiB + 1": (413, _post(flow, b" " * (MIB + 1), good)),
    }
    for what, (expected, (status, told)) in refused.items():
        assert status == expected, what
        assert told["message"], what
    assert scalar(flow, "SELECT count(*) FROM event") == 0


@pytest.mark.parametrize(
    "body", [b'{"id": "sbx", "object_type": "acc', b"[1, 2]", b"\xff\xfe\x00", b"{}", b" " * MIB]
)
def test_what_is_genuine_but_cannot_be_read_is_kept_as_a_dead_letter(flow: Stack, body: bytes) -> None:
    status, told = _post(flow, body, _signed(flow, body))
    assert (status, told) == (200, {"accepted": 1, "duplicates": 0})
    assert scalar(flow, "SELECT count(*) FROM event WHERE status = 'dead' AND note <> ''") == 1


@pytest.mark.parametrize("body", [BOMB, OUTSIDE, b"<new_account_notification><account>"])
def test_xml_that_is_dangerous_or_broken_is_never_expanded(flow: Stack, body: bytes) -> None:
    status, told = _post(flow, body, _in_xml(flow))
    assert (status, told) == (200, {"accepted": 1, "duplicates": 0})
    assert scalar(flow, "SELECT count(*) FROM event WHERE status = 'dead' AND note <> ''") == 1


def test_an_unknown_kind_is_kept_and_counted(flow: Stack) -> None:
    body = json.dumps({**EVENT, "object_type": "spaceship", "event_type": "landed"}).encode()
    assert _post(flow, body, _signed(flow, body))[0] == 200
    assert scalar(flow, "SELECT count(*) FROM event WHERE status = 'unknown'") == 1


def test_a_delivery_that_is_cut_off_holds_up_nobody(flow: Stack) -> None:
    def half() -> Any:
        yield b'{"id": '
        raise ConnectionResetError

    with pytest.raises((requests.ConnectionError, ConnectionResetError)):
        requests.post(f"{flow.url}/webhooks/recurly", data=half(), timeout=10)
    assert requests.get(f"{flow.url}/healthz", timeout=5).status_code == 200
    worked(flow, play(flow, "customer_cancels")["expect"])


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_deliveries_are_only_posted(flow: Stack, method: str) -> None:
    answer = requests.request(method, f"{flow.url}/webhooks/recurly", timeout=10)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
