"""sObject Collections: up to 200 records in one call, each with its own result, in the order sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from sandbox.salesforce.api.calls import Answer, Call
from sandbox.salesforce.api.rows import shown
from sandbox.salesforce.errors import RequestRefused, RowError, RowRefused, unreadable
from sandbox.salesforce.ids import normal_id
from sandbox.salesforce.schema import Field, ObjectType
from sandbox.salesforce.store import Row, index_key
from sandbox.salesforce.writer import Writer

LARGEST: Final = 200
_ROLLED_BACK: Final = RowError(
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone header",
)
Result = dict[str, Any]
Step = Callable[[Writer], Result]


def create(call: Call) -> Answer:
    body = call.json_object()
    rows = _rows(body)

    def step(row: Row) -> Step:
        return lambda writer: _done(writer.insert(_kind(call, row), row))

    return _all(call, [step(row) for row in rows], body.get("allOrNone") is True)


def update(call: Call) -> Answer:
    body = call.json_object()

    def step(row: Row) -> Step:
        return lambda writer: updated(writer, _kind(call, row), row)

    return _all(call, [step(row) for row in _rows(body)], body.get("allOrNone") is True)


def upsert(call: Call, object: str, field: str) -> Answer:
    """By an external id that each record holds; by ``Id``, where a record without one is made."""
    kind, body = call.kind(object), call.json_object()
    key, rows = call.key(kind, field), _rows(body)
    for row in rows:
        if _kind(call, row) is not kind:
            message = f"All records of an upsert must be of type {kind.name}"
            raise RequestRefused(400, "INVALID_TYPE", message)
    twice = named_twice(key, rows)

    def step(row: Row) -> Step:
        return lambda writer: upserted(writer, kind, key, row, twice)

    return _all(call, [step(row) for row in rows], body.get("allOrNone") is True)


def delete(call: Call) -> Answer:
    ids = [text.strip() for text in call.args.get("ids", "").split(",") if text.strip()]
    _small_enough(ids)

    def step(record_id: str) -> Step:
        return lambda writer: _deleted(call, writer, record_id)

    return _all(call, [step(record_id) for record_id in ids], call.flag("allOrNone"))


def read(call: Call, object: str) -> Answer:
    """The records in the order of their ids, null for each that is not there."""
    kind = call.kind(object)
    body = call.json_object() if call.method == "POST" else {}
    ids = body.get("ids") or [text for text in call.args.get("ids", "").split(",") if text]
    names = body.get("fields") or [text for text in call.args.get("fields", "").split(",") if text]
    with call.org.store.lock:
        live = call.org.store.table(kind).live
        found = [normal_id(record_id) for record_id in ids]
        return Answer([shown(call, kind, at, names) if at and at in live else None for at in found])


def _rows(body: dict[str, Any]) -> list[Row]:
    rows = body.get("records")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise unreadable("records must be an array of sObjects")
    _small_enough(rows)
    return rows


def _small_enough(items: list[Any]) -> None:
    if len(items) > LARGEST:
        message = f"record limit reached. cannot submit more than {LARGEST} records into this call"
        raise RequestRefused(400, "EXCEEDED_ID_LIMIT", message)


def _kind(call: Call, row: Row) -> ObjectType:
    name = (row.get("attributes") or {}).get("type")
    if not name:
        raise unreadable("attributes.type is required for each record")
    kind = call.schema.get(str(name))
    if kind is None:
        raise RequestRefused(400, "INVALID_TYPE", f"sObject type '{name}' is not supported.")
    return kind


def _all(call: Call, steps: list[Step], all_or_none: bool) -> Answer:
    store = call.org.store
    with store.transaction() as undo:
        writer = call.writer()
        results = [_one(writer, step) for step in steps]
        if all_or_none and not all(result["success"] for result in results):
            undo()
            results = [_failed(_ROLLED_BACK) if result["success"] else result for result in results]
    return Answer(results)


def _one(writer: Writer, step: Step) -> Result:
    try:
        with writer.store.transaction():
            return step(writer)
    except RowRefused as refused:
        return _failed(*refused.errors)


def _done(record_id: str, **more: Any) -> Result:
    return {"id": record_id, "success": True, "errors": [], **more}


def _failed(*errors: RowError) -> Result:
    return {"success": False, "errors": [error.in_collection() for error in errors]}


def updated(writer: Writer, kind: ObjectType, row: Row) -> Result:
    """Change the record whose Id the row holds."""
    values = {name: value for name, value in row.items() if name.lower() != "id"}
    record_id = next((value for name, value in row.items() if name.lower() == "id"), None)
    if record_id is None:
        raise RowRefused(RowError("MISSING_ARGUMENT", "Id not specified in an update call"))
    found = writer.find(kind, record_id)
    writer.update(kind, found, values)
    return _done(found)


def upserted(writer: Writer, kind: ObjectType, key: Field, row: Row, twice: set[Any]) -> Result:
    """Change or make the record whose key the row holds. ``twice``: what ``named_twice`` gave."""
    value, values = _taken(row, key.name)
    if key.name == "Id":
        if value is None:
            return _done(writer.insert(kind, values), created=True)
        return {**updated(writer, kind, row), "created": False}
    if value is None:
        raise RowRefused(RowError("MISSING_ARGUMENT", f"{key.name} not specified"))
    if index_key(key, value) in twice:
        message = f"Duplicate external id specified: {value}"
        raise RowRefused(RowError("DUPLICATE_VALUE", message, (key.name,)))
    if _taken(row, "Id")[0] is not None:
        message = "cannot specify Id in an upsert call by another field"
        raise RowRefused(RowError("INVALID_FIELD_FOR_INSERT_UPDATE", message, ("Id",)))
    record_id, created = writer.upsert(kind, key, value, values)
    return _done(record_id, created=created)


def _taken(row: Row, name: str) -> tuple[Any, Row]:
    """The value of a field, and the row without it."""
    if name in row:
        return row[name], {sent: value for sent, value in row.items() if sent != name}
    lower = name.lower()
    value = next((value for sent, value in row.items() if sent.lower() == lower), None)
    return value, {sent: value for sent, value in row.items() if sent.lower() != lower}


def named_twice(key: Field, rows: list[Row]) -> set[Any]:
    """Salesforce refuses every record whose key another record of the same call has too."""
    values = (_taken(row, key.name)[0] for row in rows)
    seen = Counter(index_key(key, value) for value in values if isinstance(value, str))
    return {value for value, times in seen.items() if times > 1}


def _deleted(call: Call, writer: Writer, record_id: str) -> Result:
    found = normal_id(record_id)
    kind = call.schema.of_id(found) if found else None
    if found is None or kind is None:
        raise RowRefused(RowError("MALFORMED_ID", f"malformed id {record_id}"))
    writer.delete(kind, found)
    return _done(found)
