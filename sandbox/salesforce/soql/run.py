"""Running a query: which rows, in which order, in which shape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sandbox.salesforce.errors import RequestRefused
from sandbox.salesforce.schema import ObjectType, Schema
from sandbox.salesforce.soql.aggregate import Cell, cells, grouped, is_aggregate, value_of
from sandbox.salesforce.soql.errors import no_such_object, no_such_relationship, pointed
from sandbox.salesforce.soql.filters import compile_filter
from sandbox.salesforce.soql.grammar import parse
from sandbox.salesforce.soql.paths import Scope
from sandbox.salesforce.soql.select import Shape
from sandbox.salesforce.soql.tree import Call, Column, Name, Order, Query
from sandbox.salesforce.store import Row, Store

_LONGEST: Final = 100_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What a query runs against. ``deleted``: rows of the recycle bin too (queryAll)."""

    schema: Schema
    store: Store
    now: datetime
    version: str
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """``records`` are ready to be sent; ``total`` differs from their number only for ``COUNT()``."""

    total: int
    records: list[dict[str, Any]]
    query: Query
    scope: Scope


def run(asked: Asked, text: str) -> Result:
    """Raises RequestRefused with Salesforce's codes for what it would not run."""
    if len(text) > _LONGEST:
        raise RequestRefused(400, "QUERY_TOO_COMPLICATED", "SOQL statement is too long")
    query = parse(text)
    with asked.store.lock:
        return _Run(asked, text).whole(query)


@dataclass(frozen=True, slots=True)
class _Run:
    asked: Asked
    text: str

    def whole(self, query: Query) -> Result:
        kind = self.asked.schema.get(query.object.text)
        if kind is None:
            raise no_such_object(self.text, query.object.at, query.object.text)
        scope = self._scope(kind, query.alias)
        counts = [item for item in query.items if isinstance(item, Call) and item.field is None]
        if counts:
            return self._count(query, scope)
        if is_aggregate(query):
            records = self._aggregates(query, scope)
        else:
            render = self._shape(query, scope).render()
            records = [render(row) for row in self._rows(query, scope)]
        return Result(len(records), records, query, scope)

    def _scope(self, kind: ObjectType, alias: str | None) -> Scope:
        asked = self.asked
        return Scope(self.text, asked.schema, asked.store, kind, alias, asked.now, self._values_of)

    def _count(self, query: Query, scope: Scope) -> Result:
        if len(query.items) > 1 or query.items[0].function != "COUNT" or query.group:  # type: ignore[union-attr]
            raise pointed(self.text, query.object.at, "MALFORMED_QUERY", "COUNT() must stand alone")
        return Result(len(self._rows(query, scope)), [], query, scope)

    def _values_of(self, query: Query) -> set[Any]:
        """The values of the one column of a query inside a condition; ids and lookups only."""
        kind = self.asked.schema.get(query.object.text)
        if kind is None:
            raise no_such_object(self.text, query.object.at, query.object.text)
        scope = self._scope(kind, query.alias)
        first = query.items[0]
        if len(query.items) != 1 or not isinstance(first, Column):
            raise pointed(self.text, query.object.at, "MALFORMED_QUERY", "a semi-join selects one ID field")
        path = scope.path(first.field)
        if path.field.type not in ("id", "reference"):
            message = f"The selected field '{first.field.text}' in the subquery is not an ID field"
            raise pointed(self.text, first.field.at, "MALFORMED_QUERY", message)
        read = scope.reader(path)
        return {value for row in self._rows(query, scope) if (value := read(row)) is not None}

    # -- which rows, in which order

    def _rows(self, query: Query, scope: Scope) -> list[Row]:
        rows = list(self._matching(query, scope))
        for order in reversed(query.order):
            rows = _ordered(rows, _key(scope, order), order)
        return _slice(rows, query)

    def _matching(self, query: Query, scope: Scope) -> Iterable[Row]:
        table = self.asked.store.table(scope.kind)
        if query.where is None:
            return [*table.live.values(), *self._deleted(scope)]
        found = compile_filter(scope, query.where)
        rows: Iterable[Row]
        rows = table.live.values() if found.ids is None else [table.live[at] for at in sorted(found.ids)]
        return [row for source in (rows, self._deleted(scope)) for row in source if found.test(row)]

    def _deleted(self, scope: Scope) -> Iterable[Row]:
        return self.asked.store.table(scope.kind).deleted.values() if self.asked.deleted else ()

    # -- in which shape

    def _shape(self, query: Query, scope: Scope) -> Shape:
        shape = Shape(scope, self.asked.version)
        for item in query.items:
            if isinstance(item, Query):
                self._add_children(shape, item, scope)
            elif isinstance(item, Column):
                shape.add(scope.path(item.field))
            elif isinstance(item, Call):
                for name in all_fields(scope, item):
                    shape.add(scope.path(name))
        return shape

    def _add_children(self, shape: Shape, query: Query, scope: Scope) -> None:
        found = self.asked.schema.children(scope.kind).get(query.object.text.lower())
        if found is None:
            raise no_such_relationship(self.text, query.object.at, query.object.text)
        kind, link = found
        inner = self._scope(kind, query.alias)
        render = self._shape(query, inner).render()
        test = compile_filter(inner, query.where).test if query.where else None
        table = self.asked.store.table(kind)

        def children(row: Row) -> Any:
            rows = [table.live[at] for at in table.find(link, row["Id"])]
            kept = [child for child in rows if test is None or test(child)]
            for order in reversed(query.order):
                kept = _ordered(kept, _key(inner, order), order)
            kept = _slice(kept, query)
            records = [render(child) for child in kept]
            return {"totalSize": len(records), "done": True, "records": records} if records else None

        shape.add_children(str(link.children), children)

    def _aggregates(self, query: Query, scope: Scope) -> list[dict[str, Any]]:
        columns = cells(scope, query)
        groups = grouped(scope, query, self._matching(query, scope))
        for order in reversed(query.order):
            groups = _ordered(groups, _group_key(scope, order), order)
        return [_aggregate_row(columns, group) for group in _slice(groups, query)]


def _aggregate_row(columns: list[Cell], group: list[Row]) -> dict[str, Any]:
    row: dict[str, Any] = {"attributes": {"type": "AggregateResult"}}
    return row | {name: value(group) for name, value in columns}


def all_fields(scope: Scope, call: Call) -> Iterator[Name]:
    """``FIELDS(ALL)``, ``FIELDS(STANDARD)``, ``FIELDS(CUSTOM)``."""
    which = call.field.text.upper() if call.field else ""
    if call.function != "FIELDS" or which not in ("ALL", "STANDARD", "CUSTOM"):
        raise pointed(scope.text, call.at, "MALFORMED_QUERY", f"unexpected token: '{call.function}'")
    for name, field in scope.kind.fields.items():
        if which == "ALL" or (which == "CUSTOM") == field.custom:
            yield Name(name, call.at)


def _key(scope: Scope, order: Order) -> Callable[[Row], Any]:
    if isinstance(order.key, Call):
        raise pointed(scope.text, order.key.at, "MALFORMED_QUERY", "aggregates need GROUP BY")
    path = scope.path(order.key)
    if not path.field.filterable:
        message = f"field '{path.field.name}' can not be sorted in a query call"
        raise pointed(scope.text, order.key.at, "INVALID_FIELD", message)
    return scope.reader(path)


def _group_key(scope: Scope, order: Order) -> Callable[[list[Row]], Any]:
    if isinstance(order.key, Call):
        return value_of(scope, order.key)
    read = scope.reader(scope.path(order.key))
    return lambda rows: read(rows[0])


def _ordered(items: list[Any], key: Callable[[Any], Any], order: Order) -> list[Any]:
    """Stable; text without regard to case; nulls where the query wants them."""
    keyed = [(key(item), item) for item in items]
    nulls = [item for value, item in keyed if value is None]
    rest = [
        (value.lower() if isinstance(value, str) else value, item)
        for value, item in keyed
        if value is not None
    ]
    rest.sort(key=lambda pair: pair[0], reverse=order.descending)
    sorted_items = [item for _, item in rest]
    return [*sorted_items, *nulls] if order.nulls_last else [*nulls, *sorted_items]


def _slice(items: list[Any], query: Query) -> list[Any]:
    end = None if query.limit is None else query.offset + query.limit
    return items[query.offset : end]
