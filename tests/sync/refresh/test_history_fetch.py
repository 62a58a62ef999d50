"""The past of an account that is older than the ledger: fetched once, whole or not at all."""

from __future__ import annotations

import pytest
from samples import SITE, SOURCE, due, one, rows, subject
from sqlalchemy import Engine

from connector.errors import Permanent, Transient, Unavailable
from connector.ledger import circuit_breakers, snapshots, subjects
from connector.sync.refresh.history_fetch import fetch_histories, fetch_history
from sync.fake_api import FakeApi
from sync.world import account, invoice, payment, subscription

HERE = (SOURCE, SITE)


@pytest.fixture
def api() -> FakeApi:
    return FakeApi([account(), subscription(), invoice(), payment()])


@pytest.fixture
def wanted(engine: Engine) -> Engine:
    """Bob's history is wanted; nothing is due."""
    want(engine, "bob")
    return engine


def want(engine: Engine, *codes: str) -> None:
    with engine.begin() as connection:
        subjects.mark_due(connection, [due(code) for code in codes])
        subjects.decide_history(connection, (), [subject(code) for code in codes])
    rows(engine, "UPDATE subject SET status = 'idle'")


def states(engine: Engine) -> dict[str, tuple[str, str]]:
    found = rows(engine, "SELECT code, history, status FROM subject")
    return {row.code: (row.history, row.status) for row in found}


def test_everything_an_account_ever_had_becomes_known_and_the_account_due(
    wanted: Engine, api: FakeApi
) -> None:
    assert fetch_histories(wanted, {HERE: api}) == 1
    assert states(wanted) == {"bob": ("done", "due")}
    with wanted.connect() as connection:
        found = snapshots.load(connection, [subject()])[subject()]
    assert {item.value.object for item in found} == {"account", "subscription", "invoice", "payment"}
    assert fetch_histories(wanted, {HERE: api}) == 0


def test_an_account_that_is_gone_is_marked_so(wanted: Engine) -> None:
    with wanted.begin() as connection:
        snapshots.store(connection, SOURCE, SITE, snapshots.clock(connection), [account()])
    assert fetch_histories(wanted, {HERE: FakeApi()}) == 1
    assert one(wanted, "SELECT gone FROM snapshot").gone
    assert states(wanted) == {"bob": ("done", "due")}


def test_a_history_of_which_a_part_cannot_be_read_now_is_fetched_again(wanted: Engine, api: FakeApi) -> None:
    api.errors["payment", "pay1"] = Transient("500")
    assert fetch_histories(wanted, {HERE: api}) == 0
    assert states(wanted) == {"bob": ("wanted", "idle")}
    rows(wanted, "UPDATE subject SET history_ready_at = now() - interval '1 second'")
    api.errors.clear()
    assert fetch_histories(wanted, {HERE: api}) == 1


def test_what_can_never_be_read_is_left_out_and_the_rest_is_known(wanted: Engine, api: FakeApi) -> None:
    api.errors["payment", "pay1"] = Permanent("It has no currency.")
    assert fetch_histories(wanted, {HERE: api}) == 1
    assert states(wanted) == {"bob": ("done", "due")}
    assert [row.object for row in rows(wanted, "SELECT object FROM snapshot ORDER BY object")] == [
        "account",
        "invoice",
        "subscription",
    ]


def test_when_the_site_is_out_its_circuit_opens_and_no_more_is_asked(engine: Engine, api: FakeApi) -> None:
    want(engine, "bob", "eve")
    api.down = Unavailable("recurly:acme", "503")
    assert fetch_histories(engine, {HERE: api}) == 0
    assert len(api.calls) == 1
    with engine.connect() as connection:
        assert "recurly:acme" in circuit_breakers.open_circuits(connection)
    rows(engine, "UPDATE subject SET history_ready_at = now() - interval '1 second'")
    fetch_histories(engine, {HERE: api})
    assert len(api.calls) == 1


def test_a_site_without_an_api_is_passed_over(wanted: Engine) -> None:
    assert fetch_histories(wanted, {}) == 0
    assert states(wanted) == {"bob": ("wanted", "idle")}


def test_a_look_makes_the_account_known_but_not_due(engine: Engine, api: FakeApi) -> None:
    fetch_history(engine, api, due(), due=False)
    assert states(engine) == {}
    assert len(rows(engine, "SELECT 1 FROM snapshot")) == 4


@pytest.mark.parametrize(("before", "after"), [("wanted", "wanted"), ("unknown", "done")])
def test_fetched_for_a_look_what_waits_to_be_worked_still_does(
    wanted: Engine, api: FakeApi, before: str, after: str
) -> None:
    """A plan makes nobody due; a history that was wanted will."""
    rows(wanted, f"UPDATE subject SET history = '{before}'")
    fetch_history(wanted, api, due("bob"), due=False)
    assert states(wanted) == {"bob": (after, "idle")}
