"""SELECT: from a row to the JSON of an answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.salesforce.schema import Field, ObjectType
from sandbox.salesforce.soql.paths import Path, Scope
from sandbox.salesforce.store import Row

Render = Callable[[Row], dict[str, Any]]


@dataclass(slots=True)
class _Node:
    """What is selected of one object: plain fields, parents, and child queries, in the order written."""

    fields: dict[str, str] = field(default_factory=dict)
    parents: dict[str, tuple[Field, _Node]] = field(default_factory=dict)
    children: dict[str, Callable[[Row], Any]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)

    def _seen(self, key: str) -> None:
        if key not in self.order:
            self.order.append(key)


class Shape:
    """Collects what a query selects, then renders rows."""

    def __init__(self, scope: Scope, version: str) -> None:
        self._scope = scope
        self._base = f"/services/data/v{version}/sobjects"
        self._root = _Node()

    def add(self, path: Path) -> None:
        node = self._root
        for link in path.links:
            name = str(link.relationship)
            node._seen(name)
            node = node.parents.setdefault(name, (link, _Node()))[1]
        node._seen(path.field.name)
        node.fields[path.field.name] = path.field.name

    def add_children(self, name: str, rows: Callable[[Row], Any]) -> None:
        self._root._seen(name)
        self._root.children[name] = rows

    def attributes(self, kind: ObjectType, row: Row) -> dict[str, str]:
        return {"type": kind.name, "url": f"{self._base}/{kind.name}/{row['Id']}"}

    def render(self) -> Render:
        return self._renderer(self._root, self._scope.kind)

    def _renderer(self, node: _Node, kind: ObjectType | None) -> Render:
        steps = [self._step(node, name) for name in node.order]
        of_id = self._scope.schema.of_id

        def render(row: Row) -> dict[str, Any]:
            known = kind or of_id(row["Id"])
            assert known is not None, "every stored row has an id of a known object"
            answer: dict[str, Any] = {"attributes": self.attributes(known, row)}
            for name, step in steps:
                answer[name] = step(row)
            return answer

        return render

    def _step(self, node: _Node, name: str) -> tuple[str, Callable[[Row], Any]]:
        if name in node.fields:
            return name, lambda row: row.get(name)
        if name in node.children:
            return name, node.children[name]
        link, inner = node.parents[name]
        render, row_of = self._renderer(inner, None), self._scope.store.row

        def parent(row: Row) -> Any:
            target = row.get(link.name)
            found = row_of(target) if target else None
            return render(found) if found else None

        return name, parent
