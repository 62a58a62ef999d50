"""What a notification tells of: disputes, charges, refunds, payouts, mandates. Braintree's words end here."""

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
    """Whose notifications these are. ``production``: its environment; a notification does not say. ``currencies``: of
    its merchant accounts, by their ids; under an empty id that of all others."""

    merchant_id: str
    production: bool
    currencies: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ObjectContext:
    """The one element of the subject, and what every object of one notification has in common."""

    subject: Element
    kind: str
    at: datetime
    account: Account
    currency: str | None = None
    """Of what it is inside, where that says it."""

    def text(self, path: str) -> str | None:
        return word(text_of(self.subject, path))

    def code(self, *paths: str) -> str | None:
        """Its currency: as it says itself, or what is inside it or around it, else as the settings say of the merchant
        account."""
        inside = (f"{path}/currency-iso-code" for path in (*paths, "merchant-account"))
        told = (currency(self.text(path)) for path in ("currency-iso-code", *inside))
        if (found := next(filter(None, told), None) or self.currency) is not None:
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
        """Its page in the Control Panel."""
        host = "www" if self.account.production else "sandbox"
        merchant = self.account.merchant_id
        return f"https://{host}.braintreegateway.com/merchants/{merchant}/{of}/{id_}" if merchant else None


def told_of(told: ObjectContext) -> tuple[ProcessorObject, ...]:
    """The objects of a handled kind, what it is about first; none where it does not name it."""
    return _READERS[told.kind](told)


def _dispute(told: ObjectContext) -> tuple[ProcessorObject, ...]:
    """The dispute, and the transaction it is about."""
    if (id_ := told.text("id")) is None:
        return ()
    stage = braintree_statuses.STAGES.get(told.text("kind") or "")
    code = told.code("transaction")
    dispute = ProcessorObject(
        kind=Kind.DISPUTE,
        id=id_,
        status=_DISPUTES[told.kind],
        stage=stage or Stage.CHARGEBACK,
        reason=told.text("reason"),
        reason_text=told.text("reason-description"),
        network=_network(told.subject.find("transaction")),
        network_code=told.text("reason-code"),
        amount=major(told.text("amount"), code),
        currency=code,
        due_at=end_of_day(told.text("reply-by-date")),
        opened_at=moment(told.text("date-opened") or told.text("received-date")),
        references=_given(told.text("transaction/id")),
        invoice_number=told.text("transaction/order-id"),
        link=told.page("disputes", id_),
        **told.common,
    )
    charge = (
        _charge(replace(told, subject=found, currency=code))
        if (found := told.subject.find("transaction")) is not None
        else ()
    )
    return (dispute, *charge)


def _transaction(told: ObjectContext) -> tuple[ProcessorObject, ...]:
    """A sale is a charge. A refund is a transaction too, of the type ``credit``."""
    refund = told.kind == "refund_failed" or told.text("type") == "credit" or _refunded(told) is not None
    return _refund(told) if refund else _charge(told)


def _charge(told: ObjectContext) -> tuple[ProcessorObject, ...]:
    return _payment(told, Kind.CHARGE, told.text("id"), told.text("retried-transaction-id"))


def _refund(told: ObjectContext) -> tuple[ProcessorObject, ...]:
    return _payment(told, Kind.REFUND, _refunded(told), told.text("id"))


def _payment(told: ObjectContext, kind: Kind, *references: str | None) -> tuple[ProcessorObject, ...]:
    if (id_ := told.text("id")) is None:
        return ()
    status, code = _outcome(told, kind), told.code()
    reason, reason_text = _why(told) if status in _FAILING else (None, None)
    return (
        ProcessorObject(
            kind=kind,
            id=id_,
            status=status,
            reason=reason,
            reason_text=reason_text,
            network=_network(told.subject),
            amount=major(told.text("amount"), code),
            currency=code,
            opened_at=moment(told.text("created-at")),
            references=_given(*references),
            invoice_number=told.text("order-id"),
            customer=told.text("customer/id"),
            method=_method(told),
            link=told.page("transactions", id_),
            **told.common,
        ),
    )


def _review(told: ObjectContext) -> tuple[ProcessorObject, ...]:
    """Who decided, and what was noted, is nobody's business here."""
    if (id_ := told.text("transaction-id")) is None:
        return ()
    link = told.page("transactions", id_)
    return (ProcessorObject(kind=Kind.CHARGE, id=id_, references=(id_,), link=link, **told.common),)


def _local_payment(told: ObjectContext) -> tuple[ProcessorObject, ...]:
    """Known by the payment's id: when it is reversed, no transaction is named."""
    if (id_ := told.text("payment-id")) is None:
        return ()
    code = told.code("transaction")
    return (
        ProcessorObject(
            kind=Kind.CHARGE,
            id=id_,
            status=_LOCAL_PAYMENTS[told.kind],
            amount=major(told.text("transaction/amount"), code),
            currency=code,
            references=_given(id_, told.text("transaction/id")),
            invoice_number=told.text("transaction/order-id"),
            **told.common,
        ),
    )


def _payout(told: ObjectContext) -> tuple[ProcessorObject, ...]:
    if (id_ := told.text("id")) is None:
        return ()
    code = told.code()
    failed = told.kind == "disbursement_exception" or told.text("success") == "false"
    next_step = told.text("follow-up-action") or ""
    sub_merchant = told.text("merchant-account/sub-merchant-account") == "true"
    return (
        ProcessorObject(
            kind=Kind.PAYOUT,
            id=id_,
            status=Status.FAILED if failed else Status.PAID,
            reason=told.text("exception-message"),
            reason_text=_NEXT_STEPS.get(next_step, next_step.replace("_", " ")) or None,
            amount=major(told.text("amount"), code),
            currency=code,
            settles_at=end_of_day(told.text("disbursement-date")),
            payee=(told.text("merchant-account/id") or "") if sub_merchant else "",
            **told.common,
        ),
    )


def _mandate(told: ObjectContext) -> tuple[ProcessorObject, ...]:
    """A PayPal or Venmo account in the vault, which the customer has cut off."""
    if (id_ := told.text("token")) is None:
        return ()
    return (
        ProcessorObject(
            kind=Kind.MANDATE,
            id=id_,
            status=Status.INACTIVE,
            reason="revoked_by_customer",
            references=_given(id_, told.text("billing-agreement-id")),
            customer=told.text("customer-id"),
            method=_WALLETS.get(told.subject.tag),
            **told.common,
        ),
    )


def _outcome(told: ObjectContext, kind: Kind) -> Status | None:
    """As the kind says, or the transaction itself. A bank that sends a refund back has let it fail."""
    status = _OUTCOMES.get(told.kind) or _TRANSACTIONS.get(told.text("status") or "")
    return Status.FAILED if kind is Kind.REFUND and status is Status.RETURNED else status


def _why(told: ObjectContext) -> tuple[str | None, str | None]:
    """Why the bank refused, at settlement or before: its code, and in words."""
    for stage in ("processor-settlement-response", "processor-response"):
        if code := told.text(f"{stage}-code"):
            return code, told.text(f"{stage}-text")
    return told.text("status"), None


def _refunded(told: ObjectContext) -> str | None:
    return told.text("refunded-transaction-id") or told.text("refunded-transaction-fk")


def _network(transaction: Element | None) -> str | None:
    if transaction is None:
        return None
    kind = text_of(transaction, "payment-instrument-type")
    card = text_of(transaction, "credit-card/card-type") or text_of(transaction, "payment-instrument-subtype")
    return braintree_statuses.network(kind, card)


def _method(told: ObjectContext) -> str | None:
    """``Visa ending 1111``; four digits and no more."""
    for path, name in (
        ("credit-card", told.text("credit-card/card-type")),
        ("us-bank-account", "Bank account"),
    ):
        last = told.text(f"{path}/last-4") or ""
        if name and len(last) == 4:
            return f"{name} ending {last}"
    return None


def _given(*ids: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(id_ for id_ in ids if id_))


def text_of(element: Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


# Braintree's words and ours -----------------------------------------------------------------------------------

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
"""A transaction's own status, where the kind tells no outcome. Voided and expired ones took no money: none."""

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
