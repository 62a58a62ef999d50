"""Braintree: the transaction behind a dispute or refund; ``order_id`` is Recurly's invoice number.

Official SDK (4.48). It speaks TLS on port 443 only, and plain HTTP on every other; its times lack
an offset and are UTC.
https://developer.paypal.com/braintree/docs/reference/response/transaction/python
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit
from xml.parsers.expat import ExpatError

import braintree
import requests
from braintree.exceptions.authentication_error import AuthenticationError
from braintree.exceptions.authorization_error import AuthorizationError
from braintree.exceptions.braintree_error import BraintreeError
from braintree.exceptions.gateway_timeout_error import GatewayTimeoutError
from braintree.exceptions.not_found_error import NotFoundError
from braintree.exceptions.request_timeout_error import RequestTimeoutError
from braintree.exceptions.server_error import ServerError
from braintree.exceptions.service_unavailable_error import ServiceUnavailableError
from braintree.exceptions.too_many_requests_error import TooManyRequestsError
from braintree.exceptions.unexpected_error import UnexpectedError
from braintree.exceptions.upgrade_required_error import UpgradeRequiredError

from connector.clients.processors.api import MOST_CALLS, TIMEOUTS, ProcessorApi
from connector.clients.processors.reading import amount, currency, ending, ids, moment, part, word
from connector.clients.processors.trouble import Trouble
from connector.errors import SetupError
from connector.facts import Kind, ProcessorObject, Status
from connector.settings.processors import Braintree as Settings

NAME: Final = "braintree"

_TROUBLE: Final = Trouble(
    NAME, "Braintree", "BRAINTREE_MERCHANT_ID, BRAINTREE_PUBLIC_KEY and BRAINTREE_PRIVATE_KEY"
)
_BY_CLASS: Final[dict[type[Exception], int]] = {
    AuthenticationError: HTTPStatus.UNAUTHORIZED,
    AuthorizationError: HTTPStatus.FORBIDDEN,
    RequestTimeoutError: HTTPStatus.REQUEST_TIMEOUT,
    UpgradeRequiredError: HTTPStatus.UPGRADE_REQUIRED,
    TooManyRequestsError: HTTPStatus.TOO_MANY_REQUESTS,
    ServerError: HTTPStatus.INTERNAL_SERVER_ERROR,
    ServiceUnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    GatewayTimeoutError: HTTPStatus.GATEWAY_TIMEOUT,
    UnexpectedError: HTTPStatus.BAD_GATEWAY,  # any other status, of which the library keeps the text only
}
_STATUSES: Final = {
    "authorized": Status.PENDING,
    "authorizing": Status.PENDING,
    "submitted_for_settlement": Status.PENDING,
    "settling": Status.PENDING,
    "settlement_pending": Status.PENDING,
    "settlement_confirmed": Status.PENDING,
    "settled": Status.SUCCEEDED,
    "voided": Status.FAILED,
    "failed": Status.FAILED,
    "gateway_rejected": Status.FAILED,
    "processor_declined": Status.FAILED,
    "authorization_expired": Status.FAILED,
    "settlement_declined": Status.FAILED,
}
_CERTIFICATES: Final = braintree.Environment.Production.ssl_certificate


def configured(settings: Settings) -> ProcessorApi | None:
    """The client; None without the merchant's id and keys."""
    named = settings.merchant_id and settings.public_key and settings.private_key
    return BraintreeApi(settings) if named else None


class BraintreeApi:
    """One Braintree merchant."""

    def __init__(self, settings: Settings) -> None:
        configuration = braintree.Configuration(
            _environment(settings),
            settings.merchant_id,
            settings.public_key,
            settings.private_key,
            timeout=TIMEOUTS,
        )
        self._transactions = braintree.BraintreeGateway(config=configuration).transaction
        host = "www" if settings.environment == "production" else "sandbox"
        self._page = f"https://{host}.braintreegateway.com/merchants/{settings.merchant_id}/transactions"

    def look_up(self, item: ProcessorObject, /) -> tuple[ProcessorObject, ...]:
        """The first transaction that is there; for a refund, the one it refunds."""
        for calls, id_ in enumerate(ids(item, {Kind.CHARGE, Kind.REFUND})[:MOST_CALLS], 1):
            if found := self._find(id_):
                refunded = word(getattr(found, "refunded_transaction_id", None))
                if refunded and refunded != id_ and calls < MOST_CALLS:
                    found = self._find(refunded) or found
                return self._told(found)
        return ()

    def _find(self, id_: str) -> Any | None:
        try:
            return self._transactions.find(id_)
        except NotFoundError:
            return None
        except BraintreeError as error:
            raise _TROUBLE.of_status(_BY_CLASS.get(type(error), HTTPStatus.BAD_GATEWAY)) from error
        except requests.RequestException as error:
            raise _TROUBLE.of_network(error) from error
        except (ExpatError, ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
            raise _TROUBLE.unreadable() from error

    def _told(self, found: Any) -> tuple[ProcessorObject, ...]:
        id_ = word(getattr(found, "id", None))
        at = moment(getattr(found, "updated_at", None)) or moment(getattr(found, "created_at", None))
        if id_ is None or at is None:
            raise _TROUBLE.unreadable()
        code = currency(getattr(found, "currency_iso_code", None))
        status = _STATUSES.get(str(getattr(found, "status", "")))
        whole = not getattr(found, "refund_ids", None)
        return (
            ProcessorObject(
                kind=Kind.CHARGE,
                source=NAME,
                id=id_,
                at=at,
                status=status,
                reason=word(getattr(found, "processor_response_code", None))
                if status is Status.FAILED
                else None,
                amount=amount(getattr(found, "amount", None), code),
                currency=code,
                references=(id_,),
                invoice_number=word(getattr(found, "order_id", None)),
                customer=word(part(getattr(found, "customer", None)).get("id")),
                # There may be several refunds, each of a part: that there is one does not say that nothing is left.
                refunded=False if whole else None,
                refundable=True if whole and status is Status.SUCCEEDED else None,
                method=_method(found),
                link=f"{self._page}/{id_}",
            ),
        )


def _environment(settings: Settings) -> braintree.Environment:
    if settings.api_url is None:
        return braintree.Environment.parse_environment(settings.environment)
    parts = urlsplit(settings.api_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or (parts.scheme == "https") != (port == 443)
    ):
        raise SetupError(
            f"BRAINTREE_API_URL is {settings.api_url!r}; it must be like https://gateway.example.com (port 443) or, "
            "for a sandbox on this machine, http://127.0.0.1:<port>."
        )
    secure = parts.scheme == "https"
    return braintree.Environment(
        "custom", parts.hostname, str(port), settings.api_url, secure, _CERTIFICATES if secure else False
    )


def _method(found: Any) -> str | None:
    """A card, a bank account or a wallet; never an address or a name."""
    card = part(getattr(found, "credit_card", None))
    if card.get("last_4"):
        return ending(word(card.get("card_type")) or "Card", card.get("last_4"))
    bank = part(getattr(found, "us_bank_account", None))
    if bank.get("last_4"):
        return ending("Bank account", bank.get("last_4"))
    kind = word(getattr(found, "payment_instrument_type", None))
    return _WALLETS.get(kind, kind.replace("_", " ").capitalize()) if kind else None


_WALLETS: Final = {"paypal_account": "PayPal", "venmo_account": "Venmo"}
