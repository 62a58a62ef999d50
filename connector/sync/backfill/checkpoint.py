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
    """What it is at."""

    READING = "reading"
    COMPLETING = "completing"
    """Fetching the pasts that the feed did not tell."""
    DECIDING = "deciding"
    """Counting what would change."""
    DECIDED = "decided"
    WRITING = "writing"
    SETTLING = "settling"
    """Trying again what was refused for a moment."""
    OVER = "over"


@dataclass(frozen=True, slots=True)
class BackfillOptions:
    """``since``: only what changed since then; ``kinds`` in the order of the feed. Of a whole reading every account's
    past is known afterwards."""

    sites: tuple[Site, ...]
    kinds: tuple[str, ...] = change_feed.KINDS
    since: datetime | None = None

    @property
    def is_whole(self) -> bool:
        return self.since is None and set(self.kinds) == set(change_feed.KINDS)

    def document(self) -> dict[str, Any]:
        since = self.since and self.since.isoformat()
        return {"since": since, "objects": list(self.kinds), "sites": [name for _, name in self.sites]}

    @classmethod
    def of(cls, options: Mapping[str, Any], source: str) -> BackfillOptions:
        """What ``document`` told."""
        since = options.get("since")
        return cls(
            tuple((source, name) for name in options["sites"]),
            tuple(options["objects"]),
            datetime.fromisoformat(since) if since else None,
        )


@dataclass(slots=True)
class FeedPosition:
    """How far one kind of one site was read: up to which change, and how many objects so far."""

    until: datetime | None = None
    objects: int = 0
    whole: bool = False


@dataclass(slots=True)
class Checkpoint:
    """``writes``: whether it is to write; ``agreed``: whether somebody was asked, if it is much. ``marks``: by site
    and kind; ``pasts``: the same for sites that were read whole because that takes fewer calls than the pasts of the
    accounts. ``cursor``: the account behind which it goes on; ``accounts``: how many it is through with; ``left``: of
    them those that are left to workers. ``narrow``: how many accounts are worked at once, where many killed their
    process. ``would``: what deciding has counted. ``calls`` and ``seconds``: what it took until now."""

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
        """Whether all of this site is being read, or was."""
        return any(_name(site, kind) in self.pasts for kind in change_feed.KINDS)

    def is_whole(self, site: Site) -> bool:
        """Whether all of this site was read."""
        return all(self.pasts.get(_name(site, kind), FeedPosition()).whole for kind in change_feed.KINDS)

    def is_through(self, key: str) -> bool:
        """Whether this account was written already."""
        return self.phase is Phase.SETTLING or (self.phase is Phase.WRITING and key <= self.cursor)

    def objects(self) -> dict[str, int]:
        """How many of each kind were read."""
        found: Counter[str] = Counter()
        for name, mark in self.marks.items():
            found[name.rpartition(":")[2]] += mark.objects
        return {kind: found[kind] for kind in change_feed.KINDS if kind in found}

    def read(self) -> int:
        """How many objects in all, those of the pasts included."""
        return sum(mark.objects for mark in (*self.marks.values(), *self.pasts.values()))

    def changes(self) -> int:
        """How many records would be written, as it was counted."""
        return sum(many for name, many in self.would.items() if name.startswith(("create ", "update ")))

    def go_through(self, phase: Phase) -> None:
        """From the first account on."""
        self.phase, self.cursor, self.accounts, self.left = phase, "", 0, 0

    def document(self) -> dict[str, Any]:
        return {
            "phase": str(self.phase),
            "writes": self.writes,
            "agreed": self.agreed,
            "marks": _told(self.marks),
            "pasts": _told(self.pasts),
            "cursor": self.cursor,
            "accounts": self.accounts,
            "left": self.left,
            "narrow": self.narrow,
            "would": dict(self.would),
            "calls": dict(self.calls),
            "seconds": round(self.seconds, 1),
        }

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Checkpoint:
        """What ``document`` told, or that of an earlier version; of nothing, the beginning."""
        if not told:
            return cls()
        return cls(
            phase=Phase(told["phase"]),
            writes=told["writes"],
            agreed=told.get("agreed", told["writes"]),
            marks=_marks(told["marks"]),
            pasts=_marks(told.get("pasts", {})),
            cursor=told["cursor"],
            accounts=told["accounts"],
            left=told["left"],
            narrow=told.get("narrow"),
            would=Counter(told["would"]),
            calls=Counter(told["calls"]),
            seconds=told["seconds"],
        )


def _name(site: Site, kind: str) -> str:
    return ":".join((*site, kind))


def _told(marks: Mapping[str, FeedPosition]) -> dict[str, Any]:
    return {
        name: [one.until and one.until.isoformat(), one.objects, one.whole] for name, one in marks.items()
    }


def _marks(told: Mapping[str, Any]) -> dict[str, FeedPosition]:
    return {
        name: FeedPosition(datetime.fromisoformat(until) if until else None, objects, whole)
        for name, (until, objects, whole) in told.items()
    }
