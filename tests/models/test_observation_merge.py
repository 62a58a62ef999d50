"""What a processor's object is now: the same from the same observations, whatever their order and however often."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.models.facts import Kind, ProcessorObject, Stage, Status
from connector.models.observation_merge import CLEARLY_LATER, fold
from connector.models.processor_objects import SETTLED, STATUS_ORDER, STATUSES

T0 = datetime(2026, 11, 22, 12, tzinfo=UTC)
OPEN = (Status.NEEDS_RESPONSE, Status.UNDER_REVIEW)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def told(seconds: float = 0, status: Status | None = None, **said: Any) -> ProcessorObject:
    usual: dict[str, Any] = {"kind": Kind.DISPUTE, "source": "stripe", "id": "dp_1"}
    return ProcessorObject(**usual | {"at": at(seconds), "status": status} | said)


def status_of(*observed: ProcessorObject) -> Status | None:
    return fold(observed).status


OBSERVED = st.builds(
    told,
    st.integers(0, 200),
    st.sampled_from((None, *sorted(STATUSES[Kind.DISPUTE]))),
    stage=st.sampled_from((None, *Stage)),
    reason=st.sampled_from((None, "fraudulent", "4853")),
    amount=st.sampled_from((None, Decimal("49.00"), Decimal("0.00"))),
    due_at=st.sampled_from((None, at(900), at(1000))),
    opened_at=st.sampled_from((None, at(-5), at(3))),
    references=st.lists(st.sampled_from(("ch_1", "pi_1", "re_1")), unique=True).map(tuple),
    invoice_number=st.sampled_from((None, "1001")),
    truncated=st.booleans(),
    refunded=st.sampled_from((None, True, False)),
    listed=st.booleans(),
)
SEVERAL = st.lists(OBSERVED, min_size=1, max_size=6)


# ── the same in every order ───────────────────────────────────────────────────────────────────────────────────


@given(SEVERAL, st.data())
def test_the_order_and_repeats_do_not_matter(observed: list[ProcessorObject], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(observed), max_size=4))
    shuffled = data.draw(st.permutations([*observed, *again]))
    assert fold(shuffled) == fold(observed)


def test_one_observation_is_what_it_says() -> None:
    only = told(3, Status.LOST, stage=Stage.CHARGEBACK, references=("ch_1",), amount=Decimal("49.00"))
    assert fold([only]) == only


@pytest.mark.parametrize(("kind", "status"), [(Kind.CHARGE, Status.RETURNED), (Kind.REFUND, Status.FAILED)])
def test_only_a_charge_that_fails_after_it_succeeded_was_returned(kind: Kind, status: Status) -> None:
    assert status_of(told(0, Status.SUCCEEDED, kind=kind), told(90, Status.FAILED, kind=kind)) is status


def test_nothing_told_is_no_object() -> None:
    with pytest.raises(ValueError, match="nothing was told"):
        fold([])


# ── how far it has gone ───────────────────────────────────────────────────────────────────────────────────────


@given(SEVERAL)
def test_it_never_goes_back_from_the_furthest_stage_that_was_told_with_a_status(
    observed: list[ProcessorObject],
) -> None:
    ranks = {stage: rank for rank, stage in enumerate(Stage)}
    reached = [one.stage for one in observed if one.status and one.stage]
    if reached:
        furthest = max(reached, key=ranks.__getitem__)
        found = fold(observed).stage
        assert found is not None
        assert ranks[found] >= ranks[furthest] or furthest is Stage.INQUIRY


@pytest.mark.parametrize("stage", [None, Stage.INQUIRY, Stage.CHARGEBACK])
@pytest.mark.parametrize(
    ("seconds", "late"),
    [(-10, Status.WON), (60, Status.LOST), (5000, Status.NEEDS_RESPONSE), (5000, Status.UNDER_REVIEW)],
)
def test_what_is_told_of_an_earlier_stage_changes_nothing(
    seconds: float, late: Status, stage: Stage | None
) -> None:
    reached = told(0, Status.NEEDS_RESPONSE, stage=Stage.PRE_ARBITRATION)
    found = fold([told(seconds, late, stage=stage), reached])
    assert (found.stage, found.status) == (Stage.PRE_ARBITRATION, Status.NEEDS_RESPONSE)


def test_a_decision_that_is_clearly_later_ends_it_though_its_stage_is_not_said() -> None:
    reached = told(0, Status.UNDER_REVIEW, stage=Stage.PRE_ARBITRATION)
    for decided in (told(61, Status.WON), told(61, Status.WON, stage=Stage.CHARGEBACK)):
        found = fold([decided, reached])
        assert (found.stage, found.status) == (Stage.PRE_ARBITRATION, Status.WON)


def test_a_further_stage_opens_what_was_settled_in_the_one_before() -> None:
    won = told(100, Status.WON, stage=Stage.CHARGEBACK)
    found = fold([won, told(101, Status.NEEDS_RESPONSE, stage=Stage.PRE_ARBITRATION)])
    assert (found.stage, found.status) == (Stage.PRE_ARBITRATION, Status.NEEDS_RESPONSE)


# ── what is settled ───────────────────────────────────────────────────────────────────────────────────────────

STANDS: Sequence[tuple[str, float, Status, Status]] = [
    # what comes besides WON at 1000 s, and what then holds
    ("an older open one", 0, Status.NEEDS_RESPONSE, Status.WON),
    ("one of the same second", 1000, Status.UNDER_REVIEW, Status.WON),
    ("an open one within a minute", 1060, Status.NEEDS_RESPONSE, Status.WON),
    ("an open one that is clearly later", 1061, Status.NEEDS_RESPONSE, Status.NEEDS_RESPONSE),
    ("a reversal, a second later", 1001, Status.LOST, Status.LOST),
    ("a settled one that is older", 999, Status.LOST, Status.WON),
]


@pytest.mark.parametrize(("seconds", "status", "holds"), [r[1:] for r in STANDS], ids=[r[0] for r in STANDS])
def test_a_won_dispute_is_undone_only_by_what_is_clearly_meant(
    seconds: float, status: Status, holds: Status
) -> None:
    both = (told(1000, Status.WON), told(seconds, status))
    assert status_of(*both) == status_of(*reversed(both)) == holds


def test_a_minute_is_counted_from_what_was_settled_last() -> None:
    """Won at 0 s, lost at 50 s: what is open at 70 s is not clearly later than that."""
    story = (told(0, Status.WON), told(50, Status.LOST), told(70, Status.UNDER_REVIEW))
    for order in permutations(story):
        assert status_of(*order) is Status.LOST


def test_the_whole_life_of_a_dispute_ends_the_same_in_every_order() -> None:
    story = (
        told(0, Status.NEEDS_RESPONSE, stage=Stage.CHARGEBACK, due_at=at(9000)),
        told(0, None, reason="fraudulent"),
        told(100, Status.UNDER_REVIEW, stage=Stage.CHARGEBACK),
        told(500, Status.WON, stage=Stage.CHARGEBACK),
        told(800, Status.LOST, stage=Stage.CHARGEBACK),
    )
    found = {fold(order) for order in permutations(story)}
    assert len(found) == 1
    assert {(one.status, one.reason, one.due_at) for one in found} == {(Status.LOST, "fraudulent", at(9000))}


def test_of_two_told_for_the_same_moment_the_further_on_holds() -> None:
    refund = {"kind": Kind.REFUND, "id": "re_1"}
    assert status_of(told(0, Status.SUCCEEDED, **refund), told(0, Status.FAILED, **refund)) is Status.FAILED
    assert (
        status_of(told(0, Status.PENDING, **refund), told(0, Status.SUCCEEDED, **refund)) is Status.SUCCEEDED
    )


def test_a_payout_that_was_paid_can_bounce() -> None:
    payout = {"kind": Kind.PAYOUT, "id": "po_1"}
    assert status_of(told(0, Status.PAID, **payout), told(10, Status.FAILED, **payout)) is Status.FAILED


def test_a_charge_that_fails_after_it_had_succeeded_was_taken_back() -> None:
    charge = {"kind": Kind.CHARGE, "id": "PM1"}
    failed = told(864_000, Status.FAILED, **charge)
    for order in permutations(
        (told(0, Status.PENDING, **charge), told(10, Status.SUCCEEDED, **charge), failed)
    ):
        assert status_of(*order) is Status.RETURNED
    assert status_of(told(0, Status.PENDING, **charge), failed) is Status.FAILED


@given(st.lists(OBSERVED.filter(lambda one: one.stage is None), min_size=1, max_size=6))
def test_no_open_status_stands_within_a_minute_after_a_settled_one(observed: list[ProcessorObject]) -> None:
    found = status_of(*observed)
    settled = [one.at for one in observed if one.status in SETTLED]
    opened = [one.at for one in observed if one.status == found]
    if found in OPEN and settled:
        assert max(opened) - min(settled) > CLEARLY_LATER


LOST_WHEN = [
    # when it is due and said to be lost, whether it was answered, and what it is then
    ("after its time, unanswered", 900, [901], False, Status.EXPIRED),
    ("in time: it was accepted, or decided at once", 900, [899], False, Status.LOST),
    ("in time, and told of again after it", 900, [899, 5000], False, Status.LOST),
    ("answered", 900, [901], True, Status.LOST),
    ("nobody says whether it was answered", 900, [901], None, Status.LOST),
    ("nobody says until when", None, [901], False, Status.LOST),
    ("an answer that is dated by its beginning", 900, [0, 901], False, Status.EXPIRED),
    ("nothing but that answer", 900, [0], False, Status.LOST),
]


@pytest.mark.parametrize(
    ("due", "lost", "answered", "holds"), [r[1:] for r in LOST_WHEN], ids=[r[0] for r in LOST_WHEN]
)
def test_what_is_lost_because_nobody_answered_in_time_expired(
    due: int | None, lost: list[int], answered: bool | None, holds: Status
) -> None:
    opened = told(0, Status.NEEDS_RESPONSE, opened_at=at(0), due_at=at(due) if due else None, answered=False)
    story = [opened, *(told(seconds, Status.LOST, answered=answered) for seconds in lost)]
    if answered is None:
        story[0] = told(0, Status.NEEDS_RESPONSE, opened_at=at(0), due_at=at(900))
    for order in permutations(story):
        assert status_of(*order) is holds


def test_an_object_whose_status_nobody_told_has_none() -> None:
    assert status_of(told(0), told(1)) is None


# ── what a list tells ─────────────────────────────────────────────────────────────────────────────────────────

LEADS: Sequence[tuple[str, Status, Status, Status]] = [
    # what an event told at 0 s, what a list says an hour later, and what then holds
    ("a lost end", Status.UNDER_REVIEW, Status.LOST, Status.LOST),
    ("a lost step", Status.NEEDS_RESPONSE, Status.UNDER_REVIEW, Status.UNDER_REVIEW),
    ("a lost reversal", Status.WON, Status.LOST, Status.LOST),
    ("an open one for a settled one", Status.WON, Status.UNDER_REVIEW, Status.WON),
    ("one that is less far on", Status.UNDER_REVIEW, Status.NEEDS_RESPONSE, Status.UNDER_REVIEW),
    ("captured, not settled", Status.SUCCEEDED, Status.PENDING, Status.SUCCEEDED),
]


@pytest.mark.parametrize(("heard", "said", "holds"), [r[1:] for r in LEADS], ids=[r[0] for r in LEADS])
def test_what_a_list_tells_only_leads_on(heard: Status, said: Status, holds: Status) -> None:
    both = (told(0, heard), told(3600, said, listed=True))
    assert status_of(*both) == status_of(*reversed(both)) == holds


def test_a_list_shows_a_further_stage() -> None:
    found = fold(
        [
            told(0, Status.WITHDRAWN, stage=Stage.INQUIRY),
            told(3600, Status.NEEDS_RESPONSE, stage=Stage.CHARGEBACK, listed=True),
        ]
    )
    assert (found.stage, found.status) == (Stage.CHARGEBACK, Status.NEEDS_RESPONSE)


LIFE = (
    told(0, Status.NEEDS_RESPONSE, stage=Stage.CHARGEBACK),
    told(1000, Status.UNDER_REVIEW, stage=Stage.CHARGEBACK),
    told(2000, Status.WON, stage=Stage.CHARGEBACK),
    told(3000, Status.NEEDS_RESPONSE, stage=Stage.CHARGEBACK),
    told(4000, Status.LOST, stage=Stage.CHARGEBACK),
)


@pytest.mark.parametrize("seconds", [500, 1500, 2500, 3500, 4500])
@pytest.mark.parametrize("vague", [False, True])
def test_events_that_come_after_a_list_win_or_agree(seconds: float, vague: bool) -> None:
    """Whenever it was listed, truly or less exactly, and however late and in whatever order events come: once all are
    there, it is as if it had not been listed."""
    last = [one for one in LIFE if one.at <= at(seconds)][-1]
    said = Status.NEEDS_RESPONSE if vague else last.status
    listed = told(seconds, said, stage=Stage.CHARGEBACK, listed=True)
    for order in permutations(LIFE):
        assert status_of(listed, *order) is Status.LOST
    for known in range(1, len(LIFE) + 1):
        heard = LIFE[:known]
        if heard[-1].at >= last.at:
            assert status_of(listed, *heard) is status_of(*heard)


# ── what else is told of it ───────────────────────────────────────────────────────────────────────────────────


@given(SEVERAL)
def test_every_reference_ever_told_is_kept_once_and_in_order(observed: list[ProcessorObject]) -> None:
    found = fold(observed).references
    assert set(found) == {ref for one in observed for ref in one.references}
    assert list(found) == sorted(set(found))


def test_each_attribute_is_as_it_was_told_last() -> None:
    early = told(0, due_at=at(100), amount=Decimal("49.00"), currency="USD", reason="general")
    late = told(10, due_at=at(200), reason="fraudulent")
    for found in (fold([early, late]), fold([late, early])):
        assert (found.due_at, found.reason) == (at(200), "fraudulent")
        assert (found.amount, found.currency) == (Decimal("49.00"), "USD")


def test_no_and_nothing_are_values_that_were_told() -> None:
    found = fold(
        [told(0, refunded=True, payee="acct_1", amount=Decimal("5")), told(1, refunded=False, payee="")]
    )
    assert (found.refunded, found.payee, found.amount) == (False, "", Decimal("5"))


def test_it_began_when_it_was_first_said_to_have_begun() -> None:
    assert fold([told(0, opened_at=at(5)), told(10, opened_at=at(-5)), told(20)]).opened_at == at(-5)


def test_it_is_true_of_the_newest_moment_told() -> None:
    assert fold([told(10), told(90), told(20)]).at == at(90)


@pytest.mark.parametrize(("first", "last"), [(True, False), (False, True)])
def test_whether_a_number_was_cut_goes_with_the_number(first: bool, last: bool) -> None:
    observed = [told(0, invoice_number="1", truncated=first), told(1, invoice_number="2", truncated=last)]
    random.Random(1).shuffle(observed)
    found = fold([*observed, told(2, truncated=first)])
    assert (found.invoice_number, found.truncated) == ("2", last)


def test_every_status_belongs_to_a_kind_and_has_its_place() -> None:
    assert set().union(*STATUSES.values()) == set(Status) == set(STATUS_ORDER)
    assert set(STATUSES) == set(Kind)
