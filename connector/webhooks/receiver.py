"""Verifies, parses and records a delivery and wakes stage 2; independent of the source and of the HTTP server.

One commit, then the 2xx, then the wake. Neither bodies nor error texts are logged: an error of the database
can quote the row.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from connector.errors import Rejected, Transient
from connector.models.events import Event, Fate
from connector.webhooks.signatures import CHALLENGES
from connector.webhooks.source import Delivery, Recorded, Recording, Source

log = structlog.get_logger(__name__)

RETRY_AFTER: Final = 5
LINE_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Answer:
    """The response, with its reason. ``outcome``: accepted, duplicate, rejected or unavailable."""

    status: int
    body: Mapping[str, object]
    outcome: str
    reason: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    events: tuple[Event, ...] = ()


class FailureLog:
    """Log lines of refused deliveries. A sender can cause any number, so equal lines are written once a second, with
    their number since the last one (``count``)."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lines: dict[tuple[str | None, ...], tuple[float, int]] = {}
        """Fields of a line → time when it may be written again, and number of skipped lines."""
        self._lock = threading.Lock()

    def __call__(self, write: Callable[..., object], **fields: str | None) -> None:
        line = tuple(fields.values())
        with self._lock:
            now = self._now()
            next_at, skipped = self._lines.get(line, (now, 0))
            if now < next_at:
                self._lines[line] = (next_at, skipped + 1)
                return
            self._lines[line] = (now + LINE_SECONDS, 0)
        write("delivery", **fields, **({"count": skipped + 1} if skipped else {}))


def receive(
    delivery: Delivery,
    source: Source,
    record: Callable[[Sequence[Event]], Recording],
    wake: Callable[[], None],
    log_failure: FailureLog | None = None,
) -> Generator[Recording, None, Answer]:
    """The response to one delivery. Yields the commit to wait for, so that the caller can do other work meanwhile.
    Never raises: an error here becomes a 503, and the sender retries."""
    log_failure = log_failure or FailureLog()
    try:
        events = source.read(delivery)
        if events:
            recording = record(events)
            yield recording
            answer = _recorded(events, recording.result())
        else:
            answer = _nothing()
    except Rejected as refusal:
        return rejected(delivery.source, delivery.site, refusal, log_failure)
    except Exception as error:  # noqa: BLE001 - the border of the web: a database can fail in many ways
        return _unavailable(delivery, error, log_failure)
    _log_answer(delivery, answer)
    if any(event.fate is Fate.HANDLED for event in events):
        _wake(delivery, wake)
    return answer


def rejected(source: str, site: str, refusal: Rejected, log_failure: FailureLog) -> Answer:
    """Log a refusal, and answer it with advice."""
    log_failure(log.warning, source=source, site=site, outcome="rejected", reason=refusal.reason)
    headers = {"WWW-Authenticate": 'Basic realm="casewire"'} if refusal.reason in CHALLENGES else {}
    body = {"error": refusal.reason, "message": str(refusal)}
    return Answer(refusal.status, body, "rejected", refusal.reason, headers)


def _recorded(events: tuple[Event, ...], recorded: Recorded) -> Answer:
    body = {"accepted": recorded.accepted, "duplicates": recorded.duplicates}
    return Answer(200, body, "accepted" if recorded.accepted else "duplicate", events=events)


def _nothing() -> Answer:
    return Answer(200, {"accepted": 0, "duplicates": 0}, "accepted")


def _unavailable(delivery: Delivery, error: Exception, log_failure: FailureLog) -> Answer:
    seconds = error.retry_after if isinstance(error, Transient) else None
    headers = {"Retry-After": str(math.ceil(seconds or RETRY_AFTER))}
    log_failure(
        log.error,
        source=delivery.source,
        site=delivery.site,
        outcome="unavailable",
        reason=type(error).__name__,
        cause=type(error.__cause__).__name__ if error.__cause__ else None,
    )
    message = "The delivery could not be recorded. Send it again later; nothing of it was kept."
    return Answer(503, {"error": "unavailable", "message": message}, "unavailable", "unavailable", headers)


def _log_answer(delivery: Delivery, answer: Answer) -> None:
    for event in answer.events:
        log.info(
            "delivery",
            source=delivery.source,
            site=delivery.site,
            event_id=event.event_id,
            kind=event.kind,
            fate=str(event.fate),
            outcome=answer.outcome,
        )


def _wake(delivery: Delivery, wake: Callable[[], None]) -> None:
    """The events are committed: a failed wake only delays them until the next sweep."""
    try:
        wake()
    except Exception as error:  # noqa: BLE001 - the queue may be out in many ways
        log.error(
            "wake", source=delivery.source, site=delivery.site, outcome="failed", reason=type(error).__name__
        )
