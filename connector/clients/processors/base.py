"""The interface of all processor clients, with any SDK."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final, Protocol

from connector.models.facts import Kind, ProcessorObject

TIMEOUTS: Final = (5.0, 15.0)
"""Seconds to connect, and to wait for an answer. No call goes without."""

MOST_CALLS: Final = 2
"""How often the API is asked for one object."""

Page = tuple[ProcessorObject, ...]


class ProcessorApi(Protocol):
    """One account at one processor. Safe between threads."""

    def look_up(self, item: ProcessorObject, /) -> tuple[ProcessorObject, ...]:
        """The payment of this object at the processor; ``()`` if the processor does not know it.

        ``at`` is the object's own time, never this machine's; ``status`` is None where the answer does not date it.
        Raises Unavailable when nobody can be asked (a refused key, a limit, an outage), Transient when this call may
        work later, Permanent when it never will. At most two calls.
        """
        ...


class ProcessorListing(Protocol):
    """Lists of the objects of one account at one processor. Safe between threads, and between two lists at a time.

    Who has no client in ``CLIENTS`` has no books here: Adyen's API does not list payments, and PayPal is not
    configured with API keys.
    """

    @property
    def lists(self) -> frozenset[Kind]:
        """The kinds that this processor can list at all."""
        ...

    def listed(self, kind: Kind, since: datetime, until: datetime) -> Iterator[Page]:
        """All of this kind that was created from ``since`` to before ``until``, a page at a time, none of it empty.

        ``opened_at`` is when the object was created and ``status`` what it is now, also where ``look_up`` leaves it
        out because no time dates it: an answer to "how does it stand?", not an observation to be folded with those of
        events. ``references`` of a refund or dispute are the ids of its payment. Which page comes first is the
        processor's choice; what changes while it is listed may come twice, and the later is then the truer.

        A page is whole or the error is raised: those of ``look_up``, in the middle of the list too. ValueError for
        a kind that is not in ``lists``.
        """
        ...


class ProcessorClient(ProcessorApi, ProcessorListing, Protocol):
    """Both."""
