"""A bank or a processor warns of fraud: the case is open until the payment is refunded, disputed or reviewed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from connector.mappers import phrases, reasons
from connector.mappers.fields import Case as F
from connector.mappers.records import recurly_links
from connector.models.facts import Facts, Kind, ProcessorObject, Stage, Status
from connector.models.plan import Change
from connector.policy import Policy
from connector.sync.decide import lifecycle
from connector.sync.decide.context import processor_helpers
from connector.sync.decide.context.facts_index import FactsIndex, moment
from connector.sync.decide.context.payment_context import PaymentContext, behind
from connector.sync.decide.lifecycle import Problem

NAME = "fraud_warning"
STEM = "fraud_warning"

_HELPS: Final = (
    "A refund still helps: no dispute is open, and a payment that is given back in full before one is opened is not "
    "disputed any more."
)
_REST: Final = "A refund still helps, but only of all of it: a part was given back, no dispute is open."
_NOT_POSSIBLE: Final = "The gateway does not allow a refund of this payment any more."
_REFUNDED: Final = "The payment was given back in full: nothing is left to dispute."
_DISPUTED: Final = (
    "A refund does not help any more: the payment is disputed. Refunded as well, it would be paid back twice."
)
_INQUIRY: Final = "An inquiry is open: all of the payment given back ends it before it becomes a chargeback."
_UNKNOWN: Final = "Whether a refund still helps is seen at the gateway: before a dispute is opened, it does."


@dataclass(frozen=True, slots=True)
class _End:
    """End of the problem: outcome and time."""

    outcome: str
    at: datetime | None


def changes(facts: Facts, policy: Policy) -> list[Change]:
    found = facts.of(Kind.FRAUD_WARNING)
    problems = _problems(found, FactsIndex(facts), policy) if found else []
    return lifecycle.changes(NAME, problems, facts, policy, policy.rules.fraud_warning)


def look_again_at(facts: Facts, policy: Policy) -> datetime | None:
    """End of the wait for a match."""
    return processor_helpers.next_asked(facts.of(Kind.FRAUD_WARNING), facts, policy)


def _problems(found: Sequence[ProcessorObject], index: FactsIndex, policy: Policy) -> list[Problem]:
    return [_problem(item, index, policy) for item in found]


def _was_raised(item: ProcessorObject) -> bool:
    """False for a review that was finished when it was first reported: nobody has to act."""
    return item.status is Status.OPEN or item.opened_at is not None


def _problem(item: ProcessorObject, index: FactsIndex, policy: Policy) -> Problem:
    facts, reason, paid = index.facts, reasons.explain(item), behind(item, index)
    end, amount = _end(item, paid, index), processor_helpers.at_stake(item, index)
    state = end.outcome.lower() if end else "open"
    return Problem(
        object="fraud_warning",
        id=item.id,
        name=STEM,
        source=item.source,
        open=end is None,
        evident=processor_helpers.is_evident(item, facts, policy) and _was_raised(item),
        why=f"fraud warning {item.id} of {item.source} is {state}",
        opened_at=processor_helpers.began_at(item, facts),
        last_signal_at=processor_helpers.began_at(item, facts),
        resolved_at=end.at if end else None,
        outcome=end.outcome if end else None,
        queue=processor_helpers.queue(facts, policy),
        amount=amount,
        fields={
            F.REASON: reason.text,
            F.REASON_CODE: reason.code,
            F.ACTION: reason.action,
            F.GATEWAY: item.source,
            F.LINK: item.link or (recurly_links.to(paid.payment, facts, policy) if paid.payment else None),
        },
        parents=paid.parents(facts),
        stable={
            "account": processor_helpers.code(facts),
            "amount": processor_helpers.money_text(amount),
            "reason": processor_helpers.short_reason(item, reason),
        },
        fresh={
            "why": reason.text,
            "refund": _refund(item, end, paid, index),
            "action": reason.action,
            "payment": paid.describe(),
            "refunds": paid.describe_refunds(),
            "method": item.method,
            "gateway": phrases.source_title(item.source),
            "id": item.id,
            "joined": processor_helpers.joined(item, facts),
            "look_for": processor_helpers.search_hints(item),
        },
    )


def _end(item: ProcessorObject, paid: PaymentContext, index: FactsIndex) -> _End | None:
    """The earliest refund or dispute; without one, the processor's end of the review."""
    ends = [*_disputed_ends(item, paid, index), *_refunded_ends(item, paid, index)]
    if ends:
        return min(ends, key=lambda end: (moment(end.at), end.outcome))
    return _End("Reviewed", item.at) if item.status is Status.CLOSED else None


def _disputed_ends(item: ProcessorObject, paid: PaymentContext, index: FactsIndex) -> list[_End]:
    """Ends by disputes of the payment, and by chargebacks in the billing system."""
    disputes = processor_helpers.beside(item, Kind.DISPUTE, index)
    charged_back = [
        one
        for one in index.facts.payments
        if paid.payment and paid.payment.id in (one.id, one.original_id)
        if "chargeback" in (one.status, one.origin) and one.status != "void"
    ]
    at_processor = (processor_helpers.began_at(one, index.facts) or one.at for one in disputes)
    taken = (one.created_at if one.origin == "chargeback" else one.updated_at for one in charged_back)
    return [_End("Disputed", at) for at in (*at_processor, *taken)]


def _refunded_ends(item: ProcessorObject, paid: PaymentContext, index: FactsIndex) -> list[_End]:
    """Ends by a refund of the entire payment: after a partial refund the rest can still be disputed."""
    reported = (one.at for one in (item, *processor_helpers.beside(item, Kind.CHARGE, index)) if one.refunded)
    summed = paid.fully_refunded_at()
    return [_End("Refunded", at) for at in (*summed, *reported)]


def _refund(item: ProcessorObject, end: _End | None, paid: PaymentContext, index: FactsIndex) -> str | None:
    """Sentence on whether a refund still helps; None if the problem is over."""
    if ended := _disputed_ends(item, paid, index):
        inquiries = [
            one for one in processor_helpers.beside(item, Kind.DISPUTE, index) if one.stage is Stage.INQUIRY
        ]
        return _INQUIRY if len(inquiries) == len(ended) and not paid.fully_refunded_at() else _DISPUTED
    if end is not None:
        return _REFUNDED if end.outcome == "Refunded" else None
    if any(one.refundable is False for one in (item, *processor_helpers.beside(item, Kind.CHARGE, index))):
        return _NOT_POSSIBLE
    if paid.payment is None:
        return _UNKNOWN
    return _REST if paid.refunds else _HELPS
