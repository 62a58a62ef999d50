"""Sends notifications to one endpoint, as Recurly does, with its retries scaled down from days to seconds.

Every notification stays on record with its attempts, so that a run can prove that none was lost.
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import requests

from sandbox.recurly import xml
from sandbox.recurly.lanes import Lanes
from sandbox.recurly.notifications import Notification, body, sign
from sandbox.recurly.render import when

WORKERS: Final = 8
DEADLINE: Final = 5.0
"""Seconds a receiver has to answer: Recurly's own."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to, and how. Several ``secrets`` are all signed with, as during a rotation.

    A failed attempt is followed by the next after ``delays`` seconds (the last one over and over), ``tries``
    times in all: by default for over a minute and a half.
    """

    url: str
    secrets: tuple[str, ...] = ()
    format: str = "json"
    basic_auth: str | None = None
    delays: tuple[float, ...] = (0.2, 0.5, 1.0, 2.0, 5.0)
    tries: int = 25

    def __post_init__(self) -> None:
        if self.format not in ("json", "xml"):
            raise ValueError("format must be json or xml")
        if not self.url.startswith(("http://", "https://")):
            raise ValueError("url must be an http address")
        if self.tries < 1 or not self.delays:
            raise ValueError("tries must be 1 or more, and there must be a delay")

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

    def delay(self, attempts: int) -> float:
        return self.delays[min(attempts, len(self.delays)) - 1]


@dataclass(slots=True)
class Record:
    """What became of one notification: pending, delivered, failed, dropped, or unsent (no endpoint)."""

    note: Notification
    state: str = "pending"
    sent_at: float | None = None
    attempts: int = 0
    acknowledged: float | None = None
    open_copies: int = 0
    last: str = ""

    def told(self) -> dict[str, Any]:
        return {
            "id": self.note.id,
            "kind": self.note.kind,
            "objects": self.note.objects(),
            "account_code": self.note.account.code,
            "event_time": when(self.note.event_time),
            "state": self.state,
            "sent_at": _moment(self.sent_at),
            "attempts": self.attempts,
            "acknowledged": _moment(self.acknowledged),
            "last_answer": self.last,
        }


@dataclass(slots=True)
class _Delivery:
    record: Record
    endpoint: Endpoint
    attempts: int = field(default=0)


class Webhooks:
    """Safe to use from many threads. Its workers start with the first delivery."""

    def __init__(self, site_id: str, workers: int = WORKERS) -> None:
        self.site_id = site_id
        self._lock = threading.Lock()
        self._endpoint: Endpoint | None = None
        self._records: dict[str, Record] = {}
        self._lanes: Lanes[_Delivery] = Lanes()
        self._workers = workers
        self._threads: list[threading.Thread] = []

    @property
    def endpoint(self) -> Endpoint | None:
        return self._endpoint

    def configure(self, endpoint: Endpoint | None) -> None:
        self._endpoint = endpoint

    def send(self, notes: Iterable[Notification], copies: int = 1, dropped: Iterable[str] = ()) -> None:
        """Queue each for delivery, ``copies`` times; those whose id is ``dropped`` are only put on record."""
        lost = frozenset(dropped)
        for note in notes:
            record = Record(note)
            with self._lock:
                self._records[note.id] = record
            if note.id in lost:
                record.state = "dropped"
            elif self._endpoint is None:
                record.state = "unsent"
            else:
                self._queue(record, self._endpoint, copies)

    def signed(self, note: Notification) -> dict[str, Any]:
        """One delivery as a value, for somebody else to post."""
        endpoint = self._endpoint or Endpoint("http://127.0.0.1/")
        headers, payload = endpoint.request(note, self.site_id, int(time.time() * 1000))
        return {"id": note.id, "headers": headers, "body": payload.decode()}

    def told(self) -> list[dict[str, Any]]:
        """Every notification in the order in which it was made."""
        with self._lock:
            return [record.told() for record in self._records.values()]

    def pending(self) -> int:
        with self._lock:
            return sum(record.open_copies > 0 for record in self._records.values())

    def clear(self) -> None:
        """As new, but for the endpoint."""
        self._lanes.clear()
        with self._lock:
            self._records.clear()

    def close(self) -> None:
        self._lanes.close()
        for thread in self._threads:
            thread.join()

    def _queue(self, record: Record, endpoint: Endpoint, copies: int) -> None:
        with self._lock:
            record.open_copies = copies
            for _ in range(self._workers - len(self._threads)):
                self._threads.append(threading.Thread(target=self._work, name="webhooks", daemon=True))
                self._threads[-1].start()
        for _ in range(copies):
            self._lanes.put(record.note.account.code, _Delivery(record, endpoint))

    def _work(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while taken := self._lanes.take():
                lane, delivery = taken
                self._deliver(session, lane, delivery)
                self._lanes.done(lane)

    def _deliver(self, session: requests.Session, lane: str, delivery: _Delivery) -> None:
        record, endpoint = delivery.record, delivery.endpoint
        delivery.attempts += 1
        headers, payload = endpoint.request(record.note, self.site_id, int(time.time() * 1000))
        with self._lock:
            record.attempts += 1
            record.sent_at = record.sent_at or time.time()
        answer, good = _post(session, endpoint.url, payload, headers)
        again = not good and delivery.attempts < endpoint.tries
        self._settle(record, answer, good, again)
        if again:
            self._lanes.put_later(lane, delivery, endpoint.delay(delivery.attempts))

    def _settle(self, record: Record, answer: str, good: bool, again: bool) -> None:
        with self._lock:
            record.last = answer
            record.open_copies -= not again
            if good:
                record.state = "delivered"
                record.acknowledged = record.acknowledged or time.time()
            elif not again and record.state == "pending" and record.open_copies == 0:
                record.state = "failed"


def _post(
    session: requests.Session, url: str, payload: bytes, headers: Mapping[str, str]
) -> tuple[str, bool]:
    """What the receiver answered, and whether that counts: any 2xx does, a redirect does not."""
    try:
        answer = session.post(url, data=payload, headers=headers, timeout=DEADLINE, allow_redirects=False)
    except requests.RequestException as error:
        return type(error).__name__, False
    return str(answer.status_code), 200 <= answer.status_code < 300


def _moment(epoch: float | None) -> str | None:
    return None if epoch is None else datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds")
