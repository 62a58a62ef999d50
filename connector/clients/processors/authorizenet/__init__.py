"""Authorize.Net: the transaction behind an event, by its number; and the lists of all.

``order.invoiceNumber`` is Recurly's, cut to 20. Chargebacks are not in its API.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final

from connector.clients.errors import NotFound
from connector.clients.processors.authorizenet import parser
from connector.clients.processors.authorizenet.parser import NAME
from connector.clients.processors.authorizenet.transport import TROUBLE, Answer, Transport
from connector.clients.processors.base import MOST_CALLS, Page, ProcessorClient
from connector.clients.processors.parsing import ids, items, moment, must_list, part, word
from connector.models.facts import Kind, ProcessorObject
from connector.sources.authorizenet import Settings

__all__ = ["NAME", "AuthorizeNetApi", "configured"]

PAGE: Final = 1_000
"""Authorize.Net gives no more transactions at once."""
SPAN: Final = timedelta(days=31)
"""It lists no longer time of batches at once."""

_ORDER: Final = {"orderBy": "submitTimeUTC", "orderDescending": False}


def configured(settings: Settings) -> ProcessorClient | None:
    """The client; None without the login id and the transaction key."""
    return AuthorizeNetApi(settings) if settings.api_login_id and settings.transaction_key else None


class AuthorizeNetApi:
    """One Authorize.Net account. Its *Transaction Details API* must be enabled in the merchant interface."""

    lists = frozenset({Kind.CHARGE, Kind.REFUND})

    def __init__(self, settings: Settings) -> None:
        self._wire = Transport(settings)

    def look_up(self, item: ProcessorObject, /) -> tuple[ProcessorObject, ...]:
        """The first transaction that is there; for a refund, the one it refunds, and which that is."""
        known = ids(item, {Kind.CHARGE, Kind.REFUND, Kind.FRAUD_WARNING})
        numbers = [one for one in known if one.isdecimal()][:MOST_CALLS]
        for calls, id_ in enumerate(numbers, 1):
            if found := self._details(id_):
                if (refunded := parser.refunded_id(found)) and calls < MOST_CALLS:
                    return self._refunded_too(found, refunded)
                return (_whole(parser.details(found)),)
        return ()

    def listed(self, kind: Kind, since: datetime, until: datetime) -> Iterator[Page]:
        """First what is not settled yet, then batch by batch, the oldest first.

        A transaction is found by when its batch was settled, which may be long after it was submitted: so the batches
        are walked to this day, and filtered. Transactions that settle meanwhile are listed twice. Amounts have no
        currency: the API returns it for a single transaction only.
        """
        must_list(kind, self.lists)
        for found in self._lines(since, until):
            if rows := tuple(one for one in found if _within(one, kind, since, until)):
                yield rows

    def _lines(self, since: datetime, until: datetime) -> Iterator[Page]:
        today = until
        for told, at in self._pages("getUnsettledTransactionListRequest"):
            today = at or today
            yield _lines(told, None)
        for batch in self._batches(since, max(today, until)):
            settled = moment(batch.get("settlementTimeUTC"))
            for told, _ in self._pages("getTransactionListRequest", batchId=word(batch.get("batchId"))):
                yield _lines(told, settled)

    def _batches(self, since: datetime, until: datetime) -> Iterator[Answer]:
        since = since.replace(microsecond=0)  # asked for by whole seconds
        while since < until:
            last = min(since + SPAN, until)
            told, _ = self._ask(
                "getSettledBatchListRequest",
                includeStatistics=False,
                firstSettlementDate=_time(since),
                lastSettlementDate=_time(last),
            )
            # both ends are included, and a batch that lies on one belongs to the span that begins with it
            found = [(moment(one.get("settlementTimeUTC")), one) for one in items(told.get("batchList"))]
            yield from (
                one for at, one in sorted(found, key=_by_time) if at is None or at < last or last == until
            )
            since = last

    def _pages(self, request: str, **asked: Any) -> Iterator[tuple[Answer, datetime | None]]:
        for page in count(1):
            paging = {"limit": PAGE, "offset": page}
            told, at = self._ask(request, **asked, sorting=_ORDER, paging=paging)
            yield told, at
            if len(items(told.get("transactions"))) < PAGE:
                return

    def _ask(self, request: str, **asked: Any) -> tuple[Answer, datetime | None]:
        return TROUBLE.must_be_there(lambda: self._wire.ask(request, **asked))

    def _refunded_too(self, found: Answer, refunded: str) -> tuple[ProcessorObject, ...]:
        """The payment behind a refund, and the refund with its reference: its own event does not name it."""
        told = _whole(parser.details(found))
        refund = replace(told, kind=Kind.REFUND, status=None, references=(told.id, refunded), reason=None)
        original = self._details(refunded)
        return (*((_whole(parser.details(original)),) if original else ()), refund)

    def _details(self, id_: str) -> Answer | None:
        try:
            told, _ = self._wire.ask("getTransactionDetailsRequest", transId=id_)
        except NotFound:
            return None
        if not isinstance(told.get("transaction"), dict):
            raise TROUBLE.unreadable()
        return part(told["transaction"])


def _lines(told: Answer, settled: datetime | None) -> Page:
    return tuple(_whole(parser.line(one, settled)) for one in items(told.get("transactions")))


def _within(one: ProcessorObject, kind: Kind, since: datetime, until: datetime) -> bool:
    return one.kind is kind and one.opened_at is not None and since <= one.opened_at < until


def _whole(found: ProcessorObject | None) -> ProcessorObject:
    if found is None:
        raise TROUBLE.unreadable()
    return found


def _by_time(batch: tuple[datetime | None, Answer]) -> datetime:
    return batch[0] or datetime.min.replace(tzinfo=UTC)


def _time(moment_: datetime) -> str:
    return f"{moment_.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
