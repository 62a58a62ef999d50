"""A refund failed, or is large enough to be looked at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from connector.facts import Facts, Money, Payment
from connector.mappers import declines, words
from connector.mappers.fields import Case as F
from connector.mappers.records import invoice as invoices
from connector.mappers.records import links
from connector.plan import Change, Parent
from connector.policy import Policy
from connector.sync import lifecycle
from connector.sync.evidence import FAILED, Evidence, moment
from connector.sync.lifecycle import Problem

NAME = "refund"
FAILED_STEM = "refund_failed"
REVIEW_STEM = "refund_review"
_REVIEW = "Check that the refund is within policy and was asked for, then close the case."


def changes(facts: Facts, policy: Policy) -> list[Change]:
    evidence = Evidence(facts)
    problems = [*_failed(evidence, policy), *_to_review(evidence, policy)]
    return lifecycle.changes(NAME, problems, facts, policy, policy.rules.refund)


def _failed(evidence: Evidence, policy: Policy) -> Iterator[Problem]:
    """One problem for each payment that could not be given back, however often it was tried."""
    tries: dict[str, list[Payment]] = defaultdict(list)
    for refund in _refunds(evidence.facts):
        tries[refund.original_id or refund.uuid].append(refund)
    for root, found in sorted(tries.items()):
        failed = [refund for refund in found if refund.status in FAILED]
        if failed:
            done = [refund for refund in found if _settles(refund, failed[-1])]
            yield _failure(root, failed, done, evidence, policy)


def _refunds(facts: Facts) -> list[Payment]:
    found = (p for p in facts.payments if p.type == "refund" and "chargeback" not in (p.origin, p.status))
    return sorted(found, key=lambda p: (moment(p.created_at), p.uuid))


def _settles(refund: Payment, failed: Payment) -> bool:
    return refund.status == "success" and moment(refund.created_at) >= moment(failed.created_at)


def _failure(
    root: str, failed: list[Payment], done: list[Payment], evidence: Evidence, policy: Policy
) -> Problem:
    last, decline = failed[-1], declines.of(failed[-1])
    reason, action = (decline.reason, decline.action) if decline else (None, None)
    texts = {**_texts(last, evidence), "reason": reason, "action": action, "attempts": len(failed)}
    return Problem(
        object="payment",
        id=root,
        name=FAILED_STEM,
        open=not done,
        evident=True,
        why=f"the refund of payment {root} "
        + ("succeeded later" if done else f"failed ({last.code or 'no code'})"),
        opened_at=failed[0].created_at,
        last_signal_at=last.created_at,
        resolved_at=(done[0].collected_at or done[0].created_at) if done else None,
        outcome="Refunded",
        amount=Money(abs(last.amount), last.currency),
        fields={
            F.REASON: reason,
            F.ACTION: action,
            F.DECLINE_CATEGORY: decline.category if decline else None,
            F.ATTEMPTS: len(failed),
            F.LINK: links.to(last, evidence.facts, policy),
        },
        parents=_parents(last, evidence),
        stable={"account": evidence.facts.code, "problem": "Refund failed"},
        fresh=texts,
    )


def _to_review(evidence: Evidence, policy: Policy) -> Iterator[Problem]:
    least = policy.rules.refund.review_amount
    for refund in _refunds(evidence.facts):
        if refund.status in ("success", "void") and abs(refund.amount) >= least:
            yield _review(refund, evidence, policy)


def _review(refund: Payment, evidence: Evidence, policy: Policy) -> Problem:
    told, done = words.money(abs(refund.amount), refund.currency), refund.status == "success"
    return Problem(
        object="payment",
        id=refund.uuid,
        name=REVIEW_STEM,
        open=done,
        evident=True,
        lasting=True,
        why=f"{told} was refunded" if done else f"the refund of {told} was voided",
        opened_at=refund.created_at,
        last_signal_at=refund.created_at,
        resolved_at=refund.voided_at or refund.updated_at,
        outcome="Voided",
        amount=Money(abs(refund.amount), refund.currency),
        fields={
            F.REASON: "The refund is large enough to be reviewed.",
            F.ACTION: _REVIEW,
            F.LINK: links.to(refund, evidence.facts, policy),
        },
        parents=_parents(refund, evidence),
        stable={"account": evidence.facts.code, "problem": "Refund to review"},
        fresh={**_texts(refund, evidence), "reason": None, "action": _REVIEW, "attempts": None},
    )


def _texts(refund: Payment, evidence: Evidence) -> dict[str, str | int | bool | None]:
    original = evidence.payment(refund.original_id)
    paid = original or refund
    return {
        "amount": words.money(abs(refund.amount), refund.currency),
        "original": _told(original) if original else None,
        "invoice": paid.invoice_number,
        "method": words.method(paid.payment_method),
    }


def _told(payment: Payment) -> str:
    return f"{words.money(payment.amount, payment.currency)} on {words.day(payment.created_at) or 'an unknown day'}"


def _parents(refund: Payment, evidence: Evidence) -> dict[str, Parent]:
    original = evidence.payment(refund.original_id)
    invoice = evidence.invoice_of(original or refund)
    return {F.INVOICE: Parent("Billing_Invoice__c", invoices.key(evidence.facts, invoice))} if invoice else {}
