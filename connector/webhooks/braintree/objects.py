"""Maps notifications to objects: disputes, charges, refunds, payouts, mandates. Braintree's terms end here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from xml.etree.ElementTree import Element

from connector.mappers import braintree_statuses
from connector.models.facts import Kind, ProcessorObject, Stage, Status
from connector.webhooks.processor_event import currency, end_of_day, major, moment, word


class Account(NamedTuple):
    """The Braintree account. ``production``: its environment, which a notification does not contain. ``currencies``:
    merchant account id → currency; the empty id is for all others."""

    merchant_id: str
    production: bool
    currencies: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ObjectContext:
    """The element of the subject, and the attributes that all objects of one notification share."""

    subject: Element
    kind: str
    at: datetime
    account: Account
    currency: str | None = None
    """Currency of the enclosing element, if it has one."""

    def text(self, path: str) -> str | None:
        return word(text_of(self.subject, path))

    def code(self, *paths: str) -> str | None:
        """Currency: its own, else of an inner or outer element, else of the merchant account by the settings."""
        inside = (f"{path}/currency-iso-code" for path in (*paths, "merchant-account"))
        codes = (currency(self.text(path)) for path in ("currency-iso-code", *inside))
        if (found := next(filter(None, codes), None) or self.currency) is not None:
            return found
        of = (
            "merchant-account-id",
            *(f"{path}/merchant-account-id" for path in paths),
            "merchant-account/id",
        )
        ids = (*(self.text(path) or "" for path in of), "")
        return next((code for id_ in ids if (code := self.account.currencies.get(id_))), None)

    @property
    def common(self) -> dict[str, Any]:
        return {"source": "braintree", "at": self.at}

    def page(self, of: str, id_: str) -> str | None:
        """Address of its page in the Control Panel."""
        host = "www" if self.account.production else "sandbox"
        merchant = self.account.merchant_id
        return f"https://{host}.braintreegateway.com/merchants/{merchant}/{of}/{id_}" if merchant else None


def objects_of(context: ObjectContext) -> tuple[ProcessorObject, ...]:
    """The objects of a handled kind, its own first; none if the notification does not name it."""
    return _READERS[context.kind](context)


def _dispute(context: ObjectContext) -> tuple[ProcessorObject, ...]:
    """The dispute, and its transaction."""
    if (id_ := context.text("id")) is None:
        return ()
    stage = braintree_statuses.STAGES.get(context.text("kind") or "")
    code = context.code("transaction")
    dispute = ProcessorObject(
        kind=Kind.DISPUTE,
        id=id_,
        status=_DISPUTES[context.kind],
        stage=stage or Stage.CHARGEBACK,
        reason=context.text("reason"),
        reason_text=context.text("reason-description"),
        network=_network(context.subject.find("transaction")),
        network_code=context.text("reason-code"),
        amount=major(context.text("amount"), code),
        currency=code,
        due_at=end_of_day(context.text("reply-by-date")),
        opened_at=moment(context.text("date-opened") or context.text("received-date")),
        references=_given(context.text("transaction/id")),
        invoice_number=context.text("transaction/order-id"),
        link=context.page("disputes", id_),
        **context.common,
    )
    charge = (
        _charge(replace(context, subject=found, currency=code))
        if (found := context.subject.find("transaction")) is not None
        else ()
    )
    return (dispute, *charge)


def _transaction(context: ObjectContext) -> tuple[ProcessorObject, ...]:
    """A sale is a charge. A refund is a transaction too, of the type ``credit``."""
    refund = (
        context.kind == "refund_failed" or context.text("type") == "credit" or _refunded(context) is not None
    )
    return _refund(context) if refund else _charge(context)


def _charge(context: ObjectContext) -> tuple[ProcessorObject, ...]:
    return _payment(context, Kind.CHARGE, context.text("id"), context.text("retried-transaction-id"))


def _refund(context: ObjectContext) -> tuple[ProcessorObject, ...]:
    return _payment(context, Kind.REFUND, _refunded(context), context.text("id"))


def _payment(context: ObjectContext, kind: Kind, *references: str | None) -> tuple[ProcessorObject, ...]:
    if (id_ := context.text("id")) is None:
        return ()
    status, code = _outcome(context, kind), context.code()
    reason, reason_text = _why(context) if status in _FAILING else (None, None)
    return (
        ProcessorObject(
            kind=kind,
            id=id_,
            status=status,
            reason=reason,
            reason_text=reason_text,
            network=_network(context.subject),
            amount=major(context.text("amount"), code),
            currency=code,
            opened_at=moment(context.text("created-at")),
            references=_given(*references),
            invoice_number=context.text("order-id"),
            customer=context.text("customer/id"),
            method=_method(context),
            link=context.page("transactions", id_),
            **context.common,
        ),
    )


def _review(context: ObjectContext) -> tuple[ProcessorObject, ...]:
    """The review; who decided it, and notes, are not read."""
    if (id_ := context.text("transaction-id")) is None:
        return ()
    link = context.page("transactions", id_)
    return (ProcessorObject(kind=Kind.CHARGE, id=id_, references=(id_,), link=link, **context.common),)


def _local_payment(context: ObjectContext) -> tuple[ProcessorObject, ...]:
    """Identified by the payment id, because a reversal names no transaction."""
    if (id_ := context.text("payment-id")) is None:
        return ()
    code = context.code("transaction")
    return (
        ProcessorObject(
            kind=Kind.CHARGE,
            id=id_,
            status=_LOCAL_PAYMENTS[context.kind],
            amount=major(context.text("transaction/amount"), code),
            currency=code,
            references=_given(id_, context.text("transaction/id")),
            invoice_number=context.text("transaction/order-id"),
            **context.common,
        ),
    )


def _payout(context: ObjectContext) -> tuple[ProcessorObject, ...]:
    if (id_ := context.text("id")) is None:
        return ()
    code = context.code()
    failed = context.kind == "disbursement_exception" or context.text("success") == "false"
    next_step = context.text("follow-up-action") or ""
    sub_merchant = context.text("merchant-account/sub-merchant-account") == "true"
    return (
        ProcessorObject(
            kind=Kind.PAYOUT,
            id=id_,
            status=Status.FAILED if failed else Status.PAID,
            reason=context.text("exception-message"),
            reason_text=_NEXT_STEPS.get(next_step, next_step.replace("_", " ")) or None,
            amount=major(context.text("amount"), code),
            currency=code,
            settles_at=end_of_day(context.text("disbursement-date")),
            payee=(context.text("merchant-account/id") or "") if sub_merchant else "",
            **context.common,
        ),
    )


def _mandate(context: ObjectContext) -> tuple[ProcessorObject, ...]:
    """A PayPal or Venmo account in the vault, which the customer has disconnected."""
    if (id_ := context.text("token")) is None:
        return ()
    return (
        ProcessorObject(
            kind=Kind.MANDATE,
            id=id_,
            status=Status.INACTIVE,
            reason="revoked_by_customer",
            references=_given(id_, context.text("billing-agreement-id")),
            customer=context.text("customer-id"),
            method=_WALLETS.get(context.subject.tag),
            **context.common,
        ),
    )


def _outcome(context: ObjectContext, kind: Kind) -> Status | None:
    """Status by the kind, else of the transaction. A returned refund has failed."""
    status = _OUTCOMES.get(context.kind) or _TRANSACTIONS.get(context.text("status") or "")
    return Status.FAILED if kind is Kind.REFUND and status is Status.RETURNED else status


def _why(context: ObjectContext) -> tuple[str | None, str | None]:
    """Code and text of the refusal, at settlement or before."""
    for stage in ("processor-settlement-response", "processor-response"):
        if code := context.text(f"{stage}-code"):
            return code, context.text(f"{stage}-text")
    return context.text("status"), None


def _refunded(context: ObjectContext) -> str | None:
    return context.text("refunded-transaction-id") or context.text("refunded-transaction-fk")


def _network(transaction: Element | None) -> str | None:
    if transaction is None:
        return None
    kind = text_of(transaction, "payment-instrument-type")
    card = text_of(transaction, "credit-card/card-type") or text_of(transaction, "payment-instrument-subtype")
    return braintree_statuses.network(kind, card)


def _method(context: ObjectContext) -> str | None:
    """``Visa ending 1111``; four digits and no more."""
    for path, name in (
        ("credit-card", context.text("credit-card/card-type")),
        ("us-bank-account", "Bank account"),
    ):
        last = context.text(f"{path}/last-4") or ""
        if name and len(last) == 4:
            return f"{name} ending {last}"
    return None


def _given(*ids: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(id_ for id_ in ids if id_))


def text_of(element: Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


# Braintree's terms to ours -----------------------------------------------------------------------------------

_DISPUTES: Final[Mapping[str, Status]] = {
    "dispute_opened": Status.NEEDS_RESPONSE,
    "dispute_under_review": Status.UNDER_REVIEW,
    "dispute_disputed": Status.UNDER_REVIEW,
    "dispute_won": Status.WON,
    "dispute_lost": Status.LOST,
    "dispute_accepted": Status.ACCEPTED,
    "dispute_auto_accepted": Status.ACCEPTED,
    "dispute_expired": Status.EXPIRED,
}
_OUTCOMES: Final[Mapping[str, Status]] = {
    "transaction_settled": Status.SUCCEEDED,
    "transaction_disbursed": Status.SUCCEEDED,
    "transaction_settlement_declined": Status.RETURNED,
    "refund_failed": Status.FAILED,
}
_TRANSACTIONS: Final[Mapping[str, Status]] = {
    **dict.fromkeys(("authorizing", "authorized", "submitted_for_settlement"), Status.PENDING),
    **dict.fromkeys(("settling", "settlement_pending", "settlement_confirmed"), Status.PENDING),
    **dict.fromkeys(("processor_declined", "gateway_rejected", "failed"), Status.FAILED),
    "settled": Status.SUCCEEDED,
    "settlement_declined": Status.RETURNED,
}
"""Status of the transaction, if the kind has none. Voided and expired ones took no money, and have none."""

_FAILING: Final = frozenset({Status.FAILED, Status.RETURNED})
_LOCAL_PAYMENTS: Final[Mapping[str, Status]] = {
    "local_payment_completed": Status.PENDING,  # the customer has agreed, the money has not come yet
    "local_payment_funded": Status.SUCCEEDED,
    "local_payment_reversed": Status.RETURNED,
}
_NEXT_STEPS: Final[Mapping[str, str]] = {
    "contact_us": "Contact Braintree.",
    "update_funding_information": "Correct the bank account at Braintree.",
    "none": "Nothing to do at Braintree.",
}
_WALLETS: Final = {"paypal-account": "PayPal", "venmo-account": "Venmo"}
_READERS: Final[Mapping[str, Callable[[ObjectContext], tuple[ProcessorObject, ...]]]] = {
    **dict.fromkeys(_DISPUTES, _dispute),
    **dict.fromkeys((*_OUTCOMES, "transaction_retried"), _transaction),
    **dict.fromkeys(_LOCAL_PAYMENTS, _local_payment),
    **dict.fromkeys(("disbursement", "disbursement_exception"), _payout),
    "transaction_reviewed": _review,
    "payment_method_revoked_by_customer": _mandate,
}
