"""What a backfill cannot read or decide is told with why; a look changes nothing by it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from samples import SITE, SOURCE, rows, subject
from sqlalchemy import Engine

from connector.errors import Permanent, Transient
from connector.ledger import api_usage
from connector.policy import Budget
from connector.sync.availability.api_budget import ApiBudget
from connector.sync.backfill import BackfillOptions, Phase, report, troubles, unreadable
from connector.sync.refresh.history_fetch import fetch_histories
from sync.world import account, at

from .place import HERE, Counted, Place, people

MANY = 10
INVOICES = BackfillOptions(((SOURCE, SITE),), kinds=("invoice",))
KEY = subject("c003")


@pytest.fixture
def place(engine: Engine) -> Place:
    return Place(engine, Counted(people(MANY)))


def test_a_look_makes_no_account_due_whose_past_cannot_be_fetched(engine: Engine, place: Place) -> None:
    place.begin(INVOICES)
    place.api.errors["account", "code-c003"] = Transient("Recurly is busy.")
    state = place.run(writes=False)
    assert rows(engine, "SELECT key FROM subject WHERE status <> 'idle' OR history = 'wanted'") == []
    assert place.backfill().applier.run().claimed == 0
    assert (state.would["accounts"], state.would["failed"], state.would["changed"]) == (MANY, 1, MANY - 1)


def test_why_a_past_could_not_be_fetched_is_in_the_report_until_somebody_has_fetched_it(
    engine: Engine, place: Place
) -> None:
    place.begin(INVOICES)
    place.api.errors["account", "code-c003"] = Transient("Recurly is busy.")
    place.run()
    found = report(engine, place.run_id)
    assert (found.accounts["undecided"], found.accounts["unsettled"], found.is_well) == (1, 1, False)
    assert [(one["code"], one["example"]) for one in found.groups()] == [("NOT_FETCHED", "Recurly is busy.")]
    assert [(one["account"], one["state"]) for one in troubles(engine, place.run_id)] == [(KEY, "due")]
    place.api.errors.clear()
    fetch_histories(engine, {HERE: place.api})
    place.backfill().applier.run()
    found = report(engine, place.run_id)
    assert (found.accounts["undecided"], found.accounts["written"], found.is_well) == (0, MANY, True)
    asked = rows(engine, f"SELECT DISTINCT trigger, who, run_id FROM attempt WHERE subject = '{KEY}'")
    assert asked == [("backfill", "lead", place.run_id)]


def test_one_that_could_be_fetched_after_all_is_decided_when_it_is_gone_on_with(place: Place) -> None:
    place.begin(INVOICES)
    place.api.errors["account", "code-c003"] = Transient("Recurly is busy.")
    place.run(writes=False)
    place.api.errors.clear()
    place.run()
    assert KEY in place.names()
    assert report(place.engine, place.run_id).is_well


def test_a_look_says_which_account_cannot_be_decided_and_why(engine: Engine, place: Place) -> None:
    place.api.replace(account(id="a003", code="c003", company="broken", updated_at=at(4)))
    place.begin()
    place.run(writes=False)
    found = report(engine, place.run_id)
    assert (found.accounts["undecided"], found.accounts["failed"], found.is_well) == (1, 0, False)
    ((key, state, code, error),) = [tuple(one.values()) for one in troubles(engine, place.run_id)]
    assert (key, state, code) == (KEY, "undecided", "UNDECIDED")
    assert "KeyError: 'currency'" in error
    place.run()
    found = report(engine, place.run_id)
    assert (found.accounts["undecided"], found.accounts["failed"]) == (0, 1)
    assert [one["code"] for one in found.groups()] == ["RULE_FAILED"]


def test_an_object_of_the_feed_that_cannot_be_read_is_named_until_it_can_be(
    engine: Engine, place: Place
) -> None:
    place.api.errors["invoice", "i003"] = Permanent("Recurly answered with an invoice without a currency.")
    place.begin()
    assert place.run().phase is Phase.OVER
    found = report(engine, place.run_id)
    assert (found.unreadable, found.is_well) == (1, False)
    assert list(unreadable(engine, place.run_id)) == [
        {
            "object": "invoice",
            "ref": "i003",
            "account": None,
            "error": "Recurly answered with an invoice without a currency.",
        }
    ]
    place.begin()
    place.api.errors.clear()
    place.run(writes=False)
    assert report(engine, place.run_id).is_well


def test_whose_it_is_is_known_where_it_was_read_before_or_came_with_its_account(
    engine: Engine, place: Place
) -> None:
    place.begin()
    place.run()
    place.api.errors["invoice", "i003"] = Permanent("no currency")
    place.begin()
    place.run(writes=False)
    assert [one["account"] for one in unreadable(engine, place.run_id)] == [KEY]


def test_one_of_a_past_is_named_with_its_account(engine: Engine, place: Place) -> None:
    place.api.errors["invoice", "i003"] = Permanent("no currency")
    place.begin(BackfillOptions(((SOURCE, SITE),), kinds=("account",)))
    place.run(writes=False)
    assert [(one["ref"], one["account"]) for one in unreadable(engine, place.run_id)] == [("i003", KEY)]


def test_a_look_stops_at_the_calls_that_are_kept_for_people(engine: Engine, place: Place) -> None:
    place.begin()
    with engine.begin() as connection:
        api_usage.note(connection, "salesforce", 80, 100)
    work = place.backfill(writes=False)
    work.applier = replace(work.applier, spending=ApiBudget(engine, _Limits(), Budget()))
    with pytest.raises(Permanent, match="kept for people"):
        work.run()
    work.lock.release()
    assert place.crm.queries == []


class _Limits:
    usage = None
    usage_at = None

    def limits(self) -> dict[str, dict[str, int]]:
        return {}
