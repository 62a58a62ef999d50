"""Write rows to Salesforce: parents before children, 200 per call. A refused row does not block other rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import structlog

from connector.errors import CasewireError, Permanent, Transient, Unavailable
from connector.mappers import fields
from connector.sync.apply.outcomes import Refused, Results, RowAnswer, Written
from connector.sync.apply.row_diff import Record, Row

log = structlog.get_logger("connector.writing")

AT_ONCE = 200
IN_BULK = 2_000
"""From this number of rows of one object, a bulk job costs fewer calls, and Salesforce recommends it."""
OPTIONAL = frozenset({"Contact"})
_NO_SUCH_RECORD = "INVALID_FIELD"
_NO_ADDRESS = "INVALID_EMAIL_ADDRESS"
_ID = "Id"
DUPLICATES = "DUPLICATES_DETECTED"


Wait = Callable[[float], None]
"""Waits so many seconds while Salesforce works; may do other work meanwhile."""


class Bulk(Protocol):
    """Allows bulk jobs: waits while one runs, and records the jobs."""

    def wait(self, seconds: float) -> None: ...
    def begun(self, job: str, object_: str, rows: Sequence[Mapping[str, Any]]) -> None: ...
    def ended(self, job: str, *, results_read: bool) -> None: ...


class Upserts(Protocol):
    """sObject Collections and Bulk API 2.0 (``clients/salesforce``); responses in the order of the rows."""

    def upsert(
        self, object_: str, key_field: str, rows: Sequence[Mapping[str, Any]]
    ) -> Sequence[RowAnswer]: ...
    def update(self, object_: str, rows: Sequence[Mapping[str, Any]]) -> Sequence[RowAnswer]: ...
    def upsert_alone(self, object_: str, key_field: str, row: Mapping[str, Any]) -> RowAnswer: ...
    def bulk_upsert(
        self, object_: str, key_field: str, rows: Sequence[Mapping[str, Any]], *, wait: Wait, jobs: Bulk
    ) -> Sequence[RowAnswer]: ...


Dropped = Callable[[], Set[Record]]


def write(
    crm: Upserts,
    rows: Sequence[Row],
    bulk: Bulk | None = None,
    results: Results | None = None,
    dropped: Dropped = frozenset,
) -> Results:
    """Send all rows, object by object. Responses of Salesforce never raise. ``bulk``: allows bulk jobs for many rows.
    ``results``: updated while rows are sent; rows refused in it are not sent. ``dropped``: called before each call and
    job; returns records that must not be sent any more."""
    results = Results() if results is None else results
    writing = _Writing(crm, results, bulk, dropped)
    for object_ in fields.ORDER:
        wanted = [row for row in rows if row.change.object == object_ and row.record not in results.refused]
        writing.write(object_, wanted)
    return results


@dataclass(frozen=True, slots=True)
class _Writing:
    """Sends the rows of one batch. ``dropped`` may grow between two calls."""

    crm: Upserts
    results: Results
    bulk: Bulk | None
    dropped: Dropped

    def write(self, object_: str, rows: Sequence[Row]) -> None:
        """Write by our key, or by Salesforce id where the record may not have the key yet."""
        batch = self._with_free_keys(object_, _with_good_parents(rows, self.results))
        for same_key in (
            [row for row in batch if row.id is None],
            [row for row in batch if row.id is not None],
        ):
            if self.bulk is not None and len(same_key) >= IN_BULK:
                self._in_a_job(object_, self._wanted(same_key), self.bulk)
            else:
                self._in_calls(object_, same_key)
            self._again_without_odd_values(object_, same_key)
            self._name_duplicates(object_, same_key)

    def _wanted(self, rows: Sequence[Row]) -> Sequence[Row]:
        """The rows that are still to be sent: none if Salesforce is unavailable."""
        if not rows or self.results.unavailable is not None:
            return []
        without = self.dropped()
        return [row for row in rows if row.record not in without]

    def _with_free_keys(self, object_: str, batch: list[Row]) -> list[Row]:
        """Clear the rows' keys on other records first. An upsert by such a key would write to the other record, and an
        update that sets the key would be refused, as it is unique; also within one call."""
        for chunk in _chunks([row for row in batch if row.frees is not None]):
            if freed := self._wanted(chunk):
                self._free(object_, freed)
        results = self.results
        return [row for row in batch if row.record not in results.refused and results.unavailable is None]

    def _free(self, object_: str, rows: Sequence[Row]) -> None:
        try:
            answers = self.crm.update(object_, [{_ID: row.frees, fields.KEY: None} for row in rows])
        except (Transient, Permanent) as error:
            for row in rows:
                _refuse(row, error, self.results)
            return
        for row, answer in zip(rows, answers, strict=True):
            if answer.error is not None:
                _refuse(row, answer.error.exception(), self.results)

    def _in_a_job(self, object_: str, rows: Sequence[Row], bulk: Bulk) -> None:
        """Write by a bulk job. If the job as a whole is refused, send the rows by calls, each with its own result."""
        if rows and not self._is_taken(object_, rows, bulk):
            self._in_calls(object_, rows)

    def _is_taken(self, object_: str, rows: Sequence[Row], bulk: Bulk) -> bool:
        key, sent = _sent(rows)
        self.results.under_way = {row.record for row in rows}
        try:
            answers = self.crm.bulk_upsert(object_, key, sent, wait=bulk.wait, jobs=bulk)
        except Permanent as error:
            log.warning("bulk_job_refused", object=object_, rows=len(rows), error=str(error))
            return False
        except Transient as error:
            for row in rows:
                _refuse(row, error, self.results)
        else:
            _settle(rows, answers, self.results)
        finally:
            self.results.under_way = frozenset()
        return True

    def _in_calls(self, object_: str, rows: Sequence[Row]) -> None:
        for chunk in _chunks(rows):
            if wanted := self._wanted(chunk):
                self._call(object_, wanted)

    def _call(self, object_: str, rows: Sequence[Row]) -> None:
        key, sent = _sent(rows)
        crm, by_id = self.crm, key == _ID
        send = partial(crm.update, object_, sent) if by_id else partial(crm.upsert, object_, key, sent)
        _answered(rows, send, self.results)

    def _again_without_odd_values(self, object_: str, rows: Sequence[Row]) -> None:
        """Send refused rows again without the values at fault: one bad value must not block a record and its children.
        The value is not recorded as written, so it is tried again with the record's next change."""
        results = self.results
        odd = {row.record: names for row in rows if (names := _odd(row, results.refused.get(row.record)))}
        if results.unavailable is not None or not odd:
            return
        for row in rows:
            if row.record in odd:
                refused = results.refused.pop(row.record)
                results.left_out[row.record] = frozenset(odd[row.record])
                left = ", ".join(sorted(odd[row.record]))
                log.warning(
                    "value_left_out", object=object_, key=row.change.key, fields=left, error=refused.code
                )
        self._in_calls(object_, [row.but(odd[row.record]) for row in rows if row.record in odd])

    def _name_duplicates(self, object_: str, rows: Sequence[Row]) -> None:
        """Send duplicate rows again one by one: the response to a list may omit the records that a rule found."""
        results = self.results
        for row in self._wanted([row for row in rows if _is_unnamed(row, results.refused.get(row.record))]):
            if results.unavailable is None:
                del results.refused[row.record]
                _answered([row], partial(self._alone, object_, row), results)

    def _alone(self, object_: str, row: Row) -> Sequence[RowAnswer]:
        return [self.crm.upsert_alone(object_, fields.KEY, _keyed(row))]


def _is_unnamed(row: Row, refused: Refused | None) -> bool:
    return refused is not None and refused.code == DUPLICATES and not refused.matches and row.id is None


def _with_good_parents(batch: Sequence[Row], results: Results) -> list[Row]:
    """Return rows whose parents were not refused; refuse the others with the parent's error.

    A contact is optional: if it is refused, by a duplicate rule for example, the case is written without it.
    """
    good: list[Row] = []
    for row in batch:
        refused = [record for record in row.parents if record in results.refused]
        needed = [record for record in refused if record[0] not in OPTIONAL]
        if needed:
            fate = results.refused[needed[0]]
            results.refused[row.record] = Refused("PARENT_REFUSED", fate.text, fate.transient)
        else:
            good.append(row.without(refused) if refused else row)
    return good


def _chunks(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for start in range(0, len(rows), AT_ONCE):
        yield rows[start : start + AT_ONCE]


def _sent(rows: Sequence[Row]) -> tuple[str, list[Mapping[str, Any]]]:
    """The key field of the rows, and the records to send."""
    if rows[0].id is None:
        return fields.KEY, [_keyed(row) for row in rows]
    return _ID, [{_ID: row.id, **_keyed(row)} for row in rows]


def _odd(row: Row, refused: Refused | None) -> set[str]:
    """Fields that may have caused the refusal alone: a lookup to a missing record, an invalid email address."""
    if refused is None or refused.code not in (_NO_SUCH_RECORD, _NO_ADDRESS):
        return set()
    return row.lookups() if refused.code == _NO_SUCH_RECORD else set(refused.fields) & row.after.keys()


def _keyed(row: Row) -> Mapping[str, Any]:
    return {fields.KEY: row.change.key, **row.payload}


def _answered(rows: Sequence[Row], send: Callable[[], Sequence[RowAnswer]], results: Results) -> None:
    try:
        answers = send()
    except (Transient, Permanent) as error:
        for row in rows:
            _refuse(row, error, results)
    else:
        _settle(rows, answers, results)


def _settle(rows: Sequence[Row], answers: Sequence[RowAnswer], results: Results) -> None:
    for row, answer in zip(rows, answers, strict=True):
        error = answer.error
        if error is None:
            results.written[row.record] = Written(answer.id or row.id or "", answer.created, row)
        else:
            _refuse(row, error.exception(), results, error.matches, error.fields)


def _refuse(
    row: Row,
    error: CasewireError,
    results: Results,
    matches: tuple[str, ...] = (),
    about: tuple[str, ...] = (),
) -> None:
    """Record a refusal. If the destination is unavailable, the row is not refused: it is still to be sent."""
    if isinstance(error, Unavailable):
        results.unavailable = error
        return
    code = error.code if isinstance(error, Transient | Permanent) else ""
    transient = isinstance(error, Transient)
    results.refused[row.record] = Refused(code, str(error), transient, matches, about)
