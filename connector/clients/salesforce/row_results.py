"""One row's fate in a batch, and how a refused batch is taken apart.

A batch whose envelope Salesforce cannot read is refused whole, so one unreadable value would hold back 199 rows.
It is halved until the culprit is alone; if both halves are refused in the same words, nothing in the rows differs
(a field is missing in the org, say) and halving stops. Rows that were refused only for their company's sake are
sent once more without it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from connector.clients.salesforce.errors import DUPLICATE, RowError, Verdict, classified
from connector.errors import Transient

Row = Mapping[str, Any]
Send = Callable[[Sequence[Row]], "Sequence[RowResult]"]
_SIBLINGS: Final = frozenset({"ALL_OR_NONE_OPERATION_ROLLED_BACK", "PROCESSING_HALTED"})


@dataclass(frozen=True, slots=True)
class RowResult:
    """``error`` is None for a written row. ``id`` is None for a refused one."""

    key: str
    id: str | None
    created: bool
    error: RowError | None = None


class EnvelopeRefused(Exception):
    """Nothing of a batch was done."""

    def __init__(self, error: RowError) -> None:
        super().__init__(error.message)
        self.error = error


def results(answer: object, keys: Sequence[str], object_: str) -> list[RowResult]:
    """Salesforce's results, which come in the order of the rows."""
    if not isinstance(answer, list) or len(answer) != len(keys):
        text = f"Salesforce's answer does not fit the {len(keys)} rows of {object_} that were sent."
        raise Transient(text, code="bad_answer", retry_after=5.0)
    return [_result(item, key, object_) for item, key in zip(answer, keys, strict=True)]


def check_keys(rows: Sequence[Row], key_field: str) -> list[str]:
    """A key twice in a batch makes Salesforce refuse every row that shares it: the caller must not do it."""
    keys = [str(row[key_field]) for row in rows]
    if len(set(keys)) != len(keys):
        twice = sorted({key for key in keys if keys.count(key) > 1})
        raise ValueError(f"the same key twice in one batch: {', '.join(twice)}")
    return keys


def refused_once(result: RowResult) -> bool:
    """Two upserts of one new key at once: the loser is told DUPLICATE_VALUE, and an update when sent again."""
    error = result.error
    return error is not None and error.code == DUPLICATE and "duplicate value found" in error.message


def sent(send: Send, rows: Sequence[Row], key_field: str) -> list[RowResult]:
    """Each row's fate, after what was refused for the company it was in has been sent again without it."""
    done = isolated(send, rows, key_field)
    culprit = any(result.error and result.error.code not in _SIBLINGS for result in done)
    again = {index: row for index, row in enumerate(rows) if _refused_for_company(done[index], culprit)}
    for wave in _waves(again, key_field):
        for index, result in zip(wave, isolated(send, list(wave.values()), key_field), strict=True):
            done[index] = result
    return done


def _refused_for_company(result: RowResult, culprit: bool) -> bool:
    error = result.error
    if error is None:
        return False
    shared = error.code == DUPLICATE and "Duplicate external id specified" in error.message
    return shared or refused_once(result) or (culprit and error.code in _SIBLINGS)


def _waves(rows: Mapping[int, Row], key_field: str) -> list[dict[int, Row]]:
    """Keys that an org takes for the same, as those that differ in case only, never share a call."""
    waves: list[dict[int, Row]] = []
    seen: Counter[str] = Counter()
    for index, row in rows.items():
        key = str(row[key_field]).strip().casefold()
        if seen[key] == len(waves):
            waves.append({})
        waves[seen[key]][index] = row
        seen[key] += 1
    return waves


def isolated(send: Send, rows: Sequence[Row], key_field: str) -> list[RowResult]:
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
    told = item if isinstance(item, Mapping) else {}
    if told.get("success") is True:
        return RowResult(key, str(told["id"]) if told.get("id") else None, told.get("created") is True)
    problems = [problem for problem in told.get("errors") or () if isinstance(problem, Mapping)]
    return RowResult(key, None, False, gravest(problems, object_))


def gravest(problems: Sequence[Mapping[str, Any]], object_: str) -> RowError:
    """Of several errors the one that decides: what pauses everything, then what no retry mends."""
    found = [classified(problem, object_) for problem in problems] or [classified({}, object_)]
    order = (Verdict.RELOGIN, Verdict.PAUSE, Verdict.DEAD, Verdict.RETRY)
    first = min(found, key=lambda error: order.index(error.verdict))
    others = "; ".join(error.text for error in found if error is not first)
    return replace(first, text=f"{first.text} Also: {others}") if others else first


def chunks(rows: Sequence[Row], size: int) -> Iterator[Sequence[Row]]:
    """Runs of at most ``size`` rows."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
