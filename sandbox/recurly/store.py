"""The objects of one Recurly site, found by every form of id the API knows, in every order it offers."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Final, TypeVar, cast

from sandbox.recurly.objects import Account, CreditPayment, Invoice, Subscription, Thing, Transaction

OBJECTS: Final = ("account", "subscription", "invoice", "transaction", "credit_payment")
Key = tuple[int, str]
"""A row's place in an order: epoch seconds, then its id."""
FIELDS: Final = ("created_at", "updated_at")
"""What an order may be by."""
T = TypeVar("T", Account, Subscription, Invoice, Transaction, CreditPayment)


class Store:
    """Every read and write is atomic; a write moves ``updated_at``."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._rows: dict[str, dict[str, Thing]] = {name: {} for name in OBJECTS}
        self._forms: dict[str, dict[str, str]] = {name: {} for name in OBJECTS}
        self._owned: dict[str, dict[str, list[str]]] = {name: defaultdict(list) for name in OBJECTS}
        self._departed: dict[str, Account] = {}
        self._orders: dict[tuple[str, str], tuple[list[Key], list[Thing]]] = {}

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nothing is written meanwhile: for who goes through rows that are in order."""
        with self._lock:
            yield

    def clear(self) -> None:
        with self._lock:
            self._departed.clear()
            self._orders.clear()
            for tables in (self._rows, self._forms, self._owned):
                for table in tables.values():
                    table.clear()

    def add(self, thing: T) -> T:
        """Raises KeyError where an id form is taken already."""
        with self._lock:
            forms = self._forms[thing.object]
            taken = [form for form in thing.forms if form in forms]
            if taken:
                raise KeyError(f"{thing.object} {taken[0]} exists already")
            forms.update(dict.fromkeys(thing.forms, thing.id))
            self._owned[thing.object][thing.account_id].append(thing.id)
            self._rows[thing.object][thing.id] = thing
            self._place(thing)
        return thing

    def change(self, thing: T, at: datetime) -> T:
        """Keep a new version of an object; ``updated_at`` is ``at``, or a second after the last version."""
        with self._lock:
            before = self._rows[thing.object][thing.id]
            moved = max(at, before.updated_at + timedelta(seconds=1))
            changed = replace(thing, updated_at=moved)
            self._unplace(before)
            self._rows[thing.object][thing.id] = changed
            self._place(changed)
        return changed

    def remove(self, account: Account) -> None:
        """Gone: no form of its id finds it any more. What it owned stays, and still names it."""
        with self._lock:
            self._departed[account.id] = account
            self._unplace(self._rows[account.object].pop(account.id))
            for form in account.forms:
                del self._forms[account.object][form]

    def owner(self, account_id: str) -> Account:
        """The account, also where it is gone itself."""
        with self._lock:
            found = self.get(Account, account_id)
            return self._departed[account_id] if found is None else found

    def knows(self, code: str) -> bool:
        """Whether an account of this code is there, or was."""
        with self._lock:
            gone = any(account.code == code for account in self._departed.values())
            return gone or f"code-{code}" in self._forms["account"]

    def get(self, kind: type[T], form: str) -> T | None:
        with self._lock:
            id_ = self._forms[kind.object].get(form)
            return None if id_ is None else cast(T, self._rows[kind.object][id_])

    def must(self, kind: type[T], form: str) -> T:
        found = self.get(kind, form)
        if found is None:
            raise KeyError(f"{kind.object} {form}")
        return found

    def rows(
        self, kind: type[T], keep: Callable[[T], bool] | None = None, account_id: str | None = None
    ) -> list[T]:
        """In the order in which they were added."""
        with self._lock:
            rows = self._rows[kind.object]
            ids = list(rows) if account_id is None else self._owned[kind.object].get(account_id, [])
            found = [cast(T, rows[id_]) for id_ in ids if id_ in rows]
        return found if keep is None else [row for row in found if keep(row)]

    def ordered(self, kind: type[T], field: str, account_id: str | None) -> tuple[list[Key], list[T]]:
        """Keys and rows by ``created_at`` or ``updated_at``, oldest first; not to be changed, and read while the store
        is ``held``.

        The whole-site orders are sorted once and kept in order at each write: a reader pages through a site of 100,000
        accounts while others change them.
        """
        with self._lock:
            if account_id is not None:
                return _ordered(self.rows(kind, account_id=account_id), field)
            if (kind.object, field) not in self._orders:
                keys, rows = _ordered(self.rows(kind), field)
                self._orders[kind.object, field] = (keys, cast(list[Thing], rows))
            keys, kept = self._orders[kind.object, field]
            return keys, cast(list[T], kept)

    def _place(self, thing: Thing) -> None:
        """Put it where it belongs in the orders that somebody has asked for."""
        for field in FIELDS:
            if (thing.object, field) in self._orders:
                keys, rows = self._orders[thing.object, field]
                key = _key(thing, field)
                place = bisect_left(keys, key)
                keys.insert(place, key)
                rows.insert(place, thing)

    def _unplace(self, thing: Thing) -> None:
        for field in FIELDS:
            if (thing.object, field) in self._orders:
                keys, rows = self._orders[thing.object, field]
                place = bisect_left(keys, _key(thing, field))
                del keys[place], rows[place]

    def has_number(self, number: int) -> bool:
        with self._lock:
            return f"number-{number}" in self._forms["invoice"]


def _ordered(rows: list[T], field: str) -> tuple[list[Key], list[T]]:
    pairs = sorted(((_key(row, field), row) for row in rows), key=itemgetter(0))
    return [key for key, _ in pairs], [row for _, row in pairs]


def _key(row: Thing, field: str) -> Key:
    moment: datetime = getattr(row, field)
    return int(moment.timestamp()), row.id
