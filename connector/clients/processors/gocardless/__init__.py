"""GoCardless: amount and customer, which events lack; and the lists of payments and refunds.

A payment names its mandate, a mandate its customer: two calls at most. Where one object is looked up its status is
left to the events, which date each step; the API says how things stand and not since when. A chargeback is no object
of its own here but a payment's status.

Official SDK (3.22), without its own retries. https://developer.gocardless.com/api-reference/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any, Final, TypeVar

import requests
from gocardless_pro import services
from gocardless_pro.api_client import ApiClient
from gocardless_pro.errors import ApiError, GoCardlessProError, MalformedResponseError

from connector.clients.errors import ErrorFactory, NotFound
from connector.clients.processors.base import TIMEOUTS, Page, ProcessorClient
from connector.clients.processors.gocardless import parser
from connector.clients.processors.gocardless.parser import NAME, Attributes
from connector.clients.processors.parsing import ids, must_list, part, word
from connector.errors import CasewireError
from connector.models.facts import Kind, ProcessorObject
from connector.sources.gocardless import INFO, Settings

__all__ = ["NAME", "GocardlessApi", "configured"]

PAGE: Final = 500
"""GoCardless gives no more at once."""

T = TypeVar("T")
Read = Callable[[Attributes], ProcessorObject | None]

_TROUBLE: Final = ErrorFactory.of(INFO)
_HOSTS: Final = {True: "https://api.gocardless.com", False: "https://api-sandbox.gocardless.com"}
_ONE_ATTEMPT: Final = 1


def configured(settings: Settings) -> ProcessorClient | None:
    """The client; None without an access token."""
    return GocardlessApi(settings) if settings.access_token else None


class GocardlessApi:
    """One GoCardless account."""

    lists = frozenset({Kind.CHARGE, Kind.REFUND})

    def __init__(self, settings: Settings) -> None:
        url = settings.api_url or _HOSTS[settings.live]
        api = ApiClient(url, settings.access_token, timeout=TIMEOUTS)
        self._payments = services.PaymentsService(api, _ONE_ATTEMPT)
        self._refunds = services.RefundsService(api, _ONE_ATTEMPT)
        self._payouts = services.PayoutsService(api, _ONE_ATTEMPT)
        self._mandates = services.MandatesService(api, _ONE_ATTEMPT)

    def look_up(self, item: ProcessorObject, /) -> tuple[ProcessorObject, ...]:
        """The payment with its customer; a refund or payout with its amount; a mandate with its customer."""
        try:
            if item.kind in self._OTHERS:
                return self._OTHERS[item.kind](self, item.id)
            known = (one for one in ids(item, {Kind.CHARGE, Kind.DISPUTE}) if one.startswith("PM"))
            payment = next(known, None)
            return self._payment(payment, item.customer) if payment else ()
        except NotFound:
            return ()

    def listed(self, kind: Kind, since: datetime, until: datetime) -> Iterator[Page]:
        """The newest first, as GoCardless lists."""
        must_list(kind, self.lists)
        service, read = self._lists(kind)
        window = {"created_at[gte]": _time(since), "created_at[lt]": _time(until), "limit": PAGE}
        after: str | None = ""
        while after is not None:
            wanted = {**window, "after": after} if after else window
            rows, after = _listed(partial(_page, service, wanted, read))
            if rows:
                yield rows

    def _lists(self, kind: Kind) -> tuple[Any, Read]:
        if kind is Kind.CHARGE:
            return self._payments, parser.payment
        return self._refunds, parser.refund

    def _payment(self, id_: str, customer: str | None) -> tuple[ProcessorObject, ...]:
        found = _found(self._payments, id_)
        mandate = word(part(found.get("links")).get("mandate"))
        customer = customer or self._customer(mandate)
        return (replace(_without_status(Kind.CHARGE, found), references=(id_,), customer=customer),)

    def _customer(self, mandate: str | None) -> str | None:
        """The mandate's customer. Without a mandate (or if it is gone) what was learnt of the payment still holds."""
        if mandate is None:
            return None
        try:
            return word(part(_found(self._mandates, mandate).get("links")).get("customer"))
        except NotFound:
            return None

    def _refund(self, id_: str) -> tuple[ProcessorObject, ...]:
        """The refund, and the payment it refunds."""
        found = _found(self._refunds, id_)
        payment = word(part(found.get("links")).get("payment"))
        refund = replace(_without_status(Kind.REFUND, found), references=(payment,) if payment else ())
        if payment is None:
            return (refund,)
        try:
            behind = _without_status(Kind.CHARGE, _found(self._payments, payment))
        except NotFound:
            return (refund,)
        return (refund, replace(behind, references=(payment,)))

    def _payout(self, id_: str) -> tuple[ProcessorObject, ...]:
        if not id_.startswith("PO"):  # a bounce that names its creditor only
            return ()
        return (_without_status(Kind.PAYOUT, _found(self._payouts, id_)),)

    def _mandate(self, id_: str) -> tuple[ProcessorObject, ...]:
        found = _found(self._mandates, id_)
        customer = word(part(found.get("links")).get("customer"))
        network = word(found.get("scheme"))
        return (replace(_without_status(Kind.MANDATE, found), customer=customer, network=network),)

    _OTHERS: Final = {Kind.REFUND: _refund, Kind.PAYOUT: _payout, Kind.MANDATE: _mandate}


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _page(service: Any, wanted: Mapping[str, Any], read: Read) -> tuple[Page, str | None]:
    """One page, and where the next begins; None after the last."""
    answer = service.list(params=wanted)
    rows = tuple(_whole(read(part(one.attributes))) for one in answer.records)
    return rows, answer.after


def _whole(found: ProcessorObject | None) -> ProcessorObject:
    if found is None:
        raise ValueError("without its id or its time")
    return replace(found, opened_at=found.at)


def _without_status(kind: Kind, found: Attributes) -> ProcessorObject:
    read = parser.told(kind, found)
    if read is None:
        raise _TROUBLE.unreadable()
    return read


def _found(service: Any, id_: str) -> Attributes:
    """One call, as the attributes of what was found; under the id it was asked for."""
    return {**_asked(lambda: part(service.get(id_).attributes)), "id": id_}


def _listed(ask: Callable[[], T]) -> T:
    return _TROUBLE.must_be_there(lambda: _asked(ask))


def _asked(ask: Callable[[], T]) -> T:
    """Raises NotThere or one of our errors."""
    try:
        return ask()
    except ApiError as error:
        raise _refused(error) from error
    except MalformedResponseError as error:
        status = error.status_code or 0
        bad = status >= HTTPStatus.BAD_REQUEST
        raise (_TROUBLE.of_status(status) if bad else _TROUBLE.unreadable()) from error
    except GoCardlessProError as error:  # an id that cannot be part of an address, or an error of a new type
        raise _TROUBLE.refused(type(error).__name__, "bad_reference") from error
    except requests.RequestException as error:
        raise _TROUBLE.of_network(error) from error
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise _TROUBLE.unreadable() from error


def _refused(error: ApiError) -> Exception:
    code = error.code if isinstance(error.code, int) else HTTPStatus.BAD_GATEWAY
    found = _TROUBLE.of_status(code, word(error.type) or "")
    return found if isinstance(found, CasewireError | NotFound) else _TROUBLE.unreadable()
