"""Authorize.Net: the transaction behind an event, by its number; ``order.invoiceNumber`` is Recurly's, cut to 20.

Its JSON API by hand: the official SDK speaks XML, without time-outs. Every answer is 200 and begins with a byte order
mark; errors are codes in ``messages``. https://developer.authorize.net/api/reference/#transaction-reporting (2026-11)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

import requests

from connector.clients.processors.api import MOST_CALLS, TIMEOUTS, ProcessorApi
from connector.clients.processors.reading import amount, currency, ending, ids, moment, part, word
from connector.clients.processors.trouble import NotThere, Trouble
from connector.errors import Permanent, Transient
from connector.facts import Kind, ProcessorObject, Status
from connector.settings.processors import AuthorizeNet as Settings

NAME: Final = "authorizenet"

_TROUBLE: Final = Trouble(NAME, "Authorize.Net", "AUTHORIZENET_API_LOGIN_ID and AUTHORIZENET_TRANSACTION_KEY")
_ADDRESSES: Final = {
    True: "https://api.authorize.net/xml/v1/request.api",
    False: "https://apitest.authorize.net/xml/v1/request.api",
}
_CUT_AT: Final = 20
"""Recurly sends no more of the invoice number, and cuts it from the left."""

_NOT_FOUND: Final = "E00040"
_KEY_REFUSED: Final = frozenset({"E00005", "E00006", "E00007", "E00008", "E00009", "E00010", "E00011"})
_BUSY: Final = frozenset({"E00001", "E00053", "E00104"})


def configured(settings: Settings) -> ProcessorApi | None:
    """The client; None without the login id and the transaction key."""
    return AuthorizeNetApi(settings) if settings.api_login_id and settings.transaction_key else None


class AuthorizeNetApi:
    """One Authorize.Net account. Its *Transaction Details API* must be enabled in the merchant interface."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.api_url or _ADDRESSES[settings.live]
        self._login = {"name": settings.api_login_id, "transactionKey": settings.transaction_key}

    def look_up(self, item: ProcessorObject, /) -> tuple[ProcessorObject, ...]:
        """The first transaction that is there; for a refund, the one it refunds, and which that is."""
        known = ids(item, {Kind.CHARGE, Kind.REFUND, Kind.FRAUD_WARNING})
        numbers = [one for one in known if one.isdecimal()][:MOST_CALLS]
        for calls, id_ in enumerate(numbers, 1):
            if found := self._details(id_):
                if (refunded := _refunded(found)) and calls < MOST_CALLS:
                    return self._refunded_too(found, refunded)
                return _told(found)
        return ()

    def _refunded_too(self, found: Mapping[str, Any], refunded: str) -> tuple[ProcessorObject, ...]:
        """The payment behind a refund, and the refund with its reference: its own event does not name it."""
        (told,) = _told(found)
        refund = replace(told, kind=Kind.REFUND, status=None, references=(told.id, refunded), reason=None)
        original = self._details(refunded)
        return (*(_told(original) if original else ()), refund)

    def _details(self, id_: str) -> Mapping[str, Any] | None:
        # The order matters: the JSON is turned into XML that has a schema.
        asked = {"getTransactionDetailsRequest": {"merchantAuthentication": self._login, "transId": id_}}
        answer = self._post(asked)
        messages = part(answer.get("messages"))
        if messages.get("resultCode") == "Ok" and isinstance(answer.get("transaction"), dict):
            return part(answer["transaction"])
        try:
            raise _refused(_code(messages))
        except NotThere:
            return None

    def _post(self, asked: Mapping[str, object]) -> Mapping[str, Any]:
        try:
            answer = requests.post(self._url, json=asked, timeout=TIMEOUTS, allow_redirects=False)
        except requests.RequestException as error:
            raise _TROUBLE.of_network(error) from error
        if answer.status_code >= HTTPStatus.BAD_REQUEST:
            # Not its own way to say that a transaction is missing: a 404 is a wrong address.
            found = _TROUBLE.of_status(answer.status_code, retry_after=_seconds(answer))
            raise _TROUBLE.refused("404", "404") if isinstance(found, NotThere) else found
        try:
            return part(json.loads(answer.content.decode("utf-8-sig")))
        except ValueError:
            raise _TROUBLE.unreadable() from None


def _seconds(answer: requests.Response) -> float | None:
    value = answer.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None


def _code(messages: Mapping[str, Any]) -> str | None:
    listed = messages.get("message")
    first = listed[0] if isinstance(listed, list) and listed else None
    return word(part(first).get("code"))


def _refused(code: str | None) -> Exception:
    if code == _NOT_FOUND:
        return NotThere(code)
    if code in _KEY_REFUSED:
        return _TROUBLE.key_refused(code or "")
    if code in _BUSY:
        return Transient(f"Authorize.Net is busy ({code}).", code=code or "", retry_after=10.0)
    if code is None:
        return _TROUBLE.unreadable()
    return Permanent(f"Authorize.Net refused the request: {code}.", code=code)


def _told(found: Mapping[str, Any]) -> tuple[ProcessorObject, ...]:
    id_, submitted = word(found.get("transId")), moment(found.get("submitTimeUTC"))
    if id_ is None or submitted is None:
        raise _TROUBLE.unreadable()
    status, at = _standing(found, submitted)
    code = currency(found.get("currencyCode"))
    number = word(part(found.get("order")).get("invoiceNumber"))
    settled = found.get("settleAmount")
    return (
        ProcessorObject(
            kind=Kind.CHARGE,
            source=NAME,
            id=id_,
            at=at,
            status=status,
            reason=_returned(found).get("code") if status is Status.RETURNED else None,
            amount=amount(found.get("authAmount") if settled is None else settled, code),
            currency=code,
            references=(id_,),
            invoice_number=number,
            truncated=number is not None and len(number) >= _CUT_AT,
            customer=_customer(found),
            method=_method(part(found.get("payment"))),
        ),
    )


def _standing(found: Mapping[str, Any], submitted: datetime) -> tuple[Status | None, datetime]:
    """How it stands and since when; None where the answer does not date it."""
    status = found.get("transactionStatus")
    if status == "settledSuccessfully":
        settled = moment(part(found.get("batch")).get("settlementTimeUTC"))
        return (Status.SUCCEEDED, settled) if settled else (None, submitted)
    if status == "returnedItem":
        returned = moment(_returned(found).get("dateUTC"))
        return (Status.RETURNED, returned) if returned else (None, submitted)
    if status == "declined":
        return Status.FAILED, submitted
    return None, submitted


def _refunded(found: Mapping[str, Any]) -> str | None:
    """The transaction that this one refunds."""
    return word(found.get("refTransId")) if found.get("transactionType") == "refundTransaction" else None


def _returned(found: Mapping[str, Any]) -> Mapping[str, Any]:
    """The last return of a bank debit."""
    listed = found.get("returnedItems")
    return part(listed[-1]) if isinstance(listed, list) and listed else {}


def _customer(found: Mapping[str, Any]) -> str | None:
    return word(part(found.get("profile")).get("customerProfileId")) or word(
        part(found.get("customer")).get("id")
    )


def _method(payment: Mapping[str, Any]) -> str | None:
    card, bank = part(payment.get("creditCard")), part(payment.get("bankAccount"))
    if card:
        return ending(word(card.get("cardType")) or "Card", card.get("cardNumber"))
    return ending("Bank account", bank.get("accountNumber")) if bank else None
