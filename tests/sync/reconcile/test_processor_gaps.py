"""What a processor lists and no delivery told of becomes facts, once; what a delivery told of stays as it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from samples import SITE, one, record, rows
from sqlalchemy import Engine
from telling import BOB, bill, carrying, charge, dispute, due_subjects, item, known, tell

from connector.errors import Transient
from connector.ledger import runs
from connector.models.events import Urgency
from connector.models.facts import Kind, ProcessorObject, Stage, Status
from connector.sync.reconcile.processor_gaps import ProcessorGapReport, fill
from connector.sync.reconcile.reconciliation import Window
from sync.reconcile.books import FakeBooks, ThreeSides, paid
from sync.world import account

NOW = datetime.now(UTC)
"""What is listed is dated by the ledger's clock."""
GRACE = timedelta(minutes=10)


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def listed(id_: str = "dp_1", days: float = 3, **said: Any) -> ProcessorObject:
    """A dispute about Bob's payment, as a list tells of it."""
    return dispute(id_, "ch_1", **{"at": ago(days), "opened_at": ago(days), "stage": Stage.CHARGEBACK} | said)


def refund(id_: str = "re_1", status: Status = Status.SUCCEEDED, **said: Any) -> ProcessorObject:
    usual: dict[str, Any] = {"at": ago(3), "opened_at": ago(3), "status": status, "references": ("ch_1",)}
    return item(id_, Kind.REFUND, **usual | said)


@pytest.fixture
def sides(engine: Engine) -> ThreeSides:
    """Bob, who paid by ``ch_1``."""
    bill(engine, account(), paid("1", ago(9)))
    return ThreeSides(engine)


def look(
    sides: ThreeSides,
    *items: ProcessorObject,
    apply: bool = True,
    days: float = 6,
    processors: frozenset[str] | None = None,
) -> ProcessorGapReport:
    sides.stripe.items = list(items)
    window = Window(ago(days), NOW, (SITE,), processors)
    run_id = _run(sides.engine) if apply else None
    return fill(sides.sides, window, NOW, grace=GRACE, run_id=run_id)


def _run(engine: Engine) -> int:
    with engine.begin() as connection:
        return runs.begin(connection, "reconcile", "ann", "lost webhooks", {})


def told(found: ProcessorGapReport, source: str = "stripe") -> str:
    return str(found.missed[source])


def nothing_was_kept(engine: Engine) -> bool:
    tables = ("observation", "subject", "missed")
    return not any(rows(engine, f"SELECT * FROM {table}") for table in tables)


# ── what nobody told of ───────────────────────────────────────────────────────────────────────────────────────


def test_a_dispute_nobody_told_of_is_joined_and_due_for_the_run(sides: ThreeSides) -> None:
    found = look(sides, listed())
    assert told(found) == "1 missing of 1: 1 dispute"
    run = one(sides.engine, "SELECT id FROM run").id
    assert known(sides.engine).subject == BOB
    subject = one(sides.engine, "SELECT urgency, run_id FROM subject WHERE key = :key", key=BOB)
    assert tuple(subject) == (Urgency.DISPUTE, run)
    kept = one(sides.engine, "SELECT source, site, object, object_id, run_id FROM missed")
    assert tuple(kept) == ("stripe", "", "dispute", "dp_1", run)


def test_it_is_true_of_when_it_was_asked_for_and_began_when_it_began(sides: ThreeSides) -> None:
    look(sides, listed())
    (found,) = rows(
        sides.engine, "SELECT version > :then AS later FROM snapshot WHERE id = 'dp_1'", then=ago(1)
    )
    assert found.later
    assert known(sides.engine).item.opened_at == ago(3)


def test_the_second_time_nothing_is_missing(sides: ThreeSides) -> None:
    everything = (listed(), listed("dp_2", status=Status.LOST), refund())
    assert told(look(sides, *everything)) == "3 missing of 3: 2 disputes, 1 refund"
    assert told(look(sides, *everything)) == "0 missing of 3"


def test_without_a_run_nothing_is_changed(sides: ThreeSides) -> None:
    for _ in range(2):
        assert look(sides, listed(), apply=False).count == 1
    assert nothing_was_kept(sides.engine)


def test_one_that_is_nobodys_is_due_under_its_own_name_for_the_run(sides: ThreeSides) -> None:
    look(sides, listed("dp_9", references=("ch_of_another",)))
    own = one(
        sides.engine,
        "SELECT urgency, run_id IS NOT NULL AS run FROM subject WHERE key = 'stripe:dispute:dp_9'",
    )
    assert tuple(own) == (Urgency.DISPUTE, True)


@pytest.mark.parametrize(
    ("status", "urgency"), [(Status.FAILED, Urgency.FAILURE), (Status.SUCCEEDED, Urgency.ROUTINE)]
)
def test_a_refund_is_as_urgent_as_its_event_would_have_been(
    sides: ThreeSides, status: Status, urgency: Urgency
) -> None:
    look(sides, refund(status=status, references=("ch_of_another",)))
    assert due_subjects(sides.engine) == {"stripe:refund:re_1": urgency}


def test_charges_are_left_to_the_comparison(sides: ThreeSides) -> None:
    assert look(sides, charge("ch_2", at=ago(3), opened_at=ago(3))).missed["stripe"].scanned.total() == 0


def test_of_refunds_whose_success_is_never_told_only_failures_are_missing(sides: ThreeSides) -> None:
    done = refund("bt_1", source="braintree")
    failed = refund("bt_2", Status.FAILED, source="braintree")
    sides.more["braintree"] = FakeBooks([done, failed])
    assert told(look(sides), "braintree") == "1 missing of 1: 1 refund"


# ── what was told of ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("heard", "now", "missing"),
    [
        (Status.NEEDS_RESPONSE, Status.NEEDS_RESPONSE, 0),
        (Status.NEEDS_RESPONSE, Status.LOST, 1),
        (Status.NEEDS_RESPONSE, Status.UNDER_REVIEW, 1),
        (Status.UNDER_REVIEW, Status.NEEDS_RESPONSE, 0),
        (Status.WON, Status.UNDER_REVIEW, 0),
        (Status.WON, Status.LOST, 1),
        (Status.LOST, None, 0),
    ],
)
def test_only_what_is_further_on_is_news(
    sides: ThreeSides, heard: Status, now: Status | None, missing: int
) -> None:
    tell(sides.engine, listed(status=heard, at=ago(2)))
    assert look(sides, listed(status=now)).count == missing
    assert known(sides.engine).item.status is (now if missing else heard)


def test_a_lost_end_makes_the_account_due_again(sides: ThreeSides) -> None:
    look(sides, listed())
    rows(sides.engine, "UPDATE subject SET status = 'idle', run_id = NULL")
    look(sides, listed(status=Status.LOST))
    assert due_subjects(sides.engine) == {BOB: Urgency.DISPUTE}
    assert (
        one(sides.engine, "SELECT run_id FROM subject").run_id
        == one(sides.engine, "SELECT max(id) AS id FROM run").id
    )


def test_the_event_that_comes_late_after_all_changes_nothing(sides: ThreeSides) -> None:
    look(sides, listed(status=Status.LOST))
    before = known(sides.engine).item
    tell(sides.engine, listed(status=Status.NEEDS_RESPONSE), listed(status=Status.LOST, at=ago(2)))
    assert replace(known(sides.engine).item, known_since=None) == replace(before, known_since=None)


def test_what_is_received_and_not_worked_yet_is_not_missing(sides: ThreeSides) -> None:
    record(sides.engine, carrying("evt_1", listed()))
    assert look(sides, listed()).count == 0


def test_what_has_just_begun_may_be_on_its_way(sides: ThreeSides) -> None:
    assert look(sides, listed(days=0)).missed["stripe"].scanned.total() == 0


# ── how far it is looked ──────────────────────────────────────────────────────────────────────────────────────


def test_an_end_is_looked_for_however_long_ago_it_began(sides: ThreeSides) -> None:
    tell(sides.engine, listed(days=60))
    assert told(look(sides, listed(days=60, status=Status.LOST))) == "1 missing of 1: 1 dispute"


def test_what_is_settled_is_not_looked_for_again(sides: ThreeSides) -> None:
    tell(sides.engine, listed(days=60, status=Status.WON))
    assert told(look(sides, listed(days=60, status=Status.LOST))) == "0 missing of 0"


def test_a_year_is_too_far(sides: ThreeSides) -> None:
    tell(sides.engine, listed(days=365))
    assert told(look(sides, listed(days=365, status=Status.LOST))) == "0 missing of 0"


def test_only_the_processors_that_are_asked_for(sides: ThreeSides) -> None:
    sides.more["braintree"] = FakeBooks()
    assert set(look(sides, listed(), processors=frozenset({"braintree"})).missed) == {"braintree"}


def test_one_that_is_out_keeps_what_came_and_holds_up_nobody(sides: ThreeSides) -> None:
    sides.more["adyen"] = FakeBooks([listed(source="adyen")], error=Transient("Adyen answered 500."))
    found = look(sides, listed())
    assert found.failed == {"adyen": "Adyen answered 500."}
    assert (told(found, "adyen"), told(found)) == ("1 missing of 1: 1 dispute",) * 2
    assert not found.missed["adyen"].complete


# ── and the comparison after it ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("of", ["ch_1", "ch_of_another"])
def test_what_was_just_filled_in_and_waits_to_be_written_is_no_discrepancy(
    sides: ThreeSides, of: str
) -> None:
    window = Window(ago(6), NOW, (SITE,))
    look(sides, listed(references=(of,)))
    assert sides.found(window=window, now=NOW) == [("~missing_in_salesforce", "dp_1")]
    rows(sides.engine, "UPDATE subject SET status = 'idle', history = 'done'")
    assert sides.found(window=window, now=NOW) == [("missing_in_salesforce", "dp_1")]
