"""Facts: everything that a decision knows. Frozen values, one shape for every source.

Amounts are ``Decimal`` in major units with their currency; times are aware UTC, and on the clock of their site while
a plan is decided (``local_time.py``). ``None`` means the source did not say, never zero. Snapshots in the ledger hold
these values as JSON (``ledger/snapshots.py``).

``billing.py``: objects of the billing system; ``processor_objects.py``: objects of the payment processors;
``observation_merge.py``: the present state of a processor's object, from all observations; ``linking.py``: the
Salesforce record of an account; ``discrepancies.py``: differences between the systems about the same money.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from enum import StrEnum

from connector.models.billing import (
    Account,
    BillingObject,
    CreditPayment,
    Invoice,
    Money,
    Payment,
    PaymentMethod,
    Subscription,
)
from connector.models.discrepancies import (
    Difference,
    Discrepancies,
    Discrepancy,
    DiscrepancyState,
    DisplayedRow,
    Movement,
)
from connector.models.linking import Candidate, Link, LinkState
from connector.models.processor_objects import Kind, ProcessorObject, Stage, Status

__all__ = [
    "Account",
    "BillingObject",
    "Candidate",
    "CreditPayment",
    "DeletedObject",
    "Difference",
    "Discrepancies",
    "Discrepancy",
    "DiscrepancyState",
    "DisplayedRow",
    "ExistingCase",
    "Facts",
    "Incident",
    "Invoice",
    "Kind",
    "Link",
    "LinkState",
    "Money",
    "Movement",
    "Payment",
    "PaymentMethod",
    "ProcessorObject",
    "Stage",
    "Status",
    "SubjectKind",
    "Subscription",
    "TimelineEvent",
]


class SubjectKind(StrEnum):
    """What a subject is."""

    ACCOUNT = "account"
    OBJECT = "object"
    """A processor's object that is joined to no account yet."""
    PAYEE = "payee"
    """Who gets payouts from one processor."""
    GATEWAY = "gateway"
    """A gateway of one billing site, of which incidents tell."""
    DISCREPANCY = "discrepancy"
    """One class of discrepancies of one billing site."""


@dataclass(frozen=True, slots=True)
class DeletedObject:
    """An object its source no longer has (404 after a delete or a redaction). A fact, not an error."""

    object: str
    ref: str


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """An event of this account, as the timeline needs it. ``refs``: every form its objects go by."""

    source: str
    event_id: str
    kind: str
    occurred_at: datetime
    refs: tuple[str, ...]
    on_timeline: bool


@dataclass(frozen=True, slots=True)
class ExistingCase:
    """What Salesforce says about one of our cases, read just before deciding.

    ``state`` is ``Billing_State__c``, which only the connector writes: ``open`` or ``resolved``. ``closed`` is
    Salesforce's own ``IsClosed``, so an agent's closing and ours can be told apart. ``escalation``: the policy's
    step that was reached. ``in_queue``: no person has taken it yet. ``subject``: whose it was when it was last
    written: not its account's while that was not known. ``account_id``: the CRM account it hangs on, which a person
    may have chosen. ``priority``: as it is now; None where it was not asked for, as for a case that is not
    escalated.
    """

    id: str
    key: str
    rule: str
    state: str
    closed: bool
    closed_at: datetime | None
    escalation: int = 0
    in_queue: bool = True
    subject: str = ""
    account_id: str | None = None
    priority: str | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """Payments of many accounts failed through one gateway in a short time, for no fault of theirs.

    Moments are those of the payments. ``ended_at`` is None while it lasts. ``id`` never changes, though late news
    may move the beginning. ``case_key``: the newest case of its gateway.
    """

    source: str
    site: str
    gateway: str
    id: str
    started_at: datetime
    last_failure_at: datetime
    ended_at: datetime | None
    accounts: int
    failed: int
    succeeded: int
    case_key: str | None = None

    def covers(self, gateway: str | None, at: datetime | None) -> bool:
        """Whether a failure of this moment belongs to it."""
        end = self.ended_at or datetime.max.replace(tzinfo=self.started_at.tzinfo)
        return gateway == self.gateway and at is not None and self.started_at <= at <= end


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is read for one decision.

    ``subject`` is its key; for an account ``recurly:<site>:account:<code>``. ``account`` is None while its source
    has not told us of it, and for every other kind of subject; ``gone`` is True once the source says it no longer
    exists. ``objects``: what processors told of, joined to this account; or the one that is not joined yet; or the
    payouts of a payee. ``incidents``: those of the account's site, or of the gateway. ``link``: the account's record in
    the CRM; None where nobody looked for one. ``discrepancies``: of the class that the subject is; None for every other
    subject, and where there never was one. ``zone``: of the site's clock, on which the moments are for a decision
    (``connector/models/local_time.py``).
    """

    subject: str
    source: str
    site: str
    code: str
    now: datetime
    account: Account | None = None
    gone: bool = False
    subscriptions: tuple[Subscription, ...] = ()
    invoices: tuple[Invoice, ...] = ()
    payments: tuple[Payment, ...] = ()
    credit_payments: tuple[CreditPayment, ...] = ()
    events: tuple[TimelineEvent, ...] = ()
    cases: tuple[ExistingCase, ...] = field(default=())
    about: SubjectKind = SubjectKind.ACCOUNT
    objects: tuple[ProcessorObject, ...] = ()
    incidents: tuple[Incident, ...] = ()
    link: Link | None = None
    discrepancies: Discrepancies | None = None
    zone: tzinfo = UTC

    def of(self, kind: Kind) -> tuple[ProcessorObject, ...]:
        """The processors' objects of one kind, the oldest first."""
        found = (item for item in self.objects if item.kind is kind)
        return tuple(sorted(found, key=lambda item: (item.opened_at or item.at, item.source, item.id)))
