"""COUNT, SUM, MIN, MAX, AVG, with or without GROUP BY."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from sandbox.salesforce.soql.errors import pointed
from sandbox.salesforce.soql.paths import Scope
from sandbox.salesforce.soql.tree import Call, Column, Query
from sandbox.salesforce.store import Row

_FUNCTIONS: Final[dict[str, Callable[[list[Any]], Any]]] = {
    "COUNT": len,
    "COUNT_DISTINCT": lambda values: len(set(values)),
    "SUM": lambda values: sum(values) if values else None,
    "MIN": lambda values: min(values, default=None),
    "MAX": lambda values: max(values, default=None),
    "AVG": lambda values: sum(values) / len(values) if values else None,
}
Cell = tuple[str, Callable[[list[Row]], Any]]


def is_aggregate(query: Query) -> bool:
    calls = (item.function for item in query.items if isinstance(item, Call))
    return bool(query.group) or any(function != "FIELDS" for function in calls)


def cells(scope: Scope, query: Query) -> list[Cell]:
    """Name and value of each column of an aggregate row. Raises RequestRefused for a column not grouped."""
    grouped = {scope.path(name).text for name in query.group}
    found: list[Cell] = []
    unnamed = 0
    for item in query.items:
        if isinstance(item, Call):
            found.append((item.alias or f"expr{unnamed}", value_of(scope, item)))
            unnamed += item.alias is None
        elif isinstance(item, Column):
            found.append(_grouped(scope, item, grouped))
        else:
            raise pointed(
                scope.text, 0, "MALFORMED_QUERY", "Subqueries are not allowed in an aggregate query"
            )
    return found


def value_of(scope: Scope, call: Call) -> Callable[[list[Row]], Any]:
    """A function giving the call's value for the rows of one group."""
    if call.function not in _FUNCTIONS:
        raise pointed(scope.text, call.at, "MALFORMED_QUERY", f"unexpected token: '{call.function}'")
    function = _FUNCTIONS[call.function]
    if call.field is None:
        return len
    path = scope.path(call.field)
    if call.function in ("SUM", "AVG") and path.field.type not in ("double", "currency", "percent", "int"):
        message = f"field {path.field.name} does not support aggregate operator {call.function}"
        raise pointed(scope.text, call.at, "MALFORMED_QUERY", message)
    read = scope.reader(path)
    return lambda rows: function([value for row in rows if (value := read(row)) is not None])


def grouped(scope: Scope, query: Query, rows: Iterable[Row]) -> list[list[Row]]:
    """The rows in groups, in order of first appearance; one group, even of none, without GROUP BY."""
    if not query.group:
        return [list(rows)]
    readers = [scope.reader(scope.path(name)) for name in query.group]
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(read(row) for read in readers), []).append(row)
    return list(groups.values())


def _grouped(scope: Scope, item: Column, names: set[str]) -> Cell:
    path = scope.path(item.field)
    if path.text not in names:
        message = f"Field must be grouped or aggregated: {item.field.text}"
        raise pointed(scope.text, item.field.at, "MALFORMED_QUERY", message)
    read = scope.reader(path)
    return item.alias or path.field.name, lambda rows: read(rows[0])
