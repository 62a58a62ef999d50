"""Read the three systems and return their records of a payment, refund or dispute in one form."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any, Final, Protocol

from sqlalchemy import Engine

from connector.mappers import external_ids, fields, money
from connector.mappers.safe_parse import parse_salesforce_time
from connector.models.facts import Kind, Movement, Payment, ProcessorObject, Status
from connector.sources.registry import PROCESSORS
from connector.sync.apply.facts_loader import SalesforceReader
from connector.sync.reconcile.differences import OF_PROCESSOR, OF_RECURLY
from connector.sync.reconcile.models import Observation, Transfer
from connector.sync.refresh.enrichment import Lookups
from connector.sync.refresh.object_fetcher import SourceApi

RECURLY: Final = "recurly"
KINDS: Final[Mapping[Kind, Movement]] = {
    Kind.CHARGE: Movement.PAYMENT,
    Kind.REFUND: Movement.REFUND,
    Kind.DISPUTE: Movement.DISPUTE,
}
"""What of the processors' objects is money that moved."""

_TAKEN: Final = frozenset({"purchase", "capture"})
_BANK: Final = ("Bank account", "Bank transfer", "Bacs direct debit", "SEPA direct debit")


class ProcessorListing(Protocol):
    """What one account at one processor holds (``clients/processors``)."""

    @property
    def lists(self) -> frozenset[Kind]: ...
    def listed(
        self, kind: Kind, since: datetime, until: datetime
    ) -> Iterator[tuple[ProcessorObject, ...]]: ...


@dataclass(frozen=True, slots=True)
class ComparedSystems:
    """Who is asked. ``apis``: by site; one without a key is None. ``books``: by processor; those that can be asked for
    lists; ``lookups``: those that can be asked for one payment. ``not_asked``: processors that are configured and still
    cannot be asked, with why. ``grace``: how long what they say may take to be delivered. ``zone_of``: a site's clock,
    on which days are shown."""

    engine: Engine
    crm: SalesforceReader
    apis: Mapping[str, SourceApi | None]
    books: Mapping[str, ProcessorListing]
    lookups: Lookups
    not_asked: Mapping[str, str] = field(default_factory=dict)
    grace: timedelta = timedelta(minutes=10)
    zone_of: Callable[[str], tzinfo] = lambda site: UTC

    @property
    def sites(self) -> tuple[str, ...]:
        return tuple(sorted(self.apis))

    @property
    def answering(self) -> tuple[str, ...]:
        """The sites that can be asked."""
        return tuple(site for site in self.sites if self.apis[site] is not None)


def movement_of(payment: Payment) -> Movement | None:
    """None for what moves no money: authorizations, verifications."""
    if payment.type in _TAKEN:
        return Movement.PAYMENT
    if payment.type != "refund":
        return None
    chargeback = "chargeback" in (payment.status, payment.origin)
    return Movement.DISPUTE if chargeback else Movement.REFUND


def of_payment(payment: Payment, link: str | None = None) -> Observation:
    """As Recurly says."""
    return Observation(
        status=payment.status,
        standing=OF_RECURLY.get(payment.status),
        amount=payment.amount,
        currency=payment.currency,
        moments=_moments(payment.created_at, payment.collected_at),
        link=link,
    )


def of_item(item: ProcessorObject, currency: str | None = None) -> Observation:
    """As the processor says. ``currency``: of its amount, where it does not say."""
    code = item.currency or currency
    return Observation(
        status=str(item.status or ""),
        standing=OF_PROCESSOR.get(item.status) if item.status else None,
        amount=money.amount(item.amount, code) if item.amount is not None and code else item.amount,
        currency=code,
        moments=_moments(began(item)),
        link=item.link,
    )


def began(item: ProcessorObject) -> datetime:
    return item.opened_at or item.at


def payment_key(site: str, payment: Payment) -> str:
    return external_ids.record(RECURLY, site, "payment", payment.uuid)


def item_key(item: ProcessorObject) -> str:
    return external_ids.record(item.source, "", str(item.kind), item.id)


def is_bank(payment: Payment | None, item: ProcessorObject | None) -> bool:
    """Whether it is a bank debit, which takes days to settle."""
    brand = payment.payment_method.brand if payment and payment.payment_method else ""
    method = (item.method or "") if item else ""
    source = item is not None and item.source in PROCESSORS and PROCESSORS[item.source].bank_debits_only
    return source or brand in _BANK or method.startswith(_BANK)


def _moments(*moments: datetime | None) -> tuple[datetime, ...]:
    return tuple(dict.fromkeys(moment for moment in moments if moment))


# Salesforce ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Records:
    """Where a movement of money is in Salesforce. ``at``: the field that dates it."""

    object: str
    at: str

    @property
    def select(self) -> str:
        return (
            f"SELECT {fields.KEY}, {fields.Payment.AMOUNT}, {fields.Payment.CURRENCY}, {fields.Payment.STATUS}, "
            f"{self.at} FROM {self.object}"
        )


_PAYMENTS: Final = _Records(fields.Payment.OBJECT, fields.Payment.AT)
_REFUNDS: Final = _Records(fields.Refund.OBJECT, fields.Refund.OPENED_AT)
_DISPUTES: Final = _Records(fields.Dispute.OBJECT, fields.Dispute.OPENED_AT)


def in_salesforce(crm: SalesforceReader, transfers: Sequence[Transfer]) -> dict[str, Observation]:
    """What Salesforce says of these, by the key of the transfer."""
    wanted: dict[_Records, dict[str, str]] = {_PAYMENTS: {}, _REFUNDS: {}, _DISPUTES: {}}
    for one in transfers:
        records, key = _record(one)
        wanted[records][key] = one.key
    found: dict[str, Observation] = {}
    for records, named in wanted.items():
        for row in crm.query_keys(records.select, fields.KEY, sorted(named)) if named else ():
            found[named[row[fields.KEY]]] = _seen(row, records)
    return found


def _record(one: Transfer) -> tuple[_Records, str]:
    """A dispute is as its processor tells of it; all else is as Recurly does, if that knows it."""
    if one.item is not None and one.kind is Movement.DISPUTE:
        return _DISPUTES, item_key(one.item)
    if one.paid is not None:
        return _PAYMENTS, payment_key(one.site, one.paid)
    return _REFUNDS, one.key


def _seen(row: Mapping[str, Any], records: _Records) -> Observation:
    status, code = str(row[fields.Payment.STATUS] or ""), row[fields.Payment.CURRENCY]
    words = OF_RECURLY if records is _PAYMENTS else {str(one): OF_PROCESSOR.get(one) for one in Status}
    amount = row[fields.Payment.AMOUNT]
    return Observation(
        status=status,
        standing=words.get(status),
        amount=_decimal(amount, code),
        currency=code,
        moments=_moments(parse_salesforce_time(row[records.at])),
    )


def _decimal(amount: float | None, code: str | None) -> Decimal | None:
    """Without a currency as it is: nothing is compared with it, and it is there."""
    if amount is None:
        return None
    return money.amount(amount, code) if code else Decimal(str(amount))
