"""The forms by which a processor's object and a billing account can be brought together.

``reference:`` what the gateway calls a payment, ``invoice:`` the billing system's invoice number, ``customer:`` what
the gateway calls a customer. Both sides are kept in these forms, so that finding a match is one look into an index.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from connector.facts import Account, BillingObject, Invoice, Kind, Payment, ProcessorObject

REFERENCE: Final = "reference:"
INVOICE: Final = "invoice:"
CUSTOMER: Final = "customer:"

CUT_AT: Final = 20
"""Where Authorize.Net cuts an invoice number, from the left."""

LONGEST: Final = 255
"""No id is longer; what is would not fit into the index."""

_SOURCES: Final = ("adyen", "authorizenet", "braintree", "gocardless", "paypal", "stripe")


def of_billing(item: BillingObject) -> tuple[str, ...]:
    """What a billing system's object can be found by."""
    match item:
        case Payment(gateway_reference=first, gateway_references=more):
            return _forms(REFERENCE, (first, *more))
        case Invoice(number=number):
            return _forms(INVOICE, (number, number[-CUT_AT:]))
        case Account(gateway_customers=customers):
            return _forms(CUSTOMER, customers)
        case _:
            return ()


def of_all(items: Iterable[BillingObject]) -> tuple[str, ...]:
    """What any of them can be found by."""
    return tuple(sorted({ref for item in items for ref in of_billing(item)}))


def of_processor(item: ProcessorObject) -> tuple[str, ...]:
    """What a processor's object says of the payment, invoice and customer behind it."""
    own = (item.id,) if item.kind is Kind.CHARGE else ()
    return (
        *_forms(REFERENCE, (*own, *item.references)),
        *_forms(INVOICE, (item.invoice_number,)),
        *_forms(CUSTOMER, (item.customer,)),
    )


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
    return [name for name in _SOURCES if name in told]
