"""What no delivery told of, a line each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from connector.cli.output.console import plain, show
from connector.ledger.missed_changes import MissedChange

FIRST: Final = 20
"""On a terminal."""


def missing_lines(first: Sequence[MissedChange], count: int, rest: str) -> Iterator[str]:
    """The first of so many: kind, id, whose it is, and when it changed or was listed. ``rest``: where all are."""
    for one in first[:FIRST]:
        when = f", {plain(one.version)}" if one.version else ""
        yield show(f"{one.object.replace('_', ' ')} {one.id} of {one.subject}{when}")
    left = count - min(len(first), FIRST)
    if left:
        yield show(f"… and {left:,} more: {rest}")
