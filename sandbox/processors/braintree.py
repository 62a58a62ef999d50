"""Braintree: a form of ``bt_payload`` (base64 of XML) and ``bt_signature`` (``public_key|digest``).

The digest is an HMAC-SHA1 of the payload as it is sent, its key the SHA-1 of the private key. A notification has no
id. https://developer.paypal.com/braintree/docs/guides/webhooks/overview (looked at in November 2026)
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from sandbox.processors.events import Event, Moment, Signed, Source, Telling
from sandbox.processors.objects import Charge, Dispute, Refund

NAME: Final = "braintree"
MERCHANT_ACCOUNT: Final = "sandbox_usd"

_STATUS: Final = {
    "needs_response": "open",
    "under_review": "disputed",
    "won": "won",
    "lost": "lost",
    "withdrawn": "expired",
}
_SETTLED: Final = {
    "pending": "submitted_for_settlement",
    "held": "authorized",
    "succeeded": "settled",
    "failed": "processor_declined",
    "returned": "settlement_declined",
}
_GIVEN_BACK: Final = {
    "pending": "submitted_for_settlement",
    "succeeded": "settled",
    "failed": "processor_declined",
}
_NOTHING: Final = (
    '<refund-ids type="array"/><disputes type="array"/><add-ons type="array"/><discounts type="array"/>'
)


def transaction(row: Charge) -> str:
    """As the API answers it: with the invoice number Recurly sends as order id."""
    return _element(
        "transaction",
        _text("id", row.id),
        _text("status", _SETTLED[row.status]),
        _text("type", "sale"),
        _text("currency-iso-code", row.currency),
        _text("amount", f"{row.amount:.2f}"),
        _text("merchant-account-id", MERCHANT_ACCOUNT),
        _text("order-id", row.invoice),
        _text("purchase-order-number", None if row.invoice is None else str(row.invoice)[-12:]),
        _time("created-at", row.created_at),
        _time("updated-at", row.created_at),
        _element("customer", _text("id", row.customer)),
        _element(
            "credit-card",
            _text("card-type", row.brand),
            _text("last-4", row.last_four),
        ),
        _text("payment-instrument-type", "credit_card"),
        _text("processor-response-code", row.code or "1000"),
        _text("processor-response-text", row.words or "Approved"),
        _history(_SETTLED[row.status], row),
        _NOTHING,
    )


def dispute(row: Dispute, paid: Charge | None) -> str:
    """``paid``: None where the books have no such payment."""
    amount = f"{row.amount:.2f}"
    return _element(
        "dispute",
        _text("id", row.id),
        _text("amount", amount),
        _text("amount-disputed", amount),
        _text("amount-won", amount if row.status == "won" else "0.00"),
        _text("case-number", "CASE-" + row.id.upper()),
        _time("created-at", row.created_at),
        _text("currency-iso-code", row.currency),
        _text("kind", row.stage),
        _text("merchant-account-id", MERCHANT_ACCOUNT),
        _text("reason", row.reason),
        _text("reason-code", row.code),
        _text("reason-description", None),
        _day("received-date", row.created_at),
        _text("reference-number", "REF-" + row.id.upper()),
        _day("reply-by-date", row.due_at),
        _text("status", _STATUS[row.status]),
        _time("updated-at", row.updated_at),
        _text("original-dispute-id", None),
        '<status-history type="array"/><evidence type="array"/>',
        "" if paid is None else _disputed(paid),
        _day("date-opened", row.created_at),
    )


def _disputed(paid: Charge) -> str:
    return _element(
        "transaction",
        _text("id", paid.id),
        _text("amount", f"{paid.amount:.2f}"),
        _time("created-at", paid.created_at),
        _text("order-id", paid.invoice),
        _text("purchase-order-number", None),
        _text("payment-instrument-subtype", paid.brand),
    )


def refund(row: Refund) -> str:
    """As in ``refund_failed``: a transaction of type credit that names the one it gives back."""
    return _element(
        "transaction",
        _text("id", row.id),
        _text("type", "credit"),
        _text("status", _GIVEN_BACK[row.status]),
        _text("currency-iso-code", row.currency),
        _text("amount", f"{row.amount:.2f}"),
        _text("refunded-transaction-id", row.charge_id),
        _text("merchant-account-id", MERCHANT_ACCOUNT),
        _time("created-at", row.created_at),
        _time("updated-at", row.created_at),
        _history(_GIVEN_BACK[row.status], row),
        _NOTHING,
    )


def _history(status: str, row: Charge | Refund) -> str:
    """How it came to stand as it does; here at once."""
    event = _element(
        "status-event",
        _time("timestamp", row.created_at),
        _text("status", status),
        _text("amount", f"{row.amount:.2f}"),
        _text("user", None),
        _text("transaction-source", None),
    )
    return f'<status-history type="array">{event}</status-history>'


def found(ids: Iterable[str], page: int) -> str:
    """The answer to a search: ids only, and how many of them may be asked for at once."""
    rows = "".join(_text("item", id_) for id_ in ids)
    return f'<search-results>{_number("page-size", page)}<ids type="array">{rows}</ids></search-results>'


def collection(name: str, rows: Sequence[str], page: int, size: int, total: int) -> str:
    numbers = (
        _number("current-page-number", page),
        _number("page-size", size),
        _number("total-items", total),
    )
    return f'<{name} type="collection">{"".join(numbers)}{"".join(rows)}</{name}>'


def _number(name: str, value: int) -> str:
    return f'<{name} type="integer">{value}</{name}>'


def _element(name: str, *inside: str) -> str:
    return f"<{name}>{''.join(inside)}</{name}>"


def _text(name: str, value: object) -> str:
    return f'<{name} nil="true"/>' if value is None else f"<{name}>{escape(str(value))}</{name}>"


def _time(name: str, moment: datetime) -> str:
    return f'<{name} type="datetime">{moment:%Y-%m-%dT%H:%M:%SZ}</{name}>'


def _day(name: str, moment: datetime) -> str:
    return f'<{name} type="date">{moment:%Y-%m-%d}</{name}>'


def _event(kind: str, moment: Moment, object_id: str, subject: str) -> Event:
    payload = _element(
        "notification", _time("timestamp", moment.at), _text("kind", kind), _element("subject", subject)
    )
    return Event(source=NAME, kind=kind, id=None, object_id=object_id, at=moment.at, payload=payload)


def _about_dispute(kind: str) -> Telling:
    def tell(moment: Moment) -> Event:
        row = moment.the(Dispute)
        return _event(kind, moment, row.id, dispute(row, moment.payment()))

    return tell


def _about_charge(kind: str) -> Telling:
    return lambda moment: _event(kind, moment, moment.payment().id, transaction(moment.payment()))


def _about_refund(kind: str) -> Telling:
    return lambda moment: _event(kind, moment, moment.the(Refund).id, refund(moment.the(Refund)))


def request(events: tuple[Event, ...], endpoint: Mapping[str, str]) -> Signed:
    (event,) = events
    # encodebytes: in lines of 76 characters with a newline at the end, as Braintree sends it
    payload = base64.encodebytes(event.payload.encode())
    form = {
        "bt_signature": f"{endpoint['public_key']}|{sign(payload, endpoint['private_key'])}",
        "bt_payload": payload.decode(),
    }
    return {"Content-Type": "application/x-www-form-urlencoded"}, urlencode(form).encode()


def sign(payload: bytes, private_key: str) -> str:
    key = hashlib.sha1(private_key.encode()).digest()
    return hmac.new(key, payload, hashlib.sha1).hexdigest()


BRAINTREE: Final = Source(
    name=NAME,
    keys=frozenset({"public_key", "private_key"}),
    may=frozenset({"merchant_id"}),
    request=request,
    says={
        "charge_succeeded": _about_charge("transaction_settled"),
        "charge_failed": _about_charge("transaction_settlement_declined"),
        "dispute_opened": _about_dispute("dispute_opened"),
        "evidence_sent": _about_dispute("dispute_disputed"),
        "dispute_won": _about_dispute("dispute_won"),
        "dispute_lost": _about_dispute("dispute_lost"),
        "refund_failed": _about_refund("refund_failed"),
    },
)
