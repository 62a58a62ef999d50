"""Open the circuit of a destination that is unavailable as a whole, and close it when the destination answers."""

from __future__ import annotations

from typing import Final

import structlog
from sqlalchemy import Connection, Engine

from connector.errors import Permanent, SetupError, Transient, Unavailable
from connector.ledger import circuit_breakers

log = structlog.get_logger("connector.waiting")

DESTINATION: Final = circuit_breakers.SALESFORCE
MENDED_BY_HAND: Final = 300.0
"""Seconds after which a set-up that was refused is looked at again: each look costs API calls."""


def unavailable(error: SetupError | Permanent | Transient) -> Unavailable:
    """What reading or asking ran into before anything was decided. What is wrong with the installation or the org as
    a whole is no account's fault: it waits until a person has repaired it, and ``casewire status`` says what."""
    if isinstance(error, Unavailable):
        return error
    if isinstance(error, Transient):
        return Unavailable(DESTINATION, str(error), code=error.code, retry_after=error.retry_after)
    return Unavailable(DESTINATION, str(error), code=circuit_breakers.NOT_SET_UP, retry_after=MENDED_BY_HAND)


def hold(engine: Engine, error: Unavailable) -> float:
    """Open the circuit of the error's destination. Return for how many seconds it stays open."""
    with engine.begin() as connection:
        seconds = circuit_breakers.open_circuit(
            connection, error.destination, str(error), error.code, error.retry_after
        )
    log.warning(
        "circuit_open",
        destination=error.destination,
        seconds=round(seconds, 1),
        error=str(error),
        outcome="waiting",
    )
    return seconds


def mark_available(connection: Connection, destination: str) -> None:
    """Close the circuit of a destination that has answered."""
    if circuit_breakers.close_circuit(connection, destination):
        log.info("circuit_closed", destination=destination, outcome="recovered")
