"""Stripe: the charge behind a dispute, refund or warning, by its own id or its payment intent's; and the lists of all.

Official SDK (16.1), without its own retries: ours are the ledger's. https://docs.stripe.com/api/charges/object
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Any, Final, NamedTuple, TypeVar

import requests
import stripe

from connector.clients.processors.api import TIMEOUTS, Page, ProcessorClient
from connector.clients.processors.reading import ids, must_list, part, second
from connector.clients.processors.stripe import answers
from connector.clients.processors.stripe.answers import NAME
from connector.clients.processors.trouble import NotThere, Trouble
from connector.facts import Kind, ProcessorObject, Status
from connector.settings.processors import Stripe as Settings

__all__ = ["NAME", "StripeApi", "configured"]

PAGE: Final = 100
"""Stripe gives no more at once."""

T = TypeVar("T")

_TROUBLE: Final = Trouble(NAME, "Stripe", "STRIPE_API_KEY")
_CHARGES: Final = ("ch_", "py_")
_INTENTS: Final = ("pi_",)
_MISSING: Final = "resource_missing"


class _List(NamedTuple):
    """One of Stripe's lists. ``beside``: what is to come with each object, in the place of its id."""

    name: str
    read: Callable[[Mapping[str, Any]], ProcessorObject | None]
    beside: str


_LISTS: Final[Mapping[Kind, _List]] = {
    Kind.CHARGE: _List(
        "charges", lambda one: answers.charge(one, part(one.get("payment_intent"))), "data.payment_intent"
    ),
    Kind.REFUND: _List("refunds", answers.refund, "data.charge"),
    Kind.DISPUTE: _List("disputes", answers.dispute, "data.charge"),
}


def configured(settings: Settings) -> ProcessorClient | None:
    """The client; None without a key."""
    return StripeApi(settings) if settings.api_key else None


class StripeApi:
    """One Stripe account."""

    lists = frozenset(_LISTS)

    def __init__(self, settings: Settings) -> None:
        self._stripe = stripe.StripeClient(
            settings.api_key,
            base_addresses={"api": settings.api_url.rstrip("/")} if settings.api_url else {},
            max_network_retries=0,
            http_client=stripe.RequestsClient(timeout=TIMEOUTS),
        )

    def look_up(self, item: ProcessorObject, /) -> tuple[ProcessorObject, ...]:
        """One call: the charge where its id is known, else the latest of the payment intent."""
        known = ids(item, {Kind.CHARGE})
        for prefixes, ask in ((_CHARGES, self._charge), (_INTENTS, self._intent)):
            id_ = next((one for one in known if one.startswith(prefixes)), None)
            if id_ is not None:
                try:
                    found = _asked(partial(ask, id_))
                except NotThere:
                    return ()
                return () if found is None else (_dated(found),)
        return ()

    def listed(self, kind: Kind, since: datetime, until: datetime) -> Iterator[Page]:
        """The newest first, as Stripe lists."""
        must_list(kind, self.lists)
        one = _LISTS[kind]
        window = {"gte": second(since), "lt": second(until)}
        wanted = {"created": window, "limit": PAGE, "expand": [one.beside]}
        service = getattr(self._stripe.v1, one.name)
        page = _listed(partial(service.list, wanted))
        while rows := _listed(partial(_read, page, one)):
            yield rows
            if page.to_dict().get("has_more") is not True:
                return
            page = _listed(page.next_page)

    def _charge(self, id_: str) -> ProcessorObject | None:
        charge = self._stripe.v1.charges.retrieve(id_, {"expand": ["payment_intent"]}).to_dict()
        return answers.charge(charge, part(charge.get("payment_intent")))

    def _intent(self, id_: str) -> ProcessorObject | None:
        intent = self._stripe.v1.payment_intents.retrieve(id_, {"expand": ["latest_charge"]}).to_dict()
        return answers.charge(part(intent.get("latest_charge")), intent)


def _dated(found: ProcessorObject) -> ProcessorObject:
    """``pending`` is not said: a bank debit's ``created`` does not date what became of it since."""
    return replace(found, status=None) if found.status is Status.PENDING else found


def _read(page: Any, one: _List) -> Page:
    return tuple(_whole(one.read(part(row))) for row in page.to_dict()["data"])


def _whole(found: ProcessorObject | None) -> ProcessorObject:
    if found is None:
        raise ValueError("without its id or its time")
    return replace(found, opened_at=found.at)


def _listed(ask: Callable[[], T]) -> T:
    return _TROUBLE.must_be_there(lambda: _asked(ask))


def _asked(ask: Callable[[], T]) -> T:
    """Raises NotThere or one of our errors."""
    try:
        return ask()
    except stripe.StripeError as error:
        raise _refused(error) from error
    except (ValueError, TypeError, AttributeError, KeyError):
        raise _TROUBLE.unreadable() from None


def _refused(error: stripe.StripeError) -> Exception:
    if error.code == _MISSING:
        return NotThere(_MISSING)
    if isinstance(error, stripe.APIConnectionError):
        return _TROUBLE.of_network(error.__cause__ or error)
    if error.http_status is None or error.http_status < HTTPStatus.BAD_REQUEST:
        return _TROUBLE.unreadable()
    # An invalid id is no object either: Stripe answers 404 with resource_missing, above.
    return _TROUBLE.of_status(error.http_status, error.code or "", _retry_after(error))


def _retry_after(error: stripe.StripeError) -> float | None:
    headers = requests.structures.CaseInsensitiveDict(error.headers or {})
    value = str(headers.get("Retry-After") or "")
    return float(value) if value.isdecimal() else None
