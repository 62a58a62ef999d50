"""What a fetch brings back: facts, what is gone, and what could not be read while the rest could."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from connector.clients.recurly.partial_pages import UnreadableItem
from connector.errors import Permanent, Transient
from connector.mappers import recurly as mapper
from connector.models.facts import BillingObject, DeletedObject

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
