"""Lists: filters, order and pages with a cursor.

The cursor is the place in the order (time and id of the last row), not a count: a row changed while somebody
pages by ``updated_at`` moves to the end and is told again, as with Recurly.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Final, Generic, TypeVar
from urllib.parse import urlencode

from sandbox.recurly.objects import Account, CreditPayment, Invoice, Subscription, Transaction
from sandbox.recurly.refusals import bad
from sandbox.recurly.store import Key, Store

T = TypeVar("T", Account, Subscription, Invoice, Transaction, CreditPayment)
Filter = Callable[[Store, str], Callable[[T], bool]]
Asked = Mapping[str, str]

MOST: Final = 200


@dataclass(frozen=True)
class Listing(Generic[T]):
    """One kind of list: what it holds and how it may be narrowed. ``by_ids``: whether it knows ``ids=``."""

    kind: type[T]
    filters: Mapping[str, Filter[T]]
    by_ids: bool = True


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    rows: list[T]
    next: str | None


@dataclass(frozen=True)
class _Query(Generic[T]):
    """What was asked for: places ``low`` to ``high`` of the rows, oldest first, and what they must pass."""

    rows: Sequence[T]
    keys: Sequence[Key]
    low: int
    high: int
    descending: bool
    tests: tuple[Callable[[T], bool], ...]

    def matching(self) -> Iterator[tuple[Key, T]]:
        places = range(self.low, self.high)
        for place in reversed(places) if self.descending else places:
            row = self.rows[place]
            if all(test(row) for test in self.tests):
                yield self.keys[place], row


def page(listing: Listing[T], store: Store, path: str, asked: Asked, account_id: str | None) -> Page[T]:
    """Raises Refusal (400) for what Recurly would not accept."""
    if "ids" in asked:
        return Page(_by_ids(listing, store, asked, account_id), None)
    limit = _limit(asked)
    with store.held():
        found = list(islice(_query(listing, store, asked, account_id).matching(), limit + 1))
    more = len(found) > limit
    shown = found[:limit]
    return Page([row for _, row in shown], _next(path, asked, shown[-1][0]) if more else None)


def count(listing: Listing[T], store: Store, asked: Asked, account_id: str | None) -> int:
    """How many rows a list holds, whatever the page."""
    if "ids" in asked:
        return len(_by_ids(listing, store, asked, account_id))
    whole = {name: value for name, value in asked.items() if name != "cursor"}
    with store.held():
        query = _query(listing, store, whole, account_id)
        return sum(1 for _ in query.matching()) if query.tests else max(query.high - query.low, 0)


def _by_ids(listing: Listing[T], store: Store, asked: Asked, account_id: str | None) -> list[T]:
    if not listing.by_ids:
        raise bad("ids", "is not a parameter of this list")
    others = sorted(name for name in asked if name != "ids")
    if others:
        raise bad("ids", f"cannot be combined with {', '.join(others)}")
    ids = [id_ for id_ in asked["ids"].split(",") if id_]
    if len(ids) > MOST:
        raise bad("ids", f"cannot hold more than {MOST} ids")
    # plain ids only: a code or uuid in ids= is an unknown id, which is ignored
    found = [row for id_ in dict.fromkeys(ids) if (row := store.get(listing.kind, id_)) and row.id == id_]
    return [row for row in found if account_id in (None, row.account_id)]


def _query(listing: Listing[T], store: Store, asked: Asked, account_id: str | None) -> _Query[T]:
    field, descending = _sort(asked), _descending(asked)
    tests = tuple(
        listing.filters[name](store, value) for name, value in asked.items() if name in listing.filters
    )
    keys, rows = store.ordered(listing.kind, field, account_id)
    begin, end = _time(asked, "begin_time"), _time(asked, "end_time")
    low = 0 if begin is None else bisect_left(keys, (math.ceil(begin.timestamp()), ""))
    high = len(keys) if end is None else bisect_left(keys, (math.floor(end.timestamp()) + 1, ""))
    if "cursor" in asked:
        last = _cursor(asked["cursor"])
        low = low if descending else max(low, bisect_right(keys, last))
        high = min(high, bisect_left(keys, last)) if descending else high
    return _Query(rows, keys, low, high, descending, tests)


def _sort(asked: Asked) -> str:
    return _one_of("sort", asked.get("sort", "created_at"), ("created_at", "updated_at"))


def _descending(asked: Asked) -> bool:
    return _one_of("order", asked.get("order", "desc"), ("asc", "desc")) == "desc"


def _limit(asked: Asked) -> int:
    text = asked.get("limit", "20")
    if not text.isdigit() or not 1 <= int(text) <= MOST:
        raise bad("limit", f"must be between 1 and {MOST}")
    return int(text)


def _time(asked: Asked, name: str) -> datetime | None:
    """A time without a zone is UTC, as Recurly documents."""
    if name not in asked:
        return None
    try:
        # a '+' that was not quoted arrives as a space
        moment = datetime.fromisoformat(asked[name].replace(" ", "+"))
    except ValueError:
        raise bad(name, "is not an ISO 8601 time") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _cursor(text: str) -> Key:
    id_, _, moment = text.partition(":")
    if not moment.isdigit():
        raise bad("cursor", "is not valid")
    return int(moment), id_


def _next(path: str, asked: Asked, last: Key) -> str:
    carried = {name: value for name, value in asked.items() if name != "cursor"}
    return f"{path}?{urlencode({'cursor': f'{last[1]}:{last[0]}', **carried})}"


def _one_of(name: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise bad(name, f"must be one of {', '.join(known)}")
    return value


def _accounts() -> dict[str, Filter[Account]]:
    def email(store: Store, value: str) -> Callable[[Account], bool]:
        return lambda row: row.email == value

    def subscriber(store: Store, value: str) -> Callable[[Account], bool]:
        wanted = _one_of("subscriber", value, ("true", "false")) == "true"
        live = {s.account_id for s in store.rows(Subscription) if s.state not in ("expired", "failed")}
        return lambda row: (row.id in live) == wanted

    def past_due(store: Store, value: str) -> Callable[[Account], bool]:
        _one_of("past_due", value, ("true",))
        late = {i.account_id for i in store.rows(Invoice) if i.state == "past_due"}
        return lambda row: row.id in late

    return {"email": email, "subscriber": subscriber, "past_due": past_due}


def _subscriptions() -> dict[str, Filter[Subscription]]:
    live = ("active", "canceled", "future")

    def state(store: Store, value: str) -> Callable[[Subscription], bool]:
        _one_of("state", value, ("active", "canceled", "expired", "future", "in_trial", "live"))
        now = datetime.now(UTC)
        if value == "live":
            return lambda row: row.state in live
        if value == "in_trial":
            return lambda row: row.trial_ends_at is not None and row.trial_ends_at > now
        return lambda row: row.state == value

    return {"state": state}


def _invoices() -> dict[str, Filter[Invoice]]:
    states = ("pending", "processing", "past_due", "paid", "failed", "open", "closed", "voided")
    types: dict[str, tuple[str, ...]] = {"charge": ("charge",), "credit": ("credit",), "legacy": ("legacy",)}
    types["non-legacy"] = ("charge", "credit")

    def state(store: Store, value: str) -> Callable[[Invoice], bool]:
        _one_of("state", value, states)
        return lambda row: row.state == value

    def type_(store: Store, value: str) -> Callable[[Invoice], bool]:
        wanted = types[_one_of("type", value, tuple(types))]
        return lambda row: row.type in wanted

    return {"state": state, "type": type_}


def _transactions() -> dict[str, Filter[Transaction]]:
    types = ("authorization", "capture", "payment", "purchase", "refund", "verify")

    def type_(store: Store, value: str) -> Callable[[Transaction], bool]:
        _one_of("type", value, types)
        wanted = ("purchase", "capture") if value == "payment" else (value,)
        return lambda row: row.type in wanted

    def success(store: Store, value: str) -> Callable[[Transaction], bool]:
        wanted = _one_of("success", value, ("true", "false")) == "true"
        return lambda row: row.success == wanted

    return {"type": type_, "success": success}


ACCOUNTS: Final = Listing(Account, _accounts())
SUBSCRIPTIONS: Final = Listing(Subscription, _subscriptions())
INVOICES: Final = Listing(Invoice, _invoices())
TRANSACTIONS: Final = Listing(Transaction, _transactions())
CREDIT_PAYMENTS: Final = Listing(CreditPayment, {}, by_ids=False)
"""Recurly documents no ``ids=`` for this list; asking for it must not look as if it worked."""
