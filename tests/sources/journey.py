"""The whole way of an event, from a signed delivery to what Salesforce gets, with nothing but values in between.

Each source has one table: kind → what a billing specialist finds in Salesforce after it. What a kind needs to have
come before (``after``) was told a day earlier each, and was decided on then: so a case that an event resolves was open.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from connector.events import Event, Fate
from connector.facts import About, CaseSeen, Facts, Kind, Payment, ProcessorObject, SeenEvent
from connector.facts.folding import fold
from connector.mappers import keys, references
from connector.plan import Change, Parent, Plan, Transition
from connector.policy import Policy
from connector.sync.decide import decide
from sync.crm import MemoryCrm
from sync.processing import by_bank
from sync.world import account, facts, paid_invoice, payment, subscription

SENT_AT = datetime(2026, 11, 3, 11, 59, 58, tzinfo=UTC)
"""When the event of a row happened: two seconds before the deliveries' own now."""

POLICY = Policy()
LATER = timedelta(hours=20)
"""Each decision is made so long after its event: longer than the policy waits for an account."""

RECORDS = ("Billing_Dispute__c", "Billing_Refund__c", "Billing_Payout__c")
NO_RECORD, NO_CASE = "no record", "no case"

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
    """What Recurly knows: an account that pays by bank debit, and one payment, which the gateway knows too."""

    gateway: str
    reference: str
    more: tuple[str, ...] = ()
    currency: str = "USD"
    number: str = "1001"
    gateway_customers: tuple[str, ...] = ()

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
            payment_method=by_bank(),
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
        key = keys.event(self.event.source, "", self.event.event_id)
        (found,) = [change for change in self.plan.changes if (change.object, change.key) == (_ROW, key)]
        return found


_ROW = "Billing_Event__c"


def travel(tell: Tell, kind: str, row: Row, known: Sequence[object], about: About | None = None) -> Landed:
    """From the payloads of a row to Salesforce, a decision after each. ``known``: what Recurly told."""
    told = [tell(one, SENT_AT - timedelta(days=len(row.after) - n)) for n, one in enumerate(row.after)]
    heard, crm, plan = [*told, tell(kind, SENT_AT)], MemoryCrm(), Plan("")
    about = about or (About.PAYEE if heard[-1].carried[0].kind is Kind.PAYOUT else About.ACCOUNT)
    if about is About.ACCOUNT:
        crm.apply(decide(_facts((), known, crm.cases(), about, heard[0]), POLICY), SENT_AT)
    for n in range(len(heard)):
        plan = decide(_facts(heard[: n + 1], known, crm.cases(), about, heard[n]), POLICY)
        crm.apply(plan, _now(heard[n]))
    return Landed(crm, plan, heard[-1], tuple(_objects(heard)))


def _facts(
    heard: Sequence[Event], known: Sequence[object], cases: Iterable[CaseSeen], about: About, last: Event
) -> Facts:
    objects = _objects(heard)
    told = (*objects, *_seen(heard), *cases)
    if about is About.ACCOUNT:
        return facts(*known, *told, now=_now(last))
    first = last.carried[0]
    subject = (
        keys.payee(last.source, first.payee or "")
        if about is About.PAYEE
        else keys.unjoined(last.source, first.kind, first.id)
    )
    alone = {"subject": subject, "source": last.source, "site": "", "code": first.id, "about": about}
    return facts(*(replace_join(one) for one in told), **alone, account=None, now=_now(last))


def replace_join(one: object) -> object:
    """As it is while it has no account."""
    return replace(one, joined_by="") if isinstance(one, ProcessorObject) else one


def _now(event: Event) -> datetime:
    return (event.occurred_at or SENT_AT) + LATER


def _objects(heard: Sequence[Event]) -> list[ProcessorObject]:
    """As the ledger reads them: what was told of each, as one."""
    told: dict[tuple[str, str], list[ProcessorObject]] = defaultdict(list)
    for one in (item for event in heard for item in event.carried):
        told[one.kind, one.id].append(one)
    return [
        replace(fold(group), joined_by="gateway reference", known_since=min(one.at for one in group))
        for group in told.values()
    ]


def _seen(heard: Sequence[Event]) -> Iterator[SeenEvent]:
    for event in heard:
        refs = tuple(ref for pointer in event.pointers for ref in pointer.refs)
        yield SeenEvent(
            source=event.source,
            event_id=event.event_id,
            kind=event.kind,
            occurred_at=event.occurred_at or SENT_AT,
            refs=refs,
            on_timeline=event is not heard[-1],
        )


def _happened(change: Change) -> str:
    """``opens dispute``, ``resolves dispute: Won``, ``records dispute: Lost`` (over before anyone looked)."""
    problem = change.key.rsplit(":", 2)[1]
    ended = change.fields.get("Billing_State__c") == "resolved"
    verbs = {
        Transition.OPEN: "records" if ended else "opens",
        Transition.RESOLVE: "resolves",
        None: "keeps",
    }
    verb = verbs.get(change.transition) or str(change.transition)
    return f"{verb} {problem}" + (f": {change.fields['Billing_Outcome__c']}" if ended else "")


# What is true of every row ----------------------------------------------------------------------------------------


def check(tell: Tell, kind: str, row: Row, customer: Customer) -> None:
    """The row of a table is what Salesforce gets, and the event is on the timeline in words."""
    landed = travel(tell, kind, row, customer.known())
    assert landed.event.fate is Fate.HANDLED, landed.event.note
    assert (landed.record, landed.case) == (row.record, row.case)
    _check_timeline(landed, kind)
    if landed.event.carried[0].kind is not Kind.PAYOUT:
        assert _finds_its_account(landed, customer) is not row.asked


def _check_timeline(landed: Landed, kind: str) -> None:
    """In words, and on the case it opens or ends."""
    label, told = landed.row.fields["Name"], landed.event.carried[0]
    assert label
    assert kind not in str(label)
    assert landed.row.fields["About_Key__c"] == keys.record(told.source, "", told.kind, told.id)
    touched = [
        change.key for change in landed.plan.changes if change.object == "Case" and change.transition
    ]
    hung = landed.row.parents.get("Case__c")
    assert not touched or (isinstance(hung, Parent) and hung.key in touched)


def _finds_its_account(landed: Landed, customer: Customer) -> bool:
    """Whether what it says, or a charge that was told of, leads to the account without a question."""
    known = set(references.of_all(one for one in customer.known()))  # type: ignore[misc]
    charges = [one for one in landed.objects if one.kind is Kind.CHARGE]
    for _ in charges:
        known.update(*(forms for one in charges if known & {*(forms := references.of_processor(one))}))
    about = landed.event.carried[0]
    (item,) = [one for one in landed.objects if (one.kind, one.id) == (about.kind, about.id)]
    return bool(known & {*references.of_processor(item)})


Table = Mapping[str, Row]
