"""One customer to tell stories about: every fact with sensible values, any of them replaced by keyword."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connector.models.facts import (
    Account,
    CreditPayment,
    ExistingCase,
    Facts,
    Invoice,
    Kind,
    Payment,
    PaymentMethod,
    ProcessorObject,
    Stage,
    Status,
    SubjectKind,
    Subscription,
    TimelineEvent,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SUBJECT = "recurly:acme:account:bob"


def at(day: int, hour: int = 12, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def card(**changed: Any) -> PaymentMethod:
    return PaymentMethod(
        **{"brand": "Visa", "last_four": "1111", "exp_month": 12, "exp_year": 2029, "valid": True} | changed
    )


def account(**changed: Any) -> Account:
    usual: dict[str, Any] = {
        "id": "acc1",
        "code": "bob",
        "state": "active",
        "email": "bob@example.com",
        "first_name": "Bob",
        "last_name": "Rivera",
        "company": "Rivera Books",
        "payment_method": card(),
        "created_at": at(1, month=1),
        "updated_at": at(1),
    }
    return Account(**usual | changed)


def subscription(**changed: Any) -> Subscription:
    usual: dict[str, Any] = {
        "id": "sub1",
        "uuid": "5ub1",
        "account_code": "bob",
        "state": "active",
        "plan_code": "gold",
        "plan_name": "Gold",
        "currency": "USD",
        "unit_amount": Decimal("49.00"),
        "subtotal": Decimal("49.00"),
        "auto_renew": True,
        "activated_at": at(15, month=1),
        "current_period_started_at": at(15),
        "current_period_ends_at": at(15, month=12),
        "created_at": at(15, month=1),
        "updated_at": at(15),
    }
    return Subscription(**usual | changed)


def invoice(**changed: Any) -> Invoice:
    usual: dict[str, Any] = {
        "id": "inv1",
        "uuid": "1nv1",
        "number": "1001",
        "account_code": "bob",
        "type": "charge",
        "state": "past_due",
        "origin": "renewal",
        "currency": "USD",
        "total": Decimal("49.00"),
        "paid": Decimal("0.00"),
        "balance": Decimal("49.00"),
        "collection_method": "automatic",
        "created_at": at(10),
        "due_at": at(10),
        "updated_at": at(10),
    }
    return Invoice(**usual | changed)


def paid_invoice(**changed: Any) -> Invoice:
    settled = {"state": "paid", "paid": Decimal("49.00"), "balance": Decimal("0.00"), "closed_at": at(20)}
    return invoice(**settled | {"updated_at": at(20)} | changed)


def payment(**changed: Any) -> Payment:
    usual: dict[str, Any] = {
        "id": "pay1",
        "uuid": "9ay1",
        "account_code": "bob",
        "type": "purchase",
        "status": "success",
        "origin": "recurring",
        "amount": Decimal("49.00"),
        "currency": "USD",
        "invoice_id": "inv1",
        "invoice_number": "1001",
        "payment_method": card(),
        "created_at": at(20),
        "updated_at": at(20),
    }
    return Payment(**usual | changed)


def decline(code: str = "insufficient_funds", **changed: Any) -> Payment:
    usual = {"id": "pay0", "uuid": "9ay0", "status": "declined", "code": code}
    return payment(**usual | {"created_at": at(10), "updated_at": at(10)} | changed)


def refund(**changed: Any) -> Payment:
    usual = {"id": "ref1", "uuid": "4ef1", "type": "refund", "original_id": "pay1", "origin": "api"}
    return payment(**usual | {"invoice_id": "inv9", "invoice_number": "1009"} | changed)


def credit(**changed: Any) -> Invoice:
    usual = {
        "id": "inv2",
        "uuid": "1nv2",
        "number": "1002",
        "type": "credit",
        "state": "open",
        "origin": "credit",
        "total": Decimal("-20.00"),
        "balance": Decimal("-20.00"),
        "created_at": at(12),
        "updated_at": at(12),
    }
    return invoice(**usual | changed)


def applied(**changed: Any) -> CreditPayment:
    usual: dict[str, Any] = {
        "id": "cp1",
        "uuid": "c9",
        "account_code": "bob",
        "action": "payment",
        "amount": Decimal("20.00"),
        "currency": "USD",
        "original_invoice_number": "1002",
        "applied_invoice_number": "1001",
        "created_at": at(20),
        "updated_at": at(20),
    }
    return CreditPayment(**usual | changed)


def told_of(kind: Kind, id_: str, **changed: Any) -> ProcessorObject:
    """What Stripe tells of an object that was joined by the reference of its payment."""
    usual: dict[str, Any] = {
        "kind": kind,
        "source": "stripe",
        "id": id_,
        "at": at(21),
        "amount": Decimal("49.00"),
        "currency": "USD",
        "opened_at": at(21),
        "references": ("ch_1",),
        "joined_by": "gateway reference ch_1",
        "known_since": at(21),
    }
    return ProcessorObject(**usual | changed)


def dispute(**changed: Any) -> ProcessorObject:
    usual: dict[str, Any] = {
        "status": Status.NEEDS_RESPONSE,
        "stage": Stage.CHARGEBACK,
        "reason": "fraudulent",
        "network": "visa",
        "network_code": "10.4",
        "due_at": at(20, month=12),
        "link": "https://dashboard.stripe.com/disputes/dp_1",
    }
    return told_of(Kind.DISPUTE, **{"id_": "dp_1"} | usual | changed)


def warning(**changed: Any) -> ProcessorObject:
    usual: dict[str, Any] = {"status": Status.OPEN, "reason": "unauthorized_use_of_card", "network": "visa"}
    return told_of(Kind.FRAUD_WARNING, **{"id_": "issfr_1"} | usual | changed)


def charge(**changed: Any) -> ProcessorObject:
    usual: dict[str, Any] = {"status": Status.SUCCEEDED, "at": at(20), "opened_at": at(20)}
    return told_of(Kind.CHARGE, **{"id_": "ch_1"} | usual | {"references": ("ch_1", "pi_1")} | changed)


def said(kind: str, when: datetime, *refs: str, **changed: Any) -> TimelineEvent:
    """An event of a processor; its refs are the ids of its objects."""
    usual: dict[str, Any] = {"source": "stripe", "event_id": f"{kind}@{when:%m%d%H}", "on_timeline": False}
    return TimelineEvent(**usual | {"kind": kind, "occurred_at": when, "refs": refs} | changed)


def event(kind: str, when: datetime, *refs: str, id_: str = "", on_timeline: bool = False) -> TimelineEvent:
    return TimelineEvent("recurly", id_ or f"{kind}@{when:%m%d%H}", kind, when, refs, on_timeline)


def seen(stem: str, rule: str, **changed: Any) -> ExistingCase:
    """A case Salesforce has: open, worked by nobody yet."""
    key = f"recurly:acme:{stem}"
    usual: dict[str, Any] = {
        "id": "500A", "key": key, "rule": rule, "state": "open", "closed": False, "closed_at": None
    }  # fmt: skip
    return ExistingCase(**usual | changed)


def facts(*objects: object, **changed: Any) -> Facts:
    """The facts made of these objects; an account is added unless ``account=None`` is said."""

    def only(shape: type) -> tuple[Any, ...]:
        return tuple(item for item in objects if isinstance(item, shape))

    usual: dict[str, Any] = {
        "subject": SUBJECT,
        "source": "recurly",
        "site": "acme",
        "code": "bob",
        "now": NOW,
        "account": next(iter(only(Account)), account()),
        "subscriptions": only(Subscription),
        "invoices": only(Invoice),
        "payments": only(Payment),
        "credit_payments": only(CreditPayment),
        "events": only(TimelineEvent),
        "cases": only(ExistingCase),
        "objects": only(ProcessorObject),
    }
    return Facts(**usual | changed)


def unjoined(item: ProcessorObject, *objects: object, **changed: Any) -> Facts:
    """The facts of a processor's object that is joined to no account."""
    subject = f"{item.source}:{item.kind}:{item.id}"
    usual = {
        "subject": subject,
        "source": item.source,
        "site": "",
        "code": item.id,
        "about": SubjectKind.OBJECT,
    }
    return facts(replace(item, joined_by=""), *objects, **{"account": None} | usual | changed)
