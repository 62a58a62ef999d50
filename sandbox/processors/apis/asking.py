"""What a list is asked for: a window of time, from its ends."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

_LEAST: Final = timedelta(microseconds=1)


def window(ends: Mapping[str, datetime]) -> dict[str, datetime]:
    """``gt``, ``gte``, ``lt``, ``lte`` as ``since`` and ``until``: from the first to before the second."""
    found: dict[str, datetime] = {}
    for name, moment in ends.items():
        at = moment.astimezone(UTC) + (_LEAST if name in ("gt", "lte") else timedelta())
        end, choose = ("since", max) if name.startswith("g") else ("until", min)
        found[end] = choose(found.get(end, at), at)
    return found
