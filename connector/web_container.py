"""The container of the receiver: settings, ledger, queue, sources. No vendor's client and no stage.

The web process imports this module and not ``container``: a delivery must not depend on code that it never runs
(decision 0040). ``.importlinter`` and ``tests/test_entry_points.py`` keep it so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from redis import Redis
from sqlalchemy import Engine

from connector import local_services, queue
from connector.errors import SetupError
from connector.ledger.engine import open_engine
from connector.queue import Queue
from connector.settings import Settings


@dataclass
class WebContainer:
    """Builds what the receiver needs from the settings. Each part is created when it is first read."""

    settings: Settings

    def clock(self) -> datetime:
        return datetime.now(UTC)

    @cached_property
    def engine(self) -> Engine:
        return open_engine(self._address("database_url"))

    @cached_property
    def redis(self) -> Redis:
        given = self.settings
        return queue.connect(
            self._address("redis_url"),
            tls_verify=given.redis_tls_verify,
            tls_ca_file=given.redis_tls_ca_file,
        )

    @cached_property
    def queue(self) -> Queue:
        return Queue(self.redis)

    @property
    def sources(self) -> Mapping[tuple[str, str], object]:
        """The settings of everything that may post webhooks, by (source, site)."""
        recurly = {("recurly", site.name): site for site in self.settings.recurly}
        return {**recurly, **{(name, ""): given for name, given in self.settings.processors.items()}}

    def _address(self, name: str) -> str:
        given: str | None = getattr(self.settings, name)
        if given:
            return given
        running = local_services.running(self.settings.casewire_home)
        if running is None:
            raise SetupError(
                f"{name.upper()} is not set and no Casewire runs in {self.settings.casewire_home}. "
                "Start one with `casewire up`, or set DATABASE_URL and REDIS_URL."
            )
        found: str = getattr(running, name)
        return found
