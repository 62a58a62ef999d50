"""What waits, as numbers for ``/metrics``: read from the ledger whenever it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from connector.ledger import (
    api_usage,
    circuit_breakers,
    incidents,
    links,
    missed_changes,
    queries,
    source_activity,
)
from connector.web_container import WebContainer
from connector.webhooks import registry

_BACKLOG: Final[Mapping[str, str]] = {
    "events_waiting": "Events that wait to be fetched",
    "accounts_due": "Accounts that wait to be written",
    "dead_events": "Events given up on",
    "dead_accounts": "Accounts given up on",
    "objects_not_matched": "Disputes, refunds, … that wait for their account",
    "histories_wanted": "Older accounts that wait to be fetched whole",
}
LATELY: Final = timedelta(days=7)


class BacklogCollector(Collector):
    """Nothing while PostgreSQL is away: ``/readyz`` tells of that."""

    def __init__(self, container: WebContainer) -> None:
        self._container = container

    def collect(self) -> Iterable[Metric]:
        try:
            return list(self._read())
        except SQLAlchemyError:
            return []

    def _read(self) -> Iterable[Metric]:
        of = registry.configured(self._container.sources)
        with self._container.engine.connect() as connection:
            numbers = queries.numbers(connection)
            usage = api_usage.load(connection, circuit_breakers.SALESFORCE)
            lasting = incidents.lasting(connection)
            held = links.held(connection)
            out_now = circuit_breakers.troubled(connection)
            lacked = missed_changes.recent(connection, LATELY)
            silent = {(one.source, one.site) for one in source_activity.lasting(connection, of)}
        for name, text in _BACKLOG.items():
            yield GaugeMetricFamily(f"casewire_{name}", text, numbers[name])
        yield GaugeMetricFamily("casewire_incidents", "Gateways that fail for many accounts", len(lasting))
        yield GaugeMetricFamily("casewire_accounts_to_link", "Accounts without a CRM record yet", len(held))
        circuit = GaugeMetricFamily(
            "casewire_circuit_open", "Destinations that are out", labels=["destination"]
        )
        for one in out_now:
            circuit.add_metric([one.destination], 1)
        yield circuit
        yield GaugeMetricFamily(
            "casewire_missed_changes", "Changes of seven days that no delivery reported", lacked.count
        )
        quiet = GaugeMetricFamily(
            "casewire_source_silent", "Sources that usually speak and do not", labels=["source", "site"]
        )
        for site in of:
            quiet.add_metric(site, site in silent)
        yield quiet
        if usage is not None:
            yield GaugeMetricFamily("casewire_salesforce_calls_used", "API calls of the last day", usage.used)
            yield GaugeMetricFamily("casewire_salesforce_calls_allowed", "API calls in a day", usage.allowed)
