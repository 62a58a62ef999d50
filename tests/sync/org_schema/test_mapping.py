"""Fields of the org filled from what is known: typed, checked against the org, and never more than they can hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import SetupError
from connector.mappers import fields
from connector.mappers.field_limits import utf16_length
from connector.mappers.org_schema import OrgField
from connector.models.facts import Facts, PaymentMethod
from connector.models.plan import Change, Lookup
from connector.policy import Mapped, Policy
from connector.sync.apply.row_diff import row_for
from connector.sync.decide.decide import decide
from connector.sync.org_schema.conversion import ConversionError, Known, converted
from connector.sync.org_schema.mapping import checked
from sync.orgs import Org, fitted, org_field, shape
from sync.world import account, facts, invoice, payment, subscription

TEXT = org_field("X__c")


def mapped(**told: Any) -> Mapped:
    usual = {"object": "Account", "field": "X__c", "from": "account.vat_number"}
    return Mapped.model_validate(usual | told)


def filled(known: Facts, field: OrgField, *, persons: bool = False, **told: Any) -> tuple[Change, list[str]]:
    """The change of a record after its X__c was mapped, and what was told."""
    one = {"object": "Account", "field": "X__c", "from": "account.vat_number", **told}
    org = shape(persons=persons, more={one["object"]: [field]})
    shaping, said = fitted(org, mapping=[one])
    found = shaping.fit(decide(known, shaping.policy).changes, known)
    (change,) = (change for change in found if change.object == one["object"])
    return change, said


# ── what is mapped ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("site", "acme"),
        ("account.vat_number", "DE1"),
        ("account.custom_fields.tax.id", "77"),
        ("account.payment_method.last_four", "4242"),
        ("account.gateway_customers", "cus_1, cus_2"),
        ("subscription.plan_code", "newer"),
        ("subscription.custom_fields.tier", "gold"),
    ],
)
def test_any_known_fact_fills_a_field(path: str, expected: str) -> None:
    known = facts(
        account(
            vat_number="DE1",
            custom_fields=(("tax.id", "77"),),
            payment_method=PaymentMethod("Visa", last_four="4242"),
            gateway_customers=("cus_1", "cus_2"),
        ),
        subscription(uuid="a", plan_code="older", activated_at=datetime(2025, 1, 1, tzinfo=UTC)),
        subscription(
            uuid="b",
            plan_code="newer",
            activated_at=datetime(2026, 1, 1, tzinfo=UTC),
            custom_fields=(("tier", "gold"),),
        ),
        subscription(
            uuid="c", plan_code="over", state="expired", activated_at=datetime(2026, 2, 1, tzinfo=UTC)
        ),
    )
    assert filled(known, TEXT, **{"from": path})[0].fields["X__c"] == expected


@pytest.mark.parametrize(
    ("object_", "path", "expected"),
    [
        ("Billing_Subscription__c", "subscription.uuid", "sub1"),
        ("Billing_Invoice__c", "invoice.type", "charge"),
        ("Billing_Invoice__c", "account.code", "bob"),
        ("Billing_Payment__c", "payment.uuid", "pay1"),
        ("Contact", "account.code", "bob"),
    ],
)
def test_a_record_is_filled_from_its_own_object(object_: str, path: str, expected: str) -> None:
    known = facts(account(), subscription(uuid="sub1"), invoice(), payment(uuid="pay1"))
    assert filled(known, TEXT, object=object_, **{"from": path})[0].fields["X__c"] == expected


def test_what_is_written_once_is_not_kept_true() -> None:
    change, _ = filled(facts(account(vat_number="DE1")), TEXT, when="create")
    assert (change.on_create["X__c"], "X__c" in change.fields) == ("DE1", False)


@pytest.mark.parametrize(("empty", "expected"), [("keep", {}), ("clear", {"X__c": None})])
def test_what_is_not_known_is_kept_or_cleared(empty: str, expected: Mapping[str, None]) -> None:
    change, told = filled(facts(account(vat_number=None)), TEXT, empty=empty)
    assert {name: value for name, value in change.fields.items() if name == "X__c"} == expected
    assert told == []


def test_nothing_is_said_of_an_account_that_is_gone() -> None:
    change, _ = filled(facts(account(vat_number=None), gone=True), TEXT, empty="clear")
    assert "X__c" not in change.fields


def test_a_contacts_field_is_the_persons() -> None:
    known = facts(account(company=None, custom_fields=(("tier", "gold"),)))
    shaping, _ = fitted(
        shape(persons=True, more={"Contact": [org_field("Tier__c"), org_field("Only_Contacts__c")]}),
        mapping=[
            {"object": "Contact", "field": "Tier__c", "from": "account.custom_fields.tier"},
            {"object": "Contact", "field": "Only_Contacts__c", "from": "account.custom_fields.tier"},
        ],
    )
    (person,) = shaping.fit(decide(known, shaping.policy).changes, known)
    assert person.fields["Tier__pc"] == "gold"
    assert not any("Only_Contacts" in name for name in person.fields)


def test_the_plan_shows_it_like_any_other_field() -> None:
    change, _ = filled(facts(account(vat_number="DE1")), TEXT)
    row = row_for(change, None, exists=False, org=Org(shape()))
    assert row is not None
    assert row.after["X__c"] == row.payload["X__c"] == "DE1"


# ── sites ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_two_sites_with_the_same_account_code_do_not_meet() -> None:
    shaping, _ = fitted(
        shape(more={"Account": [TEXT]}), mapping=[{"object": "Account", "field": "X__c", "from": "site"}]
    )
    found: dict[str, dict[tuple[str, str], Change]] = {}
    for site in ("acme", "acme-eu"):
        late = invoice(state="past_due", dunning_events_sent=1)
        known = facts(late, payment(), subscription(), subject=f"recurly:{site}:account:bob", site=site)
        made = shaping.fit(decide(known, shaping.policy).changes, known)
        found[site] = {(change.object, change.key): change for change in made}
    assert len(found["acme"]) == len(found["acme-eu"]) == 6
    assert not found["acme"].keys() & found["acme-eu"].keys()
    for site, made in found.items():
        assert made["Account", f"recurly:{site}:account:bob"].fields["X__c"] == site
        parents = {parent.key for change in made.values() for parent in change.parents.values()}
        assert all(key.startswith(f"recurly:{site}:") for key in parents)


# ── types ─────────────────────────────────────────────────────────────────────────────────────────────────────


def as_(type_: str, value: Known, **target: Any) -> Any:
    return converted(value, mapped(type=type_), org_field("X__c", **target))


@pytest.mark.parametrize(
    ("type_", "target", "value", "expected"),
    [
        ("text", {}, "plain", "plain"),
        ("text", {"length": 5}, "too long", "too…"),
        ("text", {}, Decimal("1.50"), "1.50"),
        ("text", {}, True, "true"),
        ("text", {}, datetime(2026, 11, 2, tzinfo=UTC), "2026-11-02T00:00:00+00:00"),
        ("text", {"type": "textarea"}, "two\nlines", "two\nlines"),
        ("text", {"type": "email", "length": 80}, "a@example.com", "a@example.com"),
        ("number", {"type": "double", "digits": 16, "scale": 2}, "1.005", Decimal("1.00")),
        ("number", {"type": "double", "digits": 16, "scale": 2}, " -12.5 ", Decimal("-12.50")),
        ("number", {"type": "int", "digits": 8}, "41.5", 42),
        ("number", {"type": "double", "digits": 18}, 7, Decimal(7)),
        ("date", {"type": "date"}, "2026-11-02", date(2026, 11, 2)),
        ("date", {"type": "date"}, datetime(2026, 11, 2, 23, tzinfo=UTC), date(2026, 11, 2)),
        ("date", {"type": "date"}, "2026-11-02T23:30:00-02:00", date(2026, 11, 3)),
        ("datetime", {"type": "datetime"}, "2026-11-02T10:00:00Z", datetime(2026, 11, 2, 10, tzinfo=UTC)),
        ("datetime", {"type": "datetime"}, "2026-11-02", datetime(2026, 11, 2, tzinfo=UTC)),
        ("picklist", {"type": "picklist", "values": frozenset({"Gold"})}, " Gold ", "Gold"),
        ("checkbox", {"type": "boolean"}, True, True),
        ("checkbox", {"type": "boolean"}, "Yes", True),
        ("checkbox", {"type": "boolean"}, "0", False),
        ("text", {}, "", None),
        ("text", {}, " ", None),
        ("number", {"type": "double"}, None, None),
        ("text", {}, (), None),
    ],
)
def test_a_value_becomes_what_its_field_holds(
    type_: str, target: Mapping[str, Any], value: Known, expected: Any
) -> None:
    found = as_(type_, value, **target)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("type_", "target", "value", "why"),
    [
        ("text", {"type": "email", "length": 80}, "nobody", "e-mail"),
        ("number", {"type": "double"}, "twelve", "not a number"),
        ("number", {"type": "double"}, "NaN", "not a number"),
        ("number", {"type": "double"}, "1e400000", "too large"),
        ("number", {"type": "double"}, True, "not a number"),
        ("number", {"type": "int", "digits": 3}, 1000, "too large"),
        ("date", {"type": "date"}, "soon", "not a date"),
        ("date", {"type": "date"}, "0001-01-01", "not a date"),
        ("datetime", {"type": "datetime"}, 20261102, "not a date"),
        ("picklist", {"type": "picklist", "values": frozenset({"Gold"})}, "Tin", "picklist"),
        ("checkbox", {"type": "boolean"}, "maybe", "neither yes nor no"),
        ("text", {"type": "email", "length": 40}, "\U0001f389" * 20 + "@a.example", "not an e-mail address"),
    ],
)
def test_what_is_not_of_its_type_is_unfit(
    type_: str, target: Mapping[str, Any], value: Known, why: str
) -> None:
    with pytest.raises(ConversionError, match=why):
        as_(type_, value, **target)


@given(
    st.one_of(
        st.text(),
        st.integers(),
        st.decimals(),
        st.booleans(),
        st.datetimes(timezones=st.just(UTC)),
        st.none(),
    ),
    st.sampled_from(["text", "number", "date", "datetime", "picklist", "checkbox"]),
    st.integers(1, 40),
    st.integers(0, 3),
)
def test_conversion_fits_or_says_so(value: Known, type_: str, length: int, scale: int) -> None:
    target = org_field("X__c", length=length, digits=15, scale=scale, type=type_)
    try:
        found = converted(value, mapped(type=type_), target)
    except ConversionError:
        return
    assert not isinstance(found, str) or utf16_length(found) <= length or type_ == "picklist"
    assert not isinstance(found, Decimal) or abs(found) <= 10**15


@pytest.mark.parametrize(
    ("value", "day"),
    [
        (datetime(2026, 11, 21, 4, 30, tzinfo=UTC), 20),
        ("2026-11-21T04:30:00Z", 20),
        ("2026-11-21T04:30:00", 21),
        ("2026-11-21", 21),
        (date(2026, 11, 21), 21),
    ],
)
def test_the_day_of_a_moment_is_that_of_the_sites_clock(value: Known, day: int) -> None:
    found = converted(
        value, mapped(type="date"), org_field("X__c", type="date"), ZoneInfo("America/New_York")
    )
    assert found == date(2026, 11, day)


def test_a_mapped_day_is_that_of_the_accounts_site() -> None:
    one = {"object": "Account", "field": "X__c", "from": "account.created_at", "type": "date"}
    shaping, _ = fitted(
        shape(more={"Account": [org_field("X__c", type="date")]}),
        mapping=[one],
        sites={"acme": {"time_zone": "America/New_York"}},
    )
    known = facts(account(created_at=datetime(2026, 11, 21, 4, 30, tzinfo=UTC)))
    (change,) = (
        c for c in shaping.fit(decide(known, shaping.policy).changes, known) if c.object == "Account"
    )
    assert change.fields["X__c"] == date(2026, 11, 20)


def test_what_is_unfit_is_left_out_and_named_without_its_value() -> None:
    known = facts(account(vat_number="twelve"))
    change, told = filled(known, org_field("X__c", type="double"), type="number")
    assert "X__c" not in change.fields
    assert told == ["Account.X__c is left out where account.vat_number is not a number"]


def test_a_lookup_by_more_than_an_external_id_holds_is_left_out() -> None:
    target = org_field("X__c", type="reference", targets=frozenset({"Region__c"}))
    wanted = mapped(type="lookup", lookup={"object": "Region__c", "key": "Code__c"})
    assert converted("x" * 255, wanted, target) == Lookup("Region__c", "Code__c", "x" * 255)
    with pytest.raises(ConversionError, match="longer than an external id"):
        converted("\U0001f389" * 128, wanted, target)


def test_a_lookup_is_given_by_the_external_id_of_its_target() -> None:
    target = org_field("X__c", type="reference", targets=frozenset({"Region__c"}))
    org = shape(more={"Account": [target], "Region__c": [org_field("Code__c", is_key=True)]})
    lookup = {"object": "Region__c", "key": "Code__c"}
    one = {
        "object": "Account",
        "field": "X__c",
        "from": "account.country",
        "type": "lookup",
        "lookup": lookup,
    }
    shaping, _ = fitted(org, mapping=[one])
    known = facts(account(country="DE"))
    change = shaping.fit(decide(known, shaping.policy).changes, known)[0]
    assert change.fields["X__c"] == Lookup("Region__c", "Code__c", "DE")
    row = row_for(change, None, exists=False, org=Org(org))
    assert row is not None
    assert row.payload["X__r"] == {"attributes": {"type": "Region__c"}, "Code__c": "DE"}
    assert row.mirror["X__c"] == "DE"
    assert "X__c" not in row.payload


# ── checks ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("object_", "field"),
    [
        ("Account", "Name"),
        ("Account", "Billing_MRR__c"),
        ("Account", fields.KEY),
        ("Account", "CurrencyIsoCode"),
        ("Account", "PersonEmail"),
        ("Contact", "Email"),
        ("Case", "OwnerId"),
        ("Case", "RecordTypeId"),
        ("Billing_Invoice__c", "State__c"),
    ],
)
def test_a_field_that_casewire_fills_cannot_be_mapped(object_: str, field: str) -> None:
    one = {"object": object_, "field": field, "from": "account.code"}
    with pytest.raises(SetupError, match=rf"mapping\.0\.field: {object_}\.{field} is Casewire's own"):
        checked(Policy.model_validate({"mapping": [one]}))


def test_a_field_is_mapped_once() -> None:
    one = {"object": "Account", "field": "X__c", "from": "account.code"}
    assert checked(Policy.model_validate({"mapping": [one]})).mapping
    with pytest.raises(SetupError, match=r"Account\.X__c is mapped 2 times"):
        checked(Policy.model_validate({"mapping": [one, one]}))


REGION = {"object": "Region__c", "key": "Code__c"}
POINTS = org_field("X__c", type="reference", targets=frozenset({"Region__c"}))


@pytest.mark.parametrize(
    ("told", "field", "region", "why"),
    [
        ({}, None, (), "no such field"),
        ({}, org_field("X__c", createable=False, updateable=False), (), "may not write it"),
        ({}, org_field("X__c", updateable=False), (), "may not write it"),
        ({}, org_field("X__c", type="double"), (), "type = 'text' does not fit a field of type double"),
        ({"type": "number"}, org_field("X__c"), (), "type = 'number' does not fit"),
        ({}, org_field("X__c", type="textarea", rich=True), (), "a rich text area"),
        ({"type": "lookup", "lookup": REGION}, POINTS, (), "no field Region__c.Code__c"),
        ({"type": "lookup", "lookup": REGION}, POINTS, [org_field("Code__c")], "not a unique external id"),
        (
            {"type": "lookup", "lookup": {"object": "User", "key": "Code__c"}},
            POINTS,
            [org_field("Code__c", is_key=True)],
            "points to Region__c, not to User",
        ),
    ],
)
def test_a_mapping_the_org_cannot_take_is_refused_or_left_out(
    told: Mapping[str, Any], field: OrgField | None, region: Any, why: str
) -> None:
    org = shape(more={"Account": [field] if field else [], "Region__c": region})
    one = {"object": "Account", "field": "X__c", "from": "account.code", **told}
    with pytest.raises(SetupError, match=rf"Account\.X__c: .*{why}"):
        fitted(org, mapping=[one])
    shaping, said = fitted(org, mapping=[one], orgs={"missing": "leave_out"})
    assert len(said) == 1
    assert said[0].startswith("Account.X__c: ")
    known = facts(account())
    assert "X__c" not in shaping.fit(decide(known, shaping.policy).changes, known)[0].fields


def test_a_field_that_may_only_be_made_may_be_mapped_once() -> None:
    org = shape(more={"Account": [org_field("X__c", updateable=False)]})
    fitted(org, mapping=[{"object": "Account", "field": "X__c", "from": "account.code", "when": "create"}])
