"""A customer or a bank disputes a payment: the case is open until the dispute is decided, and reopens with it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from connector.mappers import phrases, reasons
from connector.mappers.fields import Case as F
from connector.mappers.reasons import Reason
from connector.mappers.records import dispute as record
from connector.mappers.records import recurly_links
from connector.models.facts import Facts, Kind, ProcessorObject, Stage, Status
from connector.models.plan import Change, Parent, Value
from connector.policy import Policy
from connector.sync.decide import lifecycle
from connector.sync.decide.context import dispute_checklist, processor_helpers
from connector.sync.decide.context.facts_index import FactsIndex
from connector.sync.decide.context.payment_context import PaymentContext, behind
from connector.sync.decide.lifecycle import Problem

NAME = "dispute"
STEM = "dispute"

_OUTCOMES: Final = {
    Status.WON: "Won",
    Status.LOST: "Lost",
    Status.ACCEPTED: "Accepted",
    Status.EXPIRED: "Expired",
    Status.WITHDRAWN: "Withdrawn",
}
_RESULTS: Final = {
    Status.WON: "The money stays with us.",
    Status.LOST: "The money is lost: it went back to the customer.",
    Status.ACCEPTED: "The money is lost: the dispute was accepted, not contested.",
    Status.EXPIRED: "The money is lost: no evidence came in time.",
    Status.WITHDRAWN: "The money stays with us: the dispute was called off.",
}
_STAGES: Final = {
    Stage.INQUIRY: "Inquiry",
    Stage.CHARGEBACK: "Chargeback",
    Stage.PRE_ARBITRATION: "Pre-arbitration",
    Stage.ARBITRATION: "Arbitration",
}
_WAIT: Final = (
    "Wait for the decision: the evidence is in. Do not refund the payment meanwhile, or the customer is paid back "
    "twice."
)
_CHECK: Final = "Look at the processor how it stands: that was not told. "


def changes(facts: Facts, policy: Policy) -> list[Change]:
    found = facts.of(Kind.DISPUTE)
    problems = _problems(found, FactsIndex(facts), policy) if found else []
    return lifecycle.changes(NAME, problems, facts, policy, policy.rules.dispute)


def look_again_at(facts: Facts, policy: Policy) -> datetime | None:
    """Next escalation step, or end of the wait for a match."""
    found = facts.of(Kind.DISPUTE)
    steps = (policy.rules.dispute.next_step_at(_due_at(item), facts.now) for item in found)
    moments = (*steps, processor_helpers.next_asked(found, facts, policy))
    return min((at for at in moments if at), default=None)


def _problems(found: Sequence[ProcessorObject], index: FactsIndex, policy: Policy) -> list[Problem]:
    return [_problem(item, index, policy) for item in found]


def _problem(item: ProcessorObject, index: FactsIndex, policy: Policy) -> Problem:
    facts, reason, paid = index.facts, reasons.explain(item), behind(item, index)
    needed, amount = dispute_checklist.text(item, index), processor_helpers.at_stake(item, index)
    return Problem(
        object="dispute",
        id=item.id,
        name=STEM,
        source=item.source,
        open=item.status not in _OUTCOMES,
        evident=processor_helpers.is_evident(item, facts, policy),
        why=record.standing(item),
        opened_at=processor_helpers.began_at(item, facts),
        last_signal_at=_signal(item, facts),
        resolved_at=item.at,
        outcome=_OUTCOMES.get(item.status) if item.status else None,
        due_at=_due_at(item),
        queue=processor_helpers.queue(facts, policy),
        amount=amount,
        fields={**_fields(item, reason, paid, facts, policy), F.EVIDENCE: needed},
        parents={F.DISPUTE: Parent("Billing_Dispute__c", record.key(item)), **paid.parents(facts)},
        stable={
            "account": processor_helpers.code(facts),
            "amount": processor_helpers.money_text(amount),
            "reason": processor_helpers.short_reason(item, reason),
        },
        fresh={**_texts(item, reason, paid, facts), "evidence": needed},
    )


def _due_at(item: ProcessorObject) -> datetime | None:
    """The deadline, only while a response is needed."""
    return item.due_at if item.status is Status.NEEDS_RESPONSE else None


def _signal(item: ProcessorObject, facts: Facts) -> datetime | None:
    """A change while a response is needed reopens a case that an agent closed; other changes do not."""
    return item.at if item.status is Status.NEEDS_RESPONSE else processor_helpers.began_at(item, facts)


def _action(item: ProcessorObject, reason: Reason) -> str | None:
    match item.status:
        case Status.NEEDS_RESPONSE:
            return reason.action
        case Status.UNDER_REVIEW:
            return _WAIT
        case None:
            return f"{_CHECK}{reason.action}"
        case _:
            return None


def _fields(
    item: ProcessorObject, reason: Reason, paid: PaymentContext, facts: Facts, policy: Policy
) -> dict[str, Value]:
    link = item.link or (recurly_links.to(paid.payment, facts, policy) if paid.payment else None)
    return {
        F.REASON: reason.text,
        F.REASON_CODE: reason.code,
        F.STAGE: item.stage,
        F.ACTION: _action(item, reason),
        F.DEADLINE: phrases.on(_due_at(item)),
        F.GATEWAY: item.source,
        F.LINK: link,
    }


def _texts(
    item: ProcessorObject, reason: Reason, paid: PaymentContext, facts: Facts
) -> dict[str, str | int | bool | None]:
    return {
        "stage": _STAGES.get(item.stage) if item.stage else None,
        "why": reason.text,
        "due_on": phrases.day(_due_at(item)),
        "action": _action(item, reason),
        "result": _RESULTS.get(item.status) if item.status else None,
        "payment": paid.describe(),
        "refunds": paid.describe_refunds(),
        "method": item.method,
        "gateway": phrases.source_title(item.source),
        "id": item.id,
        "joined": processor_helpers.joined(item, facts),
        "look_for": processor_helpers.search_hints(item),
    }
