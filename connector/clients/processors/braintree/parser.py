"""Maps the SDK's transactions and disputes. A refund is a transaction too, of the type ``credit``.

``console``: where the merchant's objects are in the Control Panel. Names and addresses are never read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from connector.clients.processors.parsing import amount, currency, ending, moment, part, word
from connector.mappers import braintree_statuses
from connector.mappers.safe_parse import end_of_day
from connector.models.facts import Kind, ProcessorObject, Stage, Status

NAME: Final = "braintree"


def transaction(found: Any, console: str) -> ProcessorObject | None:
    """A payment. None where its id or its time is missing."""
    id_ = word(_of(found, "id"))
    at = moment(_of(found, "updated_at")) or moment(_of(found, "created_at"))
    if id_ is None or at is None:
        return None
    code = currency(_of(found, "currency_iso_code"))
    status = TRANSACTIONS.get(str(_of(found, "status")))
    whole = not _of(found, "refund_ids")
    return ProcessorObject(
        kind=Kind.CHARGE,
        source=NAME,
        id=id_,
        at=at,
        status=status,
        reason=word(_of(found, "processor_response_code")) if status is Status.FAILED else None,
        amount=amount(_of(found, "amount"), code),
        currency=code,
        references=(id_,),
        invoice_number=word(_of(found, "order_id")),
        customer=word(part(_of(found, "customer")).get("id")),
        # There may be several refunds, each of a part: that there is one does not say that nothing is left.
        refunded=False if whole else None,
        refundable=True if whole and status is Status.SUCCEEDED else None,
        method=_method(found),
        link=f"{console}/transactions/{id_}",
    )


def dispute(found: Any, console: str) -> ProcessorObject | None:
    """None where its id or its time is missing."""
    id_ = word(_of(found, "id"))
    opened = moment(_of(found, "created_at"))
    at = moment(_of(found, "updated_at")) or opened
    if id_ is None or at is None:
        return None
    code = currency(_of(found, "currency_iso_code"))
    paid = _of(found, "transaction")
    reference = word(_of(paid, "id"))
    return ProcessorObject(
        kind=Kind.DISPUTE,
        source=NAME,
        id=id_,
        at=at,
        status=braintree_statuses.DISPUTES.get(str(_of(found, "status"))),
        stage=braintree_statuses.STAGES.get(str(_of(found, "kind")), Stage.CHARGEBACK),
        reason=word(_of(found, "reason")),
        reason_text=word(_of(found, "reason_description")),
        network=_network(paid),
        network_code=word(_of(found, "reason_code")),
        amount=amount(_first(found, "amount_disputed", "amount"), code),
        currency=code,
        due_at=_by_the_end(_of(found, "reply_by_date")),
        opened_at=opened,
        references=(reference,) if reference else (),
        invoice_number=word(_of(paid, "order_id")),
        link=f"{console}/disputes/{id_}",
    )


def settled_at(found: Any) -> datetime | None:
    """When a transaction was settled, by its status history."""
    events = _of(found, "status_history") or ()
    times = (moment(_of(event, "timestamp")) for event in events if _of(event, "status") == "settled")
    return max((time for time in times if time), default=None)


def refunded_id(found: Any) -> str | None:
    """The transaction that this one refunds."""
    return word(_of(found, "refunded_transaction_id"))


def created_at(found: Any) -> datetime | None:
    return moment(_of(found, "created_at"))


def _network(paid: Any) -> str | None:
    """Of a transaction as it comes with its dispute."""
    instrument = str(_of(paid, "payment_instrument_type") or "")
    return braintree_statuses.network(instrument, str(_of(paid, "payment_instrument_subtype") or ""))


def _of(found: Any, name: str) -> Any:
    """The SDK's objects lack the attributes that the answer lacks."""
    return getattr(found, name, None)


def _first(found: Any, *names: str) -> Any:
    return next((value for name in names if (value := _of(found, name)) is not None), None)


def _by_the_end(day: object) -> datetime | None:
    return end_of_day(day.isoformat()) if isinstance(day, date) else None


def _method(found: Any) -> str | None:
    """A card, a bank account or a wallet; never an address or a name."""
    card = part(_of(found, "credit_card"))
    if card.get("last_4"):
        return ending(word(card.get("card_type")) or "Card", card.get("last_4"))
    bank = part(_of(found, "us_bank_account"))
    if bank.get("last_4"):
        return ending("Bank account", bank.get("last_4"))
    kind = word(_of(found, "payment_instrument_type"))
    return _WALLETS.get(kind, kind.replace("_", " ").capitalize()) if kind else None


_WALLETS: Final = {"paypal_account": "PayPal", "venmo_account": "Venmo"}

TRANSACTIONS: Final[Mapping[str, Status]] = {
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
