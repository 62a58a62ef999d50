"""An org that holds the folder shows nothing; each planted difference shows once, as what it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from connector.metadata.org_diff import Kind, OrgSchema, compare
from connector.metadata.source_tree import Source, text

Make = Callable[..., OrgSchema]


def told(source: Source, seen: OrgSchema) -> list[tuple[str, str, str]]:
    return [(one.kind, one.name, one.text) for one in compare(source, seen)]


def field(seen: OrgSchema, name: str) -> dict[str, Any]:
    found = seen.field(name)
    assert isinstance(found, dict)
    return found


def hide(seen: OrgSchema, name: str) -> None:
    object_, _, own = name.partition(".")
    described = seen.described[object_]
    assert described is not None
    described["fields"][:] = [one for one in described["fields"] if one["name"] != own]


def test_an_org_that_holds_the_folder_shows_nothing(source: Source, seen: Make) -> None:
    assert told(source, seen()) == []


def test_what_the_org_has_beside_it_is_not_ours(source: Source, seen: Make) -> None:
    org = seen()
    org.described["Case"]["fields"].append({**field(org, "Case.Billing_Key__c"), "name": "Other__c"})  # type: ignore[index]
    field(org, "Case.Billing_State__c")["picklistValues"].append({"value": "more", "active": True})
    listed = {type_: names | {"Other"} for type_, names in org.listed.items()}
    assert told(source, replace(org, listed=listed)) == []


# ── different ─────────────────────────────────────────────────────────────────────────────────────────────────

FIELDS: list[tuple[str, dict[str, Any], str]] = [
    ("Account.Billing_State__c", {"type": "picklist"}, "is of type picklist, must be Text (string)"),
    ("Account.Billing_State__c", {"length": 20}, "length is 20, must be 40"),
    ("Account.Billing_Balance__c", {"precision": 16}, "precision is 16, must be 18"),
    ("Account.Billing_Balance__c", {"scale": 2}, "scale is 2, must be 3"),
    ("Contact.Billing_Key__c", {"unique": False}, "is not unique, must"),
    ("Contact.Billing_Key__c", {"externalId": False}, "is not an external id, must"),
    ("Contact.Billing_Key__c", {"caseSensitive": False}, "takes Acme and ACME for the same, must"),
    ("Account.Billing_State__c", {"unique": True}, "is unique, must not"),
    ("Account.Billing_State__c", {"nillable": False}, "is required, must not be"),
    ("Account.Billing_State__c", {"calculated": True}, "is a formula, must be a field to write"),
    ("Account.Billing_Days_Past_Due__c", {"calculated": False}, "is not calculated, must be a formula"),
    ("Account.Billing_Days_Past_Due__c", {"calculatedFormula": "1 + 1"}, "has another formula"),
    ("Billing_Event__c.Case__c", {"referenceTo": ["Lead"]}, "looks up Lead, must look up Case"),
    ("Case.Billing_State__c", {"picklistValues": []}, "lacks the values open, resolved"),
]


@pytest.mark.parametrize(("name", "planted", "sentence"), FIELDS, ids=[f"{r[0]} {r[1]}" for r in FIELDS])
def test_a_field_that_differs_is_told_once(
    source: Source, seen: Make, name: str, planted: dict[str, Any], sentence: str
) -> None:
    org = seen()
    field(org, name).update(planted)
    assert told(source, org) == [(Kind.DIFFERENT, name, sentence)]


def test_the_orgs_own_spacing_of_a_formula_is_no_difference(source: Source, seen: Make) -> None:
    org = seen()
    declared = source.named("CustomField", "Account.Billing_Days_Past_Due__c")
    assert declared is not None
    told_by_org = declared.text("formula").replace(" ", "\n")
    field(org, declared.name)["calculatedFormula"] = told_by_org
    assert told(source, org) == []


def test_a_value_that_was_deactivated_is_told(source: Source, seen: Make) -> None:
    org = seen()
    field(org, "Case.Billing_State__c")["picklistValues"][0]["active"] = False
    assert told(source, org) == [(Kind.DIFFERENT, "Case.Billing_State__c", "lacks the value open")]


def test_a_changed_label_is_a_note(source: Source, seen: Make) -> None:
    org = seen()
    field(org, "Case.Billing_State__c")["label"] = "Problem state"
    org.described["Billing_Event__c"]["label"] = "Billing happening"  # type: ignore[index]
    found = compare(source, org)
    assert [(one.kind, one.name) for one in found] == [
        (Kind.NOTE, "Case.Billing_State__c"),
        (Kind.NOTE, "Billing_Event__c"),
    ]
    assert found[0].text.startswith("is called 'Problem state' in the org")


def _entry(seen: OrgSchema, entry: str, about: str, name: str) -> Any:
    root = seen.read["PermissionSet"]["Casewire_Agent"]
    return next(one for one in root.findall(f"{{*}}{entry}") if text(one, about) == name)


def _set(seen: OrgSchema, entry: str, about: str, name: str, right: str, value: str) -> None:
    found = _entry(seen, entry, about, name).find(f"{{*}}{right}")
    found.text = value


def test_a_right_the_orgs_permission_set_lacks_is_told(source: Source, seen: Make) -> None:
    org = seen()
    _set(org, "fieldPermissions", "field", "Case.Billing_Key__c", "readable", "false")
    assert told(source, org) == [
        (Kind.DIFFERENT, "Casewire_Agent", "does not grant reading Case.Billing_Key__c")
    ]


def test_an_entry_the_orgs_permission_set_lacks_is_told(source: Source, seen: Make) -> None:
    org = seen()
    entry = _entry(org, "fieldPermissions", "field", "Account.Billing_State__c")
    org.read["PermissionSet"]["Casewire_Agent"].remove(entry)
    assert told(source, org) == [
        (Kind.DIFFERENT, "Casewire_Agent", "does not grant reading Account.Billing_State__c")
    ]


def test_a_right_the_org_added_is_a_note(source: Source, seen: Make) -> None:
    org = seen()
    _set(org, "fieldPermissions", "field", "Case.Billing_Key__c", "editable", "true")
    assert told(source, org) == [(Kind.NOTE, "Casewire_Agent", "also grants editing Case.Billing_Key__c")]


def test_a_queue_that_may_no_longer_own_cases_is_told(source: Source, seen: Make) -> None:
    org = seen()
    queue = org.read["Queue"]["Billing_Triage"]
    for served in queue.findall("{*}queueSobject"):
        queue.remove(served)
    assert told(source, org) == [(Kind.DIFFERENT, "Billing_Triage", "may not own records of Case")]


def test_a_record_type_that_no_longer_offers_a_value_is_told(source: Source, seen: Make) -> None:
    org = seen()
    values = next(
        one
        for one in org.read["RecordType"]["Case.Billing"].findall("{*}picklistValues")
        if text(one, "picklist") == "Billing_State__c"
    )
    values.remove(values.findall("{*}values")[0])
    assert told(source, org) == [(Kind.DIFFERENT, "Case.Billing", "does not offer open in Billing_State__c")]


@pytest.mark.parametrize(
    ("tag", "value", "sentence"),
    [
        ("active", "false", "is not active"),
        ("businessProcess", "Other", "follows the process Other, must follow Billing_Support"),
    ],
)
def test_a_record_type_that_was_changed_is_told(
    source: Source, seen: Make, tag: str, value: str, sentence: str
) -> None:
    org = seen()
    found = org.read["RecordType"]["Case.Billing"].find(f"{{*}}{tag}")
    assert found is not None
    found.text = value
    assert told(source, org) == [(Kind.DIFFERENT, "Case.Billing", sentence)]


# ── missing ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_component_that_is_not_there_is_told_once(source: Source, seen: Make) -> None:
    listed: dict[str, frozenset[str]] = {type_: frozenset() for type_ in source.types}
    described = dict.fromkeys({one.part_of for one in source.components if one.part_of})
    org = seen(listed=listed, described=described, read={}, assigned=frozenset())
    found = compare(source, org)
    missing = [(one.type, one.name) for one in found if one.kind is Kind.MISSING]
    assert sorted(missing) == sorted((one.type, one.name) for one in source.components)
    assert [one for one in found if one.kind is Kind.DIFFERENT] == []


@pytest.mark.parametrize(
    ("type_", "name"),
    [
        ("Queue", "Billing_Triage"),
        ("Layout", "Case-Billing Case Layout"),
        ("Report", "Billing/Failed_Refunds"),
    ],
)
def test_one_component_that_is_not_there_is_told(source: Source, seen: Make, type_: str, name: str) -> None:
    org = seen()
    listed = {**org.listed, type_: org.listed[type_] - {name}}
    assert told(source, replace(org, listed=listed)) == [(Kind.MISSING, name, "is not in the org")]


def test_a_missing_field_is_missing_and_not_also_refused(source: Source, seen: Make) -> None:
    org, name = seen(), "Case.Billing_Amount__c"
    hide(org, name)
    listed = {**org.listed, "CustomField": org.listed["CustomField"] - {name}}
    assert told(source, replace(org, listed=listed)) == [(Kind.MISSING, name, "is not in the org")]


def test_without_a_listing_a_field_that_does_not_show_is_missing_or_hidden(
    source: Source, seen: Make
) -> None:
    org = seen(listed={}, read={})
    hide(org, "Case.Billing_Amount__c")
    assert told(source, org) == [
        (Kind.MISSING, "Case.Billing_Amount__c", "is not in the org, or hidden from Casewire's user")
    ]


# ── not granted ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_field_that_is_there_and_does_not_show_cannot_be_read(source: Source, seen: Make) -> None:
    org = seen()
    hide(org, "Case.Billing_Amount__c")
    assert told(source, org) == [(Kind.NOT_GRANTED, "Case.Billing_Amount__c", "cannot be read")]


def test_a_standard_field_that_does_not_show_cannot_be_read(source: Source, seen: Make) -> None:
    org = seen()
    hide(org, "Case.Subject")
    assert told(source, org) == [(Kind.NOT_GRANTED, "Case.Subject", "cannot be read")]


def test_a_field_that_shows_and_may_not_be_written_is_told(source: Source, seen: Make) -> None:
    org = seen()
    field(org, "Case.Billing_Amount__c").update(createable=False, updateable=False)
    assert told(source, org) == [(Kind.NOT_GRANTED, "Case.Billing_Amount__c", "can be read, but not changed")]


def test_a_parent_that_cannot_move_may_be_written_once(source: Source, seen: Make) -> None:
    org = seen()
    field(org, "Billing_Invoice__c.Account__c")["updateable"] = False
    assert told(source, org) == []


def test_an_object_that_does_not_show_is_told_once(source: Source, seen: Make) -> None:
    org = seen()
    described = {**org.described, "Billing_Payout__c": None}
    assert told(source, replace(org, described=described)) == [
        (Kind.NOT_GRANTED, "Billing_Payout__c", "cannot be seen")
    ]


def test_an_object_whose_records_may_not_be_written_is_told(source: Source, seen: Make) -> None:
    org = seen()
    org.described["Case"].update(createable=False, updateable=False)  # type: ignore[union-attr]
    assert told(source, org) == [(Kind.NOT_GRANTED, "Case", "records cannot be created or changed")]


def test_a_record_type_that_is_not_available_is_told(source: Source, seen: Make) -> None:
    org = seen()
    infos = org.described["Case"]["recordTypeInfos"]  # type: ignore[index]
    next(info for info in infos if info["developerName"] == "Billing")["available"] = False
    assert told(source, org) == [(Kind.NOT_GRANTED, "Case.Billing", "may not be used")]


def test_the_permission_set_that_is_not_assigned_explains_what_is_refused(source: Source, seen: Make) -> None:
    org = seen(assigned=frozenset({"Other"}))
    sentence = f"is not assigned to {org.user}"
    assert told(source, org) == [(Kind.NOTE, "Casewire_Integration", sentence)]
    hide(org, "Case.Billing_Amount__c")
    assert (Kind.NOT_GRANTED, "Casewire_Integration", sentence) in told(source, org)


def test_what_is_worst_comes_first(source: Source, seen: Make) -> None:
    org = seen()
    hide(org, "Case.Billing_Amount__c")
    field(org, "Case.Billing_State__c").update(label="Else", unique=True)
    listed = {**org.listed, "Queue": frozenset[str]()}
    kinds = [one.kind for one in compare(source, replace(org, listed=listed))]
    assert kinds == sorted(kinds, key=list(Kind).index)
    assert set(kinds) == set(Kind)
