"""A payout failed at the bank, or was paid and returned: the payee waits for the money.

It is over when the payout is paid or canceled, or when a later payout to the same payee covers its amount. The amount
of a later payout counts once: one payout of 60 does not cover two failures of 50.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from connector.mappers import phrases, reasons
from connector.mappers.fields import Case as F
from connector.mappers.reasons import Reason
from connector.mappers.records import payout as record
from connector.models.facts import Facts, Kind, ProcessorObject, Status
from connector.models.plan import Change, Parent
from connector.policy import Payout, Policy
from connector.sync.decide import lifecycle
from connector.sync.decide.context import processor_helpers
from connector.sync.decide.lifecycle import Problem

NAME = "payout"
STEM = "payout_failed"
_OUTCOMES: Final = {Status.PAID: "Paid", Status.CANCELED: "Canceled"}


@dataclass(frozen=True, slots=True)
class _Later:
    """A successful payout, and the part of it that covers no failure yet."""

    item: ProcessorObject
    left: Decimal | None


def changes(facts: Facts, policy: Policy) -> list[Change]:
    settings, payouts = policy.rules.payout, facts.of(Kind.PAYOUT)
    made_good = _made_good(payouts)
    problems = [_problem(item, made_good.get(item.id), settings) for item in payouts]
    return lifecycle.changes(NAME, problems, facts, policy, settings)


def _made_good(payouts: Sequence[ProcessorObject]) -> dict[str, ProcessorObject]:
    """Failed payout id → later payout that covers it, the oldest failure first."""
    later = [_Later(item, item.amount) for item in payouts if item.status is Status.PAID]
    found: dict[str, ProcessorObject] = {}
    for failed in sorted(_failed(payouts), key=lambda item: (item.at, item.id)):
        number = next((n for n, one in enumerate(later) if _covers(one, failed)), None)
        if number is not None:
            found[failed.id] = later[number].item
            later[number] = _Later(later[number].item, _rest(later[number], failed))
    return found


def _failed(payouts: Iterable[ProcessorObject]) -> list[ProcessorObject]:
    return [item for item in payouts if item.status is Status.FAILED]


def _covers(later: _Later, failed: ProcessorObject) -> bool:
    """Whether a later payout covers a failed one. If the failed amount is unknown, any later payout does, because the
    money had returned to the balance that payouts use."""
    paid = later.item
    if (paid.source, paid.payee or "") != (failed.source, failed.payee or ""):
        return False
    if (paid.opened_at or paid.at) < failed.at:
        return False
    if failed.amount is None:
        return True
    return paid.currency == failed.currency and later.left is not None and later.left >= failed.amount


def _rest(later: _Later, failed: ProcessorObject) -> Decimal | None:
    return None if later.left is None else later.left - (failed.amount or 0)


def _problem(item: ProcessorObject, by: ProcessorObject | None, settings: Payout) -> Problem:
    """A payout that has not failed, or no longer, resolves its case and never opens one."""
    reason, failed = reasons.explain(item), item.status is Status.FAILED
    return Problem(
        object="payout",
        id=item.id,
        name=STEM,
        source=item.source,
        open=failed and by is None,
        evident=failed,
        why=_why(item, by),
        opened_at=item.at if failed else item.opened_at,
        last_signal_at=item.at if failed else None,
        resolved_at=by.at if by else item.at,
        outcome="Paid" if by else _OUTCOMES.get(item.status, "Tried again") if item.status else None,
        priority=settings.priority_of(item.amount),
        amount=processor_helpers.money(item),
        fields={
            F.REASON: reason.text,
            F.REASON_CODE: reason.code,
            F.ACTION: reason.action,
            F.GATEWAY: item.source,
            F.LINK: item.link,
        },
        parents={F.PAYOUT: Parent("Billing_Payout__c", record.key(item))},
        stable={
            "payee": item.payee or "your own account",
            "amount": processor_helpers.money_text(processor_helpers.money(item)),
        },
        fresh=_texts(item, by, reason),
    )


def _why(item: ProcessorObject, by: ProcessorObject | None) -> str:
    how = f"was paid again by {by.id}" if by else f"is {phrases.plain(item.status or 'not told of in full')}"
    return f"payout {item.id} of {item.source} {how}"


def _texts(
    item: ProcessorObject, by: ProcessorObject | None, reason: Reason
) -> dict[str, str | int | bool | None]:
    return {
        "reason": reason.text,
        "action": reason.action,
        "how": f"the payout {by.id}" if by else None,
        "gateway": phrases.source_title(item.source),
        "id": item.id,
    }
