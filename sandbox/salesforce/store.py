"""The rows of an org, with indexes, a recycle bin, and transactions that can be undone.

One lock guards it all: Python runs one thread at a time anyway, and a call then sees and leaves whole rows.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any, Final

from sandbox.salesforce.ids import make_id
from sandbox.salesforce.schema import Field, ObjectType, Schema

Row = dict[str, Any]
_NONE: Final[dict[str, None]] = {}


def index_key(field: Field, value: Any) -> Any:
    """What two values must share to be equal: text ignores case unless the field says otherwise."""
    if isinstance(value, str) and field.is_text and not field.case_sensitive:
        return value.lower()
    return value


class Table:
    """The rows of one object in order of creation. Ids are never used twice."""

    def __init__(self, kind: ObjectType) -> None:
        self.kind = kind
        self.live: dict[str, Row] = {}
        self.deleted: dict[str, Row] = {}
        self.made = 0
        self._indexed = tuple(field for field in kind.fields.values() if field.indexed and field.name != "Id")
        self._indexes: dict[str, dict[Any, dict[str, None]]] = {field.name: {} for field in self._indexed}

    def next_id(self) -> str:
        self.made += 1
        return make_id(self.kind.prefix, self.made)

    def find(self, field: Field, value: Any) -> Collection[str]:
        """Ids of the live rows with this value; a field that is asked for often deserves its index at once."""
        if field.name == "Id":
            return (value,) if value in self.live else ()
        index = self._indexes.get(field.name)
        if index is None:
            index = self._index(field)
        return index.get(index_key(field, value), _NONE).keys()

    def put(self, row: Row) -> None:
        self.live[row["Id"]] = row
        for field in self._indexed:
            self._add(field, row)

    def take(self, record_id: str) -> Row:
        row = self.live.pop(record_id)
        for field in self._indexed:
            self._drop(field, row)
        return row

    def restore(self, row: Row) -> None:
        """Out of the recycle bin, as it was."""
        del self.deleted[row["Id"]]
        self.put(row)

    def change(self, record_id: str, changes: Row) -> Row:
        """Set fields of a live row; gives the values they had."""
        row = self.live[record_id]
        before = {name: row.get(name) for name in changes}
        touched = [
            field
            for field in self._indexed
            if field.name in changes and changes[field.name] != before[field.name]
        ]
        for field in touched:
            self._drop(field, row)
        row.update(changes)
        for field in touched:
            self._add(field, row)
        return before

    def _index(self, field: Field) -> dict[Any, dict[str, None]]:
        self._indexes[field.name] = {}
        self._indexed = (*self._indexed, field)
        for row in self.live.values():
            self._add(field, row)
        return self._indexes[field.name]

    def _add(self, field: Field, row: Row) -> None:
        value = row.get(field.name)
        if value is not None:
            self._indexes[field.name].setdefault(index_key(field, value), {})[row["Id"]] = None

    def _drop(self, field: Field, row: Row) -> None:
        value = row.get(field.name)
        if value is None:
            return
        index, key = self._indexes[field.name], index_key(field, value)
        index[key].pop(row["Id"], None)
        if not index[key]:
            del index[key]


class Store:
    """All tables of an org. Write only inside ``transaction()``."""

    def __init__(self, schema: Schema) -> None:
        self.lock = threading.RLock()
        self.tables = {kind.name: Table(kind) for kind in schema}
        self._schema = schema
        self._undo: list[Callable[[], object]] = []
        self._depth = 0

    def adopt(self, schema: Schema) -> None:
        """The same rows under another schema: fields and objects it does not have are lost, new ones are empty."""
        with self.lock:
            self.tables = {kind.name: self._moved(kind) for kind in schema}
            self._schema = schema

    def _moved(self, kind: ObjectType) -> Table:
        old = self.tables.get(kind.name)
        if old is None or old.kind == kind:
            return old or Table(kind)
        table = Table(kind)
        table.made = old.made
        table.deleted = {at: _fitted(row, kind) for at, row in old.deleted.items()}
        for row in old.live.values():
            table.put(_fitted(row, kind))
        return table

    def table(self, kind: ObjectType) -> Table:
        return self.tables[kind.name]

    def row(self, record_id: str) -> Row | None:
        """A live row of any object by its 18-character id."""
        kind = self._schema.of_id(record_id)
        return self.tables[kind.name].live.get(record_id) if kind else None

    @contextmanager
    def transaction(self) -> Iterator[Callable[[], None]]:
        """Hold the lock; gives a function that undoes all that was written since. An exception undoes too."""
        with self.lock:
            self._depth += 1
            mark = len(self._undo)
            try:
                yield lambda: self._rollback(mark)
            except BaseException:
                self._rollback(mark)
                raise
            finally:
                self._depth -= 1
                if self._depth == 0:
                    self._undo.clear()

    def insert(self, kind: ObjectType, row: Row) -> str:
        table = self.tables[kind.name]
        record_id: str = row.get("Id") or table.next_id()
        row["Id"] = record_id
        table.put(row)
        self._undo.append(lambda: table.take(record_id))
        return record_id

    def update(self, kind: ObjectType, record_id: str, changes: Row) -> None:
        table = self.tables[kind.name]
        before = table.change(record_id, changes)
        self._undo.append(lambda: table.change(record_id, before))

    def delete(self, kind: ObjectType, record_id: str, changes: Row) -> None:
        """To the recycle bin, out of every index."""
        table = self.tables[kind.name]
        row = table.take(record_id)
        table.deleted[record_id] = {**row, **changes}
        self._undo.append(lambda: table.restore(row))

    def _rollback(self, mark: int) -> None:
        while len(self._undo) > mark:
            self._undo.pop()()


def _fitted(row: Row, kind: ObjectType) -> Row:
    """A row as another version of its object has it; a checkbox is never empty."""
    checked = {field.name: bool(field.default) for field in kind.filled if field.type == "boolean"}
    return checked | {name: value for name, value in row.items() if name in kind.fields}
