"""Open the circuit of a destination that is unavailable as a whole."""

from __future__ import annotations

import structlog
from sqlalchemy import Engine

from connector.errors import Unavailable
from connector.ledger import circuit_breakers

log = structlog.get_logger("connector.waiting")


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
