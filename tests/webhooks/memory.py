"""The receive side with nothing behind it: an inbox in memory, a bell that counts, and Flask's test client."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from flask import Flask
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry

from connector.models.events import Event
from connector.webhooks.metrics import Metrics
from connector.webhooks.routes import Endpoint, blueprint
from connector.webhooks.source import Source

NOW = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)
SITE = "acme"


@dataclass(frozen=True)
class Counts:
    accepted: int
    duplicates: int


@dataclass(frozen=True)
class Done:
    """Events that are recorded already, or never will be."""

    outcome: Counts | Exception

    def when_done(self, call: Callable[[], None]) -> None:
        call()

    def result(self) -> Counts:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


@dataclass
class MemoryInbox:
    """Unique by (source, site, event_id), as the ledger is. ``fault`` is raised instead of recording."""

    events: dict[tuple[str, str, str], Event] = field(default_factory=dict)
    fault: Exception | None = None

    def record(self, events: Sequence[Event]) -> Done:
        if self.fault:
            return Done(self.fault)
        before = len(self.events)
        for event in events:
            self.events.setdefault((event.source, event.site, event.event_id), event)
        accepted = len(self.events) - before
        return Done(Counts(accepted, len(events) - accepted))

    @property
    def only(self) -> Event:
        (event,) = self.events.values()
        return event


@dataclass
class Bell:
    """Counts the wakes; ``fault`` is raised by each."""

    rung: int = 0
    fault: Exception | None = None

    def __call__(self) -> None:
        self.rung += 1
        if self.fault:
            raise self.fault


@dataclass
class Desk:
    """One receiving application and all that it touched."""

    app: Flask
    inbox: MemoryInbox
    bell: Bell
    registry: CollectorRegistry
    refusals: list[tuple[str, ...]] = field(default_factory=list)
    """Source, site, reason and message of each that the queue was told of."""

    @property
    def client(self) -> FlaskClient:
        return self.app.test_client()

    def counted(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0


def desk(
    sources: Mapping[tuple[str, str], Source],
    default_sites: Mapping[str, str] | None = None,
    clock: Callable[[], datetime] = lambda: NOW,
) -> Desk:
    app, inbox, bell, registry = Flask(__name__), MemoryInbox(), Bell(), CollectorRegistry()
    sites = dict(sources.keys()) if default_sites is None else default_sites
    refusals: list[tuple[str, ...]] = []
    endpoint = Endpoint(
        sources, sites, inbox, bell, lambda *told: refusals.append(told), Metrics(registry), clock
    )
    app.register_blueprint(blueprint(endpoint))
    return Desk(app, inbox, bell, registry, refusals)
