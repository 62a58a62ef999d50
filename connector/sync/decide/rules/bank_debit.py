"""A bank debit was returned after it had succeeded, or the mandate for debits was lost.

A debit that fails at once is a failed payment (``payment_failed``). A debit that is returned days later is not: its
invoice may still count as paid. An open dispute about it suppresses the case. The problem is over when the invoice
was paid again, or written off.

A returned wallet or card payment, and a lost agreement, has the same case under its own name
(``mappers/returned_payments.py``)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from connector.mappers import phrases, returned_payments
from connector.mappers.fields import Case as F
from connector.mappers.records import subscription as subscriptions
from connector.mappers.returned_payments import ReturnReason
from connector.models.facts import (
    Facts,
    Invoice,
    Kind,
    Money,
    Payment,
    ProcessorObject,
    Status,
    SubjectKind,
    Subscription,
)
from connector.models.plan import Change, Parent, Value
from connector.policy import Policy, Told
from connector.sync.decide import lifecycle
from connector.sync.decide.context import processor_helpers
from connector.sync.decide.context.facts_index import (
    METHOD_UPDATED,
    UNPAID,
    FactsIndex,
    earliest,
    live,
    moment,
    times,
)
from connector.sync.decide.lifecycle import Problem
from connector.sync.decide.refunds import refund_texts

NAME = "bank_debit"
RETURNED_STEM = "bank_debit"
MANDATE_STEM = "mandate_lost"
_OPEN_DISPUTES: Final = frozenset({Status.NEEDS_RESPONSE, Status.UNDER_REVIEW, None})
_GIVEN_UP: Final = {"failed": "Lost", "voided": "Voided"}


@dataclass(frozen=True, slots=True)
class _End:
    """End of a problem: outcome, time, and how it was solved."""

    outcome: str
    at: datetime | None
    how: str | None = None


def changes(facts: Facts, policy: Policy) -> list[Change]:
    index = FactsIndex(facts)
    problems = [
        *(_returned(item, index, policy) for item in facts.of(Kind.CHARGE)),
        *(_lost(item, index, policy) for item in facts.of(Kind.MANDATE)),
    ]
    return lifecycle.changes(NAME, problems, facts, policy, policy.rules.bank_debit)


def look_again_at(facts: Facts, policy: Policy) -> datetime | None:
    """End of the wait for a match, or next escalation step before a renewal."""
    bad = [item for item in (*facts.of(Kind.CHARGE), *facts.of(Kind.MANDATE)) if _is_bad(item)]
    index = FactsIndex(facts)
    problems = (_lost(item, index, policy) for item in bad if item.kind is Kind.MANDATE)
    steps = (policy.rules.bank_debit.next_step_at(one.due_at, facts.now) for one in problems if one.open)
    return min((at for at in (processor_helpers.next_asked(bad, facts, policy), *steps) if at), default=None)


def _is_bad(item: ProcessorObject) -> bool:
    return item.status in (Status.RETURNED, Status.INACTIVE)


# Returned debits -----------------------------------------------------------------------------------------------


def _returned(item: ProcessorObject, index: FactsIndex, policy: Policy) -> Problem:
    """A charge that is not returned, or no longer, resolves its case and never opens one."""
    facts = index.facts
    payment, invoice = index.payment_behind(item), index.invoice_behind(item)
    named = returned_payments.returned(item, payment)
    end = _end_of_return(item, payment, invoice, index)
    money = processor_helpers.money(item) or (Money(payment.amount, payment.currency) if payment else None)
    parents = refund_texts.parents(payment, index)
    return Problem(
        object="charge",
        id=item.id,
        name=RETURNED_STEM,
        source=item.source,
        open=end is None,
        evident=_is_bad(item) and processor_helpers.is_evident(item, facts, policy),
        why=f"debit {item.id} of {item.source} " + _became(item, end),
        opened_at=item.at if _is_bad(item) else item.opened_at,
        last_signal_at=processor_helpers.began_at(item, facts),
        resolved_at=end.at if end else None,
        outcome=end.outcome if end else None,
        suppressed="Disputed" if end is None and _is_disputed(item, index) else None,
        queue=processor_helpers.queue(facts, policy),
        amount=money,
        fields=_fields(item, named),
        parents=parents,
        stable={
            "account": processor_helpers.code(facts),
            "problem": named.problem,
            "amount": processor_helpers.money_text(money),
        },
        fresh={
            **_texts(item, named, index),
            "invoice": invoice.number if invoice else item.invoice_number,
            "method": (phrases.method(payment.payment_method) if payment else None) or item.method,
            "how": end.how if end else None,
        },
    )


def _became(item: ProcessorObject, end: _End | None) -> str:
    if end is None:
        return "came back"
    return (
        f"came back and is {end.outcome.lower()}"
        if _is_bad(item)
        else f"is {phrases.plain(item.status or '')}"
    )


def _end_of_return(
    item: ProcessorObject, payment: Payment | None, invoice: Invoice | None, index: FactsIndex
) -> _End | None:
    if not _is_bad(item):
        return _End("Recovered" if item.status is Status.SUCCEEDED else "Tried again", item.at)
    if invoice is None:
        return None
    again = [one for one in index.collected(invoice) if _is_later(one, payment, item)]
    if again:
        paid_at = again[0].collected_at or again[0].created_at
        return _End("Recovered", paid_at, f"a payment on {phrases.day(paid_at)}")
    if not _after(invoice.closed_at, item) or (payment and payment.status == "success"):
        return None
    outcome = "Recovered" if invoice.state == "paid" else _GIVEN_UP.get(invoice.state)
    return _End(outcome, invoice.closed_at) if outcome else None


def _is_later(one: Payment, returned: Payment | None, item: ProcessorObject) -> bool:
    """Whether ``one`` was paid after the debit. Processors book a return days later, so also compare with the debit."""
    if _after(one.created_at, item):
        return True
    return returned is not None and moment(one.created_at) > moment(returned.created_at)


def _after(at: datetime | None, item: ProcessorObject) -> bool:
    return at is not None and at > item.at


def _is_disputed(item: ProcessorObject, index: FactsIndex) -> bool:
    own = {item.id, *item.references}
    disputes = (one for one in index.facts.of(Kind.DISPUTE) if one.source == item.source)
    return any(one.status in _OPEN_DISPUTES and own & {*one.references, one.id} for one in disputes)


# Lost mandates --------------------------------------------------------------------------------------------------


def _lost(item: ProcessorObject, index: FactsIndex, policy: Policy) -> Problem:
    """A mandate that is not lost, or no longer, resolves its case and never opens one."""
    facts, named = index.facts, returned_payments.lost(item)
    end, renewal = _end_of_loss(item, index), _renewal(index)
    due = renewal.current_period_ends_at if renewal else None
    return Problem(
        object="mandate",
        id=item.id,
        name=MANDATE_STEM,
        source=item.source,
        open=end is None,
        evident=_is_bad(item)
        and _is_needed(item, index)
        and processor_helpers.is_evident(item, facts, policy),
        why=f"mandate {item.id} of {item.source} is {phrases.plain(item.status or 'not told of in full')}",
        opened_at=item.at if _is_bad(item) else item.opened_at,
        last_signal_at=processor_helpers.began_at(item, facts),
        resolved_at=end.at if end else None,
        outcome=end.outcome if end else None,
        due_at=due if end is None else None,
        queue=processor_helpers.queue(facts, policy),
        amount=_worth(renewal),
        fields={**_fields(item, named), F.DEADLINE: phrases.on(due)},
        parents={F.SUBSCRIPTION: Parent("Billing_Subscription__c", subscriptions.key(facts, renewal))}
        if renewal
        else {},
        stable={"account": processor_helpers.code(facts), "problem": named.problem, "amount": None},
        fresh={**_texts(item, named, index), **_at_stake(renewal)},
    )


def _end_of_loss(item: ProcessorObject, index: FactsIndex) -> _End | None:
    if not _is_bad(item):
        return _End("Restored" if item.status is Status.ACTIVE else "Tried again", item.at)
    replaced = _replaced_at(item, index)
    if replaced:
        return _End("Replaced", replaced)
    return None if _is_needed(item, index) else _End("No longer needed", item.at)


def _replaced_at(item: ProcessorObject, index: FactsIndex) -> datetime | None:
    """When the account got another active mandate or a new valid payment method."""
    others = (one for one in index.facts.of(Kind.MANDATE) if one.status is Status.ACTIVE)
    again = [max(one.at, item.at) for one in others]
    account = index.facts.account
    method = account.payment_method if account else None
    if account is None or method is None or method.valid is False:
        return earliest(*again)
    updates = (*times(index.events(METHOD_UPDATED, account)), method.updated_at)
    return earliest(*(at for at in updates if _after(at, item)), *again)


def _is_needed(item: ProcessorObject, index: FactsIndex) -> bool:
    """Whether something will be collected by this mandate. True if the account is unknown; false if it pays by card."""
    facts = index.facts
    if facts.about is not SubjectKind.ACCOUNT:
        return True
    method = facts.account.payment_method if facts.account else None
    by_card = method is not None and method.exp_year is not None and method.valid is not False
    if by_card and not _replaced_at(item, index):
        return False
    owed = any(invoice.state in UNPAID and invoice.type != "credit" for invoice in facts.invoices)
    return owed or _renewal(index) is not None


def _renewal(index: FactsIndex) -> Subscription | None:
    """The subscription that renews first."""
    renewing = [
        s
        for s in live(index.facts.subscriptions)
        if s.state == "active" and s.auto_renew is not False and s.current_period_ends_at
    ]
    return min(renewing, key=lambda s: (moment(s.current_period_ends_at), s.uuid), default=None)


def _worth(renewal: Subscription | None) -> Money | None:
    monthly = subscriptions.monthly(renewal) if renewal else None
    return Money(monthly, renewal.currency) if renewal and monthly is not None else None


def _at_stake(renewal: Subscription | None) -> dict[str, Told]:
    return {
        "renewal_on": phrases.day(renewal.current_period_ends_at) if renewal else None,
        "at_stake": processor_helpers.money_text(_worth(renewal)),
        "plan": (renewal.plan_name or renewal.plan_code) if renewal else None,
    }


# Both -----------------------------------------------------------------------------------------------------------


def _fields(item: ProcessorObject, named: ReturnReason) -> dict[str, Value]:
    return {
        F.REASON: named.reason,
        F.REASON_CODE: named.code,
        F.ACTION: named.action,
        F.GATEWAY: item.source,
        F.LINK: item.link,
    }


def _texts(item: ProcessorObject, named: ReturnReason, index: FactsIndex) -> dict[str, Told]:
    return {
        "reason": named.reason,
        "action": named.action,
        "invoice": None,
        "method": None,
        "renewal_on": None,
        "at_stake": None,
        "plan": None,
        "how": None,
        "gateway": phrases.source_title(item.source),
        "id": item.id,
        "joined": processor_helpers.joined(item, index.facts),
        "look_for": processor_helpers.search_hints(item),
    }
