"""What Salesforce gives back of a value that was written is that value, and any other is not."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from connector.mappers import fields
from connector.mappers.fields import Invoice as F
from connector.mappers.org_schema import OrgField
from connector.models.plan import Change, Lookup, Parent
from connector.sync.apply.row_diff import encode
from connector.sync.drift.field_compare import compared, same, told
from connector.sync.drift.org_reader import SalesforceRecord
from connector.sync.drift.owned_fields import Owned
from sync import orgs

from .conftest import BOB, lookup, typed

MAY = datetime(2026, 5, 1, 7, 25, 37, 900_000, tzinfo=UTC)


def of(type_: str, scale: int = 0) -> OrgField:
    return OrgField("F__c", type_, scale=scale)


@pytest.mark.parametrize(
    ("field", "wanted", "held"),
    [
        (of("double", 3), Decimal("49.90"), Decimal("49.9")),
        (of("double", 3), Decimal("49.90"), "49.9000"),
        (of("double", 2), Decimal("0.125"), Decimal("0.13")),
        (of("currency", 2), Decimal("1E+3"), 1000.0),
        (of("double"), 0, 0.0),
        (of("double", 3), None, None),
        (of("int"), 3, "3"),
        (of("int"), 3, 3.0),
        (of("percent", 1), Decimal("12.50"), "12.5"),
        (of("double", 2), Decimal("0.135"), Decimal("0.14")),
        (of("string"), None, ""),
        (of("boolean"), False, None),
        (of("boolean"), True, "true"),
        (of("datetime"), MAY, "2026-05-01T07:25:37.900+0000"),
        (of("datetime"), MAY, "2026-05-01T07:25:37.000Z"),
        (of("datetime"), MAY, "2026-05-01T09:25:37.000+0200"),
        (of("date"), date(2026, 5, 1), "2026-05-01"),
        (of("string"), " padded ", "padded"),
        (of("string"), "", None),
        (of("textarea"), "one\ntwo", "one\r\ntwo"),
        (of("textarea"), "one\ntwo", "one\rtwo"),
        (of("email"), "Bob@Example.com", "bob@example.com"),
        (of("picklist"), "active", "active"),
    ],
)
def test_the_same(field: OrgField, wanted: Any, held: Any) -> None:
    assert same(encode(wanted), held, field)


@pytest.mark.parametrize(
    ("field", "wanted", "held", "shown"),
    [
        (of("double", 3), Decimal("49.90"), Decimal("49.91"), "49.91"),
        (of("double", 3), Decimal("0"), None, None),
        (of("double", 3), None, Decimal("0"), "0"),
        (of("boolean"), True, None, False),
        (of("boolean"), False, True, True),
        (of("datetime"), MAY, "2026-05-01T07:25:38.000+0000", "2026-05-01T07:25:38Z"),
        (of("datetime"), None, "2026-05-01T07:25:38.000+0000", "2026-05-01T07:25:38Z"),
        (of("date"), date(2026, 5, 1), "2026-05-02", "2026-05-02"),
        (of("string"), "active", "Active", "Active"),
        (of("string"), "active", None, None),
        (of("textarea"), "one\ntwo", "one two", "one two"),
        (of("email"), "bob@example.com", "Eve@example.com", "Eve@example.com"),
    ],
)
def test_another(field: OrgField, wanted: Any, held: Any, shown: Any) -> None:
    assert not same(encode(wanted), held, field)
    assert told(held, field) == shown


SHAPE = orgs.shape(
    more={
        F.OBJECT: [
            lookup(F.ACCOUNT, "Account"),
            typed(F.TOTAL, "double", scale=2),
            typed(F.ORIGIN, "encryptedstring"),
            lookup("Region__c", "Region__c"),
        ]
    }
)
REGION = type("Mapped", (), {"object": F.OBJECT, "field": "Region__c", "when": "always"})
REGION.lookup = type("To", (), {"object": "Region__c", "key": "Code__c"})  # type: ignore[attr-defined]


IDS = {("Account", BOB): "001BOB", ("Account", "long"): "001000000000001"}


@pytest.mark.parametrize(
    ("name", "value", "data", "expected"),
    [
        (F.ACCOUNT, Parent("Account", BOB), {"Account__c": "001A", "Account__r": {fields.KEY: BOB}}, BOB),
        (F.ACCOUNT, Parent("Account", BOB), {"Account__c": "001BOB", "Account__r": {fields.KEY: None}}, BOB),
        (F.ACCOUNT, Parent("Account", BOB), {"Account__c": "001A", "Account__r": {fields.KEY: "eve"}}, "eve"),
        (
            F.ACCOUNT,
            Parent("Account", "long"),
            {"Account__c": "001000000000001AAA", "Account__r": None},
            "long",
        ),
        (F.ACCOUNT, Parent("Account", BOB), {"Account__c": "001A", "Account__r": {fields.KEY: None}}, "001A"),
        (F.ACCOUNT, Parent("Account", BOB), {"Account__c": None, "Account__r": None}, None),
        (F.ACCOUNT, None, {"Account__c": None, "Account__r": None}, None),
        (F.ACCOUNT, None, {"Account__c": "001A", "Account__r": {fields.KEY: "eve"}}, "eve"),
        (
            "Region__c",
            Lookup("Region__c", "Code__c", "7"),
            {"Region__c": "a0R", "Region__r": {"Code__c": 7}},
            "7",
        ),
        ("Region__c", Lookup("Region__c", "Code__c", "7"), {"Region__c": None, "Region__r": None}, None),
    ],
)
def test_lookups_are_compared_by_what_they_lead_to(name: str, value: Any, data: Any, expected: Any) -> None:
    owned = Owned.of(SHAPE, [REGION])  # type: ignore[list-item]
    parents = {name: value} if isinstance(value, Parent) else {}
    change = Change(F.OBJECT, "k", "r", "w", {} if parents else {name: value}, parents)
    found = compared(change, SalesforceRecord("a01", "k", data), IDS, owned)
    assert found == {name: expected}


def test_a_field_that_cannot_be_read_or_that_the_org_lacks_is_not_compared() -> None:
    change = Change(F.OBJECT, "k", "r", "w", {F.ORIGIN: "renewal", "Gone__c": 1, F.TOTAL: Decimal(1)})
    found = compared(
        change, SalesforceRecord("a01", "k", {F.TOTAL: 1, F.ORIGIN: "***"}), {}, Owned.of(SHAPE, ())
    )
    assert found == {F.TOTAL: "1"}


@pytest.mark.parametrize(
    ("type_", "updateable", "is_compared"),
    [("double", True, True), ("double", False, False), ("encryptedstring", True, False)],
)
def test_what_cannot_be_written_or_read_is_not_compared(
    type_: str, updateable: bool, is_compared: bool
) -> None:
    field = OrgField(F.TOTAL, type_, createable=True, updateable=updateable)
    owned = Owned.of(orgs.shape(more={F.OBJECT: [field]}), ())
    assert (owned.field(F.OBJECT, F.TOTAL) is not None) is is_compared
