"""An item of a standard webhook, or the body of a newer one → its event.

Adyen gives no event an id, so its identity is a digest of the eight values that Adyen signs, and of the event's date,
which it does not sign but without which two events of one dispute would be one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from connector.models.events import Event
from connector.models.facts import ProcessorObject
from connector.redaction import REMOVED
from connector.webhooks import processor_event
from connector.webhooks.adyen.kinds import KINDS, NAMED
from connector.webhooks.adyen.object_context import Item, ItemContext, is_true
from connector.webhooks.adyen.objects import notice_of_change, objects_of
from connector.webhooks.processor_event import ParsedEvent, Unreadable, moment, need, part, word
from connector.webhooks.source import Delivery

_OF_A_NOTICE: Final = frozenset({"reasonCode", "newBankAccountType"})
"""Fields of a notice of change that are stored. All others are bank account data."""


def items(delivery: Delivery, given: Sequence[object], from_live: object, *, live: bool) -> tuple[Event, ...]:
    """One event for each item. Never raises: an item that cannot be read is UNREADABLE, the others are processed."""
    found = [part(part(wrapper).get("NotificationRequestItem")) for wrapper in given]
    return tuple(_event(delivery, item, from_live, live) for item in found)


def body(delivery: Delivery, *, live: bool) -> Event:
    """The event of a webhook that is signed as a whole. Never raises."""
    try:
        found = processor_event.json_object(delivery.body)
        parsed = _parsed_body(found)
        text = _stored({**found, "data": _without_bank_account(part(found.get("data")))})
    except Unreadable as error:
        return processor_event.unreadable(delivery, _digest(delivery.body), str(error), "json")
    return processor_event.event(delivery, parsed, KINDS, text, "json", live=live)


def _event(delivery: Delivery, item: Item, from_live: object, live: bool) -> Event:
    try:
        alone = _stored(
            {"live": from_live, "notificationItems": [{"NotificationRequestItem": _unsigned(item)}]}
        )
        delivery = replace(delivery, body=alone)
        parsed = _parsed(item, from_live)
    except Unreadable as error:
        return processor_event.unreadable(delivery, _digest(delivery.body), str(error), "json")
    return processor_event.event(delivery, parsed, KINDS, alone, "json", live=live)


def _parsed(item: Item, from_live: object) -> ParsedEvent:
    kind = need(item.get("eventCode"), "of which kind it is")
    reference = need(item.get("pspReference"), "its PSP reference")
    amount = part(item.get("amount"))
    named = (
        item.get("merchantAccountCode"),
        reference,
        kind,
        is_true(item.get("success")),
        item.get("eventDate"),
        item.get("originalReference") or "",
        item.get("merchantReference") or "",
        amount.get("value"),
        amount.get("currency"),
    )
    return ParsedEvent(
        event_id=_digest(_stored(named)),
        kind=kind,
        occurred_at=moment(item.get("eventDate")),
        live=is_true(from_live) if from_live is not None else None,
        carry=partial(_carried, item, kind, is_true(from_live)),
    )


def _carried(item: Item, kind: str, from_live: bool) -> tuple[ProcessorObject, ...]:
    at = moment(item.get("eventDate"))
    if at is None:
        raise Unreadable("It does not say when it happened.")
    if kind in NAMED.values():
        raise Unreadable("It is a notice of change in a format that Adyen does not document.")
    return objects_of(ItemContext(item, kind, at, from_live))


def _parsed_body(found: Item) -> ParsedEvent:
    type_ = need(found.get("type"), "of which kind it is")
    environment, at = word(found.get("environment")), moment(found.get("createdAt"))
    kind = NAMED.get(type_, type_)
    return ParsedEvent(
        event_id=_digest(_stored(found)),
        kind=kind,
        occurred_at=at,
        live=environment.lower() == "live" if environment else None,
        carry=lambda: notice_of_change(part(found.get("data")), kind, at) if at and type_ in NAMED else (),
    )


def _unsigned(item: Item) -> Item:
    """The item without its signature, so that nobody who reads the ledger can send it again."""
    more = part(item.get("additionalData"))
    return {
        **item,
        "additionalData": {name: value for name, value in more.items() if name != "hmacSignature"},
    }


def _without_bank_account(data: Item) -> Item:
    change = part(data.get("notificationOfChange"))
    kept = {name: value if name in _OF_A_NOTICE else REMOVED for name, value in change.items()}
    return {**data, "notificationOfChange": kept} if change else data


def _stored(found: object) -> bytes:
    try:
        return json.dumps(found).encode()
    except RecursionError:
        raise Unreadable("It is nested too deeply.") from None


def _digest(text: bytes) -> str:
    return f"sha256-{hashlib.sha256(text).hexdigest()}"
