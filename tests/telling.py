"""What processors tell, as their sources hand it on, and a look at what the ledger made of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from samples import SITE, SOURCE, event, rows, subject
from sqlalchemy import Engine

from connector.ledger import observations, snapshots
from connector.ledger.observations import ProcessorSnapshot
from connector.models.events import Event, Pointer, Urgency
from connector.models.facts import BillingObject, Kind, ProcessorObject, Status

T0 = datetime(2026, 11, 22, 12, tzinfo=UTC)

BOB, EVE = subject("bob"), subject("eve")


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def item(id_: str = "dp_1", kind: Kind = Kind.DISPUTE, **said: Any) -> ProcessorObject:
    usual: dict[str, Any] = {
        "kind": kind,
        "source": "stripe",
        "id": id_,
        "at": T0,
        "amount": Decimal("49.00"),
        "currency": "USD",
    }
    return ProcessorObject(**usual | said)


def dispute(id_: str = "dp_1", *references: str, **said: Any) -> ProcessorObject:
    usual: dict[str, Any] = {"status": Status.NEEDS_RESPONSE, "references": references}
    return item(id_, **usual | said)


def charge(id_: str = "ch_1", *references: str, **said: Any) -> ProcessorObject:
    usual: dict[str, Any] = {"status": Status.SUCCEEDED, "references": references}
    return item(id_, Kind.CHARGE, **usual | said)


def payout(id_: str = "po_1", payee: str | None = "acct_1", **said: Any) -> ProcessorObject:
    usual: dict[str, Any] = {"status": Status.PAID, "payee": payee}
    return item(id_, Kind.PAYOUT, **usual | said)


def carrying(event_id: str, *carried: ProcessorObject, **changed: Any) -> Event:
    """A processor's event about these objects."""
    usual: dict[str, Any] = {
        "source": carried[0].source,
        "site": "",
        "kind": f"charge.{carried[0].kind}.updated",
        "urgency": Urgency.DISPUTE,
        "occurred_at": carried[0].at,
        "pointers": tuple(Pointer(str(one.kind), (one.id,)) for one in carried),
        "carried": carried,
    }
    return event(event_id, **usual | changed)


def tell(engine: Engine, *observed: ProcessorObject, by: str = "evt") -> list[ProcessorSnapshot]:
    """The ledger hears of these, each by an event of its own."""
    with engine.begin() as connection:
        return observations.store(
            connection, [(f"{by}_{one.id}_{one.at:%j%H%M%S}_{one.status}", one) for one in observed]
        )


def bill(engine: Engine, *objects: BillingObject) -> None:
    """The ledger hears of these from the billing system."""
    with engine.begin() as connection:
        snapshots.store(connection, SOURCE, SITE, snapshots.clock(connection), objects)


def known(
    engine: Engine, id_: str = "dp_1", kind: Kind = Kind.DISPUTE, source: str = "stripe"
) -> ProcessorSnapshot:
    with engine.connect() as connection:
        (found,) = observations.load(connection, [(source, str(kind), id_)])
    return found


def links(engine: Engine) -> dict[str, tuple[str, str]]:
    """Id → (subject, link) of every processor's object."""
    found = rows(engine, "SELECT id, subject, link FROM snapshot WHERE link IS NOT NULL")
    return {row.id: (row.subject, row.link) for row in found}


def due_subjects(engine: Engine) -> dict[str, int]:
    """Key → urgency of what is due."""
    return {r.key: r.urgency for r in rows(engine, "SELECT key, urgency FROM subject WHERE status = 'due'")}
