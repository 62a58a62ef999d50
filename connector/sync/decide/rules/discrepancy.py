"""Recurly, a processor and Salesforce report a transfer differently: one case for each class and billing site.

It is open while a discrepancy is not explained, and over when all are cleared or explained. The newest ones have
records under the case. A case that an agent closed stays closed until another discrepancy is found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from connector.mappers import phrases
from connector.mappers.fields import Case
from connector.mappers.fields import Discrepancy as F
from connector.mappers.money import format_money
from connector.mappers.records import discrepancy as record
from connector.models.facts import Difference, Discrepancies, Discrepancy, DiscrepancyState, Facts
from connector.models.plan import Change, Parent
from connector.policy import Policy
from connector.sync.decide import lifecycle
from connector.sync.decide.lifecycle import Problem

NAME: Final = "discrepancy"
STEM: Final = "differs"
_IN_SUMMARY: Final = 5
_ACTIONS: Final = {
    Difference.MISSING_AT_PROCESSOR: (
        "Recurly has taken or given money that the processor does not know. Look for the reference at the processor; "
        "if it is not there, void or correct the transaction in Recurly."
    ),
    Difference.MISSING_IN_RECURLY: (
        "The processor moved money that Recurly does not know. Find whose it is; record an external payment or refund "
        "on its invoice in Recurly, or give the money back."
    ),
    Difference.MISSING_IN_SALESFORCE: (
        "Look whether the account is in Salesforce and what `casewire drift` says of it; `casewire resync` writes what "
        "is missing."
    ),
    Difference.AMOUNT: (
        "Find out which amount is right, and correct the other side: a partial refund or capture is often behind it."
    ),
    Difference.CURRENCY: "Check the currency of the gateway account that the payment went through.",
    Difference.STATUS: (
        "See at the processor what became of the money: a returned debit or a reversal that Recurly was not told of "
        "leaves an invoice paid that is not."
    ),
    Difference.DATE: "Check that the two are really the same payment, and which date the books should have.",
}


def changes(facts: Facts, policy: Policy) -> list[Change]:
    found = facts.discrepancies
    if found is None:
        return lifecycle.changes(NAME, (), facts, policy, policy.rules.discrepancy)
    difference = Difference(facts.code.partition(":")[2])
    shown = _shown(found, policy.rules.discrepancy.samples)
    problem = _problem(difference, found, shown, facts)
    made = lifecycle.changes(NAME, [problem], facts, policy, policy.rules.discrepancy)
    case = _case(made, facts)
    return [*made, *(_row(one, case) for one in shown)]


def _shown(found: Discrepancies, samples: int) -> list[Discrepancy]:
    """The newest open ones, and those that Salesforce has already."""
    open_ = [one for one in found.told if one.state is DiscrepancyState.OPEN]
    newest = {one.key for one in open_[:samples]}
    return [one for one in found.told if one.written or one.key in newest]


def _problem(
    difference: Difference, found: Discrepancies, shown: Sequence[Discrepancy], facts: Facts
) -> Problem:
    title, lasts = record.TITLES[difference], found.open > 0
    totals = "; ".join(format_money(one) for one in found.amounts) or None
    first = [one for one in shown if one.state is DiscrepancyState.OPEN][:_IN_SUMMARY]
    return Problem(
        object="discrepancy",
        id=str(difference),
        name=STEM,
        open=lasts,
        evident=lasts,
        why=f"{title.lower()}: {_state_text(found)}",
        opened_at=found.opened_at,
        last_signal_at=found.last_opened_at,
        resolved_at=found.cleared_at,
        outcome="Explained" if found.explained else "Cleared",
        amount=found.amounts[0] if len(found.amounts) == 1 else None,
        fields={
            Case.REASON: f"{title}: {_state_text(found)}.",
            Case.ACTION: _ACTIONS[difference],
        },
        stable={"account": None, "difference": title, "site": facts.site},
        fresh={
            "count": found.open,
            "explained": found.explained,
            "totals": totals,
            "oldest": phrases.day(found.oldest_at),
            "first": "\n".join(record.sentence(one) for one in first) or None,
            "action": _ACTIONS[difference],
        },
    )


def _state_text(found: Discrepancies) -> str:
    if found.open:
        return f"{found.open:,} not explained"
    return f"time explains what is left ({found.explained:,})" if found.explained else "all are cleared"


def _case(made: Sequence[Change], facts: Facts) -> str | None:
    """Key of the newest case of the class: of this plan, else an existing one."""
    written = [one.key for one in made if one.object == Case.OBJECT]
    existing = [case.key for case in lifecycle.newest(facts.cases, NAME).values()]
    return max(written or existing, key=lambda key: lifecycle.split(key)[1], default=None)


def _row(item: Discrepancy, case: str | None) -> Change:
    parents = {F.ACCOUNT: Parent("Account", item.account)} if item.account else {}
    if case:
        parents[F.CASE] = Parent(Case.OBJECT, case)
    return Change(
        object=F.OBJECT,
        key=item.key,
        rule=NAME,
        reason=f"{record.TITLES[item.difference].lower()}: {item.movement} {item.reference} is {item.state}",
        fields=record.record(item),
        parents=parents,
    )
