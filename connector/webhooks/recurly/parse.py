"""Parses a JSON body: kind and pointers. Thin: five fixed fields and one that names the object."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from connector.models.events import Pointer
from connector.webhooks.recurly.event_builder import (
    EventContent,
    code_ref,
    is_kind,
    judge,
    number_ref,
    plain_id,
    refs,
    unreadable,
    uuid_ref,
)

Body = Mapping[str, Any]


def read(body: bytes) -> EventContent:
    """Content of a JSON body. Never raises: a body that cannot be read is UNREADABLE, with the position of the
    error."""
    try:
        found = json.loads(body.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        return unreadable(f"It is not JSON (line {error.lineno}, column {error.colno}).")
    except (ValueError, RecursionError) as error:  # not UTF-8, a number of 5,000 digits, 100,000 brackets
        return unreadable(f"It is not JSON that can be read ({type(error).__name__}).")
    if not isinstance(found, dict):
        return unreadable("It is JSON, but not an object.")
    object_type, event_type = found.get("object_type"), found.get("event_type")
    if not is_kind(object_type) or not is_kind(event_type):
        return unreadable("object_type or event_type is missing or not a name.")
    return judge(f"{object_type}.{event_type}", lambda object_: _point(object_, found), _time(found))


def _point(object_: str, found: Body) -> tuple[Pointer, ...]:
    named = refs(*_REFS[object_](found))
    return (Pointer(object_, named),) if named else ()


def _account(found: Body) -> tuple[str | None, ...]:
    # billing_info has an id of its own. The id of the account would suffice, but accounts are identified by code.
    code = code_ref(found.get("account_code"))
    own_id = plain_id(found.get("id")) if found.get("object_type") == "account" else None
    return (own_id, code) if code else ()


def _by_uuid(found: Body) -> tuple[str | None, ...]:
    return (plain_id(found.get("id")), uuid_ref(found.get("uuid")))


def _invoice(found: Body) -> tuple[str | None, ...]:
    return (plain_id(found.get("id")), number_ref(found.get("invoice_number")))


_REFS: Final[Mapping[str, Callable[[Body], tuple[str | None, ...]]]] = {
    "account": _account,
    "subscription": _by_uuid,
    # Of a payment event, id and uuid are the transaction's, never the invoice's.
    "payment": _by_uuid,
    "credit_payment": _by_uuid,
    "invoice": _invoice,
}


def _time(found: Body) -> datetime | None:
    """``event_time``; None if it cannot be read. Only the timeline uses it, so a bad value is no error."""
    try:
        time = datetime.fromisoformat(found.get("event_time", ""))
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None
