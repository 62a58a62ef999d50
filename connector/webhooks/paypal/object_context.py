"""Shared by all readers of PayPal events: the object of an event, amounts and references."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from connector.models.facts import Kind, ProcessorObject
from connector.webhooks.processor_event import currency, major, part, word

SOURCE: Final = "paypal"

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ObjectContext:
    """The object of one event, as it was at ``at``; ``last``: the last word of its kind (``REFUNDED``)."""

    at: datetime
    live: bool | None
    last: str
    object: Body

    def about(self, kind: Kind, **attributes: Any) -> ProcessorObject:
        return ProcessorObject(kind=kind, source=SOURCE, **{"at": self.at} | attributes)


def money(found: object) -> dict[str, Any]:
    """``amount`` and ``currency``, by the field names of v1 or v2."""
    given = part(found)
    code = currency(given.get("currency_code") or given.get("currency"))
    value = given.get("value") if given.get("value") is not None else given.get("total")
    return {"amount": major(value, code), "currency": code}


def references(*values: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(found for value in values if (found := word(value))))
