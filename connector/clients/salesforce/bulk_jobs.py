"""What Bulk API 2.0 jobs of both kinds share: they are looked at until they end. And who keeps those that write."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from connector.clients.salesforce.bulk_errors import of_job
from connector.clients.salesforce.errors import LATER
from connector.clients.salesforce.polling import PollSchedule
from connector.clients.salesforce.row_results import Row
from connector.errors import Transient

_COMPLETE: Final = "JobComplete"
_ENDED: Final = frozenset({_COMPLETE, "Failed", "Aborted"})
_MISSED_POLLS: Final = 5

Told = Mapping[str, Any]
"""What Salesforce says of a job."""


class JobRegistry(Protocol):
    """Keeps which jobs write, so that one whose process was killed can be aborted by another."""

    def begun(self, job: str, object_: str, rows: Sequence[Row]) -> None:
        """There is a job for these rows. It has no data yet, and cannot write before it has."""

    def ended(self, job: str, *, told: bool) -> None:
        """It does not write any more. ``told``: what came of each row is known."""


class UntrackedJobs:
    """Where nobody else writes what the jobs write."""

    def begun(self, job: str, object_: str, rows: Sequence[Row]) -> None: ...

    def ended(self, job: str, *, told: bool) -> None: ...


def has_ended(told: Told) -> bool:
    """Whether Salesforce writes nothing for it any more."""
    return told["state"] in _ENDED


def wait_for(look: Callable[[], Told], job: str, object_: str, patience: PollSchedule) -> Told:
    """The last look at it. Transient if it does not end in time, or can't be looked at time and again."""
    missed = 0
    while patience.pause():
        try:
            told = look()
        except Transient:
            missed += 1
            if missed == _MISSED_POLLS:
                raise
            continue
        missed = 0
        if has_ended(told):
            return told
    text = f"Salesforce's bulk job {job} of {object_} did not end in the time it is given and is aborted."
    raise Transient(text, code="bulk_too_slow", retry_after=LATER)


def check_complete(ended: Told, object_: str) -> None:
    """Raises what the end of a job means that is not complete."""
    if ended["state"] != _COMPLETE:
        raise of_job(str(ended["state"]), str(ended.get("errorMessage") or ""), object_).exception()
