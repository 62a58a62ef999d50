"""One bulk job: what was asked, how far it is, and what came of each row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

OPEN: Final = "Open"
UPLOADED: Final = "UploadComplete"
WORKING: Final = "InProgress"
COMPLETE: Final = "JobComplete"
FAILED: Final = "Failed"
ABORTED: Final = "Aborted"
RUNNING: Final = frozenset({UPLOADED, WORKING})
ENDED: Final = frozenset({COMPLETE, FAILED, ABORTED})

INGEST: Final = "V2Ingest"
QUERY: Final = "V2Query"


@dataclass(frozen=True, slots=True)
class Order:
    """What a job was created for. ``delimiter`` and ``line_ending`` have Salesforce's names for them."""

    type: str
    operation: str
    object: str
    delimiter: str = "COMMA"
    line_ending: str = "LF"
    external_id: str | None = None
    assignment_rule: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one row: its record's id, whether that was made, or why the row failed."""

    record_id: str
    created: bool = False
    error: str | None = None


@dataclass(slots=True)
class Job:
    """``rows`` are the cells sent (ingest, once begun) or found (query); ``done`` is how many are worked.

    ``steps``: how many calls the org has answered since the job was ready to be worked; ``since``: from when.
    """

    id: str
    order: Order
    user: str
    version: str
    created: str
    modified: str
    state: str = OPEN
    error: str | None = None
    content: bytes | None = None
    header: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    done: int = 0
    steps: int = 0
    since: float = 0.0

    @property
    def failures(self) -> int:
        return sum(outcome.error is not None for outcome in self.outcomes)
