"""Drift is what a plan, decided anew, would write if Salesforce is asked what it holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from samples import due, one, rows

from connector.ledger import subjects
from connector.mappers import fields
from connector.mappers.fields import Account, Case, Event
from connector.mappers.fields import Invoice as F
from connector.sync.drift.org_baseline import DriftFilter
from sync.world import account, paid_invoice

from .conftest import BILL, BOB, CASE, ROW, Rig

ACCOUNT, INVOICE, A_CASE, A_ROW = (
    (Account.OBJECT, BOB),
    (F.OBJECT, BILL),
    (Case.OBJECT, CASE),
    (Event.OBJECT, ROW),
)


def test_what_was_just_written_does_not_drift(rig: Rig) -> None:
    look = rig.look()
    assert (look.drifted, look.scanned, look.pending, look.undecided) == ([], 1, 0, {})


@pytest.mark.parametrize(
    ("record", "typed"),
    [
        (ACCOUNT, {Account.STATE: "closed"}),
        (ACCOUNT, {Account.EMAIL: None}),
        (ACCOUNT, {Account.BALANCE: 3}),
        (INVOICE, {F.TOTAL: 1}),
        (A_CASE, {Case.SUMMARY: "mine"}),
        (A_CASE, {Case.STATE: "resolved"}),
        (A_CASE, {Case.RULE: None}),
        (A_CASE, {Case.ACCOUNT_KEY: "recurly:acme:account:eve"}),
        (A_CASE, {Case.ESCALATION: 2}),
        (A_ROW, {Event.WHAT: "nothing"}),
        (A_ROW, {fields.KEY: "event:typed"}),
        (A_CASE, {fields.KEY: None}),
        (ACCOUNT, {fields.KEY: None}),
    ],
)
def test_a_field_of_ours_that_was_typed_over_drifts_alone(
    rig: Rig, record: Any, typed: dict[str, Any]
) -> None:
    rig.crm.type(record, **typed)
    assert rig.drift() == {record: tuple(typed)}
    found = rig.only()
    assert {name: str(value) for name, value in found.row.before.items()} == {
        n: str(v) for n, v in typed.items()
    }
    assert found.row.after[next(iter(typed))] != next(iter(typed.values()))


@pytest.mark.parametrize("typed", [{Case.STATUS: "Working"}, {Case.SUBJECT: "Mine"}, {"OwnerId": "005A"}])
def test_what_is_the_agents_never_drifts(rig: Rig, typed: dict[str, Any]) -> None:
    rig.crm.type(A_CASE, **typed)
    rig.crm.type(ACCOUNT, Name="Renamed")
    assert rig.drift() == {}


def test_a_lookup_that_leads_elsewhere_drifts(rig: Rig) -> None:
    rig.crm.records["Account", "other"] = {"Id": "id-other", fields.KEY: None}
    rig.crm.type(INVOICE, Account__r="other")
    assert rig.drift() == {INVOICE: (F.ACCOUNT,)}
    assert rig.only().row.before == {F.ACCOUNT: "id-other"}


def test_a_row_of_the_timeline_that_no_plan_speaks_of_any_more_is_told_by_what_was_written(rig: Rig) -> None:
    rig.crm.type(A_ROW, **{Event.WHAT: None})
    found = rig.only()
    assert (found.row.change.rule, found.row.change.reason) == ("timeline", "it was said")
    assert found.row.after == {Event.WHAT: "Invoice 1001"}


def test_a_record_that_is_gone_is_missing(rig: Rig) -> None:
    rig.crm.delete(INVOICE)
    assert rig.drift() == {INVOICE: ()}
    assert not rig.only().row.exists


def test_an_account_for_which_work_waits_is_left_out_and_counted(rig: Rig) -> None:
    rig.crm.type(ACCOUNT, **{Account.STATE: "closed"})
    with rig.engine.begin() as connection:
        subjects.mark_due(connection, [due()])
    look = rig.look()
    assert (look.drifted, look.scanned, look.pending) == ([], 0, 1)


def test_an_account_that_is_worked_while_it_is_looked_at_is_left_out(rig: Rig) -> None:
    asked = rig.crm.query_keys

    def busy(*arguments: Any) -> list[dict[str, Any]]:
        rows(rig.engine, "UPDATE subject SET generation = generation + 1, applied_at = now()")
        return asked(*arguments)

    rig.crm.type(ACCOUNT, **{Account.STATE: "closed"})
    rig.crm.query_keys = busy  # type: ignore[method-assign]
    assert (rig.look().drifted, rig.look().pending) == ([], 1)


def test_a_rule_that_fails_is_told_and_nothing_is_said_of_its_account(rig: Rig) -> None:
    rig.learn(account(company="broken"))
    rows(rig.engine, "UPDATE subject SET status = 'idle'")
    rig.crm.type(ACCOUNT, **{Account.STATE: "closed"})
    look = rig.look()
    assert look.drifted == []
    assert "no such currency" in look.undecided[BOB]


def test_what_the_ledger_learnt_and_nobody_wrote_is_drift_too(rig: Rig) -> None:
    rig.learn(account(state="closed"))
    rows(rig.engine, "UPDATE subject SET status = 'idle'")
    assert rig.drift() == {ACCOUNT: (Account.STATE,)}


def test_what_only_a_preview_has_read_is_told_from_what_was_edited(rig: Rig) -> None:
    rig.crm.type(ACCOUNT, **{Account.STATE: "closed"})
    assert (len(rig.look().drifted), rig.look().unapplied) == (1, 0)
    later = datetime.now(UTC) + timedelta(days=1)
    rig.learn(account(state="closed", updated_at=later))
    rows(rig.engine, "UPDATE subject SET status = 'idle'")
    assert rig.look().drifted == [], "it is as it should be by now"
    rig.learn(account(state="active", updated_at=later + timedelta(days=1)))
    rows(rig.engine, "UPDATE subject SET status = 'idle'")
    assert (rig.drift(), rig.look().unapplied) == ({ACCOUNT: (Account.STATE,)}, 1)


def test_only_an_object_or_a_rule(rig: Rig) -> None:
    for record in (ACCOUNT, INVOICE, A_ROW):
        rig.crm.type(record, **{"Name": "x", Account.STATE: "x", F.STATE: "x", Event.WHAT: "x"})
    assert set(rig.drift()) == {ACCOUNT, INVOICE, A_ROW}
    rig.crm.queries.clear()
    assert set(rig.drift(DriftFilter(object=F.OBJECT))) == {INVOICE}
    assert not any(query.endswith(f"FROM {Event.OBJECT}") for query in rig.crm.queries)
    assert set(rig.drift(DriftFilter(rule="timeline"))) == {A_ROW}
    assert set(rig.drift(DriftFilter(object=F.OBJECT, rule="account"))) == set()


def test_a_lookup_to_what_is_made_again_drifts_whatever_is_meant(rig: Rig) -> None:
    rig.crm.delete(A_CASE)
    assert rig.drift() == {A_CASE: (), A_ROW: (Event.CASE,)}
    assert rig.drift(DriftFilter(object=Event.OBJECT)) == {A_ROW: (Event.CASE,)}


def test_a_lookup_to_what_is_let_go_does_not(rig: Rig) -> None:
    rig.learn(paid_invoice())
    rig.work()
    rig.crm.delete(A_CASE)
    assert rig.drift() == {A_CASE: ()}
    assert rig.drift(DriftFilter(object=Event.OBJECT)) == {}


def test_what_is_not_meant_is_not_told_though_work_on_it_waits(rig: Rig) -> None:
    rig.learn(account(state="closed"))
    rows(rig.engine, "UPDATE subject SET status = 'idle'")
    assert rig.drift(DriftFilter(rule="timeline")) == {}


def test_nothing_is_written_by_looking(rig: Rig) -> None:
    rig.crm.type(ACCOUNT, **{Account.STATE: "closed"})
    rig.crm.upserts.clear()
    before = one(rig.engine, "SELECT count(*) AS n FROM attempt").n
    rig.look()
    assert rig.crm.upserts == []
    assert one(rig.engine, "SELECT count(*) AS n FROM attempt").n == before


def test_a_resolved_case_that_is_gone_and_that_nothing_needs_is_let_go(rig: Rig) -> None:
    rig.learn(paid_invoice())
    rig.work()
    assert rig.crm.of("Case")[CASE][Case.STATE] == "resolved"
    rig.crm.delete(A_CASE)
    found = rig.only()
    assert (found.row.record, found.is_lost) == (A_CASE, True)
