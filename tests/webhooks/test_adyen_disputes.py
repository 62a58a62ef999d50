"""From an item to the dispute it tells of, for each event of a dispute."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations

import pytest

from connector.models.facts import Kind, ProcessorObject, Stage, Status
from connector.models.observation_merge import fold
from connector.webhooks.adyen.kinds import HANDLED

from .adyen_deliveries import PAYMENT, PSP, carried

AT = datetime(2026, 11, 3, 11, 59, 58, tzinfo=UTC)
DUE = "2026-11-23T23:59:59+01:00"

DISPUTES: list[tuple[str, str | None, Stage, Status | None]] = [
    ("REQUEST_FOR_INFORMATION", None, Stage.INQUIRY, Status.NEEDS_RESPONSE),
    ("REQUEST_FOR_INFORMATION", "Unresponded", Stage.INQUIRY, Status.NEEDS_RESPONSE),
    ("REQUEST_FOR_INFORMATION", "Responded", Stage.INQUIRY, Status.UNDER_REVIEW),
    ("REQUEST_FOR_INFORMATION", "Expired", Stage.INQUIRY, Status.EXPIRED),
    ("NOTIFICATION_OF_CHARGEBACK", None, Stage.CHARGEBACK, Status.NEEDS_RESPONSE),
    ("NOTIFICATION_OF_CHARGEBACK", "Undefended", Stage.CHARGEBACK, Status.NEEDS_RESPONSE),
    ("NOTIFICATION_OF_CHARGEBACK", "Pending", Stage.CHARGEBACK, Status.UNDER_REVIEW),
    ("CHARGEBACK", None, Stage.CHARGEBACK, Status.NEEDS_RESPONSE),
    ("CHARGEBACK", "Undefended", Stage.CHARGEBACK, Status.NEEDS_RESPONSE),
    ("CHARGEBACK", "Pending", Stage.CHARGEBACK, Status.UNDER_REVIEW),
    ("CHARGEBACK", "Lost", Stage.CHARGEBACK, Status.LOST),
    ("CHARGEBACK", "Accepted", Stage.CHARGEBACK, Status.ACCEPTED),
    ("CHARGEBACK", "Expired", Stage.CHARGEBACK, Status.EXPIRED),
    ("CHARGEBACK", "Responded", Stage.CHARGEBACK, Status.UNDER_REVIEW),
    ("CHARGEBACK", "Unresponded", Stage.CHARGEBACK, Status.NEEDS_RESPONSE),
    ("CHARGEBACK", "Won", Stage.CHARGEBACK, Status.WON),
    ("CHARGEBACK", "A word of tomorrow", Stage.CHARGEBACK, Status.NEEDS_RESPONSE),
    ("INFORMATION_SUPPLIED", None, Stage.CHARGEBACK, Status.UNDER_REVIEW),
    ("INFORMATION_SUPPLIED", "Pending", Stage.CHARGEBACK, Status.UNDER_REVIEW),
    ("INFORMATION_SUPPLIED", "Responded", Stage.INQUIRY, Status.UNDER_REVIEW),
    ("CHARGEBACK_REVERSED", None, Stage.CHARGEBACK, Status.WON),
    ("CHARGEBACK_REVERSED", "Pending", Stage.CHARGEBACK, Status.WON),
    ("DISPUTE_DEFENSE_PERIOD_ENDED", None, Stage.CHARGEBACK, Status.EXPIRED),
    ("DISPUTE_DEFENSE_PERIOD_ENDED", "Undefended", Stage.CHARGEBACK, Status.EXPIRED),
    ("DISPUTE_DEFENSE_PERIOD_ENDED", "Lost", Stage.CHARGEBACK, Status.LOST),
    ("DISPUTE_DEFENSE_PERIOD_ENDED", "Accepted", Stage.CHARGEBACK, Status.ACCEPTED),
    ("DISPUTE_DEFENSE_PERIOD_ENDED", "Won", Stage.CHARGEBACK, Status.WON),
    ("DISPUTE_DEFENSE_PERIOD_ENDED", "Expired", Stage.CHARGEBACK, Status.EXPIRED),
    ("DISPUTE_DEFENSE_PERIOD_ENDED", "Unresponded", Stage.INQUIRY, Status.EXPIRED),
    ("ISSUER_COMMENTS", None, Stage.CHARGEBACK, None),
    ("ISSUER_COMMENTS", "Responded", Stage.INQUIRY, None),
    ("ISSUER_RESPONSE_TIMEFRAME_EXPIRED", "Won", Stage.CHARGEBACK, Status.WON),
    ("SECOND_CHARGEBACK", None, Stage.PRE_ARBITRATION, Status.LOST),
    ("PREARBITRATION_OPEN", "Pending", Stage.PRE_ARBITRATION, Status.NEEDS_RESPONSE),
    ("PREARBITRATION_OPEN", "Expired", Stage.PRE_ARBITRATION, Status.EXPIRED),
    ("PREARBITRATION_OPEN", "Won", Stage.PRE_ARBITRATION, Status.WON),
    ("PREARBITRATION_ACCEPTED", "Pending", Stage.PRE_ARBITRATION, Status.ACCEPTED),
    ("PREARBITRATION_DECLINED", None, Stage.PRE_ARBITRATION, Status.UNDER_REVIEW),
    ("PREARBITRATION_ISSUER_WITHDRAWN", None, Stage.PRE_ARBITRATION, Status.WITHDRAWN),
    ("PREARBITRATION_WON", None, Stage.PRE_ARBITRATION, Status.WON),
    ("PREARBITRATION_LOST", None, Stage.PRE_ARBITRATION, Status.LOST),
    ("SCHEME_ARBITRATION", None, Stage.ARBITRATION, Status.UNDER_REVIEW),
    ("SCHEME_ARBITRATION_WON", None, Stage.ARBITRATION, Status.WON),
    ("SCHEME_ARBITRATION_LOST", None, Stage.ARBITRATION, Status.LOST),
]


def test_every_event_of_a_dispute_has_a_case() -> None:
    disputes = {kind for kind, handled in HANDLED.items() if handled.object is Kind.DISPUTE}
    assert {code for code, *_ in DISPUTES} == disputes


@pytest.mark.parametrize(("code", "said", "stage", "status"), DISPUTES)
def test_each_event_of_a_dispute_says_how_it_stands(
    code: str, said: str | None, stage: Stage, status: Status | None
) -> None:
    told = carried(code, additionalData={"disputeStatus": said} if said else None)
    assert (told.kind, told.id, told.stage, told.status) == (Kind.DISPUTE, PSP, stage, status)


def test_a_dispute_comes_with_all_that_is_known() -> None:
    more = {
        "chargebackReasonCode": " 4853",
        "chargebackSchemeCode": "mc",
        "defensePeriodEndsAt": DUE,
        "defendable": "true",
        "autoDefended": "false",
        "capturePspReference": "CAP1",
        "merchantOrderReference": "1042",
        "shopperReference": "wren-42",
        "disputeStatus": "Undefended",
    }
    told = carried("NOTIFICATION_OF_CHARGEBACK", additionalData=more, reason="Not as described")
    assert told == ProcessorObject(
        kind=Kind.DISPUTE,
        source="adyen",
        id=PSP,
        at=AT,
        status=Status.NEEDS_RESPONSE,
        stage=Stage.CHARGEBACK,
        reason="4853",
        reason_text="Not as described",
        network="mastercard",
        network_code="4853",
        amount=Decimal("49.00"),
        currency="EUR",
        due_at=datetime(2026, 11, 23, 22, 59, 59, tzinfo=UTC),
        opened_at=AT,
        references=(PAYMENT, "CAP1", "r-uuid-1"),
        invoice_number="1042",
        customer="wren-42",
        method="Visa",
        link=f"https://ca-live.adyen.com/ca/ca/accounts/showTx.shtml?pspReference={PAYMENT}&txType=Payment",
    )


@pytest.mark.parametrize(
    ("code", "more", "status"),
    [
        ("NOTIFICATION_OF_CHARGEBACK", {"autoDefended": "true", "defendable": "false"}, Status.UNDER_REVIEW),
        ("NOTIFICATION_OF_CHARGEBACK", {"defendable": "false"}, Status.LOST),
        ("CHARGEBACK", {"defendable": "false", "disputeStatus": "Undefended"}, Status.LOST),
        ("CHARGEBACK", {"defendable": "true", "defensePeriodEndsAt": DUE}, Status.NEEDS_RESPONSE),
        ("CHARGEBACK", {"defendable": "true", "defensePeriodEndsAt": "2026-11-01T00:00:00Z"}, Status.LOST),
        ("CHARGEBACK", {"defensePeriodEndsAt": "2026-11-03T12:59:58+01:00"}, Status.LOST),
        ("CHARGEBACK", {"defensePeriodEndsAt": "2026-11-03T12:59:59+01:00"}, Status.NEEDS_RESPONSE),
        (
            "NOTIFICATION_OF_CHARGEBACK",
            {"defensePeriodEndsAt": "2026-11-01T00:00:00Z"},
            Status.NEEDS_RESPONSE,
        ),
        ("REQUEST_FOR_INFORMATION", {"autoDefended": "true", "defendable": "false"}, Status.NEEDS_RESPONSE),
        ("CHARGEBACK", {"defendable": "false", "disputeStatus": "Won"}, Status.WON),
    ],
)
def test_evidence_is_asked_for_only_where_it_would_be_taken(
    code: str, more: dict[str, str], status: Status
) -> None:
    assert carried(code, additionalData=more).status is status


def test_a_dispute_ends_the_same_in_every_order() -> None:
    course = [
        ("NOTIFICATION_OF_CHARGEBACK", "2026-11-03T10:00:00+01:00"),
        ("INFORMATION_SUPPLIED", "2026-11-10T10:00:00+01:00"),
        ("CHARGEBACK_REVERSED", "2026-11-20T10:00:00+01:00"),
        ("SECOND_CHARGEBACK", "2026-12-20T10:00:00+01:00"),
    ]
    told = [carried(code, eventDate=date) for code, date in course]
    ends = {fold(order) for order in permutations(told)}
    assert len(ends) == 1
    end = ends.pop()
    assert (end.stage, end.status) == (Stage.PRE_ARBITRATION, Status.LOST)
    assert fold(told[:3]).status is Status.WON


def test_a_reversal_without_the_payment_is_known_by_its_own_reference() -> None:
    told = carried("CHARGEBACK_REVERSED", originalReference=None)
    assert (told.id, told.references) == (PSP, (PSP, "r-uuid-1"))
