"""Writing rows: parents before children, 200 a call, and one bad row never holds back the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from connector.errors import CasewireError, Permanent, Transient, Unavailable
from connector.mappers import fields
from connector.sync.rows import Record, Row

log = structlog.get_logger("connector.writing")

AT_ONCE = 200
IN_BULK = 2_000
"""From so many rows of one object on a bulk job is cheaper than calls of 200, and what Salesforce asks for."""
OPTIONAL = frozenset({"Contact"})
_NO_SUCH_RECORD = "INVALID_FIELD"
_NO_ADDRESS = "INVALID_EMAIL_ADDRESS"
_ID = "Id"
DUPLICATES = "DUPLICATES_DETECTED"


class RowTrouble(Protocol):
    """Why Salesforce refused one row, and as the error that says what happens next."""

    @property
    def code(self) -> str: ...
    @property
    def fields(self) -> tuple[str, ...]: ...
    @property
    def matches(self) -> tuple[str, ...]: ...
    def exception(self) -> CasewireError: ...


class RowAnswer(Protocol):
    """What Salesforce says of one row."""

    @property
    def id(self) -> str | None: ...
    @property
    def created(self) -> bool: ...
    @property
    def error(self) -> RowTrouble | None: ...


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


@dataclass(frozen=True, slots=True)
class Written:
    """``row``: as it was sent, which may be without an optional parent or a value that Salesforce does not take."""

    id: str
    created: bool
    row: Row


@dataclass(frozen=True, slots=True)
class Refused:
    """``matches``: the records a duplicate rule named; ``fields``: those that it is about, where that is told."""

    code: str
    text: str
    transient: bool
    matches: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()


@dataclass(slots=True)
class Results:
    """What became of each row. A record that is in neither was not sent: Salesforce went away, or it was dropped.
    ``under_way``: those of the bulk job that Salesforce works on. ``left_out``: fields whose value Salesforce does not
    take, and without which a record was sent again."""

    written: dict[Record, Written] = field(default_factory=dict)
    refused: dict[Record, Refused] = field(default_factory=dict)
    unavailable: Unavailable | None = None
    under_way: Set[Record] = frozenset()
    left_out: dict[Record, frozenset[str]] = field(default_factory=dict)


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
    is not sent. ``dropped``: asked before each object; these records are not to be sent any more."""
    results = Results() if results is None else results
    for object_ in fields.ORDER:
        without = dropped() | results.refused.keys()
        wanted = [row for row in rows if row.change.object == object_ and row.record not in without]
        batch = _with_good_parents(wanted, results)
        _write(crm, object_, _with_free_keys(crm, object_, batch, results), results, bulk)
        if results.unavailable is not None:
            break
    return results


def _write(crm: Upserts, object_: str, batch: Sequence[Row], results: Results, bulk: Bulk | None) -> None:
    for ways in ([row for row in batch if row.id is None], [row for row in batch if row.id is not None]):
        in_bulk = bulk if len(ways) >= IN_BULK else None
        for chunk in [ways] if in_bulk else _chunks(ways):
            if results.unavailable is None:
                _send(crm, object_, chunk, results, in_bulk)


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


def _with_free_keys(crm: Upserts, object_: str, batch: list[Row], results: Results) -> list[Row]:
    """Rows whose key no other record carries any more. A row sent by such a key would be written onto that record, and
    one that gives the key to its own would be refused, as it is unique; also within one call, so this goes before."""
    for chunk in _chunks([row for row in batch if row.frees is not None]):
        _free(crm, object_, chunk, results)
    return [row for row in batch if row.record not in results.refused and results.unavailable is None]


def _free(crm: Upserts, object_: str, rows: Sequence[Row], results: Results) -> None:
    try:
        answers = crm.update(object_, [{_ID: row.frees, fields.KEY: None} for row in rows])
    except (Transient, Permanent) as error:
        for row in rows:
            _refuse(row, error, results)
        return
    for row, answer in zip(rows, answers, strict=True):
        if answer.error is not None:
            _refuse(row, answer.error.exception(), results)


def _chunks(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for start in range(0, len(rows), AT_ONCE):
        yield rows[start : start + AT_ONCE]


def _send(crm: Upserts, object_: str, rows: Sequence[Row], results: Results, bulk: Bulk | None) -> None:
    """By the key, or all by their ids: records that may not have the key yet."""
    if bulk is None:
        _send_few(crm, object_, rows, results)
    else:
        _send_many(crm, object_, rows, results, bulk)
    _again_without_odd_values(crm, object_, rows, results)
    for row in rows:
        _name_duplicates(crm, object_, row, results)


def _send_many(crm: Upserts, object_: str, rows: Sequence[Row], results: Results, bulk: Bulk) -> None:
    """A job that is refused whole says nothing of its rows: they are sent by calls, each with its own fate."""
    key, sent = _sent(rows)
    results.under_way = {row.record for row in rows}
    try:
        answers = crm.bulk_upsert(object_, key, sent, wait=bulk.wait, jobs=bulk)
    except Permanent as error:
        log.warning("bulk_job_refused", object=object_, rows=len(rows), error=str(error))
        for chunk in _chunks(rows):
            if results.unavailable is None:
                _send_few(crm, object_, chunk, results)
    except Transient as error:
        for row in rows:
            _refuse(row, error, results)
    else:
        _settle(rows, answers, results)
    finally:
        results.under_way = frozenset()


def _send_few(crm: Upserts, object_: str, rows: Sequence[Row], results: Results) -> None:
    key, sent = _sent(rows)
    by_id = key == _ID
    _answered(rows, lambda: crm.update(object_, sent) if by_id else crm.upsert(object_, key, sent), results)


def _sent(rows: Sequence[Row]) -> tuple[str, list[Mapping[str, Any]]]:
    """The field they are found by, and what is sent."""
    if rows[0].id is None:
        return fields.KEY, [_keyed(row) for row in rows]
    return _ID, [{_ID: row.id, **_keyed(row)} for row in rows]


def _again_without_odd_values(crm: Upserts, object_: str, rows: Sequence[Row], results: Results) -> None:
    """One value that Salesforce cannot take must not hold back a record, and all that hangs on it. It is not kept as
    written, so it is tried again with the record's next change."""
    odd = {row.record: names for row in rows if (names := _odd(row, results.refused.get(row.record)))}
    if results.unavailable is not None or not odd:
        return
    for row in rows:
        if row.record in odd:
            refused = results.refused.pop(row.record)
            results.left_out[row.record] = frozenset(odd[row.record])
            left = ", ".join(sorted(odd[row.record]))
            log.warning("value_left_out", object=object_, key=row.change.key, fields=left, error=refused.code)
    for chunk in _chunks([row.but(odd[row.record]) for row in rows if row.record in odd]):
        _send_few(crm, object_, chunk, results)


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


def _name_duplicates(crm: Upserts, object_: str, row: Row, results: Results) -> None:
    """A list's answer may leave out which records a duplicate rule found; alone, the row is told."""
    refused = results.refused.get(row.record)
    if refused is None or refused.code != DUPLICATES or refused.matches or row.id is not None:
        return
    if results.unavailable is not None:
        return
    del results.refused[row.record]
    _answered([row], lambda: [crm.upsert_alone(object_, fields.KEY, _keyed(row))], results)


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
