"""Writing with sObject Collections: 200 rows a call, one call of the org's budget, one result for each row.

Salesforce refuses a batch as a whole if it cannot parse the envelope, so one unreadable value would block 199 rows.
Such a batch is halved until the bad row is alone. If both halves are refused with the same message, the rows are not
the reason (a field is missing in the org, for example) and halving stops. Rows that were refused only because of other
rows of their batch are sent once more without those.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections.htm
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote

from connector.clients.salesforce.errors import DUPLICATE, Refusal, RowError, Verdict, classified
from connector.clients.salesforce.formats import Row, to_json
from connector.clients.salesforce.rest import RestApi
from connector.errors import Transient

Send = Callable[[Sequence[Row]], "Sequence[RowResult]"]
ROWS_IN_A_CALL: Final = 200
ID: Final = "Id"
_WRITE_HEADERS: Final = {
    "Sforce-Auto-Assign": "FALSE",
    "Sforce-Duplicate-Rule-Header": "allowSave=true",
    "Sforce-Mru": "updateMru=false",
}
"""Auto-Assign is TRUE by default, for updates too: an agent's case would be taken away at every change."""
_SIBLINGS: Final = frozenset({"ALL_OR_NONE_OPERATION_ROLLED_BACK", "PROCESSING_HALTED"})


@dataclass(frozen=True, slots=True)
class RowResult:
    """``error`` is None for a written row. ``id`` is None for a refused one."""

    key: str
    id: str | None
    created: bool
    error: RowError | None = None


class EnvelopeRefused(Exception):
    """Salesforce refused a batch as a whole: no row was written."""

    def __init__(self, error: RowError) -> None:
        super().__init__(error.message)
        self.error = error


class Collections:
    """Upserts and updates of one org."""

    def __init__(self, api: RestApi) -> None:
        self._api = api

    def upsert(self, object_: str, key_field: str, rows: Sequence[Row]) -> list[RowResult]:
        """Create or update by external id."""
        path = f"composite/sobjects/{object_}/{key_field}"

        def send(chunk: Sequence[Row]) -> list[RowResult]:
            return self._sent(f"upsert {object_}", path, object_, key_field, chunk)

        return _in_chunks(send, rows, key_field)

    def update(self, object_: str, rows: Sequence[Row]) -> list[RowResult]:
        """Change records by Id."""

        def send(chunk: Sequence[Row]) -> list[RowResult]:
            return self._sent(f"update {object_}", "composite/sobjects", object_, ID, chunk)

        return _in_chunks(send, rows, ID)

    def upsert_alone(self, object_: str, key_field: str, row: Row) -> RowResult:
        """One row by its own resource, whose errors are more detailed than those in a list."""
        key = str(row[key_field])
        body = to_json({name: value for name, value in row.items() if name != key_field})
        path = f"sobjects/{object_}/{key_field}/{quote(key, safe='')}"
        try:
            response = self._api.call(f"upsert {object_}", "PATCH", path, body=body, headers=_WRITE_HEADERS)
        except Refusal as error:
            return RowResult(key, None, False, error.problem)
        return results([response], [key], object_)[0]

    def _sent(
        self, name: str, path: str, object_: str, key_field: str, rows: Sequence[Row]
    ) -> list[RowResult]:
        body = to_json({"allOrNone": False, "records": [_record(object_, row) for row in rows]})
        try:
            response = self._api.call(name, "PATCH", path, body=body, headers=_WRITE_HEADERS)
        except Refusal as error:
            raise EnvelopeRefused(error.problem) from error
        return results(response, [str(row[key_field]) for row in rows], object_)


def _in_chunks(send: Send, rows: Sequence[Row], key_field: str) -> list[RowResult]:
    check_keys(rows, key_field)
    return [
        result for chunk in _chunks(rows, ROWS_IN_A_CALL) for result in send_batch(send, chunk, key_field)
    ]


def _record(object_: str, row: Row) -> Mapping[str, object]:
    """The documentation spells the Id of a row in a list in small letters."""
    values = {"id" if name == ID else name: value for name, value in row.items()}
    return {"attributes": {"type": object_}, **values}


def results(response: object, keys: Sequence[str], object_: str) -> list[RowResult]:
    """Salesforce's results, which come in the order of the rows."""
    if not isinstance(response, list) or len(response) != len(keys):
        text = f"Salesforce's answer does not fit the {len(keys)} rows of {object_} that were sent."
        raise Transient(text, code="bad_answer", retry_after=5.0)
    return [_result(item, key, object_) for item, key in zip(response, keys, strict=True)]


def check_keys(rows: Sequence[Row], key_field: str) -> list[str]:
    """A key twice in a batch makes Salesforce refuse every row that shares it: the caller must not do it."""
    keys = [str(row[key_field]) for row in rows]
    if len(set(keys)) != len(keys):
        twice = sorted({key for key in keys if keys.count(key) > 1})
        raise ValueError(f"the same key twice in one batch: {', '.join(twice)}")
    return keys


def refused_once(result: RowResult) -> bool:
    """Two upserts of one new key at once: the second gets DUPLICATE_VALUE, and is an update if it is sent again."""
    error = result.error
    return error is not None and error.code == DUPLICATE and "duplicate value found" in error.message


def send_batch(send: Send, rows: Sequence[Row], key_field: str) -> list[RowResult]:
    """The result of each row. Rows refused because of other rows have been sent again without those."""
    done = _send_isolating(send, rows, key_field)
    culprit = any(result.error and result.error.code not in _SIBLINGS for result in done)
    again = {index: row for index, row in enumerate(rows) if _refused_with_siblings(done[index], culprit)}
    for wave in _waves(again, key_field):
        for index, result in zip(wave, _send_isolating(send, list(wave.values()), key_field), strict=True):
            done[index] = result
    return done


def _refused_with_siblings(result: RowResult, culprit: bool) -> bool:
    error = result.error
    if error is None:
        return False
    shared = error.code == DUPLICATE and "Duplicate external id specified" in error.message
    return shared or refused_once(result) or (culprit and error.code in _SIBLINGS)


def _waves(rows: Mapping[int, Row], key_field: str) -> list[dict[int, Row]]:
    """Keys that an org may treat as equal, such as keys that differ only in case, never share a call."""
    waves: list[dict[int, Row]] = []
    seen: Counter[str] = Counter()
    for index, row in rows.items():
        key = str(row[key_field]).strip().casefold()
        if seen[key] == len(waves):
            waves.append({})
        waves[seen[key]][index] = row
        seen[key] += 1
    return waves


def _send_isolating(send: Send, rows: Sequence[Row], key_field: str) -> list[RowResult]:
    """Send; if the envelope is refused, send its halves."""
    try:
        return list(send(rows))
    except EnvelopeRefused as refused:
        return _halved(send, rows, key_field, refused)


def _halved(send: Send, rows: Sequence[Row], key_field: str, refused: EnvelopeRefused) -> list[RowResult]:
    if len(rows) == 1:
        return _all_refused(rows, key_field, refused)
    middle = len(rows) // 2
    outcomes = [_tried(send, half) for half in (rows[:middle], rows[middle:])]
    first, second = outcomes
    if _same(first, second):
        return _all_refused(rows, key_field, refused)
    done: list[RowResult] = []
    for half, outcome in zip((rows[:middle], rows[middle:]), outcomes, strict=True):
        if isinstance(outcome, EnvelopeRefused):
            done += _halved(send, half, key_field, outcome)
        else:
            done += outcome
    return done


def _tried(send: Send, rows: Sequence[Row]) -> Sequence[RowResult] | EnvelopeRefused:
    try:
        return send(rows)
    except EnvelopeRefused as refused:
        return refused


def _same(first: object, second: object) -> bool:
    if not (isinstance(first, EnvelopeRefused) and isinstance(second, EnvelopeRefused)):
        return False
    return (first.error.code, first.error.message) == (second.error.code, second.error.message)


def _all_refused(rows: Sequence[Row], key_field: str, refused: EnvelopeRefused) -> list[RowResult]:
    return [RowResult(str(row[key_field]), None, False, refused.error) for row in rows]


def _result(item: object, key: str, object_: str) -> RowResult:
    result = item if isinstance(item, Mapping) else {}
    if result.get("success") is True:
        return RowResult(key, str(result["id"]) if result.get("id") else None, result.get("created") is True)
    problems = [problem for problem in result.get("errors") or () if isinstance(problem, Mapping)]
    return RowResult(key, None, False, gravest(problems, object_))


def gravest(problems: Sequence[Mapping[str, Any]], object_: str) -> RowError:
    """The error that decides: one that pauses all work, then one that no retry can resolve."""
    found = [classified(problem, object_) for problem in problems] or [classified({}, object_)]
    order = (Verdict.RELOGIN, Verdict.PAUSE, Verdict.DEAD, Verdict.RETRY)
    first = min(found, key=lambda error: order.index(error.verdict))
    others = "; ".join(error.text for error in found if error is not first)
    return replace(first, text=f"{first.text} Also: {others}") if others else first


def _chunks(rows: Sequence[Row], size: int) -> Iterator[Sequence[Row]]:
    """Runs of at most ``size`` rows."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
