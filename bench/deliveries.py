"""Signed thin deliveries as Recurly posts them, made before the clock starts."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from itertools import cycle, islice
from typing import Any

from sandbox.recurly.notifications import sign

_KINDS = (
    ("subscription", "renewed"),
    ("charge_invoice", "created"),
    ("payment", "succeeded"),
    ("charge_invoice", "paid"),
    ("account", "updated"),
)


def prepared(secret: str, count: int, run: str) -> list[bytes]:
    """``count`` whole HTTP requests, no two alike; ``run`` tells those of one call from those of another."""
    return list(islice(_made(secret, run), count))


def _made(secret: str, run: str) -> Iterator[bytes]:
    for number, (object_type, event_type) in enumerate(cycle(_KINDS)):
        yield request(secret, f"{run}-{number}", payload(object_type, event_type, run, number))


def payload(object_type: str, event_type: str, run: str, number: int) -> bytes:
    id_ = f"{run}{number:010d}"
    body: dict[str, object] = {
        "id": id_,
        "object_type": object_type,
        "site_id": "bench000site",
        "event_type": event_type,
        "event_time": "2026-11-20T10:00:00Z",
    }
    if object_type == "account":
        body["account_code"] = f"bench-{number % 2000}"
    elif object_type == "charge_invoice":
        body["object_type"], body["invoice_number"] = "charge_invoice", str(1000 + number)
    else:
        body["uuid"] = hashlib.md5(id_.encode()).hexdigest()
    return json.dumps(body).encode()


def request(secret: str, id_: str, body: bytes) -> bytes:
    """One signed delivery over a kept-alive connection."""
    return _http(
        {
            "Content-Type": "application/json; charset=utf-8",
            "recurly-notification-id": id_,
            "recurly-signature": sign(body, (secret,), int(time.time() * 1000)),
        },
        body,
    )


def posted(delivery: Mapping[str, Any]) -> bytes:
    """A delivery that the sandbox made and signed for somebody else to post."""
    return _http(delivery["headers"], delivery["body"].encode())


def _http(headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [
        "POST /webhooks/recurly HTTP/1.1",
        "Host: 127.0.0.1",
        "User-Agent: bench",
        "Accept: */*",
        "Accept-Encoding: gzip",
        *(f"{name}: {value}" for name, value in headers.items()),
        f"Content-Length: {len(body)}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body
