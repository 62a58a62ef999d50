"""The options and the progress of a backfill, saved in its row of ``run``, so that any machine can resume it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from connector.sync.refresh import change_feed
from connector.sync.refresh.change_feed import Site


class Phase(StrEnum):
    """The phase that a backfill is in."""

    READING = "reading"
    COMPLETING = "completing"
    """Fetching the histories that the feed did not contain."""
    DECIDING = "deciding"
    """Counting what would change (dry run)."""
    DECIDED = "decided"
    WRITING = "writing"
    SETTLING = "settling"
    """Retrying accounts that were refused temporarily."""
    OVER = "over"


@dataclass(frozen=True, slots=True)
class BackfillOptions:
    """The options of a backfill. ``since``: read only objects that changed since then; ``kinds``: in the order of the
    feed. After a complete read, the history of every account is known."""

    sites: tuple[Site, ...]
    kinds: tuple[str, ...] = change_feed.KINDS
    since: datetime | None = None

    @property
    def is_complete(self) -> bool:
        return self.since is None and set(self.kinds) == set(change_feed.KINDS)

    def document(self) -> dict[str, Any]:
        since = self.since and self.since.isoformat()
        return {"since": since, "objects": list(self.kinds), "sites": [name for _, name in self.sites]}

    @classmethod
    def of(cls, options: Mapping[str, Any], source: str) -> BackfillOptions:
        """Parse the result of ``document``."""
        since = options.get("since")
        return cls(
            tuple((source, name) for name in options["sites"]),
            tuple(options["objects"]),
            datetime.fromisoformat(since) if since else None,
        )


@dataclass(slots=True)
class FeedPosition:
    """How far one kind of object of one site was read: up to which change, and how many objects so far."""

    until: datetime | None = None
    objects: int = 0
    complete: bool = False


@dataclass(slots=True)
class Checkpoint:
    """The progress of a backfill. ``writes``: it writes to Salesforce; ``agreed``: a person confirmed a large number of
    writes. ``marks``: feed positions by site and kind; ``pasts``: the same for sites that are read completely because
    that takes fewer calls than the histories of their accounts. ``cursor``: the account behind which the run continues;
    ``accounts``: accounts that are finished; ``left``: those of them that are left to workers. ``narrow``: the reduced
    batch size after accounts killed their process. ``would``: the counts of the dry run. ``calls`` and ``seconds``: the
    cost so far."""

    phase: Phase = Phase.READING
    writes: bool = False
    agreed: bool = False
    marks: dict[str, FeedPosition] = field(default_factory=dict)
    pasts: dict[str, FeedPosition] = field(default_factory=dict)
    cursor: str = ""
    accounts: int = 0
    left: int = 0
    narrow: int | None = None
    would: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def mark(self, site: Site, kind: str) -> FeedPosition:
        return self.marks.setdefault(_name(site, kind), FeedPosition())

    def past(self, site: Site, kind: str) -> FeedPosition:
        return self.pasts.setdefault(_name(site, kind), FeedPosition())

    def is_begun(self, site: Site) -> bool:
        """Whether the complete read of this site was started."""
        return any(_name(site, kind) in self.pasts for kind in change_feed.KINDS)

    def is_complete(self, site: Site) -> bool:
        """Whether this site was read completely."""
        return all(self.pasts.get(_name(site, kind), FeedPosition()).complete for kind in change_feed.KINDS)

    def is_written(self, key: str) -> bool:
        """Whether this account was written already."""
        return self.phase is Phase.SETTLING or (self.phase is Phase.WRITING and key <= self.cursor)

    def objects(self) -> dict[str, int]:
        """The number of objects read, by kind."""
        found: Counter[str] = Counter()
        for name, mark in self.marks.items():
            found[name.rpartition(":")[2]] += mark.objects
        return {kind: found[kind] for kind in change_feed.KINDS if kind in found}

    def read(self) -> int:
        """The total number of objects read, including the complete reads of sites."""
        return sum(mark.objects for mark in (*self.marks.values(), *self.pasts.values()))

    def changes(self) -> int:
        """The number of records that would be written, as counted by the dry run."""
        return sum(many for name, many in self.would.items() if name.startswith(("create ", "update ")))

    def start_phase(self, phase: Phase) -> None:
        """Start a phase at the first account."""
        self.phase, self.cursor, self.accounts, self.left = phase, "", 0, 0

    def document(self) -> dict[str, Any]:
        return {
            "phase": str(self.phase),
            "writes": self.writes,
            "agreed": self.agreed,
            "marks": _mark_documents(self.marks),
            "pasts": _mark_documents(self.pasts),
            "cursor": self.cursor,
            "accounts": self.accounts,
            "left": self.left,
            "narrow": self.narrow,
            "would": dict(self.would),
            "calls": dict(self.calls),
            "seconds": round(self.seconds, 1),
        }

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Checkpoint:
        """Parse the result of ``document``, also of an earlier version. Without a document, return the initial
        state."""
        if not document:
            return cls()
        return cls(
            phase=Phase(document["phase"]),
            writes=document["writes"],
            agreed=document.get("agreed", document["writes"]),
            marks=_marks(document["marks"]),
            pasts=_marks(document.get("pasts", {})),
            cursor=document["cursor"],
            accounts=document["accounts"],
            left=document["left"],
            narrow=document.get("narrow"),
            would=Counter(document["would"]),
            calls=Counter(document["calls"]),
            seconds=document["seconds"],
        )


def _name(site: Site, kind: str) -> str:
    return ":".join((*site, kind))


def _mark_documents(marks: Mapping[str, FeedPosition]) -> dict[str, Any]:
    return {
        name: [one.until and one.until.isoformat(), one.objects, one.complete] for name, one in marks.items()
    }


def _marks(document: Mapping[str, Any]) -> dict[str, FeedPosition]:
    return {
        name: FeedPosition(datetime.fromisoformat(until) if until else None, objects, complete)
        for name, (until, objects, complete) in document.items()
    }
