"""Braintree: the transaction behind a dispute or refund, and the lists of all. ``order_id``: Recurly's invoice number.

Official SDK (4.48). It speaks TLS on port 443 only, and plain HTTP on every other; its times lack
an offset and are UTC.
https://developer.paypal.com/braintree/docs/reference/response/transaction/python
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from itertools import islice
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit
from xml.parsers.expat import ExpatError

import braintree
import requests
from braintree.exceptions.authentication_error import AuthenticationError
from braintree.exceptions.authorization_error import AuthorizationError
from braintree.exceptions.braintree_error import BraintreeError
from braintree.exceptions.gateway_timeout_error import GatewayTimeoutError
from braintree.exceptions.not_found_error import NotFoundError
from braintree.exceptions.request_timeout_error import RequestTimeoutError
from braintree.exceptions.server_error import ServerError
from braintree.exceptions.service_unavailable_error import ServiceUnavailableError
from braintree.exceptions.too_many_requests_error import TooManyRequestsError
from braintree.exceptions.unexpected_error import UnexpectedError
from braintree.exceptions.upgrade_required_error import UpgradeRequiredError

from connector.clients.errors import ErrorFactory, NotFound
from connector.clients.processors.base import MOST_CALLS, TIMEOUTS, Page, ProcessorClient
from connector.clients.processors.braintree import parser
from connector.clients.processors.braintree.parser import NAME
from connector.clients.processors.parsing import ids, must_list, second
from connector.errors import SetupError
from connector.models.facts import Kind, ProcessorObject, Status
from connector.sources.braintree import INFO, Settings

__all__ = ["NAME", "BraintreeApi", "configured"]

PAGE: Final = 50
"""Of whole transactions or disputes Braintree gives no more at once."""
MOST_FOUND: Final = 10_000
"""A search that finds as many may have left some out: https://developer.paypal.com/braintree/docs/reference/general/searching/search-results"""
SPAN: Final = 30 * 86_400
"""Seconds that are searched at a time, while that does not find too many."""
EARLIER, LATER = timedelta(days=7), timedelta(days=1)
"""How long before its dispute was created, and after, the day it was received may lie."""

T = TypeVar("T")

_TROUBLE: Final = ErrorFactory.of(INFO)
_BY_CLASS: Final[dict[type[Exception], int]] = {
    AuthenticationError: HTTPStatus.UNAUTHORIZED,
    AuthorizationError: HTTPStatus.FORBIDDEN,
    RequestTimeoutError: HTTPStatus.REQUEST_TIMEOUT,
    UpgradeRequiredError: HTTPStatus.UPGRADE_REQUIRED,
    TooManyRequestsError: HTTPStatus.TOO_MANY_REQUESTS,
    ServerError: HTTPStatus.INTERNAL_SERVER_ERROR,
    ServiceUnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    GatewayTimeoutError: HTTPStatus.GATEWAY_TIMEOUT,
    UnexpectedError: HTTPStatus.BAD_GATEWAY,  # any other status, of which the library keeps the text only
}
_CERTIFICATES: Final = braintree.Environment.Production.ssl_certificate


def configured(settings: Settings) -> ProcessorClient | None:
    """The client; None without the merchant's id and keys."""
    named = settings.merchant_id and settings.public_key and settings.private_key
    return BraintreeApi(settings) if named else None


class BraintreeApi:
    """One Braintree merchant."""

    lists = frozenset({Kind.CHARGE, Kind.REFUND, Kind.DISPUTE})

    def __init__(self, settings: Settings) -> None:
        self._configuration = braintree.Configuration(
            _environment(settings),
            settings.merchant_id,
            settings.public_key,
            settings.private_key,
            timeout=TIMEOUTS,
        )
        host = "www" if settings.environment == "production" else "sandbox"
        self._console = f"https://{host}.braintreegateway.com/merchants/{settings.merchant_id}"

    def look_up(self, item: ProcessorObject, /) -> tuple[ProcessorObject, ...]:
        """The first transaction that is there; for a refund, the one it refunds. Before it the dispute or refund
        itself, if a notification had its amount without the currency."""
        lacks = item.amount is not None and item.currency is None
        own = self._dispute(item.id) if lacks and item.kind is Kind.DISPUTE else ()
        left = MOST_CALLS - (1 if lacks and item.kind is Kind.DISPUTE else 0)
        for calls, id_ in enumerate(ids(item, {Kind.CHARGE, Kind.REFUND})[:left], 1):
            if found := self._find(id_):
                if lacks and item.kind is Kind.REFUND and id_ == item.id and (refund := self._refund(found)):
                    own = (_undated(refund),)
                refunded = parser.refunded_id(found)
                if refunded and refunded != id_ and calls < left:
                    found = self._find(refunded) or found
                return (*own, _whole(parser.transaction(found, self._console)))
        return own

    def listed(self, kind: Kind, since: datetime, until: datetime) -> Iterator[Page]:
        """A month at a time, the oldest first; within it the newest first, as Braintree's searches answer."""
        must_list(kind, self.lists)
        if kind is Kind.DISPUTE:
            yield from self._disputes(since, until)
            return
        first, end = second(since), second(until)
        for begins in range(first, end, SPAN):
            yield from self._transactions(kind, begins, min(begins + SPAN, end) - 1)

    def _transactions(self, kind: Kind, first: int, last: int) -> Iterator[Page]:
        """Those created from one second to another, both included; in two halves where a search is cut short."""
        found = _listed(partial(self._gateway().transaction.search, *_created(kind, first, last)))
        if _listed(lambda: found.maximum_size) >= MOST_FOUND and first < last:
            middle = (first + last) // 2
            yield from self._transactions(kind, first, middle)
            yield from self._transactions(kind, middle + 1, last)
            return
        yield from _pages(found.items, self._charge if kind is Kind.CHARGE else self._refund)

    def _disputes(self, since: datetime, until: datetime) -> Iterator[Page]:
        """No search goes by when a dispute was created: wider, by the day it was received, and sifted."""
        received = braintree.DisputeSearch.received_date.between(
            (since.astimezone(UTC) - EARLIER).date(), (until.astimezone(UTC) + LATER).date()
        )
        found = _listed(partial(self._gateway().dispute.search, received))
        for page in _pages(found.disputes.items, lambda one: parser.dispute(one, self._console)):
            if rows := tuple(one for one in page if since <= (one.opened_at or one.at) < until):
                yield rows

    def _gateway(self) -> braintree.BraintreeGateway:
        """A new one for each list: a gateway keeps what it was last searched for, and asks for every page by that."""
        return braintree.BraintreeGateway(config=self._configuration)

    def _find(self, id_: str) -> Any | None:
        try:
            return _asked(partial(self._gateway().transaction.find, id_))
        except NotFound:
            return None

    def _dispute(self, id_: str) -> tuple[ProcessorObject, ...]:
        try:
            found = _asked(partial(self._gateway().dispute.find, id_))
        except NotFound:
            return ()
        return (_undated(_whole(parser.dispute(found, self._console))),)

    def _charge(self, found: Any) -> ProcessorObject | None:
        read = parser.transaction(found, self._console)
        settled = parser.settled_at(found)
        return read and replace(read, opened_at=parser.created_at(found), settles_at=settled)

    def _refund(self, found: Any) -> ProcessorObject | None:
        """A credit; without a refunded transaction it has no reference."""
        read, of = self._charge(found), parser.refunded_id(found)
        if read is None:
            return None
        voided = str(getattr(found, "status", "")) == "voided"
        return replace(
            read,
            kind=Kind.REFUND,
            status=Status.CANCELED if voided else read.status,
            references=(of,) if of else (),
            refunded=None,
            refundable=None,
        )


def _undated(found: ProcessorObject) -> ProcessorObject:
    """How it stands the notifications say, which are dated; it was asked what it is about."""
    return replace(found, status=None, stage=None)


def _created(kind: Kind, first: int, last: int) -> tuple[Any, Any]:
    type_ = braintree.Transaction.Type.Sale if kind is Kind.CHARGE else braintree.Transaction.Type.Credit
    search = braintree.TransactionSearch
    within = (datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(last, UTC))
    return search.type == type_, search.created_at.between(*within)


def _pages(found: Iterator[Any], read: Callable[[Any], ProcessorObject | None]) -> Iterator[Page]:
    """The SDK asks for the next page while one goes through the last."""
    while rows := _listed(lambda: tuple(_whole(read(one)) for one in islice(found, PAGE))):
        yield rows


def _whole(found: ProcessorObject | None) -> ProcessorObject:
    if found is None:
        raise _TROUBLE.unreadable()
    return found


def _listed(ask: Callable[[], T]) -> T:
    return _TROUBLE.must_be_there(lambda: _asked(ask))


def _asked(ask: Callable[[], T]) -> T:
    """Raises NotThere or one of our errors."""
    try:
        return ask()
    except NotFoundError as error:
        raise NotFound from error
    except BraintreeError as error:
        raise _TROUBLE.of_status(_BY_CLASS.get(type(error), HTTPStatus.BAD_GATEWAY)) from error
    except requests.RequestException as error:
        raise _TROUBLE.of_network(error) from error
    except (ExpatError, ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise _TROUBLE.unreadable() from error


def _environment(settings: Settings) -> braintree.Environment:
    if settings.api_url is None:
        return braintree.Environment.parse_environment(settings.environment)
    parts = urlsplit(settings.api_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or (parts.scheme == "https") != (port == 443)
    ):
        raise SetupError(
            f"BRAINTREE_API_URL is {settings.api_url!r}; it must be like https://gateway.example.com (port 443) or, "
            "for a sandbox on this machine, http://127.0.0.1:<port>."
        )
    secure = parts.scheme == "https"
    return braintree.Environment(
        "custom", parts.hostname, str(port), settings.api_url, secure, _CERTIFICATES if secure else False
    )
