"""Salesforce as a destination: errors that open its circuit, so that work waits without spending an attempt."""

from __future__ import annotations

from typing import Final

from connector.errors import Permanent, SetupError, Transient, Unavailable
from connector.ledger import circuit_breakers

DESTINATION: Final = "salesforce"
MENDED_BY_HAND: Final = 300.0
"""Seconds after which a refused set-up is checked again: each check costs API calls."""


def unavailable(error: SetupError | Permanent | Transient) -> Unavailable:
    """Convert an error that occurred before any subject was decided. A fault of the installation or of the whole org
    is not an account's fault: work waits until a person fixes it, and ``casewire status`` shows the reason."""
    if isinstance(error, Unavailable):
        return error
    if isinstance(error, Transient):
        return Unavailable(DESTINATION, str(error), code=error.code, retry_after=error.retry_after)
    return Unavailable(DESTINATION, str(error), code=circuit_breakers.NOT_SET_UP, retry_after=MENDED_BY_HAND)
