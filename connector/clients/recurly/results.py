"""Result of a fetch: facts, objects that are gone, and objects that could not be read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import recurly
from recurly.resource import Page

from connector.clients.recurly import errors
from connector.errors import CasewireError, Permanent, Transient
from connector.mappers import recurly as mapper
from connector.models.facts import BillingObject, DeletedObject


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


_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Failed:
    """One object that could not be read while others could; ``error`` says whether trying again may help."""

    object: str
    refs: tuple[str, ...]
    error: Transient | Permanent


@dataclass(frozen=True, slots=True)
class Fetched:
    """``found`` may hold more than was asked: an invoice comes with its payments and credit payments. Each
    object is there once, in its newest version."""

    found: tuple[BillingObject, ...] = ()
    gone: tuple[DeletedObject, ...] = ()
    failed: tuple[Failed, ...] = ()


def translated(kind: str, resources: Iterable[Any], refs: tuple[str, ...] = ()) -> Fetched:
    """Resources as facts. One that cannot be translated fails alone, under ``refs`` if asked singly."""
    found: list[BillingObject] = []
    failed: list[Failed] = []
    for resource in resources:
        try:
            found += _facts(kind, resource)
        except Permanent as error:
            failed.append(Failed(kind, refs or (str(getattr(resource, "id", "")),), error))
    return Fetched(tuple(found), failed=tuple(failed))


def merged(parts: Sequence[Fetched]) -> Fetched:
    """One answer of several. Of an object seen twice the newest version counts, then the first seen."""
    newest: dict[tuple[str, str], BillingObject] = {}
    for item in (item for part in parts for item in part.found):
        key = (item.object, item.id)
        if key not in newest or _age(item) > _age(newest[key]):
            newest[key] = item
    gone = tuple(dict.fromkeys(gone for part in parts for gone in part.gone))
    return Fetched(tuple(newest.values()), gone, tuple(bad for part in parts for bad in part.failed))


def _facts(kind: str, resource: Any) -> tuple[BillingObject, ...]:
    if isinstance(resource, UnreadableItem):
        raise resource.error
    if isinstance(resource, dict):  # an object the client has no class for
        raise Permanent(
            f"Recurly answered with {resource.get('object', 'something')!r} where {kind} was asked for: "
            "update the recurly package, then replay.",
            code="unknown_object",
        )
    if kind == "invoice":
        return mapper.invoice_objects(resource)
    return (mapper.billing_object(kind, resource),)


def _age(item: BillingObject) -> datetime:
    return item.updated_at or _LONG_AGO
