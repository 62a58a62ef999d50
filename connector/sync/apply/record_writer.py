"""Writing rows: parents before children, 200 a call, and one bad row never holds back the others."""

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
"""From so many rows of one object on a bulk job is cheaper than calls of 200, and what Salesforce asks for."""
OPTIONAL = frozenset({"Contact"})
_NO_SUCH_RECORD = "INVALID_FIELD"
_NO_ADDRESS = "INVALID_EMAIL_ADDRESS"
_ID = "Id"
DUPLICATES = "DUPLICATES_DETECTED"


Wait = Callable[[float], None]
"""Does something else for so many seconds while Salesforce works."""


class Bulk(Protocol):
    """Where rows may go as a bulk job: what is done meanwhile, and where it is kept which jobs there are."""

    def wait(self, seconds: float) -> None: ...
    def begun(self, job: str, object_: str, rows: Sequence[Mapping[str, Any]]) -> None: ...
    def ended(self, job: str, *, told: bool) -> None: ...


class Upserts(Protocol):
    """sObject Collections and Bulk API 2.0 (``clients/salesforce``): answers in the order of the rows."""

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
    """Send every row, object by object. Never raises for what Salesforce answers. ``bulk``: where there are many rows
    they may go as a bulk job. ``results``: what became of them so far, for who looks at it then; what is refused in it
    is not sent. ``dropped``: asked before each call and each job; these records are not to be sent any more."""
    results = Results() if results is None else results
    writing = _Writing(crm, results, bulk, dropped)
    for object_ in fields.ORDER:
        wanted = [row for row in rows if row.change.object == object_ and row.record not in results.refused]
        writing.write(object_, wanted)
        if results.unavailable is not None:
            break
    return results


@dataclass(frozen=True, slots=True)
class _Writing:
    """The rows of one batch on their way. What was wanted a call ago may not be any more."""

    crm: Upserts
    results: Results
    bulk: Bulk | None
    dropped: Dropped

    def write(self, object_: str, rows: Sequence[Row]) -> None:
        """By the key, or by their ids: records that may not have the key yet."""
        batch = self._with_free_keys(object_, _with_good_parents(rows, self.results))
        for ways in ([row for row in batch if row.id is None], [row for row in batch if row.id is not None]):
            if self.bulk is not None and len(ways) >= IN_BULK:
                self._in_a_job(object_, self._wanted(ways), self.bulk)
            else:
                self._in_calls(object_, ways)
            self._again_without_odd_values(object_, ways)
            self._name_duplicates(object_, ways)

    def _wanted(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Those that are still to be sent. None, where Salesforce went away."""
        if not rows or self.results.unavailable is not None:
            return []
        without = self.dropped()
        return [row for row in rows if row.record not in without]

    def _with_free_keys(self, object_: str, batch: list[Row]) -> list[Row]:
        """Rows whose key no other record carries any more. A row sent by such a key would be written onto that record,
        and one that gives the key to its own would be refused, as it is unique; also within one call, so this goes
        before."""
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
        """A job that is refused whole says nothing of its rows: they are sent by calls, each with its own fate."""
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
        """One value that Salesforce cannot take must not hold back a record, and all that hangs on it. It is not kept
        as written, so it is tried again with the record's next change."""
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
        """A list's answer may leave out which records a duplicate rule found; alone, the row is told."""
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
    """Rows whose parents were not refused just now; the others share their parent's fate.

    A contact is a courtesy: without it (a duplicate rule held it back, say) the case is written all the same.
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
    """The field they are found by, and what is sent."""
    if rows[0].id is None:
        return fields.KEY, [_keyed(row) for row in rows]
    return _ID, [{_ID: row.id, **_keyed(row)} for row in rows]


def _odd(row: Row, refused: Refused | None) -> set[str]:
    """Fields for whose value alone it may have been refused: a lookup to a record that is not there, an address that
    Salesforce takes for none."""
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
    """A row that met a destination that is out was not refused: it is still to be sent."""
    if isinstance(error, Unavailable):
        results.unavailable = error
        return
    code = error.code if isinstance(error, Transient | Permanent) else ""
    transient = isinstance(error, Transient)
    results.refused[row.record] = Refused(code, str(error), transient, matches, about)
