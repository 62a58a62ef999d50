"""Bulk API 2.0 ingest: one job for thousands of rows, settled row by row.

A job is known to ``Jobs`` before it has data. What is killed between the two leaves an open job without any, which
never writes and which Salesforce deletes after seven days.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/bulk_api_2_0_ingest.htm
No assignment rule runs, as the job names none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from connector.clients.salesforce import bulk_csv
from connector.clients.salesforce.bulk_errors import of_row, unprocessed
from connector.clients.salesforce.bulk_jobs import JobRegistry, Told, check_complete, has_ended, wait_for
from connector.clients.salesforce.collections import ID, Collections
from connector.clients.salesforce.encoding import to_json
from connector.clients.salesforce.http import Request, fixed
from connector.clients.salesforce.polling import PollSchedule
from connector.clients.salesforce.row_results import Row, RowResult, check_keys, refused_once
from connector.clients.salesforce.session import LOST, Session
from connector.errors import CasewireError, Permanent, Transient

_CSV: Final = {"Content-Type": "text/csv; charset=UTF-8"}
_NO_SUCH_JOB: Final = "NOT_FOUND"


@dataclass(frozen=True, slots=True)
class _Load:
    """The rows of one job, and the same as CSV."""

    object: str
    key_field: str
    rows: Sequence[Row]
    data: bytes


class Bulk:
    """Rows that CSV cannot say and losers of a race for a new key go by ``batches`` instead."""

    def __init__(
        self,
        session: Session,
        batches: Collections,
        bytes_in_a_job: int = bulk_csv.BYTES_IN_A_JOB,
    ) -> None:
        self._session = session
        self._batches = batches
        self._bytes_in_a_job = bytes_in_a_job

    def upsert(
        self, object_: str, key_field: str, rows: Sequence[Row], patience: PollSchedule, jobs: JobRegistry
    ) -> list[RowResult]:
        """The results are in the order of the rows."""
        keys = check_keys(rows, key_field)
        done: dict[str, RowResult] = {}
        sayable = [row for row in rows if bulk_csv.sayable(row)]
        over: list[str] = []
        told = False
        try:
            for part, data in bulk_csv.files(sayable, key_field, self._bytes_in_a_job):
                patience.afresh()
                job, fates = self._done(_Load(object_, key_field, part, data), patience, jobs)
                over.append(job)
                done |= fates
            one_by_one = [row for row in rows if _left(done.get(str(row[key_field])))]
            done |= {result.key: result for result in self._in_batches(object_, key_field, one_by_one)}
            told = True
        finally:
            # what came of the rows is told by what is returned, or not at all
            for job in over:
                jobs.ended(job, told=told)
        return [done[key] for key in keys]

    def _in_batches(self, object_: str, key_field: str, rows: Sequence[Row]) -> list[RowResult]:
        if key_field == ID:
            return self._batches.update(object_, rows)
        return self._batches.upsert(object_, key_field, rows)

    def abort(self, job: str) -> bool:
        """Whether it has ended, by this or before. One that Salesforce does not know has."""
        try:
            return has_ended(self._call("job", "PATCH", f"/{job}", {"state": "Aborted"}))
        except Permanent:
            return self._has_ended(job)

    def _has_ended(self, job: str) -> bool:
        try:
            return has_ended(self._look(job, "job"))
        except Permanent as error:
            if error.code == _NO_SUCH_JOB:
                return True
            raise

    def _done(
        self, load: _Load, patience: PollSchedule, jobs: JobRegistry
    ) -> tuple[str, dict[str, RowResult]]:
        """A job that has ended, and what came of each row. One that is given up is aborted: it must not write old
        values later."""
        job = self._uploaded(load, jobs)
        try:
            self._closed(job, load.object)
            ended = wait_for(lambda: self._look(job, load.object), job, load.object, patience)
            check_complete(ended, load.object)
            done = self._settled(job, load)
        except BaseException:
            self._give_up(job, jobs)
            raise
        return job, done

    def _uploaded(self, load: _Load, jobs: JobRegistry) -> str:
        """Salesforce takes data once for a job: if the answer was lost, a new job is begun."""
        try:
            return self._begun(load, jobs)
        except Transient as error:
            if error.code != LOST:
                raise
        return self._begun(load, jobs)

    def _begun(self, load: _Load, jobs: JobRegistry) -> str:
        job = str(self._call(load.object, "POST", "", _job(load.object, load.key_field))["id"])
        path = self._session.path(f"jobs/ingest/{job}/batches")
        upload = Request(f"bulk {load.object}", "PUT", path, _CSV, body=fixed(load.data))
        try:
            jobs.begun(job, load.object, load.rows)
            self._session.ask(upload, repeat=False)
        except BaseException:
            self._give_up(job, jobs)
            raise
        return job

    def _closed(self, job: str, object_: str) -> None:
        """A job that was closed already, by a request whose answer was lost, is closed."""
        try:
            self._call(object_, "PATCH", f"/{job}", {"state": "UploadComplete"})
        except Permanent:
            if self._look(job, object_)["state"] == "Open":
                raise

    def _settled(self, job: str, load: _Load) -> dict[str, RowResult]:
        """Files are asked for only as long as a row is without its fate."""
        object_, key_field = load.object, load.key_field
        keys = {_told(str(row[key_field]), key_field): str(row[key_field]) for row in load.rows}
        done: dict[str, RowResult] = {}
        for name, fate in _FATES.items():
            if len(done) < len(keys):
                for told in self._results(job, object_, name):
                    key = keys.get(_told(told.get(key_field, ""), key_field))
                    if key is not None:
                        done[key] = fate(key, told, object_)
        return {key: done.get(key) or _unprocessed(key, {}, object_) for key in keys.values()}

    def _results(self, job: str, object_: str, name: str) -> list[dict[str, str]]:
        path = self._session.path(f"jobs/ingest/{job}/{name}")
        answer = self._session.ask(Request(f"bulk {object_}", "GET", path, {"Accept": "text/csv"}))
        return bulk_csv.read(answer.content)

    def _give_up(self, job: str, jobs: JobRegistry) -> None:
        """Where Salesforce cannot be asked to, ``jobs`` still has it: it is for who comes next."""
        with suppress(CasewireError):
            if self.abort(job):
                jobs.ended(job, told=False)

    def _look(self, job: str, object_: str) -> Told:
        told: Told = self._call(object_, "GET", f"/{job}")
        return told

    def _call(self, object_: str, method: str, path: str, body: Mapping[str, str] | None = None) -> Any:
        told = to_json(body) if body is not None else None
        return self._session.call(f"bulk {object_}", method, f"jobs/ingest{path}", body=told)


def _job(object_: str, key_field: str) -> Mapping[str, str]:
    how = (
        {"operation": "update"}
        if key_field == ID
        else {"operation": "upsert", "externalIdFieldName": key_field}
    )
    return {"object": object_, **how, "contentType": "CSV", "columnDelimiter": "COMMA", "lineEnding": "LF"}


def _left(result: RowResult | None) -> bool:
    return result is None or refused_once(result)


def _told(key: str, key_field: str) -> str:
    """An Id of 18 characters is one of 15 with a checksum."""
    return key[:15] if key_field == ID else key


def _written(key: str, told: Mapping[str, str], _: str) -> RowResult:
    return RowResult(key, told["sf__Id"], told["sf__Created"].lower() == "true")


def _refused(key: str, told: Mapping[str, str], object_: str) -> RowResult:
    return RowResult(key, None, False, of_row(told["sf__Error"], object_))


def _unprocessed(key: str, _: Mapping[str, str], object_: str) -> RowResult:
    return RowResult(key, None, False, unprocessed(object_))


_FATES: Final[Mapping[str, Callable[[str, Mapping[str, str], str], RowResult]]] = {
    "successfulResults": _written,
    "failedResults": _refused,
    "unprocessedrecords": _unprocessed,
}
"""Result file → what its rows tell."""
