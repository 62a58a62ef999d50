"""Posts what vendors send, again and again until it is acknowledged, and keeps a record of each.

One sender serves every vendor of a sandbox: what happens to one account leaves in the order in which it happened,
whoever tells of it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import requests

from sandbox.lanes import Lanes

WORKERS: Final = 8
DEADLINE: Final = 5.0
"""Seconds a receiver has to answer: Recurly's own, the shortest of all vendors'."""

Request = Callable[[], tuple[Mapping[str, str], bytes]]
"""Headers and body of one attempt, signed for this moment."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where to, and how often. A failed attempt is followed by the next after ``delays`` seconds (the last one
    over and over), ``tries`` times in all: by default for over a minute and a half."""

    url: str
    delays: tuple[float, ...] = (0.2, 0.5, 1.0, 2.0, 5.0)
    tries: int = 25

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise ValueError("url must be an http address")
        if self.tries < 1 or not self.delays:
            raise ValueError("tries must be 1 or more, and there must be a delay")

    def delay(self, attempts: int) -> float:
        return self.delays[min(attempts, len(self.delays)) - 1]


@dataclass(slots=True)
class Record:
    """What became of one delivery: pending, delivered, failed, dropped, or unsent (no endpoint)."""

    state: str = "pending"
    sent_at: float | None = None
    attempts: int = 0
    acknowledged: float | None = None
    open_copies: int = 0
    last: str = ""
    forgotten: bool = False

    def told(self) -> dict[str, Any]:
        return {
            "state": self.state,
            "sent_at": _moment(self.sent_at),
            "attempts": self.attempts,
            "acknowledged": _moment(self.acknowledged),
            "last_answer": self.last,
        }


@dataclass(slots=True)
class _Parcel:
    record: Record
    route: Route
    request: Request
    attempts: int = field(default=0)


class Sender:
    """Safe to use from many threads. Its workers start with the first delivery."""

    def __init__(self, workers: int = WORKERS) -> None:
        self._lock = threading.Lock()
        self._lanes: Lanes[_Parcel] = Lanes()
        self._workers = workers
        self._threads: list[threading.Thread] = []

    def post(self, lane: str, record: Record, route: Route, request: Request, copies: int = 1) -> None:
        with self._lock:
            record.open_copies = copies
            for _ in range(self._workers - len(self._threads)):
                self._threads.append(threading.Thread(target=self._work, name="webhooks", daemon=True))
                self._threads[-1].start()
        for _ in range(copies):
            self._lanes.put(lane, _Parcel(record, route, request))

    def close(self) -> None:
        self._lanes.close()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while taken := self._lanes.take():
                lane, parcel = taken
                if not parcel.record.forgotten:
                    self._deliver(session, lane, parcel)
                self._lanes.done(lane)

    def _deliver(self, session: requests.Session, lane: str, parcel: _Parcel) -> None:
        record, route = parcel.record, parcel.route
        parcel.attempts += 1
        headers, payload = parcel.request()
        with self._lock:
            record.attempts += 1
            record.sent_at = record.sent_at or time.time()
        answer, good = _post(session, route.url, payload, headers)
        again = not good and parcel.attempts < route.tries
        self._settle(record, answer, good, again)
        if again:
            self._lanes.put_later(lane, parcel, route.delay(parcel.attempts))

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
