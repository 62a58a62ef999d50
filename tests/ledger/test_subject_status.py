"""How accounts that a person has chosen stand in the ledger."""

from __future__ import annotations

from samples import SITE, SOURCE, due, rows, subject
from sqlalchemy import Engine, text
from sync.world import account, invoice

from connector.ledger import snapshots, subject_status, subjects
from connector.ledger.subject_query import SubjectFilter


def test_a_state_holds_of_an_account_that_was_never_due(engine: Engine) -> None:
    with engine.begin() as connection:
        found = [account(), invoice(), invoice(id="inv2", number="1002", account_code="eve", state="paid")]
        snapshots.store(connection, SOURCE, SITE, snapshots.clock(connection), found)
        keys = [subject("bob"), subject("eve")]
        assert subject_status.among(connection, SubjectFilter(state="past_due"), keys) == {subject("bob")}
        assert subject_status.among(connection, SubjectFilter(state="past_due"), [subject("eve")]) == set()
        assert subject_status.among(connection, SubjectFilter(rule="payment_failed"), keys) == set()
        assert subject_status.objects(connection, SOURCE, SITE) == {"account": 1, "invoice": 2}
        assert subject_status.objects(connection, SOURCE, "eu") == {}


def test_what_is_due_or_dead_is_unsettled_and_what_was_fetched_is_whole(engine: Engine) -> None:
    with engine.begin() as connection:
        subjects.mark_due(connection, [due("ann"), due("bob"), due("eve")])
        connection.execute(text("UPDATE subject SET status = 'idle', history = 'done' WHERE code = 'ann'"))
    rows(engine, "UPDATE subject SET status = 'dead', history = 'wanted' WHERE code = 'bob'")
    wanted = [subject(code) for code in ("ann", "bob", "eve", "zoe")]
    with engine.connect() as connection:
        assert subject_status.unsettled(connection, wanted) == {subject("bob"), subject("eve")}
        assert subject_status.whole(connection, wanted) == {subject("ann")}
