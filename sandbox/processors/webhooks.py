"""Sends what the processors say, each to its own endpoint, signed as each signs.

Every event stays on record with the attempts of its delivery. Braintree and Adyen give their events no id: those
are told by kind, object and time, and that the receiver acknowledged the delivery is all that can be checked.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sandbox.processors.events import Delivery, Event
from sandbox.processors.sources import SOURCES
from sandbox.sender import Record, Route, Sender


@dataclass(frozen=True, slots=True)
class Endpoint(Route):
    """``keys``: what the source signs with, by name."""

    keys: Mapping[str, str] = field(default_factory=dict, repr=False)


class Webhooks:
    """Safe to use from many threads. ``sender`` is shared with Recurly's."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._lock = threading.Lock()
        self._endpoints: dict[str, Endpoint] = {}
        self._records: list[tuple[Delivery, Record]] = []

    @property
    def endpoints(self) -> Mapping[str, Endpoint]:
        return self._endpoints

    def configure(self, endpoints: Mapping[str, Endpoint]) -> None:
        """All of them at once: a source that is not named has no endpoint any more."""
        self._endpoints = dict(endpoints)

    def send(self, deliveries: Iterable[Delivery], copies: int = 1) -> None:
        """Queue each, ``copies`` times; what has no endpoint is only put on record."""
        for delivery in deliveries:
            record = Record()
            with self._lock:
                self._records.append((delivery, record))
            endpoint = self._endpoints.get(delivery.source)
            if endpoint is None:
                record.state = "unsent"
                continue
            request = partial(SOURCES[delivery.source].request, delivery.events, endpoint.keys)
            self._sender.post(delivery.lane, record, endpoint, request, copies)

    def told(self) -> list[dict[str, Any]]:
        """Every event in the order in which it was said."""
        with self._lock:
            pairs = [
                (event, delivery, record) for delivery, record in self._records for event in delivery.events
            ]
        return [{**told(event, delivery), **record.told()} for event, delivery, record in pairs]

    def pending(self) -> int:
        """How many events are under way."""
        with self._lock:
            return sum(len(delivery.events) for delivery, record in self._records if record.open_copies)

    def clear(self) -> None:
        """As new, but for the endpoints. What is being posted ends as it will."""
        with self._lock:
            for _, record in self._records:
                record.forgotten = True
            self._records.clear()


def told(event: Event, delivery: Delivery) -> dict[str, Any]:
    return {
        "source": event.source,
        "id": event.id,
        "kind": event.kind,
        "object_id": event.object_id,
        "event_time": f"{event.at:%Y-%m-%dT%H:%M:%SZ}",
        "account_code": delivery.lane,
        "delivery": delivery.id,
    }
