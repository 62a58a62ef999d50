"""What a record should say is what its plan says, and for the rest what was last written."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from connector.ledger.attempts import Mirrored
from connector.mappers import fields
from connector.mappers.fields import Account, Case, Event
from connector.mappers.fields import Invoice as F
from connector.models.plan import Change, Parent
from connector.policy import Mapped
from connector.sync.drift.owned_fields import Owned, should
from sync import orgs

from .conftest import BILL, BOB, CASE, lookup, shape, typed

OWNED = Owned.of(shape(), ())


def test_the_plan_has_the_last_word_and_the_mirror_the_rest() -> None:
    planned = Change(
        Account.OBJECT, BOB, "account", "it is gone", {Account.STATE: "gone"}, on_create={"Name": "B"}
    )
    mirrored = {Account.STATE: "active", Account.BALANCE: "49.9", Account.AS_OF: "2026-05-01T07:25:37Z"}
    found = should([planned], {(Account.OBJECT, BOB): Mirrored("001", mirrored)}, OWNED)
    one = found[Account.OBJECT, BOB]
    assert one.planned
    assert one.change.fields == {
        Account.STATE: "gone",
        Account.BALANCE: Decimal("49.9"),
        Account.AS_OF: datetime(2026, 5, 1, 7, 25, 37, tzinfo=UTC),
    }
    assert (one.change.rule, one.change.reason, one.change.on_create) == (
        "account",
        "it is gone",
        {"Name": "B"},
    )


def test_a_record_that_no_plan_speaks_of_is_all_that_was_written() -> None:
    mirrored = {Event.WHAT: "Invoice 1001", Event.ACCOUNT: BOB, Event.CASE: None}
    (one,) = should([], {(Event.OBJECT, "e"): Mirrored("a01", mirrored)}, OWNED).values()
    assert not one.planned
    assert one.change.fields == {Event.WHAT: "Invoice 1001", Event.CASE: None}
    assert one.change.parents == {Event.ACCOUNT: Parent("Account", BOB)}
    assert one.kept == {Event.ACCOUNT}


@pytest.mark.parametrize("object_", [Account.OBJECT, "Contact", Case.OBJECT])
def test_people_s_records_are_made_again_by_plans_only(object_: str) -> None:
    mirror = {(object_, "k"): Mirrored("id", {"Billing_State__c": "open", "Email": "bob@example.com"})}
    (one,) = should([], mirror, OWNED).values()
    assert one.is_lost
    planned = Change(object_, "k", "r", "w", {"Email": "eve@example.com"})
    assert not should([planned], mirror, OWNED)[object_, "k"].is_lost


def test_our_own_records_are_made_again_of_what_was_written() -> None:
    (one,) = should([], {(F.OBJECT, BILL): Mirrored("a01", {F.STATE: "paid"})}, OWNED).values()
    assert not one.is_lost


def test_what_is_not_ours_any_more_or_is_not_in_the_org_is_left_alone() -> None:
    mirrored = {F.STATE: "paid", "Region__c": "EMEA", "Removed__c": 1}
    mirror = {(F.OBJECT, BILL): Mirrored("a01", mirrored), ("Removed__c", "k"): Mirrored("a02", {"A__c": 1})}
    (one,) = should([], mirror, OWNED).values()
    assert one.change.fields == {F.STATE: "paid"}


def test_parents_come_before_children() -> None:
    mirror = {
        (Event.OBJECT, "a"): Mirrored("1", {Event.WHAT: "x"}),
        (Case.OBJECT, CASE): Mirrored("2", {Case.RULE: "x"}),
        (F.OBJECT, BILL): Mirrored("3", {F.STATE: "x"}),
    }
    planned = [Change(Account.OBJECT, BOB, "account", "is", {Account.STATE: "active"})]
    assert [record[0] for record in should(planned, mirror, OWNED)] == [
        "Account",
        F.OBJECT,
        "Case",
        Event.OBJECT,
    ]


def mapped(name: str, **more: object) -> Mapped:
    told = {"object": F.OBJECT, "field": name, "from": "invoice.origin", **more}
    return Mapped.model_validate(told)


def test_mapped_fields_are_ours_if_they_are_always_written() -> None:
    told = shape()
    more = {F.OBJECT: [typed("Always__c", "string"), typed("Once__c", "string")]}
    owned = Owned.of(
        orgs.shape(more={**more, Account.OBJECT: list(told.objects[Account.OBJECT].values())}),
        [mapped("Always__c"), mapped("Once__c", when="create")],
    )
    assert "Always__c" in owned.names[F.OBJECT]
    assert "Once__c" not in owned.names[F.OBJECT]


def test_a_mapped_lookup_is_asked_for_by_its_own_key() -> None:
    to = {"type": "lookup", "lookup": {"object": "Region__c", "key": "Code__c"}}
    owned = Owned.of(
        orgs.shape(more={F.OBJECT: [lookup("Region__c", "Region__c")]}), [mapped("Region__c", **to)]
    )
    assert {"Region__c", "Region__r.Code__c"} <= set(owned.columns(F.OBJECT))


def test_what_is_asked_for_is_what_the_org_has() -> None:
    lacks = Owned.of(orgs.shape(without={"Billing_Payout__c": (), F.OBJECT: (F.TOTAL,)}), ())
    assert "Billing_Payout__c" not in lacks.names
    assert F.TOTAL not in lacks.columns(F.OBJECT)
    columns = OWNED.columns(Case.OBJECT)
    assert columns[:2] == ["Id", fields.KEY]
    assert {"AccountId", f"Account.{fields.KEY}", Case.INVOICE, f"Billing_Invoice__r.{fields.KEY}"} <= set(
        columns
    )
    assert Case.OWNER not in columns


def test_a_person_s_fields_are_the_account_s() -> None:
    owned = Owned.of(orgs.shape(persons=True), ())
    assert {"PersonEmail", "FirstName", fields.PERSON_KEY} <= owned.names[Account.OBJECT]
    assert "PersonEmail" not in OWNED.names[Account.OBJECT]
