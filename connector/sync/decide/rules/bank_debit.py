"""A bank debit came back after it had succeeded, or the mandate for debits was lost.

A debit that fails at once is a failed payment like any other (``payment_failed``). One that comes back days later is
not: the invoice may still count as paid. While a dispute about it is open, that dispute's case has it. It is over when
the invoice behind it was paid again, or given up.

A wallet or card that is taken back or cut off has the same case, under its own name (``mappers/returned_payments.py``).
"""

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
    """How a problem ended, when, and by what."""

    outcome: str
    at: datetime | None
    how: str | None = None


def changes(facts: Facts, policy: Policy) -> list[Change]:
    evidence = FactsIndex(facts)
    problems = [
        *(_returned(item, evidence, policy) for item in facts.of(Kind.CHARGE)),
        *(_lost(item, evidence, policy) for item in facts.of(Kind.MANDATE)),
    ]
    return lifecycle.changes(NAME, problems, facts, policy, policy.rules.bank_debit)


def look_again_at(facts: Facts, policy: Policy) -> datetime | None:
    """The end of a wait for an account, or the next step of an escalation before a renewal."""
    bad = [item for item in (*facts.of(Kind.CHARGE), *facts.of(Kind.MANDATE)) if _is_bad(item)]
    evidence = FactsIndex(facts)
    problems = (_lost(item, evidence, policy) for item in bad if item.kind is Kind.MANDATE)
    steps = (policy.rules.bank_debit.next_step_at(one.due_at, facts.now) for one in problems if one.open)
    return min((at for at in (processor_helpers.next_asked(bad, facts, policy), *steps) if at), default=None)


def _is_bad(item: ProcessorObject) -> bool:
    return item.status in (Status.RETURNED, Status.INACTIVE)


# A debit came back ----------------------------------------------------------------------------------------------


def _returned(item: ProcessorObject, evidence: FactsIndex, policy: Policy) -> Problem:
    """A charge that has not come back, or not any more, ends the case it had and never makes one."""
    facts = evidence.facts
    payment, invoice = evidence.payment_behind(item), evidence.invoice_behind(item)
    named = returned_payments.returned(item, payment)
    end = _end_of_return(item, payment, invoice, evidence)
    money = processor_helpers.money(item) or (Money(payment.amount, payment.currency) if payment else None)
    parents = refund_texts.parents(payment, evidence)
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
        held="Disputed" if end is None and _is_disputed(item, evidence) else None,
        queue=processor_helpers.queue(facts, policy),
        amount=money,
        fields=_fields(item, named),
        parents=parents,
        stable={
            "account": processor_helpers.code(facts),
            "problem": named.problem,
            "amount": processor_helpers.told_money(money),
        },
        fresh={
            **_texts(item, named, evidence),
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
    item: ProcessorObject, payment: Payment | None, invoice: Invoice | None, evidence: FactsIndex
) -> _End | None:
    if not _is_bad(item):
        return _End("Recovered" if item.status is Status.SUCCEEDED else "Tried again", item.at)
    if invoice is None:
        return None
    again = [one for one in evidence.collected(invoice) if _is_later(one, payment, item)]
    if again:
        paid_at = again[0].collected_at or again[0].created_at
        return _End("Recovered", paid_at, f"a payment on {phrases.day(paid_at)}")
    if not _after(invoice.closed_at, item) or (payment and payment.status == "success"):
        return None
    outcome = "Recovered" if invoice.state == "paid" else _GIVEN_UP.get(invoice.state)
    return _End(outcome, invoice.closed_at) if outcome else None


def _is_later(one: Payment, returned: Payment | None, item: ProcessorObject) -> bool:
    """Its processor may date the return later than the payment that made up for it: it books it days after."""
    if _after(one.created_at, item):
        return True
    return returned is not None and moment(one.created_at) > moment(returned.created_at)


def _after(at: datetime | None, item: ProcessorObject) -> bool:
    return at is not None and at > item.at


def _is_disputed(item: ProcessorObject, evidence: FactsIndex) -> bool:
    own = {item.id, *item.references}
    disputes = (one for one in evidence.facts.of(Kind.DISPUTE) if one.source == item.source)
    return any(one.status in _OPEN_DISPUTES and own & {*one.references, one.id} for one in disputes)


# A mandate was lost ---------------------------------------------------------------------------------------------


def _lost(item: ProcessorObject, evidence: FactsIndex, policy: Policy) -> Problem:
    """A mandate that is not lost, or not any more, ends the case it had and never makes one."""
    facts, named = evidence.facts, returned_payments.lost(item)
    end, renewal = _end_of_loss(item, evidence), _renewal(evidence)
    due = renewal.current_period_ends_at if renewal else None
    return Problem(
        object="mandate",
        id=item.id,
        name=MANDATE_STEM,
        source=item.source,
        open=end is None,
        evident=_is_bad(item)
        and _is_needed(item, evidence)
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
        fresh={**_texts(item, named, evidence), **_at_stake(renewal)},
    )


def _end_of_loss(item: ProcessorObject, evidence: FactsIndex) -> _End | None:
    if not _is_bad(item):
        return _End("Restored" if item.status is Status.ACTIVE else "Tried again", item.at)
    replaced = _replaced_at(item, evidence)
    if replaced:
        return _End("Replaced", replaced)
    return None if _is_needed(item, evidence) else _End("No longer needed", item.at)


def _replaced_at(item: ProcessorObject, evidence: FactsIndex) -> datetime | None:
    """When the account got another way to pay: a mandate that is active, or a new method that is valid."""
    others = (one for one in evidence.facts.of(Kind.MANDATE) if one.status is Status.ACTIVE)
    again = [max(one.at, item.at) for one in others]
    account = evidence.facts.account
    method = account.payment_method if account else None
    if account is None or method is None or method.valid is False:
        return earliest(*again)
    updates = (*times(evidence.events(METHOD_UPDATED, account)), method.updated_at)
    return earliest(*(at for at in updates if _after(at, item)), *again)


def _is_needed(item: ProcessorObject, evidence: FactsIndex) -> bool:
    """Something will be collected, and not from a card the account had before; where no account is known, perhaps."""
    facts = evidence.facts
    if facts.about is not SubjectKind.ACCOUNT:
        return True
    method = facts.account.payment_method if facts.account else None
    by_card = method is not None and method.exp_year is not None and method.valid is not False
    if by_card and not _replaced_at(item, evidence):
        return False
    owed = any(invoice.state in UNPAID and invoice.type != "credit" for invoice in facts.invoices)
    return owed or _renewal(evidence) is not None


def _renewal(evidence: FactsIndex) -> Subscription | None:
    """The subscription that renews first."""
    renewing = [
        s
        for s in live(evidence.facts.subscriptions)
        if s.state == "active" and s.auto_renew is not False and s.current_period_ends_at
    ]
    return min(renewing, key=lambda s: (moment(s.current_period_ends_at), s.uuid), default=None)


def _worth(renewal: Subscription | None) -> Money | None:
    monthly = subscriptions.monthly(renewal) if renewal else None
    return Money(monthly, renewal.currency) if renewal and monthly is not None else None


def _at_stake(renewal: Subscription | None) -> dict[str, Told]:
    return {
        "renewal_on": phrases.day(renewal.current_period_ends_at) if renewal else None,
        "at_stake": processor_helpers.told_money(_worth(renewal)),
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


def _texts(item: ProcessorObject, named: ReturnReason, evidence: FactsIndex) -> dict[str, Told]:
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
        "joined": processor_helpers.joined(item, evidence.facts),
        "look_for": processor_helpers.look_for(item),
    }
