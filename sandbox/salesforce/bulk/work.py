"""Working the jobs: each call on an org moves them on a step, so that nothing runs when nobody calls.

A caller who asks how a job is doing thus sees it in progress and has to ask again; a job nobody asks about is
worked all the same, by whatever else is called.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.control import Control
from sandbox.salesforce.api.calls import Call
from sandbox.salesforce.api.collections import named_twice, updated, upserted
from sandbox.salesforce.bulk.columns import Column, columns, misread, row_of
from sandbox.salesforce.bulk.job import COMPLETE, FAILED, INGEST, RUNNING, WORKING, Job, Outcome
from sandbox.salesforce.bulk.jobs import BATCH, CHUNK
from sandbox.salesforce.bulk.table import Unusable, read
from sandbox.salesforce.errors import RequestRefused, RowError, RowRefused
from sandbox.salesforce.org import Org
from sandbox.salesforce.schema import ObjectType
from sandbox.salesforce.store import Row
from sandbox.salesforce.writer import Writer


def advance(org: Org, control: Control, path: str) -> None:
    """Once for each call; one about something else works a chunk only, so as not to be held up.

    Where another call is at it, this one goes on without.
    """
    jobs = org.jobs
    running = jobs.running()
    if not running or not jobs.working.acquire(blocking=False):
        return
    most = BATCH if path.startswith("jobs/") else CHUNK
    try:
        for job in running:
            _step(org, control, job, most)
    finally:
        jobs.working.release()


def _step(org: Org, control: Control, job: Job, most: int) -> None:
    job.steps += 1
    try:
        load = _Load.of(org, control, job) if job.order.type == INGEST else None
    except Unusable as unusable:
        job.error = str(unusable)
        _turn(org, job, FAILED)
        return
    _turn(org, job, WORKING)
    due = org.jobs.due(job, most)
    if load is None:
        job.done = due
    else:
        load.work(due)
    if job.done == len(job.rows):
        _turn(org, job, COMPLETE)


def _turn(org: Org, job: Job, state: str) -> None:
    """A job that was aborted meanwhile stays so."""
    if job.state in RUNNING:
        job.state, job.modified = state, org.now_text()


@dataclass(frozen=True, slots=True)
class _Load:
    """An ingest job at work."""

    call: Call
    job: Job
    kind: ObjectType
    columns: Sequence[Column]

    @classmethod
    def of(cls, org: Org, control: Control, job: Job) -> _Load:
        """Reads the rows, the first time. Raises Unusable for data of which no row can be written."""
        order = job.order
        if not job.header:
            job.header, job.rows = read(job.content or b"", order.delimiter, order.line_ending)
            job.content = None
        headers = {"sforce-auto-assign": order.assignment_rule or "FALSE"}
        path = f"jobs/ingest/{job.id}/batches"
        call = Call(org, control, "PUT", job.version, path, {}, headers, b"", job.user)
        kind = call.schema.get(order.object)
        if kind is None:
            raise Unusable(f"InvalidBatch : Unable to find object: {order.object}")
        known = columns(call.schema, kind, job.header)
        needed = order.external_id or ("Id" if order.operation in ("update", "delete") else None)
        if needed and all(column.link or column.field.name != needed for column in known):
            raise Unusable(f"InvalidBatch : Field name not found : {needed}")
        return cls(call, job, kind, known)

    def work(self, due: int) -> None:
        job, jobs = self.job, self.call.org.jobs
        while job.done < due and job.state == WORKING and jobs.holds(job):
            chunk = job.rows[job.done : min(job.done + CHUNK, due)]
            job.outcomes += self._chunk(chunk)
            job.done += len(chunk)

    def _chunk(self, chunk: Sequence[Sequence[str]]) -> list[Outcome]:
        """One transaction, in the order of the rows; a row that fails takes no other with it."""
        rows = [row_of(self.columns, cells) for cells in chunk]
        order = self.job.order
        key = self.kind.fields[order.external_id] if order.external_id else None
        twice = named_twice(key, rows) if key else set()
        with self.call.org.store.transaction():
            writer = self.call.writer()
            return [self._one(writer, row, cells, twice) for row, cells in zip(rows, chunk, strict=True)]

    def _one(self, writer: Writer, row: Row, cells: Sequence[str], twice: set[str]) -> Outcome:
        try:
            with writer.store.transaction():
                return self._written(writer, row, twice)
        except RowRefused as refused:
            errors = refused.errors
        except RequestRefused as refused:
            wrong = misread(self.columns, cells) or RowError(refused.code, refused.message)
            errors = (wrong,)
        return Outcome(str(row.get("Id") or ""), error="".join(_told(error) for error in errors))

    def _written(self, writer: Writer, row: Row, twice: set[str]) -> Outcome:
        order, kind = self.job.order, self.kind
        if order.operation == "insert":
            return Outcome(writer.insert(kind, row), created=True)
        if order.operation == "delete":
            found = writer.find(kind, row.get("Id"))
            writer.delete(kind, found)
            return Outcome(found)
        if order.external_id:
            result = upserted(writer, kind, kind.fields[order.external_id], row, twice)
            return Outcome(result["id"], result["created"])
        return Outcome(updated(writer, kind, row)["id"])


def _told(error: RowError) -> str:
    """``CODE:message:Field Field --``."""
    return ":".join((error.code, error.message, "".join(f"{name} " for name in error.fields) + "--"))
