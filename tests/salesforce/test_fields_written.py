"""What the connector writes and reads is declared here and granted to its user: all of it, and nothing else.

What is written is read from ``connector/mappers/fields.py``, where each name stands once; what is read, from the
queries themselves.
"""

from __future__ import annotations

import inspect
import re

import pytest
from sync.world import (
    account,
    at,
    dispute,
    event,
    facts,
    invoice,
    payment,
    subscription,
    told_of,
    warning,
)
from sync.world import said as said_of

from connector.mappers import external_ids as keys
from connector.mappers import fields
from connector.mappers.field_limits import utf16_length
from connector.mappers.org_schema import OrgField, OrgShape
from connector.models.facts import Facts, Kind, Status, SubjectKind
from connector.policy import Policy
from connector.sync.apply.facts_loader import CASE_SELECT
from connector.sync.decide.decide import decide
from connector.sync.linking import crm_records

from .folder import Component, Folder, read, text
from .names import picklist_values
from .standard import NOT_PERMISSIONABLE, OBJECTS

MONEY = ("Amount__c", "Balance__c", "MRR__c", "Credit__c", "Total__c", "Paid__c", "Refundable__c")
ARE_DATES = {
    "Account.Billing_Past_Due_Since__c",
    "Account.Billing_Card_Expires__c",
    "Billing_Payout__c.Arrives_On__c",
    "Case.Billing_Deadline__c",
}


def written() -> set[str]:
    """``Object.Field`` of everything the connector writes, keys included."""
    classes = [c for _, c in inspect.getmembers(fields, inspect.isclass) if hasattr(c, "OBJECT")]
    return {f"{c.OBJECT}.{name}" for c in classes for name in (fields.KEY, *_names(c))}


class Everything(OrgShape):
    """An org that has every field, and shows it."""

    def field(self, object_: str, name: str) -> OrgField:
        return OrgField(name, "string")


QUERIES = (crm_records.accounts(Everything()), crm_records.people(Everything()), CASE_SELECT)


def read_only() -> set[str]:
    """``Object.Field`` of what the connector asks for and never writes, as far as anybody can be kept from it."""
    return {name for query in QUERIES for name in _selected(query)} - written() - NOT_PERMISSIONABLE


def _selected(query: str) -> list[str]:
    names, object_ = re.fullmatch(r"SELECT (.+) FROM (\w+)", query).groups()  # type: ignore[union-attr]
    return [name if "." in name else f"{object_}.{name}" for name in names.split(", ")]


def _names(class_: type) -> list[str]:
    return [v for k, v in vars(class_).items() if k.isupper() and k != "OBJECT" and isinstance(v, str)]


def _granted_to_write() -> set[str]:
    return {n for n in written() if n not in NOT_PERMISSIONABLE and not n.endswith(".Name")}


def is_custom(name: str) -> bool:
    return name.endswith("__c")


@pytest.fixture(scope="module")
def folder() -> Folder:
    return read()


def _granted(folder: Folder, set_: str, right: str) -> set[str]:
    permissions = folder.named("PermissionSet", set_).each("fieldPermissions")
    return {text(p, "field") for p in permissions if text(p, right) == "true"}


def _objects(folder: Folder, set_: str, right: str) -> set[str]:
    permissions = folder.named("PermissionSet", set_).each("objectPermissions")
    return {text(p, "object") for p in permissions if text(p, right) == "true"}


def test_the_module_names_something() -> None:
    assert {name.split(".")[0] for name in written()} == set(fields.ORDER)
    assert len(written()) > 100


def test_every_object_written_exists(folder: Folder) -> None:
    assert set(fields.ORDER) == folder.names("CustomObject") | OBJECTS


def test_every_custom_field_written_exists_and_no_other_but_formulas(folder: Folder) -> None:
    declared = {c.name for c in folder.of("CustomField") if not c.text("formula")}
    assert declared == {name for name in written() if is_custom(name)}


def test_the_key_is_unique_on_every_object(folder: Folder) -> None:
    keys = [_field(folder, f"{object_}.{fields.KEY}") for object_ in fields.ORDER]
    shapes = {
        tuple(k.text(t) for t in ("type", "length", "externalId", "unique", "caseSensitive")) for k in keys
    }
    assert shapes == {("Text", "255", "true", "true", "true")}


def test_no_other_field_may_be_upserted_on(folder: Folder) -> None:
    unique = {c.name for c in folder.of("CustomField") if c.text("unique") == "true"}
    indexed = {c.name for c in folder.of("CustomField") if c.text("externalId") == "true"}
    assert unique == {f"{object_}.{fields.KEY}" for object_ in fields.ORDER}
    assert indexed - unique == {f"Case.{fields.Case.ACCOUNT_KEY}"}


def test_amounts_keep_three_decimals_and_fifteen_digits(folder: Folder) -> None:
    amounts = [c for c in folder.of("CustomField") if c.name.endswith(MONEY)]
    assert {(c.text("type"), c.text("precision"), c.text("scale")) for c in amounts} == {
        ("Number", "18", "3")
    }


def test_a_time_is_a_time_and_a_day_is_a_day(folder: Folder) -> None:
    assert {c.name for c in folder.of("CustomField") if c.text("type") == "Date"} == ARE_DATES
    times = [c for c in folder.of("CustomField") if c.own_name.endswith("_At__c") or c.own_name == "At__c"]
    assert {c.text("type") for c in times} == {"DateTime"}


def test_checkboxes_start_unticked(folder: Folder) -> None:
    boxes = [c for c in folder.of("CustomField") if c.text("type") == "Checkbox"]
    assert {c.text("defaultValue") for c in boxes} == {"false"}


def test_a_case_is_open_or_resolved(folder: Folder) -> None:
    state, rule = _field(folder, "Case.Billing_State__c"), _field(folder, "Case.Billing_Rule__c")
    assert picklist_values(state) == {"open", "resolved"}
    assert (state.deep("restricted"), rule.deep("restricted")) == (["true"], ["false"])


def test_the_record_type_offers_every_value_of_our_picklists(folder: Folder) -> None:
    offered = {
        text(p, "picklist"): {text(v, "fullName") for v in p.findall("{*}values")}
        for p in folder.named("RecordType", "Case.Billing").each("picklistValues")
    }
    for name in ("Billing_State__c", "Billing_Rule__c"):
        assert offered[name] == picklist_values(_field(folder, f"Case.{name}"))


def test_the_integration_edits_what_it_writes_and_nothing_else(folder: Folder) -> None:
    assert _granted(folder, "Casewire_Integration", "editable") == _granted_to_write()


def test_the_integration_reads_what_it_asks_for_and_nothing_else(folder: Folder) -> None:
    granted = _granted(folder, "Casewire_Integration", "readable")
    assert granted - _granted_to_write() == read_only()
    assert granted >= _granted_to_write()


def test_what_every_key_of_the_policy_searches_by_is_asked_for() -> None:
    asked = {name for query in QUERIES for name in _selected(query)}
    assert {f"{object_}.{name}" for object_, name in crm_records.NEEDS.values()} <= asked


def test_the_integration_makes_and_edits_the_objects_it_writes(folder: Folder) -> None:
    for right in ("allowCreate", "allowEdit", "allowRead"):
        assert _objects(folder, "Casewire_Integration", right) == set(fields.ORDER)


def test_the_integration_may_use_the_api_and_no_more(folder: Folder) -> None:
    set_ = folder.named("PermissionSet", "Casewire_Integration")
    assert [text(p, "name") for p in set_.each("userPermissions")] == ["ApiEnabled"]
    assert set_.each("tabSettings") == []
    assert set_.each("applicationVisibilities") == []


def test_agents_read_every_field_and_edit_none(folder: Folder) -> None:
    assert _granted(folder, "Casewire_Agent", "readable") == folder.names("CustomField")
    assert _granted(folder, "Casewire_Agent", "editable") == set()


def test_agents_read_every_object_and_change_none(folder: Folder) -> None:
    assert _objects(folder, "Casewire_Agent", "allowRead") == set(fields.ORDER)
    assert _objects(folder, "Casewire_Agent", "allowCreate") == set()
    assert _objects(folder, "Casewire_Agent", "allowEdit") == set()
    assert folder.named("PermissionSet", "Casewire_Agent").each("userPermissions") == []


def test_agents_see_the_app_and_every_tab(folder: Folder) -> None:
    set_ = folder.named("PermissionSet", "Casewire_Agent")
    apps = {text(v, "application"): text(v, "visible") for v in set_.each("applicationVisibilities")}
    tabs = {text(s, "tab"): text(s, "visibility") for s in set_.each("tabSettings")}
    assert apps == dict.fromkeys(folder.names("CustomApplication"), "true")
    assert tabs == dict.fromkeys(folder.names("CustomTab"), "Visible")


def test_the_contacts_key_is_granted_by_its_own_name(folder: Folder) -> None:
    """A person account shows it as Billing_Key__pc, which no permission set names: the grant on Contact is it."""
    for set_ in folder.of("PermissionSet"):
        granted = {text(p, "field") for p in set_.each("fieldPermissions")}
        assert f"Contact.{fields.KEY}" in granted
        assert [name for name in granted if name.endswith("__pc")] == []


def test_both_may_use_the_record_type(folder: Folder) -> None:
    for set_ in folder.of("PermissionSet"):
        assert set_.deep("recordType") == ["Case.Billing"]
        assert [text(v, "visible") for v in set_.each("recordTypeVisibilities")] == ["true"]


def _field(folder: Folder, name: str) -> Component:
    return folder.named("CustomField", name)


STANDARD_LENGTHS = {"Account.Name": 255, "Contact.FirstName": 40, "Contact.LastName": 80, "Contact.Email": 80}
STANDARD_LENGTHS |= {"Contact.Phone": 40, "Case.Subject": 255}
WIDE = "\U0001f389"
"""One character, and two for Salesforce."""


def _long_facts() -> list[Facts]:
    """An account and all it has, and a payee, with texts and ids that are longer than any field."""
    long, id_ = WIDE * 40_000, WIDE * 200
    said = {"reason": id_, "reason_text": long, "network": id_, "network_code": id_, "method": long}
    item = {
        **said,
        "invoice_number": id_,
        "customer": id_,
        "references": ("ch_1", id_),
        "link": f"https://{long}",
    }
    problem = {
        "status": "declined",
        "code": id_,
        "gateway": id_,
        "gateway_reference": "ch_1",
        "gateway_code": id_,
    }
    billing = facts(
        account(**dict.fromkeys(("email", "company", "first_name", "last_name", "phone"), long)),
        subscription(uuid=id_, plan_code=long, plan_name=long, state="canceled", expiration_reason=long),
        invoice(number=id_, origin=long, collection_method=long, dunning_events_sent=2),
        payment(uuid=id_, origin=long, invoice_number=id_, **problem),
        dispute(id_=id_, **item),
        warning(id_=id_, **item),
        told_of(Kind.REFUND, id_, status=Status.FAILED, **item),
        event("charge_invoice.past_due", at(11), f"number-{id_}", id_=id_),
        said_of("charge.dispute.created", at(21), id_, event_id=id_),
        site=WIDE * 20,
    )
    payee = facts(
        told_of(Kind.PAYOUT, id_, status=Status.FAILED, payee=id_, **item),
        account=None,
        about=SubjectKind.PAYEE,
        subject=keys.payee("stripe", id_),
        source="stripe",
        site="",
    )
    return [billing, payee]


def test_the_longest_texts_fit_their_fields_as_salesforce_counts(folder: Folder) -> None:
    declared = {c.name: int(c.text("length")) for c in folder.of("CustomField") if c.text("length")}
    urls = {c.name: 255 for c in folder.of("CustomField") if c.text("type") == "Url"}
    names = {f"{object_}.Name": 80 for object_ in fields.ORDER if is_custom(object_)}
    lengths = {**declared, **urls, **names, **STANDARD_LENGTHS}
    measured = {}
    for known in _long_facts():
        for change in decide(known, Policy()).changes:
            given = {**change.on_create, **change.fields, fields.KEY: change.key}
            given |= {f"parent {name}": parent.key for name, parent in change.parents.items()}
            for name, value in given.items():
                if isinstance(value, str):
                    place = f"{change.object}.{name}"
                    limit = 255 if name.startswith("parent ") else lengths.get(place, 255)
                    measured[place] = max(measured.get(place, -limit), utf16_length(value) - limit)
    assert {place for place, over in measured.items() if over > 0} == set()
    assert {"Billing_Dispute__c", "Billing_Refund__c", "Billing_Payout__c", "Case", "Billing_Event__c"} <= {
        place.split(".")[0] for place in measured
    }
