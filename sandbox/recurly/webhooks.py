"""Sends notifications to one endpoint, as Recurly does, with its retries scaled down from days to seconds.

Every notification stays on record with its attempts, so that a run can prove that none was lost.
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from sandbox.recurly import xml
from sandbox.recurly.notifications import Notification, body, sign
from sandbox.recurly.render import when
from sandbox.sender import Record, Route, Sender


@dataclass(frozen=True, slots=True)
class Endpoint(Route):
    """Several ``secrets`` are all signed with, as during a rotation."""

    secrets: tuple[str, ...] = ()
    format: str = "json"
    basic_auth: str | None = None

    def __post_init__(self) -> None:
        Route.__post_init__(self)
        if self.format not in ("json", "xml"):
            raise ValueError("format must be json or xml")

    def request(self, note: Notification, site_id: str, milliseconds: int) -> tuple[dict[str, str], bytes]:
        """Headers and body of one attempt, signed for this moment."""
        headers: dict[str, str] = {}
        if self.basic_auth is not None:
            headers["Authorization"] = "Basic " + base64.b64encode(self.basic_auth.encode()).decode()
        if self.format == "xml":
            return {**headers, "Content-Type": "application/xml"}, xml.body(note)
        payload = body(note, site_id)
        headers["Content-Type"] = "application/json; charset=utf-8"
        headers["recurly-notification-id"] = note.id
        if self.secrets:
            headers["recurly-signature"] = sign(payload, self.secrets, milliseconds)
        return headers, payload


class Webhooks:
    """Safe to use from many threads. ``sender`` is shared with others; who made it closes it."""

    def __init__(self, site_id: str, sender: Sender) -> None:
        self.site_id = site_id
        self._sender = sender
        self._lock = threading.Lock()
        self._endpoint: Endpoint | None = None
        self._records: dict[str, tuple[Notification, Record]] = {}

    @property
    def endpoint(self) -> Endpoint | None:
        return self._endpoint

    def configure(self, endpoint: Endpoint | None) -> None:
        self._endpoint = endpoint

    def send(self, notes: Iterable[Notification], copies: int = 1, dropped: Iterable[str] = ()) -> None:
        """Queue each for delivery, ``copies`` times; those whose id is ``dropped`` are only put on record."""
        lost = frozenset(dropped)
        for note in notes:
            record = Record()
            with self._lock:
                self._records[note.id] = note, record
            if note.id in lost:
                record.state = "dropped"
            elif self._endpoint is None:
                record.state = "unsent"
            else:
                request = partial(self._request, note, self._endpoint)
                self._sender.post(note.account.code, record, self._endpoint, request, copies)

    def signed(self, note: Notification) -> dict[str, Any]:
        """One delivery as a value, for somebody else to post."""
        headers, payload = self._request(note, self._endpoint or Endpoint("http://127.0.0.1/"))
        return {"id": note.id, "headers": headers, "body": payload.decode()}

    def told(self) -> list[dict[str, Any]]:
        """Every notification in the order in which it was made."""
        with self._lock:
            return [{**_told(note), **record.told()} for note, record in self._records.values()]

    def pending(self) -> int:
        with self._lock:
            return sum(record.open_copies > 0 for _, record in self._records.values())

    def clear(self) -> None:
        """As new, but for the endpoint. What is being posted ends as it will."""
        with self._lock:
            for _, record in self._records.values():
                record.forgotten = True
            self._records.clear()

    def _request(self, note: Notification, endpoint: Endpoint) -> tuple[dict[str, str], bytes]:
        return endpoint.request(note, self.site_id, int(time.time() * 1000))


def _told(note: Notification) -> dict[str, Any]:
    return {
        "id": note.id,
        "kind": note.kind,
        "objects": note.objects(),
        "account_code": note.account.code,
        "event_time": when(note.event_time),
    }
