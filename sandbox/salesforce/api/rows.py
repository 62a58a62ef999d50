"""One record: create, read, update, delete, by id or by external id."""

from __future__ import annotations

from typing import Any

from sandbox.salesforce.api.calls import Answer, Call
from sandbox.salesforce.errors import RequestRefused, RowRefused, not_found
from sandbox.salesforce.ids import normal_id
from sandbox.salesforce.schema import Field, ObjectType


def create(call: Call, object: str) -> Answer:
    kind = call.kind(object)
    with call.org.store.transaction():
        record_id = call.writer().insert(kind, call.json_object())
    location = call.url("sobjects", kind.name, record_id)
    return Answer({"id": record_id, "success": True, "errors": []}, 201, {"Location": location})


def read(call: Call, object: str, id: str) -> Answer:
    kind = call.kind(object)
    with call.org.store.lock:
        return Answer(_shown(call, kind, _existing(call, kind, id)))


def update(call: Call, object: str, id: str) -> Answer:
    kind = call.kind(object)
    body = call.json_object()
    with call.org.store.transaction():
        record_id = _existing(call, kind, id)
        _without(body, "Id")
        call.writer().update(kind, record_id, body)
    return Answer(None, 204)


def delete(call: Call, object: str, id: str) -> Answer:
    kind = call.kind(object)
    with call.org.store.transaction():
        call.writer().delete(kind, _existing(call, kind, id))
    return Answer(None, 204)


def read_by_key(call: Call, object: str, field: str, value: str) -> Answer:
    kind = call.kind(object)
    with call.org.store.lock:
        found = _matches(call, kind, call.key(kind, field), value)
        if len(found) > 1:
            return _choices(call, kind, found)
        return Answer(_shown(call, kind, found[0])) if found else _nothing()


def upsert(call: Call, object: str, field: str, value: str) -> Answer:
    """201 made, 200 changed, 300 more than one fits. ``?updateOnly=true`` never makes one."""
    kind = call.kind(object)
    key, body = call.key(kind, field), call.json_object()
    _without(body, "Id")
    _without(body, key.name)
    with call.org.store.transaction():
        found = _matches(call, kind, key, value)
        if len(found) > 1:
            return _choices(call, kind, found)
        if not found and (call.flag("updateOnly") or key.name == "Id"):
            return _nothing()
        record_id, created = call.writer().upsert(kind, key, value, body)
    told = {"id": record_id, "success": True, "errors": [], "created": created}
    location = call.url("sobjects", kind.name, record_id)
    return Answer(told, 201 if created else 200, {"Location": location})


def delete_by_key(call: Call, object: str, field: str, value: str) -> Answer:
    kind = call.kind(object)
    with call.org.store.transaction():
        found = _matches(call, kind, call.key(kind, field), value)
        if len(found) > 1:
            return _choices(call, kind, found)
        if not found:
            return _nothing()
        call.writer().delete(kind, found[0])
    return Answer(None, 204)


def shown(call: Call, kind: ObjectType, record_id: str, names: list[str] | None = None) -> dict[str, Any]:
    """A live row as JSON, all fields or the named ones. Raises RequestRefused INVALID_FIELD."""
    row = call.org.store.table(kind).live[record_id]
    url = call.url("sobjects", kind.name, record_id)
    answer: dict[str, Any] = {"attributes": {"type": kind.name, "url": url}}
    for name in names or kind.fields:
        known = kind.field(name)
        if known is None:
            message = f"No such column '{name}' on sobject of type {kind.name}"
            raise RequestRefused(400, "INVALID_FIELD", message)
        answer[known.name] = row.get(known.name)
    return answer


def _shown(call: Call, kind: ObjectType, record_id: str) -> dict[str, Any]:
    wanted = call.args.get("fields", "")
    return shown(call, kind, record_id, [name.strip() for name in wanted.split(",") if name.strip()])


def _existing(call: Call, kind: ObjectType, record_id: str) -> str:
    try:
        return call.writer().find(kind, record_id)
    except RowRefused as refused:
        if refused.errors[0].code == "ENTITY_IS_DELETED":
            raise
        if refused.errors[0].code == "MALFORMED_ID":
            message = f"Provided external ID field does not exist or is not accessible: {record_id}"
            raise not_found(message) from None
        raise not_found() from None


def _matches(call: Call, kind: ObjectType, key: Field, value: str) -> list[str]:
    if key.name == "Id":
        found = normal_id(value)
        return [found] if found and found in call.org.store.table(kind).live else []
    return list(call.writer().reader.matches(kind, key, value))


def _choices(call: Call, kind: ObjectType, found: list[str]) -> Answer:
    return Answer([call.url("sobjects", kind.name, record_id) for record_id in found], 300)


def _nothing() -> Answer:
    raise not_found()


def _without(body: dict[str, Any], name: str) -> None:
    """The key stands in the address; a body that repeats it is refused."""
    if any(sent.lower() == name.lower() for sent in body):
        message = f"The {name} field should not be specified in the sobject data."
        raise RequestRefused(400, "INVALID_FIELD", message)
