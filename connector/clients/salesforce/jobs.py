"""Work that Salesforce does in its own time: polling with growing pauses, who tracks bulk jobs, and how they fail.

A failed row of a bulk job reads ``CODE:message:fields --``, several errors one after the other. A failed job reads
``InvalidBatch : message``, with codes of its own
(https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/asynch_api_reference_errors.htm).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

from connector.clients.salesforce.collections import gravest
from connector.clients.salesforce.errors import LATER, LONG, SOON, RowError, Verdict, classified
from connector.clients.salesforce.formats import Row
from connector.errors import Transient

HALF_AN_HOUR: Final = 1800.0
_FIRST, _GROWTH, _LONGEST = 2.0, 1.5, 30.0
_FAILED_POLLS: Final = 5
_COMPLETE: Final = "JobComplete"
_ENDED: Final = frozenset({_COMPLETE, "Failed", "Aborted"})

HOPELESS: Final = frozenset(
    {
        "ClientInputError",
        "FeatureNotEnabled",
        "InvalidBatch",
        "InvalidEntity",
        "InvalidJob",
        "InvalidOperation",
        "InvalidUser",
    }
)
"""Codes of errors that every job with the same columns, object and user has."""
QUOTA: Final = "ExceededQuota"

_BETWEEN: Final = re.compile(r"(?<=--)\s*(?=[A-Z][A-Z0-9_]+:)")
_ROW: Final = re.compile(r"(?P<code>\w+):(?P<message>.*?)(?::(?P<fields>[\w., ]*?) ?--)?", re.DOTALL)
_JOB: Final = re.compile(r"(?P<code>\w+)\s*:\s*(?P<message>.*)", re.DOTALL)

JobState = Mapping[str, Any]
"""A bulk job as Salesforce describes it."""
Wait = Callable[[float], None]
"""Waits so many seconds, and may work meanwhile. An exception ends the wait, and the job is aborted."""
State = TypeVar("State")


class PollSchedule:
    """``pause()`` waits a little longer each time, and is False once ``within`` seconds are over."""

    def __init__(self, wait: Wait, clock: Callable[[], float], within: float) -> None:
        self._wait = wait
        self._clock = clock
        self._started = clock()
        self._within = within
        self._waited = 0.0
        self._next = _FIRST

    def pause(self) -> bool:
        """The elapsed time is the clock's, or the sum of the pauses if that is more."""
        if max(self._clock() - self._started, self._waited) >= self._within:
            return False
        self._wait(self._next)
        self._waited += self._next
        self._next = min(self._next * _GROWTH, _LONGEST)
        return True

    def restart(self) -> None:
        """Short pauses again, for the next job. The total time is not extended."""
        self._next = _FIRST

    def poll(self, read: Callable[[], State], ended: Callable[[State], bool], too_slow: Transient) -> State:
        """The last state. ``too_slow`` if it does not end in time; the error of ``read`` if that fails five times in a
        row."""
        failed = 0
        while self.pause():
            try:
                state = read()
            except Transient:
                failed += 1
                if failed == _FAILED_POLLS:
                    raise
                continue
            failed = 0
            if ended(state):
                return state
        raise too_slow


class JobRegistry(Protocol):
    """Tracks the jobs that write, so that another process can abort one whose process was killed."""

    def begun(self, job: str, object_: str, rows: Sequence[Row]) -> None:
        """There is a job for these rows. It has no data yet, and cannot write before it has."""

    def ended(self, job: str, *, results_read: bool) -> None:
        """It writes nothing any more. ``results_read``: the result of each row was read."""


class UntrackedJobs:
    """For rows that no other process writes."""

    def begun(self, job: str, object_: str, rows: Sequence[Row]) -> None: ...

    def ended(self, job: str, *, results_read: bool) -> None: ...


def has_ended(job: JobState) -> bool:
    """Whether Salesforce writes nothing for it any more."""
    return job["state"] in _ENDED


def await_completion(read: Callable[[], JobState], job: str, object_: str, schedule: PollSchedule) -> None:
    """Polls a job until it is complete. Raises the error of a job that ends otherwise, or not in time."""
    text = f"Salesforce's bulk job {job} of {object_} did not end in the time it is given and is aborted."
    end = schedule.poll(read, has_ended, Transient(text, code="bulk_too_slow", retry_after=LATER))
    if end["state"] != _COMPLETE:
        raise job_error(str(end["state"]), str(end.get("errorMessage") or ""), object_).exception()


def row_error(text: str, object_: str) -> RowError:
    """An ``sf__Error``."""
    return gravest([_problem(part) for part in _BETWEEN.split(text)], object_)


def unprocessed(object_: str) -> RowError:
    """A row that the job did not process, or that is in none of its result files."""
    text = f"Salesforce's bulk job ended before {object_} was written. It is retried."
    return RowError(Verdict.RETRY, "UNPROCESSED", "", text, retry_after=SOON)


def job_error(state: str, error_message: str, object_: str) -> RowError:
    """Why a job ended without being complete."""
    match = _JOB.fullmatch(error_message)
    code, message = (match["code"], match["message"]) if match else ("", error_message)
    if code in HOPELESS:
        text = f"Salesforce cannot carry out a bulk job of {object_} ({code}): {message}."
        return RowError(Verdict.DEAD, code, message, text)
    if code == QUOTA:
        text = f"The org's quota of bulk jobs is used up: {message}. Work waits."
        return RowError(Verdict.PAUSE, code, message, text, retry_after=LONG)
    error = classified({"statusCode": code, "message": message}, object_)
    if error.verdict is not Verdict.DEAD:
        return error
    reason = error_message or "without a reason"
    text = f"Salesforce ended a bulk job of {object_} as {state}: {reason}. It is retried."
    return RowError(Verdict.RETRY, code or state, message, text, retry_after=LATER)


def _problem(part: str) -> Mapping[str, Any]:
    match = _ROW.fullmatch(part.strip())
    if match is None:
        return {"message": part}
    fields = re.split(r"[,\s]+", match["fields"] or "")
    return {"statusCode": match["code"], "message": match["message"], "fields": [f for f in fields if f]}
