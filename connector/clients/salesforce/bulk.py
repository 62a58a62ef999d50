"""Bulk API 2.0: one ingest job for thousands of rows with one result for each, and queries of very many rows.

An ingest job is in the ``JobRegistry`` before it has data. A process killed between creation and registration leaves
an open job without data, which never writes and which Salesforce deletes after seven days. No assignment rule runs, as
the job names none. simple-salesforce's bulk handlers are not used: they keep the token they began with, give no job id
before the data is sent, and cannot abort one job.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/bulk_api_2_0_ingest.htm
https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/queries.htm
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from connector.clients.salesforce.collections import (
    ID,
    Collections,
    RowResult,
    check_keys,
    refused_once,
)
from connector.clients.salesforce.formats import BYTES_IN_A_JOB, Row, csv_files, fits_csv, read_csv, to_json
from connector.clients.salesforce.jobs import (
    JobRegistry,
    JobState,
    PollSchedule,
    await_completion,
    has_ended,
    row_error,
    unprocessed,
)
from connector.clients.salesforce.rest import RestApi
from connector.clients.salesforce.session import LOST
from connector.errors import CasewireError, Permanent, Transient

ROWS_IN_A_PAGE: Final = 10_000
_CSV_UPLOAD: Final = {"Content-Type": "text/csv; charset=UTF-8"}
_CSV_RESULT: Final = {"Accept": "text/csv"}
_DIALECT: Final = {"contentType": "CSV", "columnDelimiter": "COMMA", "lineEnding": "LF"}
_NO_SUCH_JOB: Final = "NOT_FOUND"
_NO_LOCATOR: Final = ("", "null")
"""Values of Sforce-Locator on the last page."""

Types = Mapping[str, str]
"""Field → its type; a field of a parent has none here and is text."""


@dataclass(frozen=True, slots=True)
class _Load:
    """The rows of one job, and the same as CSV."""

    object: str
    key_field: str
    rows: Sequence[Row]
    data: bytes


class BulkIngest:
    """Upserts and updates. Rows that do not fit CSV, and those that lost a race for a new key, go by ``batches``."""

    def __init__(
        self,
        api: RestApi,
        batches: Collections,
        bytes_in_a_job: int = BYTES_IN_A_JOB,
    ) -> None:
        self._api = api
        self._batches = batches
        self._bytes_in_a_job = bytes_in_a_job

    def upsert(
        self, object_: str, key_field: str, rows: Sequence[Row], schedule: PollSchedule, jobs: JobRegistry
    ) -> list[RowResult]:
        """The results are in the order of the rows."""
        keys = check_keys(rows, key_field)
        done: dict[str, RowResult] = {}
        for_csv = [row for row in rows if fits_csv(row)]
        ended: list[str] = []
        complete = False
        try:
            for part, data in csv_files(for_csv, key_field, self._bytes_in_a_job):
                schedule.restart()
                job, results = self._run(_Load(object_, key_field, part, data), schedule, jobs)
                ended.append(job)
                done |= results
            one_by_one = [row for row in rows if _left(done.get(str(row[key_field])))]
            done |= {result.key: result for result in self._in_batches(object_, key_field, one_by_one)}
            complete = True
        finally:
            # the results are known to the caller only if they are returned
            for job in ended:
                jobs.ended(job, results_read=complete)
        return [done[key] for key in keys]

    def _in_batches(self, object_: str, key_field: str, rows: Sequence[Row]) -> list[RowResult]:
        if key_field == ID:
            return self._batches.update(object_, rows)
        return self._batches.upsert(object_, key_field, rows)

    def abort(self, job: str) -> bool:
        """Whether the job has ended, by this call or before. One that Salesforce does not know has ended."""
        try:
            return has_ended(self._call("job", "PATCH", f"/{job}", {"state": "Aborted"}))
        except Permanent:
            return self._has_ended(job)

    def _has_ended(self, job: str) -> bool:
        try:
            return has_ended(self._state(job, "job"))
        except Permanent as error:
            if error.code == _NO_SUCH_JOB:
                return True
            raise

    def _run(
        self, load: _Load, schedule: PollSchedule, jobs: JobRegistry
    ) -> tuple[str, dict[str, RowResult]]:
        """A job that has ended, and the result of each row. A job that is given up is aborted: it must not write old
        values later."""
        job = self._upload(load, jobs)
        try:
            self._close(job, load.object)
            await_completion(lambda: self._state(job, load.object), job, load.object, schedule)
            done = self._results(job, load)
        except BaseException:
            self._give_up(job, jobs)
            raise
        return job, done

    def _upload(self, load: _Load, jobs: JobRegistry) -> str:
        """Salesforce accepts data once for a job: if the response is lost, a new job is created."""
        try:
            return self._begin(load, jobs)
        except Transient as error:
            if error.code != LOST:
                raise
        return self._begin(load, jobs)

    def _begin(self, load: _Load, jobs: JobRegistry) -> str:
        job = str(self._call(load.object, "POST", "", _job(load.object, load.key_field))["id"])
        try:
            jobs.begun(job, load.object, load.rows)
            self._api.send(
                f"bulk {load.object}",
                "PUT",
                f"jobs/ingest/{job}/batches",
                body=load.data,
                headers=_CSV_UPLOAD,
                repeat=False,
            )
        except BaseException:
            self._give_up(job, jobs)
            raise
        return job

    def _close(self, job: str, object_: str) -> None:
        """Also if the job is closed already, by a request whose response was lost."""
        try:
            self._call(object_, "PATCH", f"/{job}", {"state": "UploadComplete"})
        except Permanent:
            if self._state(job, object_)["state"] == "Open":
                raise

    def _results(self, job: str, load: _Load) -> dict[str, RowResult]:
        """Result files are requested only while a row has no result."""
        object_, key_field = load.object, load.key_field
        keys = {_short(str(row[key_field]), key_field): str(row[key_field]) for row in load.rows}
        done: dict[str, RowResult] = {}
        for name, result in _RESULT_FILES.items():
            if len(done) < len(keys):
                for line in self._result_file(job, object_, name):
                    key = keys.get(_short(line.get(key_field, ""), key_field))
                    if key is not None:
                        done[key] = result(key, line, object_)
        return {key: done.get(key) or _unprocessed(key, {}, object_) for key in keys.values()}

    def _result_file(self, job: str, object_: str, name: str) -> list[dict[str, str]]:
        path = f"jobs/ingest/{job}/{name}"
        response = self._api.send(f"bulk {object_}", "GET", path, headers=_CSV_RESULT)
        return read_csv(response.content)

    def _give_up(self, job: str, jobs: JobRegistry) -> None:
        """If Salesforce cannot be reached, the job stays in ``jobs`` for another process to abort."""
        with suppress(CasewireError):
            if self.abort(job):
                jobs.ended(job, results_read=False)

    def _state(self, job: str, object_: str) -> JobState:
        state: JobState = self._call(object_, "GET", f"/{job}")
        return state

    def _call(self, object_: str, method: str, path: str, body: Mapping[str, str] | None = None) -> Any:
        data = to_json(body) if body is not None else None
        return self._api.call(f"bulk {object_}", method, f"jobs/ingest{path}", body=data)


def _job(object_: str, key_field: str) -> Mapping[str, str]:
    upsert = {"operation": "upsert", "externalIdFieldName": key_field}
    return {"object": object_, **({"operation": "update"} if key_field == ID else upsert), **_DIALECT}


def _left(result: RowResult | None) -> bool:
    return result is None or refused_once(result)


def _short(key: str, key_field: str) -> str:
    """An Id of 18 characters is one of 15 with a checksum."""
    return key[:15] if key_field == ID else key


def _written(key: str, line: Mapping[str, str], _: str) -> RowResult:
    return RowResult(key, line["sf__Id"], line["sf__Created"].lower() == "true")


def _refused(key: str, line: Mapping[str, str], object_: str) -> RowResult:
    return RowResult(key, None, False, row_error(line["sf__Error"], object_))


def _unprocessed(key: str, _: Mapping[str, str], object_: str) -> RowResult:
    return RowResult(key, None, False, unprocessed(object_))


_RESULT_FILES: Final[Mapping[str, Callable[[str, Mapping[str, str], str], RowResult]]] = {
    "successfulResults": _written,
    "failedResults": _refused,
    "unprocessedrecords": _unprocessed,
}
"""Result file → the result that a line of it means."""


class BulkQuery:
    """All rows of a query in flat memory, page after page of CSV, with the types that ``query`` gives."""

    def __init__(self, api: RestApi, rows_in_a_page: int = ROWS_IN_A_PAGE) -> None:
        self._api = api
        self._rows_in_a_page = rows_in_a_page

    def rows(self, soql: str, schedule: PollSchedule) -> Iterator[dict[str, Any]]:
        """No request is sent before the first row is needed."""
        made = self._call("POST", "", {**_DIALECT, "operation": "query", "query": soql})
        job, object_ = str(made["id"]), str(made["object"])
        self._complete(job, object_, schedule)
        types = self._types(object_)
        for page in self._pages(job):
            yield from (_row(cells, types) for cells in read_csv(page))

    def _complete(self, job: str, object_: str, schedule: PollSchedule) -> None:
        """A job that is given up is aborted: it counts against the org's limits."""
        try:
            await_completion(lambda: self._call("GET", f"/{job}"), job, object_, schedule)
        except BaseException:
            with suppress(CasewireError):
                self._call("PATCH", f"/{job}", {"state": "Aborted"})
            raise

    def _types(self, object_: str) -> Types:
        return {str(field["name"]): str(field["type"]) for field in self._api.describe(object_)["fields"]}

    def _pages(self, job: str) -> Iterator[bytes]:
        path, locator = f"jobs/query/{job}/results", ""
        while True:
            params = {"maxRecords": str(self._rows_in_a_page), **({"locator": locator} if locator else {})}
            response = self._api.send("bulk query", "GET", path, params=params, headers=_CSV_RESULT)
            yield response.content
            locator = response.headers.get("Sforce-Locator", "")
            if locator in _NO_LOCATOR:
                return

    def _call(self, method: str, path: str, body: Mapping[str, str] | None = None) -> Any:
        data = to_json(body) if body is not None else None
        return self._api.call("bulk query", method, f"jobs/query{path}", body=data)


def _row(cells: Mapping[str, str], types: Types) -> dict[str, Any]:
    """``Account.Name`` is ``Name`` of the parent ``Account``, which is None where there is none."""
    row: dict[str, Any] = {}
    for column, cell in cells.items():
        parent, _, name = column.rpartition(".")
        if not parent:
            row[name] = _value(cell, types.get(name, ""))
        elif cell:
            row[parent] = {**(row.get(parent) or {}), name: cell}
        else:
            row.setdefault(parent, None)
    return row


def _value(cell: str, type_: str) -> Any:
    return None if cell == "" else _TYPED.get(type_, str)(cell)


def _moment(cell: str) -> str:
    """As in a response to a query: ``2026-05-01T07:25:37.000+0000``."""
    return f"{cell.removesuffix('Z')}+0000" if cell.endswith("Z") else cell


_TYPED: Final[Mapping[str, Callable[[str], Any]]] = {
    "boolean": lambda cell: cell == "true",
    "int": int,
    "double": Decimal,
    "currency": Decimal,
    "percent": Decimal,
    "datetime": _moment,
}
