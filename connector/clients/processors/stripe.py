"""Stripe: the charge behind a dispute, refund or warning, by its own id or its payment intent's.

Official SDK (16.1), without its own retries: ours are the ledger's. https://docs.stripe.com/api/charges/object
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import requests
import stripe

from connector.clients.processors.api import TIMEOUTS, ProcessorApi
from connector.clients.processors.reading import amount, currency, ending, ids, moment, part, word
from connector.clients.processors.trouble import NotThere, Trouble
from connector.facts import Kind, ProcessorObject, Status
from connector.mappers import money
from connector.settings.processors import Stripe as Settings

NAME: Final = "stripe"

_TROUBLE: Final = Trouble(NAME, "Stripe", "STRIPE_API_KEY")
_CHARGES: Final = ("ch_", "py_")
_INTENTS: Final = ("pi_",)
_MISSING: Final = "resource_missing"
_DECIMALS: Final = {"ISK": 2, "UGX": 2, "MGA": 0}
"""Where Stripe counts otherwise than ISO 4217: https://docs.stripe.com/currencies#zero-decimal"""

_BRANDS: Final = {"amex": "American Express", "jcb": "JCB", "diners": "Diners Club", "unionpay": "UnionPay"}
_STATUSES: Final = {"succeeded": Status.SUCCEEDED, "failed": Status.FAILED}
"""``pending`` is not said: a bank debit's ``created`` does not date what became of it since."""


def configured(settings: Settings) -> ProcessorApi | None:
    """The client; None without a key."""
    return StripeApi(settings) if settings.api_key else None


class StripeApi:
    """One Stripe account."""

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
                return _asked(ask, id_)
        return ()

    def _charge(self, id_: str) -> tuple[ProcessorObject, ...]:
        charge = self._stripe.v1.charges.retrieve(id_, {"expand": ["payment_intent"]}).to_dict()
        return _told(charge, part(charge.get("payment_intent")))

    def _intent(self, id_: str) -> tuple[ProcessorObject, ...]:
        intent = self._stripe.v1.payment_intents.retrieve(id_, {"expand": ["latest_charge"]}).to_dict()
        return _told(part(intent.get("latest_charge")), intent)


def _asked(ask: Any, id_: str) -> tuple[ProcessorObject, ...]:
    try:
        found: tuple[ProcessorObject, ...] = ask(id_)
    except stripe.StripeError as error:
        return _refused(error)
    except (ValueError, TypeError, AttributeError, KeyError):
        raise _TROUBLE.unreadable() from None
    return found


def _refused(error: stripe.StripeError) -> tuple[ProcessorObject, ...]:
    if error.code == _MISSING:
        return ()
    if isinstance(error, stripe.APIConnectionError):
        raise _TROUBLE.of_network(error.__cause__ or error) from error
    if error.http_status is None or error.http_status < HTTPStatus.BAD_REQUEST:
        raise _TROUBLE.unreadable() from error
    # An invalid id is no object either: Stripe answers 404 with resource_missing, above.
    found = _TROUBLE.of_status(error.http_status, error.code or "", _retry_after(error))
    if isinstance(found, NotThere):
        return ()
    raise found from error


def _retry_after(error: stripe.StripeError) -> float | None:
    headers = requests.structures.CaseInsensitiveDict(error.headers or {})
    value = str(headers.get("Retry-After") or "")
    return float(value) if value.isdecimal() else None


def _told(charge: Mapping[str, Any], intent: Mapping[str, Any]) -> tuple[ProcessorObject, ...]:
    id_, at = word(charge.get("id")), moment(charge.get("created"))
    if id_ is None or at is None:  # a payment intent without a charge so far
        return ()
    code = currency(charge.get("currency"))
    status = _STATUSES.get(str(charge.get("status")))
    refunded = charge.get("refunded") is True
    page = "" if charge.get("livemode") else "test/"
    return (
        ProcessorObject(
            kind=Kind.CHARGE,
            source=NAME,
            id=id_,
            at=at,
            status=status,
            reason=word(charge.get("failure_code")),
            reason_text=word(charge.get("failure_message")),
            amount=amount(charge.get("amount"), code, _decimals(code)),
            currency=code,
            references=_references(id_, charge.get("payment_intent"), intent),
            invoice_number=_invoice_number(charge, intent),
            customer=_id(charge.get("customer")) or _id(intent.get("customer")),
            refunded=refunded,
            refundable=status is Status.SUCCEEDED and not refunded and charge.get("disputed") is not True,
            method=_method(part(charge.get("payment_method_details"))),
            link=f"https://dashboard.stripe.com/{page}payments/{id_}",
        ),
    )


def _decimals(code: str | None) -> int:
    return _DECIMALS.get(code, money.exponent(code)) if code else 0


def _references(id_: str, given: object, intent: Mapping[str, Any]) -> tuple[str, ...]:
    found = (id_, _id(given), word(intent.get("id")))
    return tuple(dict.fromkeys(one for one in found if one))


def _invoice_number(*objects: Mapping[str, Any]) -> str | None:
    """Recurly writes it into the metadata of the charge or of its payment intent."""
    found = (word(part(one.get("metadata")).get("invoiceNumber")) for one in objects)
    return next((number for number in found if number), None)


def _id(value: object) -> str | None:
    """Of a reference, expanded or not."""
    return word(part(value).get("id")) if isinstance(value, Mapping) else word(value)


def _method(details: Mapping[str, Any]) -> str | None:
    kind = word(details.get("type"))
    shown = part(details.get(kind)) if kind else {}
    if kind == "card":
        brand = word(shown.get("brand")) or "card"
        return ending(_BRANDS.get(brand, brand.capitalize()), shown.get("last4"))
    if shown.get("last4"):
        return ending("Bank account", shown.get("last4"))
    return kind.replace("_", " ").capitalize() if kind else None
