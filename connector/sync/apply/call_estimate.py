"""Estimate the API calls that writing plans takes if nothing is refused. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from connector.mappers import fields
from connector.sync.apply.record_writer import AT_ONCE, IN_BULK
from connector.sync.apply.row_diff import Row

A_BULK_JOB: Final = 13
"""Calls of one bulk job: create, upload, close, three result files, and polls for a minute at growing intervals."""

Way = tuple[str, bool]
"""An object, and whether its rows are written by Salesforce id; rows written by our key need separate calls."""


def calls(rows: Mapping[Way, int], *, bulk: bool) -> dict[str, int]:
    """Calls by object for rows that are written together."""
    found: Counter[str] = Counter()
    for (object_, _), many in rows.items():
        found[object_] += A_BULK_JOB if bulk and many >= IN_BULK else -(-many // AT_ONCE)
    return dict(found)


@dataclass(slots=True)
class CallEstimator:
    """Counts the calls of plans that are written ``at_once`` subjects at a time, one plan after the other."""

    at_once: int
    bulk: bool = False
    _subjects: int = 0
    _rows: Counter[Way] = field(default_factory=Counter)
    _before: Counter[str] = field(default_factory=Counter)

    def add(self, rows: Sequence[Row]) -> None:
        """Add the rows of one subject."""
        if self._subjects == self.at_once:
            self._before.update(calls(self._rows, bulk=self.bulk))
            self._subjects, self._rows = 0, Counter()
        self._subjects += 1
        self._rows.update((row.change.object, row.id is not None) for row in rows)

    def by_object(self) -> dict[str, int]:
        """Calls by object so far, parents first."""
        total = self._before + Counter(calls(self._rows, bulk=self.bulk))
        return {object_: total[object_] for object_ in fields.ORDER if total[object_]}
