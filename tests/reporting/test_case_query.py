"""A row of Salesforce and what the ledger knows of it become a case."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from connector.ledger.attempts import Transitions
from connector.mappers.field_limits import required_fields
from connector.mappers.org_schema import OrgField, OrgShape
from connector.reporting.case_query import cases, lacking, soql
from connector.reporting.cases import Ending, Owner

US = "005000000000001AAA"
KEY = "recurly:acme:invoice:1001:past_due:1"
SECOND = KEY.removesuffix("1") + "2"
NOTHING = Transitions({}, set(), set())


def row(**told: Any) -> dict[str, Any]:
    return {
        "CaseNumber": "00001001",
        "CreatedDate": "2026-10-03T10:00:00.000+0000",
        "IsClosed": False,
        "ClosedDate": None,
        "OwnerId": "00G000000000001AAA",
        "Billing_Key__c": KEY,
        "Billing_Rule__c": "payment_failed",
        "Billing_Account_Key__c": "recurly:acme:account:bob",
        "Billing_State__c": "open",
        "Billing_Outcome__c": None,
        "Billing_Opened_At__c": "2026-10-01T08:30:00.000+0000",
        "Billing_Resolved_At__c": None,
        "Billing_Amount__c": Decimal("49.000"),
        "Billing_Currency__c": "USD",
        "Billing_Dunning_Step__c": Decimal("2.0"),
        "Billing_Decline_Category__c": None,
        "Billing_Reason__c": None,
        "Billing_Gateway__c": None,
        "Billing_Dispute__r": None,
        **told,
    }


SHAPE = OrgShape(
    {name: {one: OrgField(one, "string") for one in ours} for name, ours in required_fields().items()}
)


def one(known: Transitions = NOTHING, **told: Any) -> Any:
    (found,) = cases([row(**told)], known, US)
    return found


def test_an_open_case() -> None:
    case = one()
    assert (case.key, case.kind, case.cycle, case.owner) == (KEY, "payment_failed", 1, Owner.QUEUE)
    assert case.opened_at == datetime(2026, 10, 1, 8, 30, tzinfo=UTC)
    assert (str(case.amount), case.currency, case.dunning_step) == ("49.00", "USD", 2)
    assert (case.ending, case.ended_at, case.resolved_at) == (None, None, None)


def test_a_case_without_its_beginning_began_when_it_was_made() -> None:
    assert one(Billing_Opened_At__c=None).opened_at == datetime(2026, 10, 3, 10, tzinfo=UTC)


def test_a_case_that_goes_on_with_a_problem_begins_when_it_is_made() -> None:
    """The days before are those of the case before it, which a person closed."""
    case = one(Billing_Key__c=SECOND)
    assert case.opened_at == datetime(2026, 10, 3, 10, tzinfo=UTC)
    assert case.began_at == datetime(2026, 10, 1, 8, 30, tzinfo=UTC)
    assert case.problem == one().problem


def test_a_third_decimal_that_tells_something_is_kept() -> None:
    assert str(one(Billing_Amount__c=Decimal("1.234")).amount) == "1.234"
    assert one(Billing_Amount__c=None).amount is None
    assert str(one(Billing_Amount__c=500).amount) == "500.00"


RESOLVED = {
    "IsClosed": True,
    "ClosedDate": "2026-10-09T12:00:00.000+0000",
    "Billing_State__c": "resolved",
    "Billing_Resolved_At__c": "2026-10-08T12:00:00.000+0000",
}


def test_a_resolved_case_ended_with_its_problem() -> None:
    case = one(**RESOLVED)
    assert (case.ending, case.ended_at) == (Ending.RESOLVED, datetime(2026, 10, 8, 12, tzinfo=UTC))


def test_a_resolved_case_without_a_moment_ended_when_it_was_closed() -> None:
    case = one(**{**RESOLVED, "Billing_Resolved_At__c": None})
    assert case.resolved_at == case.ended_at == datetime(2026, 10, 9, 12, tzinfo=UTC)


def test_a_case_closed_while_its_problem_lasts_was_closed_by_hand() -> None:
    case = one(IsClosed=True, ClosedDate="2026-10-09T12:00:00.000+0000")
    assert (case.ending, case.resolved_at) == (Ending.CLOSED_BY_HAND, None)


def test_a_case_that_a_person_opened_again_is_open() -> None:
    case = one(**{**RESOLVED, "IsClosed": False, "ClosedDate": None})
    assert case.ended_at is None
    assert case.resolved_at is not None


@pytest.mark.parametrize(
    ("owner", "kind"),
    [
        ("00G000000000001AAA", Owner.QUEUE),
        (US, Owner.CASEWIRE),
        (US[:15], Owner.CASEWIRE),
        ("005000000000002AAA", Owner.PERSON),
    ],
)
def test_who_has_it(owner: str, kind: Owner) -> None:
    assert one(OwnerId=owner).owner is kind


def test_the_ledger_tells_of_reopening_escalating_and_closing() -> None:
    moment = datetime(2026, 10, 5, tzinfo=UTC)
    case = one(Transitions({KEY: (moment,)}, {KEY}, {KEY}))
    assert (case.reopened, case.escalated, case.closed_by_us) == ((moment,), True, True)
    other = one(Transitions({"x": (moment,)}, {"x"}, {"x"}))
    assert (other.reopened, other.escalated, other.closed_by_us) == ((), False, False)


def test_a_dispute_tells_its_reason_and_when_the_answer_is_due() -> None:
    told = {
        "Reason_Category__c": "fraud",
        "Status__c": "needs_response",
        "Due_At__c": "2026-10-20T23:59:59.000+0000",
    }
    case = one(Billing_Rule__c="dispute", Billing_Dispute__r=told)
    assert (case.dispute_reason, case.dispute_status) == ("fraud", "needs_response")
    assert case.due_at == datetime(2026, 10, 20, 23, 59, 59, tzinfo=UTC)


def test_only_the_cases_of_a_site() -> None:
    found = [
        row(),
        row(Billing_Account_Key__c="recurly:eu1:account:bob"),
        row(Billing_Account_Key__c="stripe:dispute:dp_1"),
        row(Billing_Account_Key__c=None),
    ]
    assert len(list(cases(found, NOTHING, US))) == 4
    assert len(list(cases(found, NOTHING, US, "eu1"))) == 1


def test_the_query_asks_for_what_is_open_or_ended_since() -> None:
    asked = soql(datetime(2026, 8, 3, tzinfo=UTC), SHAPE)
    assert "IsClosed = false OR ClosedDate >= 2026-08-03T00:00:00Z OR Billing_Resolved_At__c >= " in asked
    assert "Billing_Dispute__r.Due_At__c" in asked
    assert lacking(SHAPE) == []


def without(*names: str) -> OrgShape:
    return OrgShape(
        {
            object_: {name: field for name, field in ours.items() if f"{object_}.{name}" not in names}
            for object_, ours in SHAPE.objects.items()
        }
    )


def test_what_the_org_does_not_have_is_not_asked_for() -> None:
    shape = without("Case.Billing_Reason__c", "Case.Billing_Resolved_At__c", "Billing_Dispute__c.Due_At__c")
    asked = soql(datetime(2026, 8, 3, tzinfo=UTC), shape)
    assert not any(name in asked for name in ("Billing_Reason__c", "Resolved_At", "Due_At"))
    assert "Billing_Dispute__r.Status__c" in asked
    assert lacking(shape) == [
        "Case.Billing_Resolved_At__c",
        "Case.Billing_Reason__c",
        "Billing_Dispute__c.Due_At__c",
    ]


def test_without_its_dispute_nothing_of_that_is_asked_for() -> None:
    assert "Billing_Dispute__r" not in soql(
        datetime(2026, 8, 3, tzinfo=UTC), without("Case.Billing_Dispute__c")
    )


def test_a_row_without_those_fields_is_a_case_all_the_same() -> None:
    told = row()
    for name in [name for name in told if name.startswith("Billing_") and name != "Billing_Key__c"]:
        del told[name]
    (case,) = cases([told], NOTHING, US)
    assert (case.kind, case.amount, case.opened_at) == ("", None, datetime(2026, 10, 3, 10, tzinfo=UTC))
