"""What every processor's client promises, whichever SDK is behind it."""

from __future__ import annotations

from typing import Final, Protocol

from connector.facts import ProcessorObject

TIMEOUTS: Final = (5.0, 15.0)
"""Seconds to connect, and to wait for an answer. No call goes without."""

MOST_CALLS: Final = 2
"""How often the API is asked for one object."""


class ProcessorApi(Protocol):
    """One account at one processor. Safe between threads."""

    def look_up(self, item: ProcessorObject, /) -> tuple[ProcessorObject, ...]:
        """What the processor says of the payment behind this object; ``()`` where it does not know it.

        ``at`` is the object's own time, never this machine's; ``status`` is None where the answer does not date it.
        Raises Unavailable when nobody can be asked (a refused key, a limit, an outage), Transient when this call may
        work later, Permanent when it never will. At most two calls.
        """
        ...
