"""A PayPal event → its identity, its time, and the objects of its resource.

Disputes are read here; payments, refunds and payouts in ``payments.py``.
https://developer.paypal.com/api/rest/webhooks/event-names/ (2026-11)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from connector.models.facts import Kind, ProcessorObject, Stage, Status
from connector.webhooks.paypal import payments
from connector.webhooks.paypal.object_context import Body, ObjectContext, money, references
from connector.webhooks.processor_event import ParsedEvent, Unreadable, items, moment, need, part, word

_API: Final = re.compile(r"https://api(?:-m)?\.(sandbox\.)?paypal\.com/")


def said(found: Body, cert_url: str) -> ParsedEvent:
    """Parse an event. Unreadable if it is none of PayPal."""
    kind = need(found.get("event_type"), "its type")
    return ParsedEvent(
        event_id=need(found.get("id"), "its id"),
        kind=kind,
        occurred_at=moment(found.get("create_time")),
        live=_live(found, cert_url),
        carry=lambda: _carried(found, kind, cert_url),
    )


def _live(found: Body, cert_url: str) -> bool | None:
    """Live or sandbox, by the hosts of the links and of the certificate; there is no field for it."""
    links = (*items(found.get("links")), *items(part(found.get("resource")).get("links")))
    addresses = (cert_url, *(str(link.get("href")) for link in links))
    hosts = [match for address in addresses if (match := _API.match(address))]
    return not any(match[1] for match in hosts) if hosts else None


def _carried(found: Body, kind: str, cert_url: str) -> tuple[ProcessorObject, ...]:
    at = moment(found.get("create_time"))
    if at is None:
        raise Unreadable("It does not say when it happened.")
    family, _, last = kind.rpartition(".")
    context = ObjectContext(at=at, live=_live(found, cert_url), last=last, object=part(found.get("resource")))
    return (_READERS.get(kind) or _READERS[family])(context)


# Disputes --------------------------------------------------------------------------------------------------

_STAGES: Final[Mapping[str, Stage]] = {
    "INQUIRY": Stage.INQUIRY,
    "CHARGEBACK": Stage.CHARGEBACK,
    "PRE_ARBITRATION": Stage.PRE_ARBITRATION,
    "ARBITRATION": Stage.ARBITRATION,
}
_DISPUTE: Final[Mapping[str, Status]] = {
    "WAITING_FOR_SELLER_RESPONSE": Status.NEEDS_RESPONSE,
    "OPEN": Status.UNDER_REVIEW,
    "WAITING_FOR_BUYER_RESPONSE": Status.UNDER_REVIEW,
    "UNDER_REVIEW": Status.UNDER_REVIEW,
    "OTHER": Status.UNDER_REVIEW,
}
_OUTCOMES: Final[Mapping[str, Status]] = {
    "RESOLVED_SELLER_FAVOUR": Status.WON,
    "RESOLVED_SELLER_FAVOR": Status.WON,  # PayPal spells it both ways
    "RESOLVED_WITH_PAYOUT": Status.WON,
    "DENIED": Status.WON,  # PayPal denied the buyer
    "RESOLVED_BUYER_FAVOUR": Status.LOST,
    "RESOLVED_BUYER_FAVOR": Status.LOST,
    "ACCEPTED": Status.LOST,  # PayPal decided for the buyer; the merchant did not accept
    "CANCELED_BY_BUYER": Status.WITHDRAWN,
    "NONE": Status.WITHDRAWN,  # closed without a decision, in favour of another dispute of the same transaction
}
"""Outcome → status: https://developer.paypal.com/docs/disputes/faq/."""


def _dispute(context: ObjectContext) -> tuple[ProcessorObject, ...]:
    found = context.object
    dispute_id = need(found.get("dispute_id"), "which dispute it is")
    transactions = items(found.get("disputed_transactions"))
    first = transactions[0] if transactions else {}
    one = context.about(
        Kind.DISPUTE,
        id=dispute_id,
        at=moment(found.get("update_time")) or context.at,
        status=_dispute_status(found),
        stage=_STAGES.get(str(found.get("dispute_life_cycle_stage"))),
        reason=word(found.get("reason")),
        network_code=word(found.get("external_reason_code")),
        **money(found.get("dispute_amount")),
        due_at=moment(found.get("seller_response_due_date")),
        opened_at=moment(found.get("create_time")),
        references=references(*(one.get("seller_transaction_id") for one in transactions)),
        invoice_number=word(first.get("invoice_number")),
        customer=word(part(first.get("buyer")).get("payer_id")),
        link=_case_page(dispute_id, context.live),
    )
    return (one,)


def _dispute_status(found: Body) -> Status | None:
    """Status; None if it is resolved and PayPal does not report how, so that nobody reads won or lost."""
    status = str(found.get("status"))
    if status == "RESOLVED":
        outcome = str(part(found.get("dispute_outcome")).get("outcome_code"))
        return _OUTCOMES.get(outcome)
    if status == "OPEN" and moment(found.get("seller_response_due_date")):
        return Status.NEEDS_RESPONSE
    return _DISPUTE.get(status)


def _case_page(dispute_id: str, live: bool | None) -> str | None:
    if not dispute_id.replace("-", "").isalnum():
        return None
    return f"https://www.{'sandbox.' if live is False else ''}paypal.com/resolutioncenter/view/{dispute_id}"


# The table -------------------------------------------------------------------------------------------------

_READERS: Final[Mapping[str, Callable[[ObjectContext], tuple[ProcessorObject, ...]]]] = {
    "BILLING_AGREEMENTS.AGREEMENT": payments.agreement,
    "CUSTOMER.DISPUTE": _dispute,
    "PAYMENT.CAPTURE": payments.charge,
    "PAYMENT.CAPTURE.REFUNDED": payments.refund,
    "PAYMENT.PAYOUTS-ITEM": payments.payout_item,
    "PAYMENT.PAYOUTSBATCH": payments.payout_batch,
    "PAYMENT.REFUND": payments.refund,
    "PAYMENT.SALE": payments.charge,
    "PAYMENT.SALE.REFUNDED": payments.refund,
    "RISK.DISPUTE": _dispute,
    "VAULT.PAYMENT-TOKEN": payments.agreement,
}
"""A kind, or a kind without its last word → reader of its resource."""
