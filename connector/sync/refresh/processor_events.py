"""Process events that contain their objects: nothing is fetched, but the objects must be matched to accounts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Engine

from connector.ledger import events, match_queue, observations, subjects
from connector.ledger.events import Claimed
from connector.ledger.observations import Key, ProcessorSnapshot
from connector.sync.refresh import account_matching, enrichment
from connector.sync.refresh.enrichment import Apis, Lookups

log = structlog.get_logger("connector.refresh")


@dataclass(frozen=True, slots=True)
class CarriedBatch:
    """The claimed events of one processor."""

    engine: Engine
    token: str
    batch: Sequence[Claimed]
    checkpoint: Callable[[], None]

    def run(self, apis: Apis, lookups: Lookups) -> int:
        """Store the observations, match their objects, and make their subjects due. Return the number of subjects. APIs
        are asked about these objects only."""
        with self.engine.begin() as connection:
            stored = observations.store(
                connection, [(e.event_id, item) for e in self.batch for item in e.carried]
            )
            match_queue.enqueue(connection, observations.changed_keys(stored))
        account_matching.match_stored(self.engine, stored, checkpoint=self.checkpoint)
        touched = {observations.key_of(one.item) for one in stored}
        due = self._settle(touched)
        enrichment.ask(self.engine, apis, lookups, only=sorted(touched), checkpoint=self.checkpoint)
        return due

    def _settle(self, keys: set[Key]) -> int:
        with self.engine.begin() as connection:
            known = {
                observations.key_of(one.item): one
                for one in observations.load(connection, sorted(keys), hold=True)
            }
            fetched = [events.Fetched(event.id, _subject(event, known)) for event in self.batch]
            due = [
                enrichment.due_of(known[observations.key_of(item)], event.urgency)
                for event in self.batch
                for item in event.carried
            ]
            subjects.mark_due(connection, due)
            events.settle_fetched(connection, self.token, fetched)
        for one in fetched:
            log.info("event_fetched", id=one.id, subject=one.subject, outcome="fetched")
        return len({one.key for one in due})


def _subject(event: Claimed, known: Mapping[Key, ProcessorSnapshot]) -> str:
    """The subject of the event: that of its main object, not of the charge behind it."""
    return known[observations.key_of(observations.main_object(event.carried))].subject
