"""GoCardless: what no event tells, the amount and the customer.

A payment names its mandate, a mandate its customer: two calls at most. The status is left to the events, which date
each step; the API says how things stand and not since when. Customers and bank accounts are never read.

Official SDK (3.22), without its own retries. https://developer.gocardless.com/api-reference/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final

import requests
from gocardless_pro import services
from gocardless_pro.api_client import ApiClient
from gocardless_pro.errors import ApiError, GoCardlessProError, MalformedResponseError

from connector.clients.processors.api import TIMEOUTS, ProcessorApi
from connector.clients.processors.reading import amount, currency, ids, moment, part, word
from connector.clients.processors.trouble import NotThere, Trouble
from connector.errors import CasewireError
from connector.facts import Kind, ProcessorObject
from connector.mappers import money
from connector.settings.processors import Gocardless as Settings

NAME: Final = "gocardless"

_TROUBLE: Final = Trouble(NAME, "GoCardless", "GOCARDLESS_ACCESS_TOKEN")
_HOSTS: Final = {True: "https://api.gocardless.com", False: "https://api-sandbox.gocardless.com"}
_ONE_ATTEMPT: Final = 1
_INVOICE_KEYS: Final = ("invoiceNumber", "invoice_number")

Attributes = Mapping[str, Any]


def configured(settings: Settings) -> ProcessorApi | None:
    """The client; None without an access token."""
    return GocardlessApi(settings) if settings.access_token else None


class GocardlessApi:
    """One GoCardless account."""

    def __init__(self, settings: Settings) -> None:
        url = settings.api_url or _HOSTS[settings.live]
        api = ApiClient(url, settings.access_token, timeout=TIMEOUTS)
        self._payments = services.PaymentsService(api, _ONE_ATTEMPT)
        self._refunds = services.RefundsService(api, _ONE_ATTEMPT)
        self._payouts = services.PayoutsService(api, _ONE_ATTEMPT)
        self._mandates = services.MandatesService(api, _ONE_ATTEMPT)

    def look_up(self, item: ProcessorObject, /) -> tuple[ProcessorObject, ...]:
        """The payment with its customer; a refund or payout with its amount; a mandate with its customer."""
        try:
            if item.kind in self._OTHERS:
                return self._OTHERS[item.kind](self, item.id)
            known = (one for one in ids(item, {Kind.CHARGE, Kind.DISPUTE}) if one.startswith("PM"))
            payment = next(known, None)
            return self._payment(payment, item.customer) if payment else ()
        except NotThere:
            return ()

    def _payment(self, id_: str, customer: str | None) -> tuple[ProcessorObject, ...]:
        found = _asked(self._payments.get, id_)
        mandate = word(part(found.get("links")).get("mandate"))
        customer = customer or self._customer(mandate)
        return (replace(_told(Kind.CHARGE, id_, found), references=(id_,), customer=customer),)

    def _customer(self, mandate: str | None) -> str | None:
        """The mandate's customer. Without a mandate (or if it is gone) what was learnt of the payment still holds."""
        if mandate is None:
            return None
        try:
            return word(part(_asked(self._mandates.get, mandate).get("links")).get("customer"))
        except NotThere:
            return None

    def _refund(self, id_: str) -> tuple[ProcessorObject, ...]:
        """The refund, and the payment it refunds."""
        found = _asked(self._refunds.get, id_)
        payment = word(part(found.get("links")).get("payment"))
        refund = replace(_told(Kind.REFUND, id_, found), references=(payment,) if payment else ())
        if payment is None:
            return (refund,)
        try:
            behind = _told(Kind.CHARGE, payment, _asked(self._payments.get, payment))
        except NotThere:
            return (refund,)
        return (refund, replace(behind, references=(payment,)))

    def _payout(self, id_: str) -> tuple[ProcessorObject, ...]:
        if not id_.startswith("PO"):  # a bounce that names its creditor only
            return ()
        return (_told(Kind.PAYOUT, id_, _asked(self._payouts.get, id_)),)

    def _mandate(self, id_: str) -> tuple[ProcessorObject, ...]:
        found = _asked(self._mandates.get, id_)
        customer = word(part(found.get("links")).get("customer"))
        network = word(found.get("scheme"))
        return (replace(_told(Kind.MANDATE, id_, found), customer=customer, network=network),)

    _OTHERS: Final = {Kind.REFUND: _refund, Kind.PAYOUT: _payout, Kind.MANDATE: _mandate}


def _told(kind: Kind, id_: str, found: Attributes) -> ProcessorObject:
    at = moment(found.get("created_at"))
    if at is None:
        raise _TROUBLE.unreadable()
    code = currency(found.get("currency"))
    return ProcessorObject(
        kind=kind,
        source=NAME,
        id=id_,
        at=at,
        amount=amount(found.get("amount"), code, money.exponent(code)) if code else None,
        currency=code,
        invoice_number=_invoice_number(found),
    )


def _invoice_number(found: Attributes) -> str | None:
    metadata = part(found.get("metadata"))
    return next((number for key in _INVOICE_KEYS if (number := word(metadata.get(key)))), None)


def _asked(get: Callable[[str], Any], id_: str) -> Attributes:
    """One call, as the attributes of what was found. Raises NotThere or one of our errors."""
    try:
        return part(get(id_).attributes)
    except ApiError as error:
        raise _refused(error) from error
    except MalformedResponseError as error:
        status = error.status_code or 0
        bad = status >= HTTPStatus.BAD_REQUEST
        raise (_TROUBLE.of_status(status) if bad else _TROUBLE.unreadable()) from error
    except GoCardlessProError as error:  # an id that cannot be part of an address, or an error of a new type
        raise _TROUBLE.refused(type(error).__name__, "bad_reference") from error
    except requests.RequestException as error:
        raise _TROUBLE.of_network(error) from error
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise _TROUBLE.unreadable() from error


def _refused(error: ApiError) -> Exception:
    code = error.code if isinstance(error.code, int) else HTTPStatus.BAD_GATEWAY
    found = _TROUBLE.of_status(code, word(error.type) or "")
    return found if isinstance(found, CasewireError | NotThere) else _TROUBLE.unreadable()
