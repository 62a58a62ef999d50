"""A page of which the official client cannot read an object: the others are read all the same."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import recurly
from recurly.resource import Page

from connector.clients.recurly import errors
from connector.errors import CasewireError


@dataclass(frozen=True, slots=True)
class UnreadableItem:
    """In an object's place: what it is called, and why it cannot be read."""

    id: str
    error: CasewireError


def page(body: bytes) -> Page | None:
    """The page that this answer is, or None if it is none."""
    try:
        told = json.loads(body)
    except ValueError:
        return None
    if not _is_page(told):
        return None
    return Page({**told, "data": [_object(one) for one in told["data"]]})


def _is_page(told: Any) -> bool:
    return (
        isinstance(told, dict) and {"has_more", "next"} <= told.keys() and isinstance(told.get("data"), list)
    )


def _object(told: Any) -> Any:
    try:
        return recurly.Resource.cast_json(told)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        id_ = told.get("id") if isinstance(told, dict) else None
        return UnreadableItem(str(id_ or ""), errors.unreadable(error))
