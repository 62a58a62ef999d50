"""A change becomes the row that is sent: only what differs from what was last written."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from connector.ledger.attempts import Mirrored
from connector.models.plan import Change, Lookup, Parent, Queue, RecordType, Transition
from connector.sync.apply.row_diff import Row, encode, row_for


class Org:
    """An org with one queue and one record type."""

    def queue(self, name: str) -> str | None:
        return {"Billing": "00G1"}.get(name)

    def record_type(self, name: str) -> str | None:
        return {"Billing": "0121"}.get(name)


def change(**changed: Any) -> Change:
    usual: dict[str, Any] = {
        "object": "Case",
        "key": "k",
        "rule": "rule",
        "reason": "why",
        "fields": {"Amount__c": Decimal("49.00"), "Note__c": None},
    }
    return Change(**usual | changed)


def row(wanted: Change, last: dict[str, Any] | None = None, *, exists: bool | None = None) -> Row | None:
    mirrored = None if last is None else Mirrored("500A", last)
    return row_for(wanted, mirrored, exists=last is not None if exists is None else exists, org=Org())


def sent(wanted: Change, last: dict[str, Any] | None = None, **how: Any) -> Any:
    made = row(wanted, last, **how)
    return None if made is None else dict(made.payload)


# ── only what differs ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_record_that_says_it_already_is_not_sent() -> None:
    assert row(change(), {"Amount__c": "49", "Note__c": None}) is None


def test_only_changed_fields_are_sent() -> None:
    made = row(change(), {"Amount__c": "48.5", "Note__c": None, "Other__c": "x"})
    assert made
    assert made.payload == {"Amount__c": Decimal("49.00")}
    assert (made.before, made.after) == ({"Amount__c": "48.5"}, {"Amount__c": "49"})
    assert made.mirror == {"Amount__c": "49", "Note__c": None, "Other__c": "x"}


def test_a_field_that_becomes_empty_is_cleared() -> None:
    assert sent(change(), {"Amount__c": "49", "Note__c": "x"}) == {"Note__c": None}


def test_a_field_the_mirror_does_not_know_is_sent() -> None:
    assert sent(change(), {"Amount__c": "49"}) == {"Note__c": None}


def test_what_is_written_once_is_not_different_the_next_time() -> None:
    wanted = change(parents={"AccountId": Parent("Account", "a")})
    first = row(wanted)
    assert first
    assert row(wanted, dict(first.mirror)) is None


# ── new records ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_record_has_everything_but_what_is_empty() -> None:
    wanted = change(on_create={"Origin": "Billing", "Extra__c": None})
    made = row(wanted)
    assert made
    assert made.payload == {"Amount__c": Decimal("49.00"), "Origin": "Billing"}
    assert made.after == {"Amount__c": "49", "Origin": "Billing"}
    assert made.mirror == {"Amount__c": "49", "Note__c": None}, (
        "what is the agents' afterwards is not mirrored"
    )


def test_a_record_that_exists_keeps_what_is_only_for_new_ones() -> None:
    assert sent(change(on_create={"Origin": "Billing"}), exists=True) == {
        "Amount__c": Decimal("49.00"),
        "Note__c": None,
    }


def test_a_mirror_of_a_record_that_salesforce_no_longer_has_counts_for_nothing() -> None:
    made = row(change(on_create={"Origin": "x"}), {"Amount__c": "49", "Note__c": None}, exists=False)
    assert made
    assert made.payload == {"Amount__c": Decimal("49.00"), "Origin": "x"}
    assert made.before == {}


def test_a_new_record_with_nothing_to_say_is_still_made() -> None:
    assert sent(change(fields={"Note__c": None})) == {}


# ── transitions ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_transition_is_always_sent() -> None:
    wanted = change(transition=Transition.RESOLVE, transition_fields={"Status": "Closed"})
    made = row(wanted, {"Amount__c": "49", "Note__c": None})
    assert made
    assert made.payload == {"Status": "Closed"}
    assert "Status" not in made.mirror, "agents own it: the next transition must not be held to be known"


def test_without_a_transition_the_agents_fields_are_left_alone() -> None:
    assert "Status" not in sent(change(), {})


# ── parents, queues, record types ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("lookup", "relationship"),
    [
        ("AccountId", "Account"),
        ("Account__c", "Account__r"),
        ("ContactId", "Contact"),
        ("ParentId", "Parent"),
    ],
)
def test_a_parent_is_given_by_its_key_with_its_type_first(lookup: str, relationship: str) -> None:
    payload = sent(change(fields={}, parents={lookup: Parent("Account", "a:1")}))
    assert payload == {relationship: {"attributes": {"type": "Account"}, "Billing_Key__c": "a:1"}}
    assert list(payload[relationship]) == ["attributes", "Billing_Key__c"]


def test_a_parent_is_sent_again_only_when_it_is_another() -> None:
    wanted = change(fields={}, parents={"AccountId": Parent("Account", "a")})
    assert row(wanted, {"AccountId": "a"}) is None
    assert sent(wanted, {"AccountId": "b"})


def test_queues_and_record_types_are_sent_by_their_id() -> None:
    wanted = change(fields={}, on_create={"OwnerId": Queue("Billing"), "RecordTypeId": RecordType("Billing")})
    made = row(wanted)
    assert made
    assert made.payload == {"OwnerId": "00G1", "RecordTypeId": "0121"}
    assert made.after == {"OwnerId": "Billing", "RecordTypeId": "Billing"}


def test_an_org_without_a_queue_or_record_type_decides_for_itself() -> None:
    wanted = change(fields={}, on_create={"OwnerId": Queue("None"), "RecordTypeId": RecordType("None")})
    assert sent(wanted) == {}


def test_a_row_can_go_without_an_optional_parent() -> None:
    parents = {"AccountId": Parent("Account", "a"), "ContactId": Parent("Contact", "c")}
    made = row(change(fields={"X__c": "x"}, parents=parents))
    assert made
    without = made.without([("Contact", "c")])
    assert set(without.payload) == {"X__c", "Account"}
    assert set(without.mirror) == set(without.after) == {"X__c", "AccountId"}


# ── values as the mirror keeps them ───────────────────────────────────────────────────────────────────────────

EAST = timezone(timedelta(hours=2))
EQUAL = [
    (Decimal("49"), Decimal("49.00")),
    (Decimal("0"), Decimal("-0.00")),
    (Decimal("1E+3"), Decimal("1000")),
    (datetime(2026, 11, 22, 12, tzinfo=UTC), datetime(2026, 11, 22, 14, tzinfo=EAST)),
    (datetime(2026, 11, 22, 12, tzinfo=UTC), datetime(2026, 11, 22, 12, 0, 0, 999, tzinfo=UTC)),
]
DIFFERENT = [
    (Decimal("49"), Decimal("49.001")),
    (Decimal("49"), "49.0"),
    (True, "true"),
    ("", None),
    (date(2026, 11, 22), date(2026, 11, 23)),
    (Parent("Account", "a"), Parent("Account", "b")),
]


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_equal_values_are_one_text(one: Any, other: Any) -> None:
    assert encode(one) == encode(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_values_are_different(one: Any, other: Any) -> None:
    assert encode(one) != encode(other)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (Decimal("-12.50"), "-12.5"),
        (date(2026, 11, 22), "2026-11-22"),
        (datetime(2026, 11, 22, 12, tzinfo=UTC), "2026-11-22T12:00:00Z"),
        (7, 7),
        (True, True),
        (None, None),
        ("text", "text"),
    ],
)
def test_a_value_is_kept_as(value: Any, kept: Any) -> None:
    assert encode(value) == kept


# ── lookups to records that are not ours ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "relationship"),
    [("Region__c", "Region__r"), ("Region__pc", "Region__pr"), ("ReportsToId", "ReportsTo")],
)
def test_a_lookup_is_given_by_an_external_id(name: str, relationship: str) -> None:
    wanted = change(fields={name: Lookup("Region__c", "Code__c", "EMEA")})
    made = row(wanted)
    assert made
    assert made.payload == {relationship: {"attributes": {"type": "Region__c"}, "Code__c": "EMEA"}}
    assert row(wanted, dict(made.mirror)) is None
    assert sent(change(fields={name: None}), dict(made.mirror)) == {name: None}
