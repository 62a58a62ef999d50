"""One account living through a story: its clock, what it holds, and what was announced about it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from sandbox.processors import store as processing
from sandbox.processors.events import Delivery, Moment
from sandbox.processors.objects import Charge, Dispute, FraudWarning, Mandate, Payout, Refund
from sandbox.processors.objects import Thing as Processed
from sandbox.processors.sources import SOURCES
from sandbox.recurly.ids import Ids, draw
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
from sandbox.recurly.scenarios.people import PROCESSORS, REFERENCES, REFUND_PREFIXES, Persona
from sandbox.recurly.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T", Account, Subscription, Invoice, Transaction, CreditPayment)
P = TypeVar("P", Charge, Refund, Dispute, Payout, FraudWarning, Mandate)
Note = Notification | Delivery
"""Something to be sent: a notification of Recurly's, or a delivery of a processor's."""


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


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a play takes place: a Recurly site, and the processors its payments go through."""

    store: Store
    site_name: str
    processors: processing.Store


class Scene:
    """The verbs of a story (``doings``) work on this. The latest object of each kind is the one meant.

    ``place``: which of the accounts of its play this is, from 0.
    """

    def __init__(
        self, stage: Stage, ids: Ids, note_ids: Ids, cast: Cast, persona: Persona, code: str, place: int = 0
    ) -> None:
        self.store, self.site_name, self.processors = stage.store, stage.site_name, stage.processors
        self.ids, self.cast, self.place = ids, cast, place
        self.persona, self.code = persona, code
        self.notes: list[Note] = []
        self._held: list[Note] = []
        self._note_ids = note_ids
        # a code is played once on a site, so it is seed enough for what processors draw
        self._chance = draw("processing", code)
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

    def tell(self, what: str, thing: Processed) -> None:
        """The processor says that something happened. Raises KeyError for what it never tells of."""
        at = self.tick()
        if self._quiet:
            return
        charge = self._latest.get("charge")
        paid = None if charge is None else self.processors.must(Charge, self.processor, charge)
        moment = Moment(at=at, thing=thing, charge=paid, draw=self.draw)
        event = SOURCES[self.processor].says[what](moment)
        id_ = event.id or f"{event.source}:{event.kind}:{event.object_id}:{event.at:%Y%m%dT%H%M%S}"
        self.notes.append(Delivery(id=id_, lane=self.code, events=(event,)))

    def draw(self, length: int, alphabet: str) -> str:
        """Characters by chance, for what is of the processor's making."""
        return "".join(self._chance.choices(alphabet, k=length))

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """It happens now and is announced later: with ``catch_up``."""
        first = len(self.notes)
        yield
        self._held += self.notes[first:]
        del self.notes[first:]

    def catch_up(self) -> None:
        self.notes += self._held
        self._held.clear()

    def take_notes(self) -> list[Note]:
        """What was announced since this was last asked."""
        taken, self.notes = self.notes, []
        return taken

    def number(self) -> int:
        number = self.ids.number()
        while self.store.has_number(number):
            number = self.ids.number()
        return number

    def reference(self, of: str = "payment") -> str:
        """What the gateway calls a payment, or a refund, in its own manner."""
        prefix, length, manner = REFERENCES.get(self.cast.gateway.type, ("", 10, "lower"))
        if of == "refund":
            prefix = REFUND_PREFIXES.get(prefix, prefix)
        if manner == "digits":
            return prefix + self.ids.digits(length)
        drawn = self.ids.short(length)
        return prefix + (drawn.upper() if manner == "upper" else drawn)

    @property
    def processor(self) -> str:
        """The source behind the gateway of this account."""
        return PROCESSORS[self.cast.gateway.type]

    def keep(self, thing: P) -> P:
        """A new object at the processor, or a new version of one; it is the one meant from here on."""
        self._latest[thing.object] = thing.id
        return self.processors.put(thing)

    def at_processor(self, kind: type[P]) -> P:
        """The one meant of this kind."""
        return self.processors.must(kind, self.processor, self._latest[kind.object])

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
