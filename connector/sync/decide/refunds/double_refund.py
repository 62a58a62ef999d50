"""A refund meets a dispute: the customer may be paid back twice, once by the merchant and once by the bank.

The risk lasts while a refund stands and a dispute of the same payment is open or lost. It is over when the dispute is
won or called off, or when the refund failed or was voided; what then remains was paid back once. Both must have stood
at the same time: a refund after a dispute was won is no risk.
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


def problems(known: Sequence[RefundFacts], evidence: FactsIndex, policy: Policy) -> list[Problem]:
    """One for each payment that was ever both refunded and disputed."""
    found = []
    for payment in sorted(evidence.facts.payments, key=lambda p: p.uuid):
        given = [one for one in known if one.root == payment.id] if payment.type in TAKING else []
        disputed = open_disputes.of(payment, evidence) if given else []
        if disputed:
            found.append(_problem(payment, given, disputed, known, evidence, policy))
    return found


def dues(known: Sequence[RefundFacts], evidence: FactsIndex, policy: Policy) -> list[datetime]:
    """The deadlines of the disputes that are met now."""
    found = (problem.due_at for problem in problems(known, evidence, policy) if problem.open)
    return [due for due in found if due]


def _problem(
    payment: Payment,
    given: list[RefundFacts],
    disputed: list[CustomerDispute],
    known: Sequence[RefundFacts],
    evidence: FactsIndex,
    policy: Policy,
) -> Problem:
    facts, settings = evidence.facts, policy.rules.refund
    standing = _standing(given, disputed)
    met = standing or [(one, by) for one in given for by in disputed]
    refund, by = met[-1]
    judged = eligibility.verdict(refund, payment, known, evidence, settings)
    reason, action = (_TWICE, _RECOVER) if by.lost and standing else (_RISK, _ANSWER)
    money = refund.money
    due = by.due_at if standing else None
    return Problem(
        object="payment",
        id=payment.id,
        name=STEM,
        open=bool(standing),
        evident=_is_evident(given, disputed, standing, facts, policy),
        why=_why(payment, bool(standing)),
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
        parents=_parents(payment, refund, by, evidence),
        stable={"account": facts.code, "problem": "Refund meets a dispute"},
        fresh={
            **refund_texts.of(refund, payment, evidence),
            "reason": reason,
            "action": action,
            "attempts": None,
            "policy": judged.sentence,
            "dispute": by.told,
        },
    )


def _standing(
    given: list[RefundFacts], disputed: list[CustomerDispute]
) -> list[tuple[RefundFacts, CustomerDispute]]:
    """What meets now; a lost dispute last, for it weighs most."""
    found = [(one, by) for one in given for by in disputed if one.stands and by.over_at is None]
    return sorted(found, key=lambda pair: pair[1].lost)


def _is_evident(
    given: list[RefundFacts],
    disputed: list[CustomerDispute],
    standing: list[tuple[RefundFacts, CustomerDispute]],
    facts: Facts,
    policy: Policy,
) -> bool:
    """They met. What was lost longer ago than the reopen window is history, and nothing but a person ends it."""
    if standing and not any(by.lost for _, by in standing):
        return True
    met = [_met_at(one, by) for one in given for by in disputed if _met(one, by)]
    own = policy.rules.refund.reopen_window_days
    window = timedelta(days=policy.cases.reopen_window_days if own is None else own)
    last = latest(*met, *(by.item.at for by in disputed if by.item))
    return bool(met) and (not standing or last is None or facts.now - last <= window)


def _met(one: RefundFacts, by: CustomerDispute) -> bool:
    far = datetime.max.replace(tzinfo=UTC)
    start = _met_at(one, by)
    return start is None or start < min(one.ended_at or far, by.over_at or far)


def _met_at(one: RefundFacts, by: CustomerDispute) -> datetime | None:
    return latest(one.began_at, by.opened_at)


def _why(payment: Payment, standing: bool) -> str:
    if standing:
        return f"payment {payment.id} was refunded and is disputed"
    return f"payment {payment.id} is not refunded and disputed at once any more"


def _parents(
    payment: Payment, refund: RefundFacts, by: CustomerDispute, evidence: FactsIndex
) -> dict[str, Parent]:
    found = refund_texts.parents(payment, evidence)
    if by.item:
        found[F.DISPUTE] = Parent("Billing_Dispute__c", disputes.key(by.item))
    if refund.processed:
        found[F.REFUND] = Parent("Billing_Refund__c", refunds.key(refund.processed))
    return found
