"""The forms by which a processor's object and a billing account can be brought together.

``reference:`` what the gateway calls a payment, ``invoice:`` the billing system's invoice number, ``customer:`` what
the gateway calls a customer. Both sides are kept in these forms, so that finding a match is one look into an index.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from connector.models.facts import Account, BillingObject, Invoice, Kind, Payment, ProcessorObject
from connector.sources.registry import PROCESSORS

REFERENCE: Final = "reference:"
INVOICE: Final = "invoice:"
CUSTOMER: Final = "customer:"

MATCHED_BY: Final = {REFERENCE: "gateway reference", INVOICE: "invoice number", CUSTOMER: "customer"}
"""How a match by each form is called, the strongest first. A match is kept as these words and the value."""

CUT_AT: Final = 20
"""Where Authorize.Net cuts an invoice number, from the left."""

LONGEST: Final = 255
"""No id is longer; what is would not fit into the index."""


def of_billing(item: BillingObject) -> tuple[str, ...]:
    """Keys by which a billing object can be found."""
    match item:
        case Payment(gateway_reference=first, gateway_references=more):
            return _forms(REFERENCE, (first, *more))
        case Invoice(number=number):
            return _forms(INVOICE, (number, number[-CUT_AT:]))
        case Account(gateway_customers=customers):
            return _forms(CUSTOMER, customers)
        case _:
            return ()


def evidence_of(item: BillingObject) -> tuple[str, ...]:
    """The keys whose matches this object may decide. A payment tells of its invoice: through which gateway it was
    paid, and how much."""
    match item:
        case Payment(invoice_number=str(number)):
            return (*of_billing(item), *_forms(INVOICE, (number, number[-CUT_AT:])))
        case _:
            return of_billing(item)


def strength(matched_by: str) -> int:
    """How strong a kept match is: 0 for a gateway reference, more for what is weaker."""
    names = list(MATCHED_BY.values())
    return next((n for n, name in enumerate(names) if matched_by.startswith(f"{name} ")), len(names))


def is_by_invoice(matched_by: str) -> bool:
    """Whether a kept match says no more than an invoice number."""
    return matched_by.startswith(f"{MATCHED_BY[INVOICE]} ")


def is_by_customer(matched_by: str) -> bool:
    """Whether a kept match says no more than its customer."""
    return matched_by.startswith(f"{MATCHED_BY[CUSTOMER]} ")


def of_processor(item: ProcessorObject, form: str = "") -> tuple[str, ...]:
    """Keys of a processor object for its payment, invoice and customer; only in this form, if one is
    named."""
    own = (item.id,) if item.kind is Kind.CHARGE else ()
    found = (
        *_forms(REFERENCE, (*own, *item.references)),
        *_forms(INVOICE, (item.invoice_number,)),
        *_forms(CUSTOMER, (item.customer,)),
    )
    return tuple(key for key in found if key.startswith(form))


def _forms(form: str, values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"{form}{value}" for value in values if value and len(value) <= LONGEST))


def could_be(source: str, gateway: str | None) -> bool:
    """Whether a payment that the billing system sent through this gateway may be one of this processor's.

    Two processors may give the same reference; the billing system's name for a gateway (``authorize_net``,
    ``braintree_blue``) usually tells. A name that tells nothing rules nothing out.
    """
    named = _named(gateway)
    return not named or source in named


def source_of(gateway: str | None) -> str | None:
    """The processor behind a gateway, where the billing system's name for it tells."""
    named = _named(gateway)
    return named[0] if len(named) == 1 else None


def _named(gateway: str | None) -> list[str]:
    told = "".join(letter for letter in (gateway or "").lower() if letter.isalnum())
    return [name for name, info in PROCESSORS.items() if any(word in told for word in info.gateways)]
