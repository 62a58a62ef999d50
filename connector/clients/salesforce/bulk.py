"""Bulk API 2.0 ingest: one job for thousands of rows, settled row by row.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/bulk_api_2_0_ingest.htm
No assignment rule runs, as the job names none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from connector.clients.salesforce import bulk_csv
from connector.clients.salesforce.batches import ID, Batches
from connector.clients.salesforce.bulk_errors import of_row, unprocessed
from connector.clients.salesforce.bulk_jobs import check_complete, wait_for
from connector.clients.salesforce.encoding import to_json
from connector.clients.salesforce.patience import Patience
from connector.clients.salesforce.rows import Row, RowResult, check_keys, refused_once
from connector.clients.salesforce.session import LOST, Session
from connector.clients.salesforce.wire import Outgoing, fixed
from connector.errors import CasewireError, Permanent, Transient

_CSV: Final = {"Content-Type": "text/csv; charset=UTF-8"}


class Bulk:
    """Rows that CSV cannot say and losers of a race for a new key go by ``batches`` instead."""

    def __init__(
        self,
        session: Session,
        batches: Batches,
        bytes_in_a_job: int = bulk_csv.BYTES_IN_A_JOB,
    ) -> None:
        self._session = session
        self._batches = batches
        self._bytes_in_a_job = bytes_in_a_job

    def upsert(
        self, object_: str, key_field: str, rows: Sequence[Row], patience: Patience
    ) -> list[RowResult]:
        """The results are in the order of the rows."""
        keys = check_keys(rows, key_field)
        done: dict[str, RowResult] = {}
        sayable = [row for row in rows if bulk_csv.sayable(row)]
        for part, data in bulk_csv.files(sayable, key_field, self._bytes_in_a_job):
            patience.afresh()
            job = self._completed(object_, key_field, data, patience)
            done |= self._settled(job, object_, key_field, part)
        one_by_one = [row for row in rows if _left(done.get(str(row[key_field])))]
        done |= {result.key: result for result in self._in_batches(object_, key_field, one_by_one)}
        return [done[key] for key in keys]

    def _in_batches(self, object_: str, key_field: str, rows: Sequence[Row]) -> list[RowResult]:
        if key_field == ID:
            return self._batches.update(object_, rows)
        return self._batches.upsert(object_, key_field, rows)

    def _completed(self, object_: str, key_field: str, data: bytes, patience: Patience) -> str:
        """The id of a job that is complete. One that is given up is aborted: it must not write old values later."""
        job = self._uploaded(object_, key_field, data)
        try:
            self._closed(job, object_)
            ended = wait_for(lambda: self._call(object_, "GET", f"/{job}"), job, object_, patience)
        except BaseException:
            self._abort(job)
            raise
        check_complete(ended, object_)
        return job

    def _uploaded(self, object_: str, key_field: str, data: bytes) -> str:
        """Salesforce takes data once for a job: if the answer was lost, a new job is begun."""
        try:
            return self._begun(object_, key_field, data)
        except Transient as error:
            if error.code != LOST:
                raise
        return self._begun(object_, key_field, data)

    def _begun(self, object_: str, key_field: str, data: bytes) -> str:
        job = str(self._call(object_, "POST", "", _job(object_, key_field))["id"])
        path = self._session.path(f"jobs/ingest/{job}/batches")
        try:
            self._session.ask(Outgoing(f"bulk {object_}", "PUT", path, _CSV, body=fixed(data)), repeat=False)
        except BaseException:
            self._abort(job)
            raise
        return job

    def _closed(self, job: str, object_: str) -> None:
        """A job that was closed already, by a request whose answer was lost, is closed."""
        try:
            self._call(object_, "PATCH", f"/{job}", {"state": "UploadComplete"})
        except Permanent:
            if self._call(object_, "GET", f"/{job}")["state"] == "Open":
                raise

    def _settled(self, job: str, object_: str, key_field: str, rows: Sequence[Row]) -> dict[str, RowResult]:
        """Files are asked for only as long as a row is without its fate."""
        keys = {_told(str(row[key_field]), key_field): str(row[key_field]) for row in rows}
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
        answer = self._session.ask(Outgoing(f"bulk {object_}", "GET", path, {"Accept": "text/csv"}))
        return bulk_csv.read(answer.content)

    def _abort(self, job: str) -> None:
        with suppress(CasewireError):
            self._call("job", "PATCH", f"/{job}", {"state": "Aborted"})

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
