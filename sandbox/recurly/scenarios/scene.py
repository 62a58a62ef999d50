"""One account living through a story: its clock, what it holds, and what was announced about it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from sandbox.recurly.ids import Ids
from sandbox.recurly.notifications import Notification
from sandbox.recurly.objects import (
    Account,
    CreditPayment,
    Gateway,
    Invoice,
    PaymentMethod,
    Plan,
    Subscription,
    Thing,
    Transaction,
)
from sandbox.recurly.scenarios.people import REFERENCES, Persona
from sandbox.recurly.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T", Account, Subscription, Invoice, Transaction, CreditPayment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """What a story is about, in money and means. ``days``: the length of a billing period. ``tenure_days``: how
    long it was a customer before. ``persona``: a slug; without one, chance decides."""

    plan: Plan
    price: str
    currency: str = "USD"
    gateway: Gateway
    method: PaymentMethod | None
    days: int = 30
    tenure_days: int = 400
    quantity: int = 1
    collection_method: str = "automatic"
    net_terms: int = 0
    po_number: str | None = None
    persona: str | None = None


class Scene:
    """The verbs of a story (``doings``) work on this. The latest object of each kind is the one meant."""

    def __init__(
        self, store: Store, site_name: str, ids: Ids, note_ids: Ids, cast: Cast, persona: Persona, code: str
    ) -> None:
        self.store, self.site_name, self.ids, self.cast = store, site_name, ids, cast
        self.persona, self.code = persona, code
        self.notes: list[Notification] = []
        self._note_ids = note_ids
        self._quiet = False
        self._now = datetime.min.replace(tzinfo=UTC)
        self._latest: dict[str, str] = {}

    @property
    def now(self) -> datetime:
        return self._now

    def move_to(self, moment: datetime) -> None:
        self._now = moment

    def tick(self) -> datetime:
        """No two changes, and no two notifications, of a scene fall into the same second."""
        self._now += timedelta(seconds=1)
        return self._now

    @contextmanager
    def unannounced(self) -> Iterator[None]:
        """What happened before the story began."""
        self._quiet = True
        yield
        self._quiet = False

    def add(self, thing: T) -> T:
        self._latest[thing.object] = thing.id
        return self.store.add(thing)

    def change(self, thing: T, **changes: Any) -> T:
        self._latest[thing.object] = thing.id
        # mypy cannot see that replace keeps the type of a constrained variable
        changed: T = replace(thing, **changes)
        return self.store.change(changed, self.tick())

    def announce(self, kind: str, about: Thing, *beside: Thing) -> None:
        at = self.tick()
        if self._quiet:
            return
        account = self.store.owner(self.account_id)
        id_ = self._note_ids.id()
        note = Notification(id=id_, kind=kind, event_time=at, account=account, about=about, beside=beside)
        self.notes.append(note)

    def take_notes(self) -> list[Notification]:
        """What was announced since this was last asked."""
        taken, self.notes = self.notes, []
        return taken

    def number(self) -> int:
        number = self.ids.number()
        while self.store.has_number(number):
            number = self.ids.number()
        return number

    def reference(self) -> str:
        """What the gateway calls a payment, in its own manner."""
        prefix, length, upper = REFERENCES.get(self.cast.gateway.type, ("", 10, False))
        drawn = self.ids.short(length)
        return prefix + (drawn.upper() if upper else drawn)

    @property
    def price(self) -> Decimal:
        return Decimal(self.cast.price)

    @property
    def method(self) -> PaymentMethod | None:
        """How the account pays now."""
        info = self.account.billing_info
        return info.method if info else None

    @property
    def account_id(self) -> str:
        return self._latest["account"]

    @property
    def account(self) -> Account:
        return self.store.must(Account, self.account_id)

    @property
    def subscription(self) -> Subscription:
        return self._now_of(Subscription)

    @property
    def invoice(self) -> Invoice:
        """The charge invoice meant."""
        return self._now_of(Invoice)

    @property
    def payment(self) -> Transaction:
        return self._now_of(Transaction)

    def subscriptions(self) -> list[Subscription]:
        return self.store.rows(Subscription, account_id=self.account_id)

    def invoices(self) -> list[Invoice]:
        return self.store.rows(Invoice, account_id=self.account_id)

    def mean(self, thing: Thing) -> None:
        """From here on, this is the one meant of its kind."""
        self._latest[thing.object] = thing.id

    def resume(self, account: Account) -> None:
        """Go on with an account that exists, and its latest objects."""
        self._latest["account"] = account.id
        payments = self.store.rows(Transaction, account_id=account.id)
        rows: list[Thing] = [*self.subscriptions(), *self.invoices(), *payments]
        for row in rows:
            self.mean(row)

    def _now_of(self, kind: type[T]) -> T:
        return self.store.must(kind, self._latest[kind.object])


Doing = Callable[[Scene], None]
