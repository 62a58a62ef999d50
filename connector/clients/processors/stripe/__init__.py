"""Stripe: the charge behind a dispute, refund or warning, by its own id or its payment intent's; and the lists of all.
What is in a connected account (Stripe Connect) is asked for in that account, and the lists are those of the merchant's
own account and of the connected ones that the settings name.

Official SDK (16.1), without its own retries: ours are the ledger's. https://docs.stripe.com/api/charges/object
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Any, Final, NamedTuple, TypeVar

import requests
import stripe

from connector.clients.errors import ErrorFactory, NotFound
from connector.clients.processors.base import TIMEOUTS, Page, ProcessorClient
from connector.clients.processors.parsing import ids, must_list, part, second
from connector.clients.processors.stripe import parser
from connector.clients.processors.stripe.parser import NAME
from connector.errors import Permanent
from connector.mappers.stripe_statuses import charge_of_intent
from connector.models.facts import Kind, ProcessorObject, Status
from connector.sources.stripe import INFO, Settings

__all__ = ["NAME", "StripeApi", "configured"]

PAGE: Final = 100
"""Stripe gives no more at once."""

T = TypeVar("T")

_TROUBLE: Final = ErrorFactory.of(INFO)
_CHARGES: Final = ("ch_", "py_")
_INTENTS: Final = ("pi_",)
_MISSING: Final = "resource_missing"
_NO_ACCESS: Final = "account_invalid"
"""The key may not read this connected account, which says nothing of any other. https://docs.stripe.com/error-codes"""


class _List(NamedTuple):
    """One of Stripe's lists. ``beside``: what is to come with each object, in the place of its id."""

    name: str
    read: Callable[[Mapping[str, Any], str | None], ProcessorObject | None]
    beside: str


_LISTS: Final[Mapping[Kind, _List]] = {
    Kind.CHARGE: _List(
        "charges",
        lambda one, account: parser.charge(one, part(one.get("payment_intent")), account),
        "data.payment_intent",
    ),
    Kind.REFUND: _List("refunds", parser.refund, "data.charge"),
    Kind.DISPUTE: _List("disputes", parser.dispute, "data.charge"),
}


def configured(settings: Settings) -> ProcessorClient | None:
    """The client; None without a key."""
    return StripeApi(settings) if settings.api_key else None


class StripeApi:
    """One Stripe account, and those connected to it."""

    lists = frozenset(_LISTS)

    def __init__(self, settings: Settings) -> None:
        self._accounts = (None, *settings.connected_accounts)
        self._stripe = stripe.StripeClient(
            settings.api_key,
            base_addresses={"api": settings.api_url.rstrip("/")} if settings.api_url else {},
            max_network_retries=0,
            http_client=stripe.RequestsClient(timeout=TIMEOUTS),
        )

    def look_up(self, item: ProcessorObject, /) -> tuple[ProcessorObject, ...]:
        """One call: the charge where its id is known, else the latest of the payment intent."""
        known = ids(item, {Kind.CHARGE})
        for prefixes, ask in ((_CHARGES, self._charge), (_INTENTS, self._intent)):
            id_ = next((one for one in known if one.startswith(prefixes)), None)
            if id_ is not None:
                try:
                    found = _asked(partial(ask, id_, item.account), item.account)
                except NotFound:
                    return ()
                return () if found is None else (_dated(found),)
        return ()

    def listed(self, kind: Kind, since: datetime, until: datetime) -> Iterator[Page]:
        """Account by account, in each the newest first, as Stripe lists."""
        must_list(kind, self.lists)
        window = {"gte": second(since), "lt": second(until)}
        for account in self._accounts:
            yield from self._listed(_LISTS[kind], window, account)

    def _listed(self, one: _List, window: Mapping[str, int], account: str | None) -> Iterator[Page]:
        wanted = {"created": window, "limit": PAGE, "expand": [one.beside]}
        service = getattr(self._stripe.v1, one.name)
        page = _listed(partial(service.list, wanted, _options(account)), account)
        while rows := _listed(partial(_read, page, one, account), account):
            yield rows
            if page.to_dict().get("has_more") is not True:
                return
            page = _listed(partial(page.next_page, **_options(account)), account)

    def _charge(self, id_: str, account: str | None) -> ProcessorObject | None:
        wanted: Any = {"expand": ["payment_intent"]}
        charge = self._stripe.v1.charges.retrieve(id_, wanted, _options(account)).to_dict()
        return parser.charge(charge, part(charge.get("payment_intent")), account)

    def _intent(self, id_: str, account: str | None) -> ProcessorObject | None:
        wanted: Any = {"expand": ["latest_charge"]}
        intent = self._stripe.v1.payment_intents.retrieve(id_, wanted, _options(account)).to_dict()
        return parser.charge(charge_of_intent(intent), intent, account)


def _options(account: str | None) -> Any:
    """Request options for the connected account; none for the account of the key."""
    return {"stripe_account": account} if account else {}


def _dated(found: ProcessorObject) -> ProcessorObject:
    """Drops the status ``pending``: ``created`` of a bank debit is not the time of its current status."""
    return replace(found, status=None) if found.status is Status.PENDING else found


def _read(page: Any, one: _List, account: str | None) -> Page:
    return tuple(_whole(one.read(part(row), account)) for row in page.to_dict()["data"])


def _whole(found: ProcessorObject | None) -> ProcessorObject:
    if found is None:
        raise ValueError("without its id or its time")
    return replace(found, opened_at=found.at)


def _listed(ask: Callable[[], T], account: str | None) -> T:
    return _TROUBLE.must_be_there(lambda: _asked(ask, account))


def _asked(ask: Callable[[], T], account: str | None) -> T:
    """Raises NotThere or one of our errors."""
    try:
        return ask()
    except stripe.StripeError as error:
        raise _refused(error, account) from error
    except (ValueError, TypeError, AttributeError, KeyError):
        raise _TROUBLE.unreadable() from None


def _refused(error: stripe.StripeError, account: str | None) -> Exception:
    if account and (error.http_status == HTTPStatus.FORBIDDEN or error.code == _NO_ACCESS):
        return Permanent(
            f"Stripe does not let this key read the connected account {account}: connect it again, give a restricted "
            "key the permission, or take the account out of STRIPE_CONNECTED_ACCOUNTS.",
            code=error.code or str(error.http_status),
        )
    if error.code == _MISSING:
        return NotFound(_MISSING)
    if isinstance(error, stripe.APIConnectionError):
        return _TROUBLE.of_network(error.__cause__ or error)
    if error.http_status is None or error.http_status < HTTPStatus.BAD_REQUEST:
        return _TROUBLE.unreadable()
    # An invalid id is no object either: Stripe answers 404 with resource_missing, above.
    return _TROUBLE.of_status(error.http_status, error.code or "", _retry_after(error))


def _retry_after(error: stripe.StripeError) -> float | None:
    headers = requests.structures.CaseInsensitiveDict(error.headers or {})
    value = str(headers.get("Retry-After") or "")
    return float(value) if value.isdecimal() else None
