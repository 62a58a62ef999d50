"""Writing rows: parents before children, 200 a call, and one bad row never holds back the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from connector.errors import CasewireError, Permanent, Transient, Unavailable
from connector.mappers import fields
from connector.sync.rows import Record, Row

AT_ONCE = 200
IN_BULK = 2_000
"""From so many rows of one object on a bulk job is cheaper than calls of 200, and what Salesforce asks for."""
OPTIONAL = frozenset({"Contact"})
DUPLICATES = "DUPLICATES_DETECTED"


class RowTrouble(Protocol):
    """Why Salesforce refused one row, and as the error that says what happens next."""

    @property
    def code(self) -> str: ...
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


class Upserts(Protocol):
    """sObject Collections and Bulk API 2.0 (``clients/salesforce``): answers in the order of the rows."""

    def upsert(
        self, object_: str, key_field: str, rows: Sequence[Mapping[str, Any]]
    ) -> Sequence[RowAnswer]: ...
    def update(self, object_: str, rows: Sequence[Mapping[str, Any]]) -> Sequence[RowAnswer]: ...
    def upsert_alone(self, object_: str, key_field: str, row: Mapping[str, Any]) -> RowAnswer: ...
    def bulk_upsert(
        self, object_: str, key_field: str, rows: Sequence[Mapping[str, Any]], *, wait: Wait
    ) -> Sequence[RowAnswer]: ...


@dataclass(frozen=True, slots=True)
class Written:
    """``row``: as it was sent, which may be without an optional parent."""

    id: str
    created: bool
    row: Row


@dataclass(frozen=True, slots=True)
class Refused:
    """``matches``: the records a duplicate rule named."""

    code: str
    text: str
    transient: bool
    matches: tuple[str, ...] = ()


@dataclass(slots=True)
class Results:
    """What became of each row. A record that is in neither was not sent: Salesforce went away."""

    written: dict[Record, Written] = field(default_factory=dict)
    refused: dict[Record, Refused] = field(default_factory=dict)
    unavailable: Unavailable | None = None


def write(crm: Upserts, rows: Sequence[Row], wait: Wait | None = None) -> Results:
    """Send every row, object by object. Never raises for what Salesforce answers. ``wait``: where there are many rows
    they may go as a bulk job, and this is done meanwhile."""
    results = Results()
    for object_ in fields.ORDER:
        batch = _with_good_parents([row for row in rows if row.change.object == object_], results)
        for ways in ([row for row in batch if row.id is None], [row for row in batch if row.id is not None]):
            in_bulk = wait if len(ways) >= IN_BULK else None
            for chunk in [ways] if in_bulk else _chunks(ways):
                _send(crm, object_, chunk, results, in_bulk)
                if results.unavailable is not None:
                    return results
    return results


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


def _send(crm: Upserts, object_: str, rows: Sequence[Row], results: Results, wait: Wait | None) -> None:
    """By the key, or all by their ids: records that may not have the key yet."""
    by_id = rows[0].id is not None
    sent = [{"Id": row.id, **_keyed(row)} if by_id else _keyed(row) for row in rows]

    def send() -> Sequence[RowAnswer]:
        key = "Id" if by_id else fields.KEY
        if wait is not None:
            return crm.bulk_upsert(object_, key, sent, wait=wait)
        return crm.update(object_, sent) if by_id else crm.upsert(object_, key, sent)

    _answered(rows, send, results)
    for row in rows:
        _name_duplicates(crm, object_, row, results)


def _keyed(row: Row) -> Mapping[str, Any]:
    return {fields.KEY: row.change.key, **row.payload}


def _answered(rows: Sequence[Row], send: Callable[[], Sequence[RowAnswer]], results: Results) -> None:
    try:
        answers = send()
    except (Transient, Permanent) as error:
        for row in rows:
            _refuse(row, error, results)
    else:
        for row, answer in zip(rows, answers, strict=True):
            _settled(row, answer, results)


def _settled(row: Row, answer: RowAnswer, results: Results) -> None:
    if answer.error is None:
        results.written[row.record] = Written(answer.id or row.id or "", answer.created, row)
    else:
        _refuse(row, answer.error.exception(), results, answer.error.matches)


def _name_duplicates(crm: Upserts, object_: str, row: Row, results: Results) -> None:
    """A list's answer may leave out which records a duplicate rule found; alone, the row is told."""
    refused = results.refused.get(row.record)
    if refused is None or refused.code != DUPLICATES or refused.matches or row.id is not None:
        return
    if results.unavailable is not None:
        return
    del results.refused[row.record]
    _answered([row], lambda: [crm.upsert_alone(object_, fields.KEY, _keyed(row))], results)


def _refuse(row: Row, error: CasewireError, results: Results, matches: tuple[str, ...] = ()) -> None:
    """A row that met a destination that is out was not refused: it is still to be sent."""
    if isinstance(error, Unavailable):
        results.unavailable = error
        return
    code = error.code if isinstance(error, Transient | Permanent) else ""
    transient = isinstance(error, Transient)
    results.refused[row.record] = Refused(code, str(error), transient, matches)
