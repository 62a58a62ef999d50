"""One case for each class of discrepancies and billing site, and a record for each of the newest."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from connector.mappers.fields import Case
from connector.mappers.fields import Discrepancy as F
from connector.models.facts import (
    Difference,
    Discrepancies,
    Discrepancy,
    DiscrepancyState,
    DisplayedRow,
    Facts,
    Money,
    Movement,
    SubjectKind,
)
from connector.models.plan import Change, Parent, Transition
from connector.policy import DiscrepancyRule, Policy
from connector.sync.decide.rules import discrepancy as rule
from sync.world import at, seen

KEY = "recurly:acme:discrepancy:amount"
STEM = "discrepancy:amount:differs"


def differs(id_: str = "1", **changed: Any) -> Discrepancy:
    usual: dict[str, Any] = {
        "key": f"recurly:acme:payment:{id_}:amount",
        "difference": Difference.AMOUNT,
        "site": "acme",
        "processor": "stripe",
        "movement": Movement.PAYMENT,
        "reference": f"ch_{id_}",
        "at": at(5),
        "state": DiscrepancyState.OPEN,
        "account": "recurly:acme:account:bob",
        "stake": Money(Decimal("4.00"), "USD"),
        "recurly": DisplayedRow("USD 49.00", "success", "2026-11-05"),
        "at_processor": DisplayedRow("USD 45.00", "succeeded", "2026-11-05"),
        "first_seen_at": at(20),
        "opened_at": at(20),
    }
    return Discrepancy(**usual | changed)


def facts(found: Discrepancies | None, *cases: Any, difference: str = "amount") -> Facts:
    key = f"recurly:acme:discrepancy:{difference}"
    code = f"discrepancy:{difference}"
    return Facts(
        key,
        "recurly",
        "acme",
        code,
        at(21),
        about=SubjectKind.DISCREPANCY,
        discrepancies=found,
        cases=tuple(cases),
    )


def some(*told: Discrepancy, **changed: Any) -> Discrepancies:
    usual: dict[str, Any] = {
        "open": len(told),
        "amounts": (Money(Decimal("4.00"), "USD"),),
        "oldest_at": at(5),
        "opened_at": at(20),
        "last_opened_at": at(20),
        "told": told,
    }
    return Discrepancies(**usual | changed)


def ours(**changed: Any) -> Any:
    return seen(f"{STEM}:1", "discrepancy", **changed)


def case_of(changes: list[Change]) -> Change:
    (found,) = (one for one in changes if one.object == Case.OBJECT)
    return found


@pytest.mark.parametrize("difference", list(Difference))
def test_every_class_has_its_case_with_something_to_do(difference: Difference) -> None:
    case = case_of(rule.changes(facts(some(differs()), difference=difference), Policy()))
    assert case.key == f"recurly:acme:discrepancy:{difference}:differs:1"
    assert case.transition is Transition.OPEN
    assert case.fields[Case.ACTION]
    assert str(case.on_create[Case.SUBJECT]).endswith("(site acme)")


@pytest.mark.parametrize(
    ("explained", "outcome", "summary"),
    [
        (0, "Cleared", "Cleared on 2026-11-21: Recurly, the processors and Salesforce agree again."),
        (2, "Explained", "Explained on 2026-11-21: 2 of them time explains, and nobody has to act."),
    ],
)
def test_a_case_ends_when_nobody_has_to_act(explained: int, outcome: str, summary: str) -> None:
    found = some(open=0, explained=explained, cleared_at=at(21))
    case = case_of(rule.changes(facts(found, ours()), Policy()))
    assert case.transition is Transition.RESOLVE
    assert (case.fields[Case.OUTCOME], str(case.fields[Case.SUMMARY]).strip()) == (outcome, summary)


def test_no_discrepancy_no_case() -> None:
    assert rule.changes(facts(None), Policy()) == []


def test_the_summary_has_the_three_values_side_by_side() -> None:
    case = case_of(rule.changes(facts(some(differs())), Policy()))
    summary = str(case.fields[Case.SUMMARY])
    assert "Amounts differ: 1 not explained, about USD 4.00." in summary
    assert (
        "Recurly USD 49.00 success 2026-11-05 · Stripe USD 45.00 succeeded 2026-11-05 · Salesforce –"
        in summary
    )


def test_amounts_of_several_currencies_are_never_one() -> None:
    two = (Money(Decimal("17.00"), "EUR"), Money(Decimal("4.00"), "USD"))
    case = case_of(rule.changes(facts(some(differs(), amounts=two)), Policy()))
    assert case.fields[Case.AMOUNT] is None
    assert "about EUR 17.00; USD 4.00" in str(case.fields[Case.SUMMARY])


def test_a_record_hangs_on_its_account_and_case() -> None:
    row = rule.changes(facts(some(differs())), Policy())[-1]
    assert (row.object, row.key) == (F.OBJECT, "recurly:acme:payment:1:amount")
    assert row.parents == {
        F.ACCOUNT: Parent("Account", "recurly:acme:account:bob"),
        F.CASE: Parent("Case", f"recurly:acme:{STEM}:1"),
    }
    assert (row.fields[F.RECURLY_AMOUNT], row.fields[F.SALESFORCE_AMOUNT]) == ("USD 49.00", "–")


def test_only_so_many_are_records_and_those_that_are_there_stay_true() -> None:
    settings = DiscrepancyRule(samples=2)
    policy = Policy().model_copy(
        update={"rules": Policy().rules.model_copy(update={"discrepancy": settings})}
    )
    old = differs("9", written=True)
    rows = rule.changes(facts(some(differs("1"), differs("2"), differs("3"), old)), policy)
    assert [one.key.split(":")[3] for one in rows if one.object == F.OBJECT] == ["1", "2", "9"]


def test_all_cleared_resolves_the_case() -> None:
    cleared = replace(differs(written=True), state=DiscrepancyState.CLEARED, cleared_at=at(21))
    found = some(cleared, open=0, amounts=(), oldest_at=None, cleared_at=at(21))
    changes = rule.changes(facts(found, ours()), Policy())
    case = case_of(changes)
    assert (case.transition, case.fields[Case.OUTCOME]) == (Transition.RESOLVE, "Cleared")
    assert changes[-1].fields[F.STATE] == "cleared"


def test_an_agents_closing_stands_for_what_was_known_then() -> None:
    closed = ours(closed=True, closed_at=at(20, 13))
    assert case_of(rule.changes(facts(some(differs()), closed), Policy())).transition is None
    newer = some(differs(), last_opened_at=at(20, 14))
    assert case_of(rule.changes(facts(newer, closed), Policy())).transition is Transition.REOPEN
