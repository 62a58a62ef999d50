"""One item of a standard webhook, and the attributes that all its objects share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from connector.webhooks.processor_event import currency, minor, part, word

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ItemContext:
    """One item of a standard webhook."""

    item: Item
    kind: str
    at: datetime
    from_live: bool

    def text(self, name: str) -> str | None:
        return word(self.item.get(name))

    def more(self, name: str) -> str | None:
        """A value of ``additionalData``, which Adyen does not sign."""
        return word(part(self.item.get("additionalData")).get(name))

    @property
    def success(self) -> bool:
        return is_true(self.item.get("success"))

    @property
    def reference(self) -> str | None:
        """Reference of the event's own object: the dispute, the refund or the payment."""
        return self.text("pspReference")

    @property
    def payment(self) -> str | None:
        """Reference of the payment; events about other objects have it as the original."""
        return self.text("originalReference") or self.reference

    @property
    def reason(self) -> str | None:
        reason = self.text("reason")
        return None if reason == "null" else reason  # the text "null" occurs in Adyen's examples

    @property
    def common(self) -> dict[str, Any]:
        """Attributes of every object. ``merchantReference`` is the reference of the billing system, perhaps a uuid."""
        amount = part(self.item.get("amount"))
        code = currency(amount.get("currency"))
        scheme = self.more("chargebackSchemeCode") or self.more("rfiSchemeCode") or self.more("nofSchemeCode")
        return {
            "source": "adyen",
            "at": self.at,
            "amount": minor(amount.get("value"), code, _DECIMALS.get(code or "")),
            "currency": code,
            "network": _NETWORKS.get(scheme or self.text("paymentMethod") or ""),
            "references": given(
                self.payment, self.more("capturePspReference"), self.text("merchantReference")
            ),
            "invoice_number": self.more("merchantOrderReference"),
            "customer": self.more("shopperReference") or self.more("recurring.shopperReference"),
            "method": _method(self),
        }

    @property
    def page(self) -> str:
        """Address of the payment in the Customer Area."""
        host = "ca-live" if self.from_live else "ca-test"
        return (
            f"https://{host}.adyen.com/ca/ca/accounts/showTx.shtml?pspReference={self.payment}&txType=Payment"
        )


def _method(context: ItemContext) -> str | None:
    """``Visa ending 1111``, or ``ACH debit``."""
    name = _METHODS.get(context.text("paymentMethod") or "")
    last = context.more("cardSummary") or ""
    return f"{name} ending {last}" if name and len(last) == 4 and last.isdigit() else name


def given(*ids: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(id_ for id_ in ids if id_))


def is_true(value: object) -> bool:
    """Adyen sends ``"true"``; some webhooks send ``true``."""
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


_DECIMALS: Final = {"CLP": 2, "CVE": 0, "IDR": 0, "ISK": 2}
"""Where Adyen's minor units differ from ISO 4217: https://docs.adyen.com/development-resources/currency-codes."""

_NETWORKS: Final[Mapping[str, str]] = {
    **{name: name for name in ("ach", "amex", "bcmc", "diners", "discover", "elo", "jcb", "maestro", "visa")},
    "mc": "mastercard",
    "cup": "unionpay",
    "sepadirectdebit": "sepa_core",
    "directdebit_GB": "bacs",
}
_METHODS: Final[Mapping[str, str]] = {
    "visa": "Visa",
    "mc": "Mastercard",
    "amex": "American Express",
    "discover": "Discover",
    "diners": "Diners Club",
    "jcb": "JCB",
    "maestro": "Maestro",
    "cup": "UnionPay",
    "ach": "ACH debit",
    "sepadirectdebit": "SEPA direct debit",
    "directdebit_GB": "Bacs direct debit",
    "paypal": "PayPal",
}
