"""Events and due accounts of one site, and a look at what the ledger made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, text

from connector.ledger.inbox import insert
from connector.ledger.subjects import Due
from connector.mappers import external_ids
from connector.models.events import Event, Fate, Pointer, Urgency

SOURCE = "recurly"
SITE = "acme"


def event(event_id: str = "n1", *refs: str, **changed: Any) -> Event:
    """A past-due invoice; ``refs`` are what it points to."""
    usual: dict[str, Any] = {
        "source": SOURCE,
        "site": SITE,
        "event_id": event_id,
        "kind": "charge_invoice.past_due",
        "fate": Fate.HANDLED,
        "urgency": Urgency.FAILURE,
        "occurred_at": None,
        "pointers": (Pointer("invoice", refs or ("inv1",)),),
        "body": "{}",
        "format": "json",
    }
    return Event(**usual | changed)


def weak(event_id: str, **changed: Any) -> Event:
    """An event that is known by a digest of its body only."""
    return event(event_id, strong_id=False, format="xml", **changed)


def due(code: str = "bob", urgency: Urgency = Urgency.ROUTINE) -> Due:
    return Due(subject(code), SOURCE, SITE, code, urgency)


def subject(code: str = "bob") -> str:
    return external_ids.subject(SOURCE, SITE, code)


def record(engine: Engine, *events: Event) -> None:
    """Each event in a delivery of its own."""
    for one_event in events:
        with engine.begin() as connection:
            insert(connection, [one_event])


def rows(engine: Engine, statement: str, **values: object) -> list[Any]:
    """What a statement answers; as many rows as it does."""
    with engine.begin() as connection:
        answer = connection.execute(text(statement), values)
        return list(answer) if answer.returns_rows else []


def one(engine: Engine, statement: str, **values: object) -> Any:
    (row,) = rows(engine, statement, **values)
    return row


def statuses(engine: Engine) -> dict[str, str]:
    """Event id → status."""
    return {row.event_id: row.status for row in rows(engine, "SELECT event_id, status FROM event")}


def make_ready(engine: Engine, table: str = "event") -> None:
    """As if every wait had passed."""
    rows(engine, f"UPDATE {table} SET ready_at = now() - interval '1 second'")


def ids(engine: Engine, *event_ids: str) -> Sequence[int]:
    """The ledger's numbers of these events, in this order."""
    known = {row.event_id: row.id for row in rows(engine, "SELECT id, event_id FROM event")}
    return [known[event_id] for event_id in event_ids]
