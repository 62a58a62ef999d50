"""Writing rows: parents before children, 200 a call, and one bad row never holds back the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from connector.errors import CasewireError, Permanent, Transient, Unavailable
from connector.mappers import fields
from connector.sync.rows import Record, Row

AT_ONCE = 200
OPTIONAL = frozenset({"Contact"})


class RowTrouble(Protocol):
    """Why Salesforce refused one row, as the error that says what happens next."""

    def exception(self) -> CasewireError: ...


class RowAnswer(Protocol):
    """What Salesforce says of one row."""

    @property
    def id(self) -> str | None: ...
    @property
    def created(self) -> bool: ...
    @property
    def error(self) -> RowTrouble | None: ...


class Upserts(Protocol):
    """sObject Collections upsert (``clients/salesforce``): answers in the order of the rows."""

    def upsert(
        self, object_: str, key_field: str, rows: Sequence[Mapping[str, Any]]
    ) -> Sequence[RowAnswer]: ...


@dataclass(frozen=True, slots=True)
class Written:
    """``row``: as it was sent, which may be without an optional parent."""

    id: str
    created: bool
    row: Row


@dataclass(frozen=True, slots=True)
class Refused:
    code: str
    text: str
    transient: bool


@dataclass(slots=True)
class Results:
    """What became of each row. A record that is in neither was not sent: Salesforce went away."""

    written: dict[Record, Written] = field(default_factory=dict)
    refused: dict[Record, Refused] = field(default_factory=dict)
    unavailable: Unavailable | None = None


def write(crm: Upserts, rows: Sequence[Row]) -> Results:
    """Send every row, object by object. Never raises for what Salesforce answers."""
    results = Results()
    for object_ in fields.ORDER:
        batch = [row for row in rows if row.change.object == object_]
        for chunk in _chunks(_with_good_parents(batch, results)):
            _send(crm, object_, chunk, results)
            if results.unavailable is not None:
                return results
    return results


def _with_good_parents(batch: Sequence[Row], results: Results) -> list[Row]:
    """Rows whose parents were not refused just now; the others share their parent's fate.

    A contact is a courtesy: without it (a duplicate rule held it back, say) the case is written all the same.
    """
    good = []
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


def _send(crm: Upserts, object_: str, rows: Sequence[Row], results: Results) -> None:
    try:
        answers = crm.upsert(
            object_, fields.KEY, [{fields.KEY: row.change.key, **row.payload} for row in rows]
        )
    except (Transient, Permanent) as error:
        for row in rows:
            _refuse(row, error, results)
    else:
        for row, answer in zip(rows, answers, strict=True):
            if answer.error is None:
                results.written[row.record] = Written(answer.id or "", answer.created, row)
            else:
                _refuse(row, answer.error.exception(), results)


def _refuse(row: Row, error: CasewireError, results: Results) -> None:
    """A row that met a destination that is out was not refused: it is still to be sent."""
    if isinstance(error, Unavailable):
        results.unavailable = error
        return
    code = error.code if isinstance(error, Transient | Permanent) else ""
    results.refused[row.record] = Refused(code, str(error), transient=isinstance(error, Transient))
