"""A notification's XML → its event. Fat: it contains the object as it was at that time.

Braintree gives a notification no id, so its identity is a digest of kind, time and subject.
Bombs, external entities and document types are refused by defusedxml before anything is expanded.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import partial
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from connector.models.events import Event
from connector.models.facts import ProcessorObject
from connector.webhooks import processor_event
from connector.webhooks.braintree.kinds import KINDS
from connector.webhooks.braintree.objects import Account, ObjectContext, objects_of, text_of
from connector.webhooks.processor_event import ParsedEvent, Unreadable, content_digest, moment, need
from connector.webhooks.source import Delivery


def read(delivery: Delivery, xml: bytes, account: Account, *, live: bool) -> Event:
    """The event of one notification. Never raises: a body that cannot be read is UNREADABLE."""
    delivery = replace(delivery, body=xml)
    try:
        parsed = _parsed(_root(xml), xml, account)
    except Unreadable as error:
        return processor_event.unreadable(delivery, _digest(xml), str(error), "xml")
    return processor_event.event(delivery, parsed, KINDS, xml, "xml", live=live)


def _root(xml: bytes) -> Element:
    try:
        return fromstring(xml.strip(), forbid_dtd=True)
    except ParseError as error:
        raise Unreadable("It is not well-formed XML (line {}, column {}).".format(*error.position)) from None
    except DefusedXmlException as error:
        raise Unreadable(f"It is XML that is never expanded ({type(error).__name__}).") from None
    except (ValueError, LookupError) as error:  # an encoding that does not exist
        raise Unreadable(f"It is not XML that can be read ({type(error).__name__}).") from None


def _parsed(root: Element, xml: bytes, account: Account) -> ParsedEvent:
    kind = need(text_of(root, "kind"), "of which kind it is")
    time = need(text_of(root, "timestamp"), "when it happened")
    subject = next(
        (found for path in _SUBJECT_IDS if (found := text_of(root, f"subject/{path}"))), _digest(xml)
    )
    return ParsedEvent(
        event_id=_digest("\n".join((kind, time, subject)).encode()),
        kind=kind,
        occurred_at=moment(time),
        live=account.production,
        carry=partial(_carried, root, kind, account),
        content=content_digest(xml),
    )


def _carried(root: Element, kind: str, account: Account) -> tuple[ProcessorObject, ...]:
    at = moment(text_of(root, "timestamp"))
    if at is None:
        raise Unreadable("It does not say when it happened.")
    subject = root.find("subject/*")
    return () if subject is None else objects_of(ObjectContext(subject, kind, at, account))


def _digest(text: bytes) -> str:
    return f"sha256-{hashlib.sha256(text).hexdigest()}"


_SUBJECT_IDS: Final = (
    "*/id",
    "transaction-review/transaction-id",
    "*/payment-id",
    "*/token",
    "*/merchant-public-id",
    "*/partner-merchant-id",
)
