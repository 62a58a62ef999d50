"""WHERE: from a condition to a test of one row, and where an index helps, to the few rows worth testing."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any, Final

from sandbox.salesforce.ids import normal_id
from sandbox.salesforce.schema import NUMBER_TYPES, Field
from sandbox.salesforce.soql.dates import days_of
from sandbox.salesforce.soql.errors import pointed
from sandbox.salesforce.soql.grammar import unquoted
from sandbox.salesforce.soql.likes import any_affix, is_affix, wild
from sandbox.salesforce.soql.paths import Path, Scope
from sandbox.salesforce.soql.tree import Both, Compare, Condition, Literal, Membership, Negation, Query
from sandbox.salesforce.store import Row
from sandbox.salesforce.values import parse_date, parse_time, salesforce_time

Test = Callable[[Row], bool]


@dataclass(frozen=True, slots=True)
class Filter:
    """``test`` decides; ``ids``, if not None, holds every row that can pass."""

    test: Test
    ids: Collection[str] | None = None


@dataclass(frozen=True, slots=True)
class _Stretch:
    """What a date literal stands for: from ``start`` up to, not including, ``end``."""

    start: Any
    end: Any


def compile_filter(scope: Scope, condition: Condition) -> Filter:
    """Raises RequestRefused for names, types and operators Salesforce does not accept."""
    if isinstance(condition, Both):
        return _both(condition, _parts(scope, condition))
    if isinstance(condition, Negation):
        inner = compile_filter(scope, condition.condition).test
        return Filter(lambda row: not inner(row))
    path = _path(scope, condition)
    if isinstance(condition, Membership):
        return _membership(scope, path, condition)
    return _comparison(scope, path, condition)


def _path(scope: Scope, condition: Compare | Membership) -> Path:
    path = scope.path(condition.field)
    if not path.field.filterable:
        message = f"field '{path.field.name}' can not be filtered in a query call"
        raise pointed(scope.text, condition.field.at, "INVALID_FIELD", message)
    return path


def _parts(scope: Scope, condition: Both) -> list[Filter]:
    """One filter for each part; for alternatives, one for all the patterns of a field."""
    likes: dict[str, list[Compare]] = {}
    rest: list[Condition] = []
    for part in condition.parts:
        if not condition.every and isinstance(part, Compare) and _is_plain_like(part):
            likes.setdefault(part.field.text.lower(), []).append(part)
        else:
            rest.append(part)
    alike = [
        compile_filter(scope, group[0]) if len(group) == 1 else _like(scope, group)
        for group in likes.values()
    ]
    return [*(compile_filter(scope, part) for part in rest), *alike]


def _is_plain_like(condition: Compare) -> bool:
    return condition.operator == "like" and is_affix(condition.value.text)


def _both(condition: Both, parts: list[Filter]) -> Filter:
    tests = [part.test for part in parts]
    narrowed = [part.ids for part in parts if part.ids is not None]
    if condition.every:
        ids = min(narrowed, key=len) if narrowed else None
        return Filter(lambda row: all(test(row) for test in tests), ids)
    union = list({at: None for ids in narrowed for at in ids}) if len(narrowed) == len(parts) else None
    return Filter(lambda row: any(test(row) for test in tests), union)


def _membership(scope: Scope, path: Path, condition: Membership) -> Filter:
    read, same = scope.reader(path), _same(path.field)
    if isinstance(condition.values, Query):
        constants = scope.values_of(condition.values)
    else:
        constants = {_single(scope, path.field, value) for value in condition.values}
    wanted = {same(value) for value in constants}
    if condition.negated:
        return Filter(lambda row: same(read(row)) not in wanted)
    ids = None if None in constants else scope.rows_with(path, constants)
    return Filter(lambda row: same(read(row)) in wanted, ids)


def _comparison(scope: Scope, path: Path, condition: Compare) -> Filter:
    read = scope.reader(path)
    if condition.operator == "like":
        return _like(scope, [condition])
    constant = _constant(scope, path.field, condition.value)
    if isinstance(constant, _Stretch):
        return Filter(_in_stretch(condition.operator, constant, read))
    test = _test(path.field, condition.operator, constant, read)
    narrows = condition.operator == "=" and constant is not None
    return Filter(test, scope.rows_with(path, [constant]) if narrows else None)


_ORDERED: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _test(field: Field, sign: str, constant: Any, read: Callable[[Row], Any]) -> Test:
    same = _same(field)
    wanted = same(constant)
    if sign == "=":
        return lambda row: same(read(row)) == wanted
    if sign == "!=":
        return lambda row: same(read(row)) != wanted
    if wanted is None:
        return lambda row: False
    compare = _ORDERED[sign]
    return lambda row: (value := same(read(row))) is not None and compare(value, wanted)


def _in_stretch(sign: str, days: _Stretch, read: Callable[[Row], Any]) -> Test:
    tests: dict[str, Callable[[Any], bool]] = {
        "=": lambda value: days.start <= value < days.end,
        "!=": lambda value: not days.start <= value < days.end,
        "<": lambda value: bool(value < days.start),
        "<=": lambda value: bool(value < days.end),
        ">": lambda value: bool(value >= days.end),
        ">=": lambda value: bool(value >= days.start),
    }
    test, when_empty = tests[sign], sign == "!="
    return lambda row: when_empty if (value := read(row)) is None else test(value)


def _like(scope: Scope, conditions: Sequence[Compare]) -> Filter:
    """Any of the patterns, all of one field."""
    path = _path(scope, conditions[0])
    read, field = scope.reader(path), path.field
    for condition in conditions:
        if not field.is_text or condition.value.kind != "string":
            message = f"invalid operator on {field.type} field"
            raise pointed(scope.text, condition.field.at, "INVALID_QUERY_FILTER_OPERATOR", message)
    quoted = [condition.value.text for condition in conditions]
    plain = all(map(is_affix, quoted))
    fits = any_affix(quoted, _same(field)) if plain else wild(quoted[0], field.case_sensitive)
    return Filter(lambda row: (value := read(row)) is not None and fits(value))


def _same(field: Field) -> Callable[[Any], Any]:
    """Values that this makes equal are equal for Salesforce."""
    if field.is_text and not field.case_sensitive:
        return lambda value: value.lower() if isinstance(value, str) else value
    return lambda value: value


def _single(scope: Scope, field: Field, literal: Literal) -> Any:
    constant = _constant(scope, field, literal)
    if isinstance(constant, _Stretch):
        raise pointed(scope.text, literal.at, "MALFORMED_QUERY", f"unexpected token: '{literal.text}'")
    return constant


def _constant(scope: Scope, field: Field, literal: Literal) -> Any:
    """The value a literal means for a field, as it is stored."""
    if literal.kind == "null":
        return None
    if field.type in ("id", "reference"):
        return _id(scope, field, literal)
    if field.type in ("date", "datetime"):
        return _moment(scope, field, literal)
    if field.is_text:
        return unquoted(literal.text) if literal.kind == "string" else _refuse(scope, field, literal)
    if field.type == "boolean":
        return literal.text.lower() == "true" if literal.kind == "boolean" else _refuse(scope, field, literal)
    if field.type in NUMBER_TYPES and literal.kind == "number":
        return float(literal.text)
    return _refuse(scope, field, literal)


def _id(scope: Scope, field: Field, literal: Literal) -> str:
    if literal.kind != "string":
        _refuse(scope, field, literal)
    text = unquoted(literal.text)
    found = normal_id(text)
    if found is None:
        message = f"invalid ID field: {text}"
        raise pointed(scope.text, literal.at, "INVALID_QUERY_FILTER_OPERATOR", message)
    return found


def _moment(scope: Scope, field: Field, literal: Literal) -> Any:
    if literal.kind == "word":
        days = days_of(literal.text, scope.now.date())
        if days is not None:
            return _Stretch(
                *(_midnight(day) if field.type == "datetime" else day.isoformat() for day in days)
            )
    if field.type == "datetime" and literal.kind == "datetime":
        moment = parse_time(literal.text)
        if moment is not None:
            return salesforce_time(moment)
    if field.type == "date" and literal.kind == "date":
        day = parse_date(literal.text)
        if day is not None:
            return day.isoformat()
    return _refuse(scope, field, literal)


def _midnight(day: Any) -> str:
    return salesforce_time(datetime.combine(day, time(), UTC))


def _refuse(scope: Scope, field: Field, literal: Literal) -> Any:
    wanted = {"datetime": "dateTime", "id": "ID", "reference": "ID"}.get(field.type, field.type)
    if field.is_text or field.type in ("id", "reference"):
        wanted, quotes = ("string" if field.is_text else wanted), "should be enclosed in quotes"
    else:
        quotes = "should not be enclosed in quotes"
    message = f"value of filter criterion for field '{field.name}' must be of type {wanted} and {quotes}"
    raise pointed(scope.text, literal.at, "INVALID_FIELD", message)
