"""Maps Authorize.Net's transactions, from their details or from a line of a list."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from connector.clients.processors.parsing import amount, currency, ending, moment, part, word
from connector.models.facts import Kind, ProcessorObject, Status

NAME: Final = "authorizenet"

_CUT_AT: Final = 20
"""Recurly sends no more of the invoice number, and cuts it from the left."""

Body = Mapping[str, Any]


def details(found: Body) -> ProcessorObject | None:
    """A transaction with all that is known of it. None where its id or its time is missing."""
    id_, submitted = word(found.get("transId")), moment(found.get("submitTimeUTC"))
    if id_ is None or submitted is None:
        return None
    status, at = _status_and_time(found, submitted)
    code = currency(found.get("currencyCode"))
    number = word(part(found.get("order")).get("invoiceNumber"))
    settled = found.get("settleAmount")
    return ProcessorObject(
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
        truncated=_truncated(number),
        customer=_customer(found),
        method=_method(part(found.get("payment"))),
    )


def line(found: Body, settled_at: datetime | None) -> ProcessorObject | None:
    """A transaction in a list: without its currency; a refund without the refunded transaction.

    ``settled_at``: when its batch was; None outside of one. None where its id or its time is missing. A refund that
    was declined looks like a declined payment: the list has the same status for both.
    """
    id_, submitted = word(found.get("transId")), moment(found.get("submitTimeUTC"))
    if id_ is None or submitted is None:
        return None
    said = str(found.get("transactionStatus"))
    refund = said in REFUNDS
    number = word(found.get("invoiceNumber"))
    return ProcessorObject(
        kind=Kind.REFUND if refund else Kind.CHARGE,
        source=NAME,
        id=id_,
        at=settled_at or submitted,
        status=REFUNDS[said] if refund else _charge_status(found, said),
        amount=amount(found.get("settleAmount"), None),
        references=() if refund else (id_,),
        invoice_number=number,
        truncated=_truncated(number),
        customer=word(part(found.get("profile")).get("customerProfileId")),
        opened_at=submitted,
        settles_at=settled_at,
        method=ending(word(found.get("accountType")), found.get("accountNumber")),
    )


def refunded_id(found: Body) -> str | None:
    """The transaction that this one refunds."""
    return word(found.get("refTransId")) if found.get("transactionType") == "refundTransaction" else None


def _charge_status(found: Body, said: str) -> Status | None:
    """A bank debit that came back keeps its place in the batch in which it was settled."""
    return Status.RETURNED if found.get("hasReturnedItems") in (True, "true") else CHARGES.get(said)


def _status_and_time(found: Body, submitted: datetime) -> tuple[Status | None, datetime]:
    """Status and its time; None if the response has no time."""
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


def _returned(found: Body) -> Body:
    """The last return of a bank debit."""
    listed = found.get("returnedItems")
    return part(listed[-1]) if isinstance(listed, list) and listed else {}


def _truncated(number: str | None) -> bool:
    return number is not None and len(number) >= _CUT_AT


def _customer(found: Body) -> str | None:
    return word(part(found.get("profile")).get("customerProfileId")) or word(
        part(found.get("customer")).get("id")
    )


def _method(payment: Body) -> str | None:
    card, bank = part(payment.get("creditCard")), part(payment.get("bankAccount"))
    if card:
        return ending(word(card.get("cardType")) or "Card", card.get("cardNumber"))
    return ending("Bank account", bank.get("accountNumber")) if bank else None


CHARGES: Final[Mapping[str, Status]] = {
    "authorizedPendingCapture": Status.PENDING,
    "capturedPendingSettlement": Status.PENDING,
    "approvedReview": Status.PENDING,
    "underReview": Status.PENDING,
    "FDSPendingReview": Status.PENDING,
    "FDSAuthorizedPendingReview": Status.PENDING,
    "settledSuccessfully": Status.SUCCEEDED,
    "returnedItem": Status.RETURNED,
    "declined": Status.FAILED,
    "voided": Status.FAILED,
    "expired": Status.FAILED,
    "failedReview": Status.FAILED,
    "communicationError": Status.FAILED,
    "generalError": Status.FAILED,
    "settlementError": Status.FAILED,
}
REFUNDS: Final[Mapping[str, Status]] = {
    "refundPendingSettlement": Status.PENDING,
    "refundSettledSuccessfully": Status.SUCCEEDED,
}
"""https://developer.authorize.net/api/reference/#transaction-reporting-get-transaction-details (2026-11)"""
