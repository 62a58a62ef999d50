"""The jobs of an org, and at what pace they are worked."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sandbox.salesforce.bulk.job import RUNNING, UPLOADED, Job, Order
from sandbox.salesforce.ids import make_id, normal_id

CHUNK: Final = 200
"""Rows of one transaction. A job of no more is tiny: whoever asks for it first finds it done."""
BATCH: Final = 10_000
"""Rows that a call about jobs works at most."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long jobs take, and how much one takes in.

    ``polls``: how many calls see a job of more than one chunk in progress; ``ms_per_1000``: milliseconds that a
    thousand rows need; ``largest_upload``: bytes of CSV.
    """

    polls: int = 1
    ms_per_1000: int = 0
    largest_upload: int = 150_000_000


class Jobs:
    """``working`` is held by the one call that works them; no thread of their own outlives it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.working = threading.Lock()
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """As new. What is being worked is left where it is."""
        self._numbers = itertools.count(1)
        self._jobs: dict[str, Job] = {}
        self.pace = Pace()

    def add(self, order: Order, user: str, version: str, now: str) -> Job:
        job = Job(make_id("750", next(self._numbers)), order, user, version, now, now)
        self._jobs[job.id] = job
        return job

    def get(self, job_id: str, kind: str) -> Job | None:
        job = self._jobs.get(normal_id(job_id) or "")
        return job if job and job.order.type == kind else None

    def of(self, kind: str) -> list[Job]:
        """Newest first."""
        return [job for job in reversed(tuple(self._jobs.values())) if job.order.type == kind]

    def holds(self, job: Job) -> bool:
        return self._jobs.get(job.id) is job

    def remove(self, job: Job) -> None:
        self._jobs.pop(job.id, None)

    def running(self) -> list[Job]:
        """Oldest first."""
        return [job for job in tuple(self._jobs.values()) if job.state in RUNNING]

    def start(self, job: Job) -> None:
        job.state = UPLOADED
        job.since = self._clock()

    def due(self, job: Job, most: int = BATCH) -> int:
        """How many rows should be worked by now, ``most`` of them more: all, or whole chunks."""
        total, pace = len(job.rows), self.pace
        polls = pace.polls if total > CHUNK else 0
        due = min(total * job.steps // (polls + 1), job.done + most, total)
        if pace.ms_per_1000:
            due = min(due, int((self._clock() - job.since) * 1_000_000 / pace.ms_per_1000))
        return due if due == total else due - due % CHUNK
