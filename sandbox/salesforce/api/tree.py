"""``composite/tree``: records made together with their children, all or none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sandbox.salesforce.api.calls import Answer, Call
from sandbox.salesforce.errors import RequestRefused, RowRefused, unreadable
from sandbox.salesforce.schema import Field, ObjectType
from sandbox.salesforce.store import Row

_LARGEST: Final = 200
_DEPTH: Final = 5


@dataclass(frozen=True, slots=True)
class _Node:
    """``link``: the lookup of the record that its parent's id goes into."""

    reference: str
    kind: ObjectType
    values: Row
    parent: _Node | None = None
    link: Field | None = None


def create(call: Call, object: str) -> Answer:
    """201 with an id for each reference; 400 with the errors of those that failed, and nothing made."""
    nodes = list(_nodes(call, call.kind(object), call.json_object(), None, None, 1))
    if len(nodes) > _LARGEST:
        message = f"The request can't contain more than {_LARGEST} records."
        raise RequestRefused(400, "LIMIT_EXCEEDED", message)
    if len({node.reference for node in nodes}) != len(nodes):
        raise RequestRefused(400, "INVALID_INPUT", "Each record needs a referenceId of its own")
    with call.org.store.transaction() as undo:
        made, failed = _made(call, nodes)
        if failed:
            undo()
    told = failed or [{"referenceId": name, "id": record_id} for name, record_id in made.items()]
    return Answer({"hasErrors": bool(failed), "results": told}, 400 if failed else 201)


def _made(call: Call, nodes: list[_Node]) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Ids by reference, and the failures; children of a record that failed are passed over."""
    writer, made = call.writer(), dict[str, str]()
    failed: list[dict[str, Any]] = []
    for node in nodes:
        if node.parent and node.parent.reference not in made:
            continue
        above = {node.link.name: made[node.parent.reference]} if node.parent and node.link else {}
        try:
            with writer.store.transaction():
                made[node.reference] = writer.insert(node.kind, {**node.values, **above})
        except RowRefused as refused:
            errors = [error.in_collection() for error in refused.errors]
            failed.append({"referenceId": node.reference, "errors": errors})
    return made, failed


def _nodes(
    call: Call, kind: ObjectType, body: Row, parent: _Node | None, link: Field | None, depth: int
) -> Iterator[_Node]:
    """Parents before their children."""
    if depth > _DEPTH:
        raise RequestRefused(400, "LIMIT_EXCEEDED", f"The tree is more than {_DEPTH} levels deep.")
    records = body.get("records")
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise unreadable("records must be an array of sObjects")
    for record in records:
        yield from _node(call, kind, record, parent, link, depth)


def _node(
    call: Call, kind: ObjectType, record: Row, parent: _Node | None, link: Field | None, depth: int
) -> Iterator[_Node]:
    attributes = record.get("attributes") or {}
    if attributes.get("type") != kind.name or not attributes.get("referenceId"):
        message = f"Each record needs attributes with type {kind.name} and a referenceId"
        raise RequestRefused(400, "INVALID_INPUT", message)
    below = call.schema.children(kind)
    values = {name: value for name, value in record.items() if name.lower() not in below}
    node = _Node(str(attributes["referenceId"]), kind, values, parent, link)
    yield node
    for name, value in record.items():
        if name.lower() in below:
            child, lookup = below[name.lower()]
            yield from _nodes(call, child, value or {}, node, lookup, depth + 1)
