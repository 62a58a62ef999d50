"""Metrics of the receiver. No label contains a value that a sender can choose freely."""

from __future__ import annotations

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram

from connector.models.events import Event, Fate
from connector.webhooks.receiver import Answer

log = structlog.get_logger("connector.webhooks")

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Up to five seconds, the time-out of Recurly."""


class Metrics:
    """Counters of the receiver, and the duration of responses."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._failing = False
        self._deliveries = Counter(
            "casewire_deliveries", "Deliveries answered", ["source", "outcome"], registry=registry
        )
        self._events = Counter(
            "casewire_events", "Events in answered deliveries", ["source", "kind", "fate"], registry=registry
        )
        self._rejected = Counter(
            "casewire_deliveries_rejected", "Deliveries refused", ["source", "reason"], registry=registry
        )
        self._seconds = Histogram(
            "casewire_receive_seconds",
            "From a delivery's arrival to its answer",
            ["source"],
            buckets=_BUCKETS,
            registry=registry,
        )

    def answered(self, source: str, answer: Answer, seconds: float) -> None:
        """Count a response. Never raises: the delivery is recorded, and after an error the vendor would send it again.
        The folder of the metric files can be missing (a server that is stopping) or full."""
        try:
            self._count(source, answer, seconds)
        except Exception as error:  # noqa: BLE001 - the files of the numbers may be broken in many ways
            if not self._failing:
                log.warning("metrics_failed", error=repr(error), outcome="not counted")
            self._failing = True
        else:
            self._failing = False

    def _count(self, source: str, answer: Answer, seconds: float) -> None:
        self._deliveries.labels(source, answer.outcome).inc()
        self._seconds.labels(source).observe(seconds)
        if answer.outcome == "rejected":
            self._rejected.labels(source, answer.reason).inc()
        for event in answer.events:
            self._events.labels(event.source, _kind(event), str(event.fate)).inc()


def _kind(event: Event) -> str:
    is_classified = event.fate in (Fate.HANDLED, Fate.IGNORED)
    return event.kind if is_classified else "other"
