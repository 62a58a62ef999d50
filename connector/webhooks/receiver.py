"""Verify, parse, record, wake: what happens to a delivery, whoever sent it and whatever serves HTTP.

One commit, then the 2xx, then the wake. Nothing of a body is logged, nor any error's text: a database's error
may quote the row it refused.
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
    """What is answered, and what for: ``outcome`` is accepted, duplicate, rejected or unavailable."""

    status: int
    body: Mapping[str, object]
    outcome: str
    reason: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    events: tuple[Event, ...] = ()


class FailureLog:
    """The log lines of deliveries that are not taken. Strangers can cause any number, so those that say the same
    are written once a second, with how many there were since the line before (``count``)."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lines: dict[tuple[str | None, ...], tuple[float, int]] = {}
        """By what a line says: when it may be written again, and how often it was not."""
        self._lock = threading.Lock()

    def __call__(self, write: Callable[..., object], **said: str | None) -> None:
        line = tuple(said.values())
        with self._lock:
            now = self._now()
            next_at, skipped = self._lines.get(line, (now, 0))
            if now < next_at:
                self._lines[line] = (next_at, skipped + 1)
                return
            self._lines[line] = (now + LINE_SECONDS, 0)
        write("delivery", **said, **({"count": skipped + 1} if skipped else {}))


def receive(
    delivery: Delivery,
    source: Source,
    record: Callable[[Sequence[Event]], Recording],
    wake: Callable[[], None],
    log_failure: FailureLog | None = None,
) -> Generator[Recording, None, Answer]:
    """The answer to one delivery. Yields what has to be committed first: the caller may do other work meanwhile. Never
    raises: what goes wrong here is a 503, and the sender tries again."""
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
    except Exception as error:  # noqa: BLE001 - the web border: a database may be out in many ways
        return _unavailable(delivery, error, log_failure)
    _tell(delivery, answer)
    if any(event.fate is Fate.HANDLED for event in events):
        _wake(delivery, wake)
    return answer


def rejected(source: str, site: str, refusal: Rejected, log_failure: FailureLog) -> Answer:
    """A refusal, logged and answered with what to do about it."""
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


def _tell(delivery: Delivery, answer: Answer) -> None:
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
    """The events are safe: a wake that fails costs the time until the next sweep, not the answer."""
    try:
        wake()
    except Exception as error:  # noqa: BLE001 - the queue may be out in many ways
        log.error(
            "wake", source=delivery.source, site=delivery.site, outcome="failed", reason=type(error).__name__
        )
