"""Maps Stripe's objects: a charge, a refund, a dispute, each with the payment that came with it (expanded)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from connector.clients.processors.parsing import amount, currency, ending, moment, part, word
from connector.mappers import money, stripe_statuses
from connector.models.facts import Kind, ProcessorObject, Stage, Status

NAME: Final = "stripe"

_BRANDS: Final = {"amex": "American Express", "jcb": "JCB", "diners": "Diners Club", "unionpay": "UnionPay"}

Body = Mapping[str, Any]


def charge(found: Body, intent: Body, account: str | None) -> ProcessorObject | None:
    """``intent``: its payment intent, as far as that is known; ``account``: the connected account that was asked. None
    for what is no charge: an intent without one."""
    id_, at = word(found.get("id")), moment(found.get("created"))
    if id_ is None or at is None:
        return None
    code = currency(found.get("currency"))
    status = stripe_statuses.of_charge(found, intent)
    refunded = found.get("refunded") is True
    return ProcessorObject(
        kind=Kind.CHARGE,
        source=NAME,
        id=id_,
        at=at,
        status=status,
        reason=word(found.get("failure_code")),
        reason_text=word(found.get("failure_message")),
        amount=amount(stripe_statuses.amount_of_charge(found, intent), code, _decimals(code)),
        currency=code,
        references=_given(id_, found.get("payment_intent"), intent.get("id")),
        invoice_number=_invoice_number(found, intent),
        customer=_id(found.get("customer")) or _id(intent.get("customer")),
        refunded=refunded,
        refundable=status is Status.SUCCEEDED and not refunded and found.get("disputed") is not True,
        method=_method(part(found.get("payment_method_details"))),
        account=account,
        link=_page(id_, found.get("livemode"), account),
    )


def refund(found: Body, account: str | None) -> ProcessorObject | None:
    """With what its charge says of the invoice and the customer."""
    status = stripe_statuses.REFUND.get(str(found.get("status")))
    failure = word(found.get("failure_reason")) if status is Status.FAILED else None
    return _of_charge(Kind.REFUND, found, account, status=status, reason=failure or word(found.get("reason")))


def dispute(found: Body, account: str | None) -> ProcessorObject | None:
    """A dispute. Its stage follows from the status; once it is settled, only the evidence shows an appeal."""
    said = str(found.get("status"))
    inquiry, appealed = said.startswith("warning_"), said.startswith("appeal_")
    appealed = appealed or bool(part(found.get("evidence")).get("appeal"))
    later = Stage.PRE_ARBITRATION if appealed else Stage.CHARGEBACK
    network, network_code = stripe_statuses.network_of_dispute(found)
    refundable = found.get("is_charge_refundable")
    evidence = part(found.get("evidence_details"))
    return _of_charge(
        Kind.DISPUTE,
        found,
        account,
        status=stripe_statuses.DISPUTE.get(said),
        stage=Stage.INQUIRY if inquiry else later,
        reason=word(found.get("reason")),
        network=network,
        network_code=network_code,
        refundable=refundable if isinstance(refundable, bool) else None,
        answered=stripe_statuses.answered(evidence),
        due_at=moment(evidence.get("due_by")),
    )


def _of_charge(kind: Kind, found: Body, account: str | None, **said: Any) -> ProcessorObject | None:
    """Something that happened to a charge."""
    id_, at = word(found.get("id")), moment(found.get("created"))
    if id_ is None or at is None:
        return None
    code = currency(found.get("currency"))
    paid = part(found.get("charge"))
    charged = _id(found.get("charge"))
    return ProcessorObject(
        kind=kind,
        source=NAME,
        id=id_,
        at=at,
        amount=amount(found.get("amount"), code, _decimals(code)),
        currency=code,
        references=_given(charged, found.get("payment_intent"), paid.get("payment_intent")),
        invoice_number=_invoice_number(paid),
        customer=_id(paid.get("customer")),
        method=_method(part(paid.get("payment_method_details"))),
        account=account,
        link=_page(charged, paid.get("livemode"), account) if charged else None,
        **said,
    )


def _page(charge_id: str, live: object, account: str | None) -> str:
    return stripe_statuses.dashboard(f"payments/{charge_id}", live, account)


def _decimals(code: str | None) -> int:
    return stripe_statuses.EXPONENTS.get(code, money.exponent(code)) if code else 0


def _given(*values: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(id_ for value in values if (id_ := _id(value))))


def _invoice_number(*objects: Body) -> str | None:
    """Recurly writes it into the metadata of the charge or of its payment intent."""
    found = (word(part(one.get("metadata")).get("invoiceNumber")) for one in objects)
    return next((number for number in found if number), None)


def _id(value: object) -> str | None:
    """Of a reference, expanded or not."""
    return word(part(value).get("id")) if isinstance(value, Mapping) else word(value)


def _method(details: Body) -> str | None:
    kind = word(details.get("type"))
    shown = part(details.get(kind)) if kind else {}
    if kind == "card":
        brand = word(shown.get("brand")) or "card"
        return ending(_BRANDS.get(brand, brand.capitalize()), shown.get("last4"))
    if shown.get("last4"):
        return ending("Bank account", shown.get("last4"))
    return kind.replace("_", " ").capitalize() if kind else None
