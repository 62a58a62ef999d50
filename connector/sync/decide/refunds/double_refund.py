"""A refund of a disputed payment: the customer may be paid back twice, by the merchant and by the bank.

The risk lasts while a refund is valid and a dispute of the same payment is open or lost. It is over when the dispute
is won or withdrawn, or the refund failed or was voided. Both must exist at the same time: a refund after a won dispute
is no risk.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from connector.mappers import phrases
from connector.mappers.fields import Case as F
from connector.mappers.records import dispute as disputes
from connector.mappers.records import recurly_links
from connector.mappers.records import refund as refunds
from connector.models.facts import Facts, Payment
from connector.models.plan import Parent
from connector.policy import Policy
from connector.sync.decide.context import open_disputes
from connector.sync.decide.context.facts_index import TAKING, FactsIndex, latest
from connector.sync.decide.context.open_disputes import CustomerDispute
from connector.sync.decide.context.refund_matching import RefundFacts
from connector.sync.decide.lifecycle import Problem
from connector.sync.decide.refunds import eligibility, refund_texts

STEM: Final = "double_refund"
_RISK: Final = "The payment was refunded and is disputed: the customer may be paid back twice."
_TWICE: Final = "The payment was refunded and the dispute is lost: the customer was paid back twice."
_ANSWER: Final = (
    "Tell the processor about the refund as evidence in the dispute, with its date and reference. "
    "Do not refund anything again."
)
_RECOVER: Final = (
    "Do not refund anything again. Ask the processor whether the refund can still be stopped, or the dispute reopened "
    "with the refund as evidence; otherwise ask the customer to return one of the two."
)


def problems(account_refunds: Sequence[RefundFacts], index: FactsIndex, policy: Policy) -> list[Problem]:
    """A problem for each payment that was ever both refunded and disputed."""
    found = []
    for payment in sorted(index.facts.payments, key=lambda p: p.uuid):
        given = [one for one in account_refunds if one.root == payment.id] if payment.type in TAKING else []
        disputed = open_disputes.of(payment, index) if given else []
        if disputed:
            found.append(_problem(payment, given, disputed, account_refunds, index, policy))
    return found


def dues(account_refunds: Sequence[RefundFacts], index: FactsIndex, policy: Policy) -> list[datetime]:
    """Deadlines of disputes with a double refund now."""
    found = (problem.due_at for problem in problems(account_refunds, index, policy) if problem.open)
    return [due for due in found if due]


def _problem(
    payment: Payment,
    given: list[RefundFacts],
    disputed: list[CustomerDispute],
    account_refunds: Sequence[RefundFacts],
    index: FactsIndex,
    policy: Policy,
) -> Problem:
    facts, settings = index.facts, policy.rules.refund
    active = _active_pairs(given, disputed)
    met = active or [(one, by) for one in given for by in disputed]
    refund, by = met[-1]
    judged = eligibility.verdict(refund, payment, account_refunds, index, settings)
    reason, action = (_TWICE, _RECOVER) if by.lost and active else (_RISK, _ANSWER)
    money = refund.money
    due = by.due_at if active else None
    return Problem(
        object="payment",
        id=payment.id,
        name=STEM,
        open=bool(active),
        evident=_is_evident(given, disputed, active, facts, policy),
        why=_why(payment, bool(active)),
        opened_at=latest(refund.began_at, by.opened_at),
        last_signal_at=latest(*(latest(one.began_at, other.opened_at) for one, other in met)),
        resolved_at=latest(*(one.ended_at for one in given), *(one.over_at for one in disputed)),
        outcome="Risk over",
        priority=settings.priority_of(money.amount if money else None),
        due_at=due,
        amount=money,
        fields={
            F.REASON: reason,
            F.ACTION: action,
            F.REFUND_POLICY: judged.sentence,
            F.DEADLINE: phrases.on(due),
            F.LINK: (by.item.link if by.item else None) or recurly_links.to(payment, facts, policy),
        },
        parents=_parents(payment, refund, by, index),
        stable={"account": facts.code, "problem": "Refund meets a dispute"},
        fresh={
            **refund_texts.of(refund, payment, index),
            "reason": reason,
            "action": action,
            "attempts": None,
            "policy": judged.sentence,
            "dispute": by.description,
        },
    )


def _active_pairs(
    given: list[RefundFacts], disputed: list[CustomerDispute]
) -> list[tuple[RefundFacts, CustomerDispute]]:
    """Pairs of refund and dispute that exist now; lost disputes last, because they are the worst."""
    found = [(one, by) for one in given for by in disputed if one.stands and by.over_at is None]
    return sorted(found, key=lambda pair: pair[1].lost)


def _is_evident(
    given: list[RefundFacts],
    disputed: list[CustomerDispute],
    active: list[tuple[RefundFacts, CustomerDispute]],
    facts: Facts,
    policy: Policy,
) -> bool:
    """Whether both existed at the same time. A dispute lost before the reopen window gets no new case, because only a
    person could end it."""
    if active and not any(by.lost for _, by in active):
        return True
    met = [_met_at(one, by) for one in given for by in disputed if _met(one, by)]
    own = policy.rules.refund.reopen_window_days
    window = timedelta(days=policy.cases.reopen_window_days if own is None else own)
    last = latest(*met, *(by.item.at for by in disputed if by.item))
    return bool(met) and (not active or last is None or facts.now - last <= window)


def _met(one: RefundFacts, by: CustomerDispute) -> bool:
    far = datetime.max.replace(tzinfo=UTC)
    start = _met_at(one, by)
    return start is None or start < min(one.ended_at or far, by.over_at or far)


def _met_at(one: RefundFacts, by: CustomerDispute) -> datetime | None:
    return latest(one.began_at, by.opened_at)


def _why(payment: Payment, active: bool) -> str:
    if active:
        return f"payment {payment.id} was refunded and is disputed"
    return f"payment {payment.id} is not refunded and disputed at once any more"


def _parents(
    payment: Payment, refund: RefundFacts, by: CustomerDispute, index: FactsIndex
) -> dict[str, Parent]:
    found = refund_texts.parents(payment, index)
    if by.item:
        found[F.DISPUTE] = Parent("Billing_Dispute__c", disputes.key(by.item))
    if refund.processed:
        found[F.REFUND] = Parent("Billing_Refund__c", refunds.key(refund.processed))
    return found
