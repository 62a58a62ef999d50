"""What differs between three sides, and which of their objects are one, without a ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from connector.ledger.payment_lookup import KnownPayment
from connector.models.facts import Difference, Kind, Movement, Payment, ProcessorObject, Status
from connector.policy import Compare
from connector.sync.reconcile.differences import OF_PROCESSOR, OF_RECURLY, findings
from connector.sync.reconcile.matching import MatchedPairs, UnmatchedObject
from connector.sync.reconcile.models import Observation, Outcome, System, Transfer
from sync.world import NOW, SUBJECT, at, charge, payment, refund, told_of

POLICY = Compare(
    amount_tolerance=Decimal("0.10"), date_tolerance_days=2, settlement_hours=48, bank_debit_hours=120
)
ALL = frozenset(System)
THEN = at(1)


def seen(status: str = "success", standing: Outcome | None = Outcome.MOVED, **changed: Any) -> Observation:
    usual: dict[str, Any] = {"amount": Decimal("49.00"), "currency": "USD", "moments": (THEN,)}
    return Observation(**{"status": status, "standing": standing} | usual | changed)


def transfer(**changed: Any) -> Transfer:
    """A payment on which all three sides agree."""
    usual: dict[str, Any] = {
        "kind": Movement.PAYMENT, "key": "k", "reference": "ch_1", "site": "acme", "processor": "stripe", "at": THEN,
        "asked": ALL, "recurly": seen(), "at_processor": seen("succeeded"), "salesforce": seen(),
    }  # fmt: skip
    return Transfer(**usual | changed)


def differences(one: Transfer, policy: Compare = POLICY) -> list[str]:
    return [str(found.difference) for found in findings(one, policy, NOW) if not found.why]


# Every word of a side -------------------------------------------------------------------------------------------


def test_every_word_of_recurly_says_what_became_of_the_money() -> None:
    moved, pending, not_moved = ("success chargeback", "pending processing scheduled", "declined error void")
    assert {
        **dict.fromkeys(moved.split(), Outcome.MOVED),
        **dict.fromkeys(pending.split(), Outcome.PENDING),
        **dict.fromkeys(not_moved.split(), Outcome.NOT_MOVED),
    } == OF_RECURLY


def test_every_status_of_a_processor_says_what_became_of_the_money() -> None:
    """A dispute that is won or called off took no money; one that is lost, however, did."""
    assert {
        **dict.fromkeys((Status.SUCCEEDED, Status.LOST, Status.ACCEPTED, Status.EXPIRED), Outcome.MOVED),
        **dict.fromkeys((Status.PENDING, Status.REQUIRES_ACTION), Outcome.PENDING),
        **dict.fromkeys((Status.NEEDS_RESPONSE, Status.UNDER_REVIEW), Outcome.PENDING),
        **dict.fromkeys((Status.AUTHORIZED, Status.FAILED, Status.CANCELED), Outcome.NOT_MOVED),
        **dict.fromkeys((Status.WON, Status.WITHDRAWN), Outcome.NOT_MOVED),
        Status.RETURNED: Outcome.TAKEN_BACK,
    } == OF_PROCESSOR


# What differs ---------------------------------------------------------------------------------------------------

ONLY: Mapping[System, dict[str, Any]] = {
    System.RECURLY: {"at_processor": None, "salesforce": None},
    System.PROCESSOR: {"recurly": None, "salesforce": None},
    System.SALESFORCE: {"recurly": None, "at_processor": None},
}


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, []),
        ({"recurly": None}, ["missing_in_recurly"]),
        ({"at_processor": None}, ["missing_at_processor"]),
        ({"salesforce": None}, ["missing_in_salesforce"]),
        ({"salesforce": None, "asked": ALL - {System.SALESFORCE}}, []),
        # what did not move need not be anywhere
        ({**ONLY[System.RECURLY], "recurly": seen("declined", Outcome.NOT_MOVED)}, []),
        ({**ONLY[System.PROCESSOR], "at_processor": seen("failed", Outcome.NOT_MOVED)}, []),
        ({**ONLY[System.RECURLY], "recurly": seen("pending", Outcome.PENDING)},
         ["missing_at_processor", "missing_in_salesforce"]),
        ({**ONLY[System.PROCESSOR], "at_processor": seen("returned", Outcome.TAKEN_BACK)}, []),
        ({"at_processor": None, "recurly": seen("declined", Outcome.NOT_MOVED), "salesforce": seen()}, ["status"]),
        # the edges of the tolerances
        ({"at_processor": seen("succeeded", amount=Decimal("49.10"))}, []),
        ({"at_processor": seen("succeeded", amount=Decimal("49.11"))}, ["amount"]),
        ({"salesforce": seen(amount=Decimal("48.89"))}, ["amount"]),
        ({"at_processor": seen("succeeded", amount=Decimal("-49.00"))}, []),
        ({"at_processor": seen("succeeded", currency="EUR")}, ["currency"]),
        ({"salesforce": seen(amount=None)}, ["amount"]),
        ({"salesforce": seen(currency=None)}, ["currency"]),
        ({"at_processor": seen("succeeded", amount=None)}, []),
        ({"at_processor": seen("succeeded", moments=(THEN + timedelta(days=2),))}, []),
        ({"at_processor": seen("succeeded", moments=(THEN + timedelta(days=2, seconds=1),))}, ["date"]),
        ({"at_processor": seen("succeeded", moments=(THEN + timedelta(days=9), THEN))}, []),
        ({"salesforce": seen(moments=())}, ["date"]),
        # what became of it
        ({"at_processor": seen("failed", Outcome.NOT_MOVED)}, ["status"]),
        ({"at_processor": seen("returned", Outcome.TAKEN_BACK)}, ["status"]),
        ({"at_processor": seen("returned", Outcome.TAKEN_BACK), "charged_back": True}, []),
        ({"recurly": seen("declined", Outcome.NOT_MOVED), "salesforce": seen("declined", Outcome.NOT_MOVED),
          "at_processor": seen("returned", Outcome.TAKEN_BACK)}, []),
        ({"salesforce": seen("odd", None)}, ["status"]),
        ({"recurly": seen("odd", None), "salesforce": seen("odd", None)}, []),
        # a void that the processor could only give back
        ({"recurly": seen("void", Outcome.NOT_MOVED), "salesforce": seen("void", Outcome.NOT_MOVED),
          "item": charge(refunded=True)}, []),
        ({"recurly": seen("void", Outcome.NOT_MOVED), "salesforce": seen("void", Outcome.NOT_MOVED),
          "item": charge(refunded=False)}, ["status"]),
        ({"item": charge(refunded=True)}, []),
    ],
)  # fmt: skip
def test_each_way_in_which_the_sides_may_differ(changed: dict[str, Any], found: list[str]) -> None:
    assert differences(transfer(**changed)) == found


def test_the_widest_gap_between_three_amounts_is_at_stake() -> None:
    one = transfer(
        recurly=seen(amount=Decimal(50)),
        at_processor=seen(amount=Decimal(53)),
        salesforce=seen(amount=Decimal(49)),
    )
    (found,) = findings(one, POLICY, NOW)
    assert found.stake
    assert found.stake.amount == Decimal(4)


LOST = {"kind": Movement.DISPUTE, "recurly": None, "at_processor": seen("lost"), "salesforce": seen("lost")}


@pytest.mark.parametrize(
    ("changed", "terms", "found"),
    [
        (LOST, {"chargebacks_in_recurly": ("stripe",)}, ["missing_in_recurly"]),
        (LOST, {"chargebacks_in_recurly": ("adyen",)}, []),
        ({**LOST, "at_processor": seen("won", Outcome.NOT_MOVED), "salesforce": seen("won", Outcome.NOT_MOVED)},
         {"chargebacks_in_recurly": ("stripe",)}, []),
        ({**LOST, "at_processor": seen("open", Outcome.PENDING), "salesforce": seen("open", Outcome.PENDING)},
         {"chargebacks_in_recurly": ("stripe",)}, []),
        ({**LOST, "salesforce": None}, {}, ["missing_in_salesforce"]),
        # money that is nobody's in Recurly, where the account is shared
        ({"recurly": None, "item": charge()}, {"only_invoiced": True}, []),
        ({"recurly": None, "item": charge()}, {"only_invoiced": False}, ["missing_in_recurly"]),
        ({"recurly": None, "item": charge(invoice_number="1001")}, {"only_invoiced": True}, ["missing_in_recurly"]),
        ({"recurly": None, "item": charge(), "account": "bob"}, {"only_invoiced": True}, ["missing_in_recurly"]),
        ({"recurly": None}, {"only_invoiced": True}, ["missing_in_recurly"]),
    ],
)  # fmt: skip
def test_what_recurly_must_know(changed: dict[str, Any], terms: dict[str, Any], found: list[str]) -> None:
    assert differences(transfer(**changed), POLICY.model_copy(update=terms)) == found


# What explains it -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "hours", "explained"),
    [
        ({"at_processor": None}, 47, True),
        ({"at_processor": None}, 48, False),
        ({"recurly": None}, 47, True),
        ({"at_processor": None, "bank": True}, 119, True),
        ({"at_processor": None, "bank": True}, 120, False),
        ({"at_processor": seen("pending", Outcome.PENDING)}, 47, True),
        ({"at_processor": seen("authorized", Outcome.NOT_MOVED)}, 47, True),
        (
            {"recurly": seen("pending", Outcome.PENDING), "salesforce": seen("pending", Outcome.PENDING)},
            47,
            True,
        ),
        ({"at_processor": seen("failed", Outcome.NOT_MOVED)}, 1, False),
        ({"at_processor": seen("succeeded", amount=Decimal(1))}, 1, False),
    ],
)
def test_the_settlement_delay_explains_what_comes_with_the_money(
    changed: dict[str, Any], hours: int, explained: bool
) -> None:
    then = NOW - timedelta(hours=hours)
    moved = {
        side: replace(one, moments=(then,))
        for side, one in {**{s: seen() for s in ("recurly", "at_processor", "salesforce")}, **changed}.items()
        if isinstance(one, Observation)
    }
    found = findings(transfer(**{**changed, **moved, "at": then}), POLICY, NOW)
    assert [bool(one.why) for one in found] == [explained]
    assert not explained or "settlement delay" in found[0].why


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"recurly": None, "unheard": "its past waits"}, "its past waits"),
        ({"at_processor": None, "unheard": "its past waits"}, ""),
        ({"salesforce": None, "waits": "it waits to be written"}, "it waits to be written"),
        ({"at_processor": None, "waits": "it waits to be written"}, ""),
    ],
)
def test_what_waits_explains_its_own_side_only(changed: dict[str, Any], why: str) -> None:
    (found,) = findings(transfer(**changed), POLICY, NOW)
    assert found.why == why


# Which two are one ----------------------------------------------------------------------------------------------

HOUR = timedelta(hours=1)


def known(id_: str = "pay1", site: str = "acme", **changed: Any) -> KnownPayment:
    made: Payment = payment(**{"id": id_, "gateway": "stripe", "created_at": THEN} | changed)
    return KnownPayment("recurly", site, SUBJECT, made)


def taken(id_: str = "ch_1", **changed: Any) -> ProcessorObject:
    return charge(**{"id_": id_, "opened_at": THEN, "at": THEN} | changed)


def test_the_payment_that_fits_best_is_taken_and_only_once() -> None:
    """One that stands alike before one of the same amount, and that before the nearest in time."""
    alike = known("alike", amount=Decimal(1), created_at=THEN + 9 * HOUR)
    same = known("same", status="declined", created_at=THEN + 5 * HOUR)
    near = known("near", status="declined", amount=Decimal(2))
    for order in ([alike, same, near], [near, same, alike]):
        pairs = MatchedPairs()
        found = [pairs.by_reference(taken(f"ch_{n}"), order) for n in range(4)]
        assert [one and one.id for one in found] == [
            ("acme", "alike"),
            ("acme", "same"),
            ("acme", "near"),
            None,
        ]


def test_what_is_of_another_processor_or_kind_is_not_it() -> None:
    pairs = MatchedPairs()
    assert pairs.by_reference(taken(), [known(gateway="adyen"), known("r1", type="refund")]) is None
    assert pairs.by_reference(told_of(Kind.REFUND, "re_1"), [known(), known("r1", type="refund")]) is not None


def test_what_was_told_of_without_another_half_is_not_taken_any_more() -> None:
    pairs = MatchedPairs()
    assert pairs.left_over(known()) is None
    assert pairs.by_reference(taken(), [known()]) is None


def test_a_charge_that_failed_is_its_other_half_only_if_there_is_no_better_one() -> None:
    failed, good = taken("ch_f", status=Status.FAILED), taken("ch_g")
    pairs = MatchedPairs()
    assert pairs.by_reference(failed, [known()]) is None
    assert pairs.left_over(known()) == failed
    pairs = MatchedPairs()
    pairs.by_reference(failed, [known()])
    assert pairs.by_reference(good, [known()]) == known()
    assert pairs.failed == {}


@pytest.mark.parametrize(
    ("item", "is_it"),
    [
        ({}, True),
        ({"currency": None}, True),
        ({"currency": "EUR"}, False),
        ({"amount": Decimal("49.01")}, False),
        ({"amount": None}, False),
        ({"opened_at": THEN + HOUR}, True),
        ({"opened_at": THEN - HOUR}, True),
        ({"opened_at": THEN + HOUR + timedelta(seconds=1)}, False),
    ],
)
def test_without_a_reference_amount_currency_and_time_decide(item: dict[str, Any], is_it: bool) -> None:
    assert (MatchedPairs().by_amount(taken(**item), [known()], HOUR) is not None) is is_it


@pytest.mark.parametrize(
    ("item", "number", "fits"),
    [
        ({"invoice_number": "1001"}, "1001", True),
        ({"invoice_number": "001"}, "1001", False),
        ({"invoice_number": "001", "truncated": True}, "1001", True),
        ({"invoice_number": "1001", "source": "adyen"}, "1001", False),
        ({}, "1001", False),
        ({"invoice_number": "1001"}, None, False),
    ],
)
def test_what_is_left_over_is_joined_by_its_invoice(
    item: dict[str, Any], number: str | None, fits: bool
) -> None:
    pairs = MatchedPairs(loose=[UnmatchedObject(taken(**item))])
    assert (pairs.left_over(known(invoice_number=number)) is not None) is fits


@pytest.mark.parametrize(
    ("site", "original", "fits"), [("acme", "pay1", True), ("eu1", "pay1", False), ("acme", "p9", False)]
)
def test_a_refund_that_is_left_over_is_joined_by_what_it_gives_back(
    site: str, original: str, fits: bool
) -> None:
    pairs = MatchedPairs(loose=[UnmatchedObject(told_of(Kind.REFUND, "re_1"), frozenset({("acme", "pay1")}))])
    given = KnownPayment("recurly", site, SUBJECT, refund(original_id=original, gateway="stripe"))
    assert (pairs.left_over(given) is not None) is fits


def test_what_happened_long_ago_is_forgotten_and_what_did_not_is_kept() -> None:
    pairs = MatchedPairs()
    pairs.by_reference(taken(), [known()])
    pairs.by_reference(taken("ch_f", status=Status.FAILED), [known("p2")])
    pairs.forget(THEN)
    assert (list(pairs.taken), list(pairs.failed)) == ([("acme", "pay1")], [("acme", "p2")])
    pairs.forget(THEN + timedelta(seconds=1))
    assert (pairs.taken, pairs.failed) == ({}, {})


def test_the_differences_are_told_in_the_order_of_their_classes() -> None:
    one = transfer(
        at_processor=seen("failed", Outcome.NOT_MOVED, amount=Decimal(1), moments=(THEN - 99 * HOUR,))
    )
    assert differences(one) == [str(each) for each in (Difference.AMOUNT, Difference.STATUS, Difference.DATE)]
