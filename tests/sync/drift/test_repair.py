"""Mending drift writes what differs, by the one way there is, and nothing that is the agents'."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from samples import one, rows

from connector.errors import Permanent, Unavailable
from connector.ledger import links
from connector.mappers import fields
from connector.mappers.fields import Account, Case, Event
from connector.mappers.fields import Invoice as F
from connector.models.facts import Link, LinkState
from connector.sync.drift.org_baseline import DriftFilter
from connector.sync.drift.repair import RepairRequest, RepairResult, repair_accounts
from sync.fake_crm import RowAnswer, Trouble
from sync.world import paid_invoice

from .conftest import BILL, BOB, CASE, CAUSE, ROW, HeldCrm, Rig

ACCOUNT, INVOICE, A_CASE, A_ROW = (
    (Account.OBJECT, BOB),
    (F.OBJECT, BILL),
    (Case.OBJECT, CASE),
    (Event.OBJECT, ROW),
)


def mended(rig: Rig, only: DriftFilter = DriftFilter()) -> RepairResult:
    found = rig.look(only).drifted
    lost = frozenset(one.row.record for one in found if one.is_lost)
    unlinked = frozenset(one.subject for one in found if one.row.id is not None and not one.row.exists)
    rig.crm.upserts.clear()
    return repair_accounts(rig.against(only, scanning=False), RepairRequest([BOB], unlinked, lost), CAUSE)


@pytest.mark.parametrize(
    ("record", "typed"),
    [
        (ACCOUNT, {Account.STATE: "closed"}),
        (ACCOUNT, {fields.KEY: None}),
        (INVOICE, {F.TOTAL: 1}),
        (A_CASE, {Case.STATE: "resolved", Case.RULE: None, Case.ACCOUNT_KEY: None}),
        (A_CASE, {fields.KEY: "typed"}),
        (A_ROW, {Event.WHAT: "nothing", Event.NAME: None}),
    ],
)
def test_what_was_typed_over_is_written_again_and_nothing_else(
    rig: Rig, record: Any, typed: dict[str, Any]
) -> None:
    before = {key: dict(row) for key, row in rig.crm.records.items()}
    rig.crm.type(record, **typed)
    rig.crm.type(A_CASE, Status="Working", Subject="Mine")
    done = mended(rig)
    assert (done.written, done.is_whole) == (1, True)
    assert rig.drift() == {}
    before[A_CASE] |= {"Status": "Working", "Subject": "Mine"}
    assert rig.crm.records == before
    (sent,) = rig.crm.sent(record[0])
    assert set(sent) == set(typed) - {fields.KEY}


def test_the_audit_trail_tells_who_did_it_what_was_there_and_why_it_should_not_be(rig: Rig) -> None:
    rig.crm.type(A_ROW, **{Event.WHAT: "nothing"})
    mended(rig)
    told = one(
        rig.engine,
        "SELECT * FROM attempt JOIN change ON attempt_id = attempt.id ORDER BY change.id DESC LIMIT 1",
    )
    assert (told.trigger, told.who, told.rule, told.reason) == (
        "drift",
        "somebody",
        "timeline",
        "it was said",
    )
    assert (told.before, told.after) == ({Event.WHAT: "nothing"}, {Event.WHAT: "Invoice 1001"})


def test_what_is_gone_is_made_again_with_what_leads_to_it(rig: Rig) -> None:
    for record in (INVOICE, A_CASE, A_ROW):
        rig.crm.delete(record)
    done = mended(rig)
    assert done.is_whole
    assert rig.drift() == {}
    assert rig.crm.records[A_CASE]["Subject"] == "Help"
    assert rig.crm.records[A_ROW]["Case__r"] == CASE


def test_a_case_that_nothing_needs_any_more_is_forgotten_and_nothing_leads_to_it(rig: Rig) -> None:
    rig.learn(paid_invoice())
    rig.work()
    rig.crm.delete(A_CASE)
    assert mended(rig).is_whole
    assert (rig.drift(), rig.crm.of("Case")) == ({}, {})
    assert one(rig.engine, "SELECT count(*) AS n FROM mirror WHERE object = 'Case'").n == 0


def test_only_what_was_meant_is_mended(rig: Rig) -> None:
    rig.crm.type(ACCOUNT, **{Account.STATE: "closed"})
    rig.crm.type(A_ROW, **{Event.WHAT: "nothing"})
    assert mended(rig, DriftFilter(rule="timeline")).written == 1
    assert rig.drift() == {ACCOUNT: (Account.STATE,)}


def test_the_linker_is_told_of_a_linked_record_that_is_not_there(rig: Rig) -> None:
    with rig.engine.begin() as connection:
        links.save(connection, {BOB: Link(LinkState.LINKED, account_id="001Gone")})
    mended(rig)
    assert rig.linker.told[0] == {BOB}


def test_a_row_that_salesforce_refuses_is_a_dead_letter_and_still_drifts(rig: Rig) -> None:
    rig.crm.type(A_ROW, **{Event.WHAT: "nothing"})
    rig.crm.refusals[A_ROW] = Permanent("A validation rule: no.", code="FIELD_CUSTOM_VALIDATION_EXCEPTION")
    done = mended(rig)
    assert (len(done.dead), done.is_whole) == (1, False)
    rows(rig.engine, "UPDATE subject SET status = 'idle'")
    assert rig.drift() == {A_ROW: (Event.WHAT,)}


class Picky(HeldCrm):
    """Takes no address of Bob."""

    def _upsert(self, object_: str, key: str, row: Mapping[str, Any]) -> RowAnswer:
        if row.get(Account.EMAIL):
            error = Permanent("invalid email address", code="INVALID_EMAIL_ADDRESS")
            return RowAnswer(error=Trouble(error, fields=(Account.EMAIL,)))
        return super()._upsert(object_, key, row)


def test_a_value_that_salesforce_does_not_take_is_told(rig: Rig) -> None:
    rig.crm.type(ACCOUNT, **{Account.EMAIL: None, Account.STATE: "closed"})
    rig.crm = Picky(rig.crm.records)
    done = mended(rig)
    assert (done.written, done.left_out) == (1, {ACCOUNT: {Account.EMAIL}})
    assert not done.is_whole
    assert rig.drift() == {ACCOUNT: (Account.EMAIL,)}


def test_salesforce_goes_away(rig: Rig) -> None:
    rig.crm.type(ACCOUNT, **{Account.STATE: "closed"})
    rig.crm.outages[Account.OBJECT] = Unavailable(
        "salesforce", "Salesforce is unavailable (503).", code="503"
    )
    found = rig.look().drifted
    done = repair_accounts(rig.against(scanning=False), RepairRequest([found[0].subject]), CAUSE)
    assert (done.open, len(done.left), done.is_whole) == (True, 1, False)


def test_an_account_that_a_worker_holds_is_left_to_it(rig: Rig) -> None:
    rig.crm.type(ACCOUNT, **{Account.STATE: "closed"})
    rows(
        rig.engine, "UPDATE subject SET lease = 'w2', ready_at = now() + interval '1 minute', status = 'due'"
    )
    done = repair_accounts(rig.against(scanning=False), RepairRequest([BOB]), CAUSE)
    assert (done.written, len(done.left)) == (0, 1)
