"""One dispute, told in every order and with repeats, looked at after each arrival: always the same case and record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import permutations
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.models.facts import Facts, ProcessorObject, Stage, Status, TimelineEvent
from connector.models.observation_merge import fold
from connector.policy import Policy
from connector.sync.decide.decide import decide
from sync.crm import MemoryCrm, Record
from sync.world import NOW, at, charge, dispute, facts, paid_invoice, payment, said, subscription, unjoined

POLICY = Policy()
CASE = "stripe:dispute:dp_1:dispute:1"
RECORD = "stripe:dispute:dp_1"
PAID = payment(gateway_reference="ch_1")
KNOWN = (subscription(), paid_invoice(subscription_ids=("sub1",)), PAID, charge())

Records = Mapping[tuple[str, str], Record]


@dataclass(frozen=True)
class Heard:
    """One event of the processor, and what it carried."""

    event: TimelineEvent
    item: ProcessorObject


def heard(kind: str, when: datetime, status: Status, **changed: Any) -> Heard:
    told = {"at": when, "status": status, "known_since": None, "joined_by": "", "opened_at": at(1)}
    return Heard(said(kind, when, "dp_1"), dispute(**told | changed))


OPENED = heard("charge.dispute.created", at(1), Status.NEEDS_RESPONSE)
TAKEN = heard("charge.dispute.funds_withdrawn", at(1), Status.NEEDS_RESPONSE)
SENT = heard("charge.dispute.updated", at(5), Status.UNDER_REVIEW)
WON = heard("charge.dispute.closed", at(9), Status.WON)
RETURNED = heard("charge.dispute.funds_reinstated", at(9), Status.WON)
LOST = heard("charge.dispute.closed", at(15), Status.LOST)
AGAIN = heard("charge.dispute.updated", at(14), Status.NEEDS_RESPONSE, stage=Stage.PRE_ARBITRATION)
SENT_AGAIN = heard("charge.dispute.updated", at(16), Status.UNDER_REVIEW, stage=Stage.PRE_ARBITRATION)
LOST_AGAIN = heard("charge.dispute.closed", at(20), Status.LOST, stage=Stage.PRE_ARBITRATION)

SEQUENCES: Mapping[str, tuple[tuple[Heard, ...], str | None, str]] = {
    "contested and won": ((OPENED, TAKEN, SENT, WON, RETURNED), "Won", "won"),
    "won and then lost": ((OPENED, TAKEN, SENT, WON, LOST), "Lost", "lost"),
    "won and opened again": ((OPENED, SENT, WON, RETURNED, AGAIN), None, "needs_response"),
    "won, opened again and lost": ((OPENED, SENT, WON, AGAIN, LOST_AGAIN), "Lost", "lost"),
    "won, opened again and contested": ((OPENED, WON, RETURNED, AGAIN, SENT_AGAIN), None, "under_review"),
}
"""What was told, the outcome in the end, and the status."""


def known(told: Sequence[Heard], crm: MemoryCrm, now: datetime, account: bool = True) -> Facts:
    """The facts when this much has arrived, however often."""
    item = replace(fold(one.item for one in told), known_since=at(1), joined_by="gateway reference ch_1")
    rows = crm.of("Billing_Event__c")
    there = {key for key, row in rows.items() if ("Account__c" in row) == account}
    events = {one.event for one in told}
    seen = [replace(one, on_timeline=f"stripe:event:{one.event_id}" in there) for one in events]
    if not account:
        return unjoined(item, *seen, *crm.cases(), now=now)
    return facts(*KNOWN, item, *seen, *crm.cases(), now=now)


def tell(arrivals: Sequence[Heard], looks: Iterable[int], joined_from: int = 0) -> Records:
    """Decide and apply after some of the arrivals; before ``joined_from`` no account is known."""
    crm = MemoryCrm()
    for number in looks:
        now = NOW + timedelta(minutes=number)
        account = number >= joined_from
        crm.apply(decide(known(arrivals[: number + 1], crm, now, account), POLICY), now)
    return crm.records


def once(told: Sequence[Heard]) -> Records:
    return tell(told, [len(told) - 1])


@pytest.mark.parametrize("name", SEQUENCES)
def test_every_order_with_repeats_leaves_the_same_case_and_record(name: str) -> None:
    told, outcome, status = SEQUENCES[name]
    expected = once(told)
    assert expected["Case", CASE]["Billing_Outcome__c"] == outcome
    assert expected["Case", CASE]["Billing_State__c"] == ("resolved" if outcome else "open")
    assert expected["Case", CASE]["Status"] == ("Closed" if outcome else "New")
    assert expected["Billing_Dispute__c", RECORD]["Status__c"] == status
    for order in permutations(told):
        repeated = (order[0], *order, order[2])
        assert tell(repeated, range(len(repeated))) == expected, [one.event.event_id for one in repeated]


@pytest.mark.parametrize("name", SEQUENCES)
def test_moments_nobody_looked_at_change_nothing(name: str) -> None:
    told, _, _ = SEQUENCES[name]
    expected = once(told)
    last = len(told) - 1
    for looks in ([last], [0, last], [1, 3, last], [2, last]):
        assert tell(told, looks) == expected
        assert tell(told[::-1], looks) == expected


@pytest.mark.parametrize("joined_from", [1, 2, 3, 4])
@pytest.mark.parametrize("name", SEQUENCES)
def test_it_does_not_matter_when_its_account_became_known(name: str, joined_from: int) -> None:
    """It has waited longer than the policy says: it has a case before it has an account."""
    told, _, _ = SEQUENCES[name]
    expected = once(told)
    for order in (told, told[::-1], (*told[2:], *told[:2])):
        left = tell(order, range(len(order)), joined_from)
        assert left == expected


ANSWER_BY = at(16)
"""Between the steps of the policy and after the last of them, as the sequences go on."""
ESCALATING = Policy.model_validate(
    {
        "rules": {
            "dispute": {
                "priority": "Medium",
                "escalation": [
                    {"days_left": 14, "priority": "High"},
                    {"days_left": 12, "queue": "Billing_Escalations"},
                    {"days_left": 3, "priority": "Critical", "queue": "Billing_Managers"},
                ],
            }
        }
    }
)


@given(
    name=st.sampled_from(sorted(SEQUENCES)),
    order=st.randoms(use_true_random=False),
    looks=st.lists(st.integers(0, 24), max_size=8),
    end=st.integers(25, 45),
)
def test_owner_and_priority_do_not_depend_on_when_the_news_came(
    name: str, order: Random, looks: list[int], end: int
) -> None:
    """The deadline nears, passes, and is met, while nobody looks or while somebody does; what was said arrives in any
    order, twice, or late. At the end the case is whose it would be if everything were told at once then."""
    told = [replace(one, item=replace(one.item, due_at=ANSWER_BY)) for one in SEQUENCES[name][0]]
    arrivals = [*told, *order.sample(told, 2)]
    order.shuffle(arrivals)
    disturbed, calm = MemoryCrm(), MemoryCrm()
    for day in sorted({*looks, end}):
        now = at(1) + timedelta(days=day)
        arrived = len(arrivals) if day == end else 1 + day * len(arrivals) // end
        disturbed.apply(decide(known(arrivals[:arrived], disturbed, now), ESCALATING), now)
    now = at(1) + timedelta(days=end)
    calm.apply(decide(known(told, calm, now), ESCALATING), now)
    for field in ("OwnerId", "Priority", "Billing_Escalation__c", "Billing_State__c"):
        assert disturbed.of("Case")[CASE][field] == calm.of("Case")[CASE][field], field


def test_only_one_case_is_ever_made() -> None:
    for told, _, _ in SEQUENCES.values():
        assert [key for object_, key in once(told) if object_ == "Case"] == [CASE]


def test_a_late_older_event_does_not_undo_what_was_won() -> None:
    """Deliveries are repeated for days: the opening may arrive last."""
    case = tell((SENT, WON, OPENED), range(3))["Case", CASE]
    assert (case["Billing_Outcome__c"], case["Status"]) == ("Won", "Closed")
    assert case["Billing_Resolved_At__c"] == at(9)


def test_a_reversal_does() -> None:
    case = tell((OPENED, WON, AGAIN), range(3))["Case", CASE]
    assert (case["Billing_Outcome__c"], case["Status"]) == (None, "New")
    assert case["Billing_Stage__c"] == "pre_arbitration"


def test_a_dispute_that_comes_back_after_months_is_still_the_same_case() -> None:
    crm = MemoryCrm()
    later = at(9) + timedelta(days=150)
    again = heard("charge.dispute.updated", later, Status.NEEDS_RESPONSE, stage=Stage.PRE_ARBITRATION)
    crm.apply(decide(known((OPENED, WON), crm, at(9, 13)), POLICY), at(9, 13))
    crm.apply(decide(known((OPENED, WON, again), crm, later), POLICY), later)
    assert list(crm.of("Case")) == [CASE]
    assert crm.of("Case")[CASE]["Status"] == "New"
