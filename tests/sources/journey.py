"""The whole way of an event, from a signed delivery to what Salesforce gets, with nothing but values in between.

Each source has one table: kind → what a billing specialist finds in Salesforce after it. What a kind needs to have
come before (``after``) was told a day earlier each, and was decided on then: so a case that an event resolves was open.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sync.crm import MemoryCrm
from sync.processing import by_bank
from sync.world import account, card, facts, paid_invoice, payment, subscription

from connector.mappers import external_ids, match_keys
from connector.models.events import Event, Fate
from connector.models.facts import (
    ExistingCase,
    Facts,
    Kind,
    Payment,
    PaymentMethod,
    ProcessorObject,
    SubjectKind,
    TimelineEvent,
)
from connector.models.observation_merge import fold
from connector.models.plan import Change, Plan, Transition
from connector.policy import Policy
from connector.sync.decide.decide import decide

SENT_AT = datetime(2026, 11, 3, 11, 59, 58, tzinfo=UTC)
"""When the event of a row happened: two seconds before the deliveries' own now."""

POLICY = Policy()
CARD = card()
LATER = timedelta(hours=20)
"""Each decision is made so long after its event: longer than the policy waits for an account."""

RECORDS = ("Billing_Dispute__c", "Billing_Refund__c", "Billing_Payout__c")
NO_RECORD, NO_CASE = "no record", "no case"

Table = Mapping[str, "Row"]
Tell = Callable[[str, datetime], Event]
"""The one event of a signed delivery of this kind, of that moment."""


@dataclass(frozen=True)
class Row:
    """What Salesforce has after an event of a kind: ``record`` and how it stands; ``case``: what happens to which (by
    its problem), and with which outcome. ``after``: the kinds that came before. ``asked``: the payload names nothing
    its account could be found by: the processor's API is asked."""

    record: str
    case: str = NO_CASE
    after: tuple[str, ...] = ()
    asked: bool = False


@dataclass(frozen=True)
class Customer:
    """What Recurly knows: an account that is to pay by bank debit, and one payment, which the gateway knows too."""

    gateway: str
    reference: str
    more: tuple[str, ...] = ()
    currency: str = "USD"
    number: str = "1001"
    gateway_customers: tuple[str, ...] = ()
    paid_with: PaymentMethod = CARD

    def known(self) -> tuple[object, ...]:
        paid_at = SENT_AT - timedelta(days=9)
        return (
            account(payment_method=by_bank(), gateway_customers=self.gateway_customers, updated_at=paid_at),
            subscription(currency=self.currency),
            paid_invoice(
                number=self.number, currency=self.currency, closed_at=paid_at, subscription_ids=("sub1",)
            ),
            self._payment(paid_at),
        )

    def _payment(self, at: datetime) -> Payment:
        return payment(
            gateway=self.gateway,
            gateway_reference=self.reference,
            gateway_references=self.more,
            amount=Decimal("49.00"),
            currency=self.currency,
            invoice_number=self.number,
            payment_method=self.paid_with,
            created_at=at,
            updated_at=at,
        )


@dataclass(frozen=True)
class Landed:
    """What Salesforce has after the last event, and the plan that made it so."""

    crm: MemoryCrm
    plan: Plan
    event: Event
    objects: tuple[ProcessorObject, ...]

    @property
    def record(self) -> str:
        """The records of what the processor told, and how they stand."""
        found = [f"{kind} {row['Status__c']}" for kind in RECORDS for row in self.crm.of(kind).values()]
        return " + ".join(sorted(found)) or NO_RECORD

    @property
    def case(self) -> str:
        """What the last plan did to which case."""
        cases = [change for change in self.plan.changes if change.object == "Case"]
        return "; ".join(_happened(change) for change in cases) or NO_CASE

    @property
    def row(self) -> Change:
        """The event on the timeline."""
        key = external_ids.event(self.event.source, "", self.event.event_id)
        (found,) = [change for change in self.plan.changes if (change.object, change.key) == (_ROW, key)]
        return found


_ROW = "Billing_Event__c"


def travel(
    tell: Tell,
    kind: str,
    row: Row,
    customer: Customer,
    about: SubjectKind | None = None,
    later: timedelta = LATER,
) -> Landed:
    """From the payloads of a row to Salesforce, a decision ``later`` than each event."""
    before = [tell(one, SENT_AT - timedelta(days=len(row.after) - n)) for n, one in enumerate(row.after)]
    heard, crm, plan = [*before, tell(kind, SENT_AT)], MemoryCrm(), Plan("")
    about = about or (SubjectKind.PAYEE if heard[-1].carried[0].kind is Kind.PAYOUT else SubjectKind.ACCOUNT)
    for n in range(len(heard) + 1):
        now = (heard[max(n - 1, 0)].occurred_at or SENT_AT) + later
        known = facts if about is SubjectKind.ACCOUNT else _alone(heard[-1], about)
        told = [*customer.known(), *_told(heard[:n], joined=about is SubjectKind.ACCOUNT)]
        plan = decide(known(*told, *crm.cases(), now=now), POLICY)
        crm.apply(plan, now)
    return Landed(crm, plan, heard[-1], tuple(_objects(heard)))


def _alone(event: Event, about: SubjectKind) -> Callable[..., Facts]:
    """The facts of the one object an event is about, or of its payee."""
    named = event.carried[0]
    key = external_ids.payee(named.source, named.payee or "")
    if about is SubjectKind.OBJECT:
        key = external_ids.unjoined(named.source, named.kind, named.id)
    usual = {"subject": key, "source": named.source, "site": "", "code": named.id, "about": about}

    def known(*told: object, now: datetime) -> Facts:
        of_processors = (
            one for one in told if isinstance(one, ProcessorObject | TimelineEvent | ExistingCase)
        )
        return facts(*of_processors, account=None, now=now, **usual)

    return known


def _told(heard: Sequence[Event], joined: bool) -> Iterator[object]:
    for one in _objects(heard):
        yield one if joined else replace(one, joined_by="")
    for event in heard:
        refs = tuple(ref for pointer in event.pointers for ref in pointer.refs)
        at = event.occurred_at or SENT_AT
        written = event is not heard[-1]
        yield TimelineEvent(event.source, event.event_id, event.kind, at, refs, on_timeline=written)


def _objects(heard: Sequence[Event]) -> list[ProcessorObject]:
    """As the ledger reads them: what was told of each, as one."""
    told: dict[tuple[str, str], list[ProcessorObject]] = defaultdict(list)
    for one in (item for event in heard for item in event.carried):
        told[one.kind, one.id].append(one)
    return [
        replace(fold(group), joined_by="gateway reference", known_since=min(one.at for one in group))
        for group in told.values()
    ]


def _happened(change: Change) -> str:
    """``opens dispute``, ``resolves dispute: Won``, ``records dispute: Lost`` (over before anyone looked)."""
    problem = change.key.rsplit(":", 2)[1]
    ended = change.fields.get("Billing_State__c") == "resolved"
    verbs = {
        Transition.OPEN: "records" if ended else "opens",
        Transition.REOPEN: "reopens",
        Transition.RESOLVE: "resolves",
        None: "keeps",
    }
    return f"{verbs[change.transition]} {problem}" + (
        f": {change.fields['Billing_Outcome__c']}" if ended else ""
    )


# What is true of every row ----------------------------------------------------------------------------------------


def check(landed: Landed, row: Row, customer: Customer) -> None:
    """The event was worked, is on the timeline in words, and its account can be found as the row says."""
    assert landed.event.fate is Fate.HANDLED, landed.event.note
    _check_timeline(landed)
    if landed.event.carried[0].kind is not Kind.PAYOUT:
        assert _finds_its_account(landed, customer) is not row.asked


def _check_timeline(landed: Landed) -> None:
    """In words, about the object it names, and on the case of that object if it has one."""
    label, named = landed.row.fields["Name"], landed.event.carried[0]
    assert label
    assert landed.event.kind not in str(label)
    # Where one id is that of two objects (a payment and its review), the row is about the graver.
    assert landed.row.fields["About_Key__c"] in {
        external_ids.record(named.source, "", about, named.id) for about in Kind
    }
    cases = {key for key in landed.crm.of("Case") if f":{named.kind}:{named.id}:" in key}
    hung = landed.row.parents.get("Case__c")
    assert not cases or (hung and hung.key in cases)


def _finds_its_account(landed: Landed, customer: Customer) -> bool:
    """Whether what it says, or a charge that was told of, leads to the account without a question."""
    known = {key for one in customer.known() for key in match_keys.of_billing(one)}  # type: ignore[misc]
    charges = [one for one in landed.objects if one.kind is Kind.CHARGE]
    for _ in charges:
        known.update(*(forms for one in charges if known & {*(forms := match_keys.of_processor(one))}))
    about = landed.event.carried[0]
    (item,) = [one for one in landed.objects if (one.kind, one.id) == (about.kind, about.id)]
    return bool(known & {*match_keys.of_processor(item)})
