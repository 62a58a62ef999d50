"""Each event of the account is one row on its timeline, and on that of the case it is about.

A row says only what will not change: the kind of event, an amount, an invoice number. So it is written once, and
again only if the case it belongs to is made after it. What a processor told is known in parts, and the amount may
come last: a row about it says what is known now, whenever that came, and stays with the case it was written to.

A processor's event is about the object it names; one that is joined to no account yet has rows without an account.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from connector.mappers import external_ids, phrases, reasons
from connector.mappers.field_limits import CODE, WORD, line
from connector.mappers.field_limits import NAME as NAME_LENGTH
from connector.mappers.fields import Case
from connector.mappers.fields import Event as F
from connector.models.facts import (
    Account,
    BillingObject,
    CreditPayment,
    Facts,
    Invoice,
    Kind,
    Payment,
    ProcessorObject,
    SubjectKind,
    Subscription,
    TimelineEvent,
)
from connector.models.plan import Change, Parent
from connector.sync.decide.context import processor_helpers
from connector.sync.decide.context.facts_index import CARD_WILL_EXPIRE, refs
from connector.sync.decide.lifecycle import split

NAME = "timeline"

_ABOUT: Final = {
    "account": Account,
    "billing_info": Account,
    "subscription": Subscription,
    "payment": Payment,
    "charge_invoice": Invoice,
    "credit_invoice": Invoice,
    "invoice": Invoice,
    "dunning_event": Invoice,
    "credit_payment": CreditPayment,
}
"""The first word of a kind → what the event is about, where it names several objects."""

Subject = BillingObject | ProcessorObject
"""What an event can be about."""

ProcessorCases = Sequence[tuple[Kind, str]]
"""Kind of object and problem of the cases that processors' events may belong to, the closest first."""

_PRECEDENCE: Final = (
    Kind.DISPUTE,
    Kind.FRAUD_WARNING,
    Kind.REFUND,
    Kind.PAYOUT,
    Kind.MANDATE,
    Kind.CHARGE,
)
"""Where several objects have one id, the first of these is meant."""

_EXPLAINED: Final = frozenset({Kind.DISPUTE, Kind.FRAUD_WARNING})
"""What a row gives the reason of: why it began. Other reasons come later, and a row does not change."""


def in_order(declared: Iterable[tuple[Kind, Sequence[str]]]) -> ProcessorCases:
    """Order the declarations of the rules: the first problem of each kind by precedence, then the second ones."""
    ranked = [
        (rank, _PRECEDENCE.index(kind), kind, problem)
        for kind, problems in declared
        for rank, problem in enumerate(problems)
    ]
    return tuple((kind, problem) for *_, kind, problem in sorted(ranked))


def changes(facts: Facts, made: Iterable[Change], processor_cases: ProcessorCases) -> list[Change]:
    """``made``: the plan so far, for the cases it makes."""
    cases, new = _cases(facts, made)
    objects, told = _by_ref(facts), _by_id(facts)
    rows = (
        _row(event, _find(event, objects) or _named(event, told), facts, cases, new, processor_cases)
        for event in _in_order(facts.events)
    )
    return [row for row in rows if row]


def _in_order(events: Iterable[TimelineEvent]) -> list[TimelineEvent]:
    return sorted(events, key=lambda event: (event.occurred_at, event.event_id))


def _cases(facts: Facts, made: Iterable[Change]) -> tuple[Mapping[str, int], frozenset[str]]:
    """The newest cycle of each case by its stem, and the stems that get their first case in this plan."""
    seen = [case.key for case in facts.cases]
    planned = [change.key for change in made if change.object == Case.OBJECT]
    cycles: dict[str, int] = {}
    for stem, cycle in map(split, (*seen, *planned)):
        cycles[stem] = max(cycle, cycles.get(stem, 0))
    known = {split(key)[0] for key in seen}
    return cycles, frozenset(split(key)[0] for key in planned) - known


def _by_ref(facts: Facts) -> Mapping[str, list[BillingObject]]:
    account: tuple[BillingObject, ...] = (facts.account,) if facts.account else ()
    found: dict[str, list[BillingObject]] = {}
    for item in (*account, *facts.subscriptions, *facts.invoices, *facts.payments, *facts.credit_payments):
        for ref in refs(item):
            found.setdefault(ref, []).append(item)
    return found


def _find(event: TimelineEvent, objects: Mapping[str, list[BillingObject]]) -> BillingObject | None:
    wanted = _ABOUT.get(event.kind.partition(".")[0])
    named = [item for ref in event.refs for item in objects.get(ref, ())]
    return next((item for item in named if wanted and isinstance(item, wanted)), None)


def _by_id(facts: Facts) -> Mapping[tuple[str, str], ProcessorObject]:
    last_first = sorted(facts.objects, key=lambda item: _PRECEDENCE.index(item.kind), reverse=True)
    return {(item.source, item.id): item for item in last_first}


def _named(event: TimelineEvent, told: Mapping[tuple[str, str], ProcessorObject]) -> ProcessorObject | None:
    """The processor's object an event is about: the first it names that is known."""
    return next((told[event.source, ref] for ref in event.refs if (event.source, ref) in told), None)


def _row(
    event: TimelineEvent,
    about: Subject | None,
    facts: Facts,
    cases: Mapping[str, int],
    new: frozenset[str],
    processor_cases: ProcessorCases,
) -> Change | None:
    stem = next((stem for stem in _stems(event, about, facts, processor_cases) if stem in cases), None)
    if event.on_timeline and stem not in new:
        if not isinstance(about, ProcessorObject):
            return None
        stem = None
    label = phrases.event_label(event.source, event.kind)
    parents = {F.ACCOUNT: Parent("Account", facts.subject)} if facts.about is SubjectKind.ACCOUNT else {}
    if stem:
        parents[F.CASE] = Parent(Case.OBJECT, f"{stem}:{cases[stem]}")
    return Change(
        object=F.OBJECT,
        key=external_ids.event(
            event.source, facts.site if event.source == facts.source else "", event.event_id
        ),
        rule=NAME,
        reason=f"{event.source} said {event.kind}",
        fields={
            F.NAME: line(label, NAME_LENGTH),
            F.OCCURRED_AT: event.occurred_at,
            F.KIND: line(event.kind, CODE),
            F.SOURCE: line(event.source, WORD),
            F.WHAT: line(_what(label, about)),
            F.ABOUT: _key(about, facts),
        },
        parents=parents,
        clears={F.ACCOUNT: None},
    )


def _what(label: str, about: Subject | None) -> str:
    match about:
        case ProcessorObject(kind=kind):
            money = phrases.money(about.amount, about.currency or "")
            told = [money, _reason(about) if kind in _EXPLAINED else None]
        case Payment():
            told = [phrases.money(about.amount, about.currency), _invoice(about.invoice_number)]
        case Invoice():
            told = [_invoice(about.number), phrases.money(about.total, about.currency)]
        case CreditPayment():
            told = [phrases.money(about.amount, about.currency), _invoice(about.applied_invoice_number)]
        case _:
            told = []
    detail = ", ".join(part for part in told if part)
    return f"{label}: {detail}" if detail else label


def _reason(item: ProcessorObject) -> str | None:
    return processor_helpers.short_reason(item, reasons.explain(item))


def _invoice(number: str | None) -> str | None:
    return f"invoice {number}" if number else None


def _key(about: Subject | None, facts: Facts) -> str | None:
    match about:
        case None:
            return None
        case ProcessorObject():
            return external_ids.record(about.source, "", about.kind, about.id)
        case Account():
            return facts.subject
        case Invoice():
            return external_ids.record(facts.source, facts.site, "invoice", about.number)
        case _:
            return external_ids.record(facts.source, facts.site, about.object, about.uuid)


def _stems(
    event: TimelineEvent, about: Subject | None, facts: Facts, processor_cases: ProcessorCases
) -> Iterator[str]:
    """The cases an event may belong to, the closest first: for a processor's object the first of its own kind."""
    if isinstance(about, ProcessorObject):
        own = next(case for case in processor_cases if case[0] is about.kind)
        for kind, problem in (own, *processor_cases):
            yield split(external_ids.case(about.source, "", kind, about.id, problem, 1))[0]
        return
    for object_, id_, problem in _problems(event, about, facts):
        yield split(external_ids.case(facts.source, facts.site, object_, id_, problem, 1))[0]


def _problems(
    event: TimelineEvent, about: BillingObject | None, facts: Facts
) -> Iterator[tuple[str, str, str]]:
    match about:
        case Payment():
            root = about.original_id or about.id
            yield from (("payment", root, "chargeback"), ("payment", root, "refund_failed"))
            yield from (("payment", about.uuid, "refund_failed"), ("payment", about.uuid, "refund_review"))
            if about.invoice_number:
                yield "invoice", about.invoice_number, "past_due"
        case Invoice():
            yield from (("invoice", about.number, "past_due"), ("invoice", about.number, "unapplied_credit"))
        case CreditPayment():
            for number, problem in _credit(about):
                yield "invoice", number, problem
        case Subscription() if event.kind in CARD_WILL_EXPIRE:
            yield "account", facts.code, "payment_method"
        case Subscription():
            yield "subscription", about.uuid, "cancellation"
        case Account() if event.kind.startswith("billing_info."):
            yield "account", about.code, "payment_method"
        case _:
            return


def _credit(credit: CreditPayment) -> Iterator[tuple[str, str]]:
    if credit.original_invoice_number:
        yield credit.original_invoice_number, "unapplied_credit"
    if credit.applied_invoice_number:
        yield credit.applied_invoice_number, "past_due"
