"""Destructive changes: what is deleted, what goes with it, what lets go of it, and what holds on to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from sandbox_salesforce_packages import (
    BILLS,
    PROJECT,
    Metadata,
    changed,
    failures,
    manifest,
    metadata_of,
    xml,
)

from sandbox.salesforce import Org, default_metadata
from sandbox.salesforce.markup import render

if TYPE_CHECKING:
    from conftest import Api

NOTHING = xml("Package", "<version>66.0</version>")


@pytest.fixture
def org() -> Org:
    return Org()


@pytest.fixture
def metadata(org: Org) -> Metadata:
    made = metadata_of(org)
    assert failures(made.deploy(BILLS)) == []
    return made


def _doomed(**members: list[str]) -> dict[str, str]:
    return {"package.xml": NOTHING, "destructiveChanges.xml": manifest(**members)}


def test_a_field_goes_with_its_values_and_is_let_go_of(
    org: Org, metadata: Metadata, connect: Callable[[Org], Api]
) -> None:
    rest = connect(org)
    made = rest.create("Bill__c", Name="B", Payee__c="Ann")
    result = metadata.deploy(_doomed(CustomField=["Bill__c.Payee__c"]))
    assert failures(result) == []
    assert [n.value("deleted") for n in result.walk("componentSuccesses")] == ["true"]
    assert "Payee__c" not in rest("GET", f"sobjects/Bill__c/{made}").get_json()
    assert rest("GET", "query?q=SELECT Payee__c FROM Bill__c").status_code == 400
    named = [render(component.node) for component in org.catalog if "Payee__c" in render(component.node)]
    assert named == []
    assert rest.rows("SELECT Id FROM FieldPermissions") == []


def test_an_object_goes_with_all_that_is_about_it(org: Org, metadata: Metadata) -> None:
    prefix = org.schema.objects["Bill__c"].prefix
    result = metadata.deploy(_doomed(CustomObject=["Bill__c"], CustomField=["Case.Bill__c"]))
    assert failures(result) == []
    assert sorted(component.full for component in org.catalog) == [
        "Case",
        "Case-Help Layout",
        "Case.Help",
        "Case.Help",
        "Clerk",
        "Help",
        "Money",
    ]
    assert org.schema.of_id(prefix) is None
    with pytest.raises(LookupError):
        org.records("Bill__c")


@pytest.mark.parametrize(
    ("type_", "name", "reference"),
    [
        ("CustomObject", "Bill__c", "CustomField - Case.Bill__c"),
        ("CustomField", "Bill__c.Due__c", "CustomField - Bill__c.Late__c"),
        ("BusinessProcess", "Case.Help", "RecordType - Case.Help"),
        ("CompactLayout", "Bill__c.Short", "CustomObject - Bill__c"),
    ],
)
def test_what_is_needed_elsewhere_stays(
    org: Org, metadata: Metadata, type_: str, name: str, reference: str
) -> None:
    before = {component.name for component in org.catalog}
    told = dict(failures(metadata.deploy(_doomed(**{type_: [name]}))))
    assert "is referenced elsewhere in salesforce.com" in told[name]
    assert reference in told[name]
    assert {component.name for component in org.catalog} == before


def test_what_needs_only_what_goes_too_does_not_hold_it(metadata: Metadata) -> None:
    fields = ["Bill__c.Due__c", "Bill__c.Late__c"]
    assert failures(metadata.deploy(_doomed(CustomField=fields))) == []


def test_a_record_type_is_never_deleted(metadata: Metadata) -> None:
    told = failures(metadata.deploy(_doomed(RecordType=["Case.Help"])))
    assert told == [("Case.Help", "Cannot delete record type through API")]


def test_what_is_not_there_is_a_warning(metadata: Metadata) -> None:
    result = metadata.deploy(_doomed(CustomField=["Account.Moon__c"]))
    (told,) = result.walk("componentSuccesses")
    assert (told.value("problem"), told.value("problemType")) == (
        "No CustomField named: Account.Moon__c found",
        "Warning",
    )
    assert (told.value("deleted"), result.value("status")) == ("false", "Succeeded")


FIELD = "<fields><fullName>New__c</fullName><formula>Old__c</formula><label>N</label><type>Checkbox</type></fields>"
OLD = (
    "<fields><fullName>Old__c</fullName><label>O</label><defaultValue>false</defaultValue>"
    "<type>Checkbox</type></fields>"
)


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        ("destructiveChangesPre.xml", "Field Old__c does not exist"),
        ("destructiveChanges.xml", "Field Old__c does not exist"),
        ("destructiveChangesPost.xml", "is referenced elsewhere"),
    ],
)
def test_what_is_deleted_before_is_gone_and_what_is_deleted_after_is_in_use(file: str, problem: str) -> None:
    metadata = metadata_of(Org())
    metadata.deploy({"objects/Case.object": xml("CustomObject", OLD)})
    files = {
        "package.xml": manifest(CustomField=["Case.New__c"]),
        "objects/Case.object": xml("CustomObject", FIELD),
        file: manifest(CustomField=["Case.Old__c"]),
    }
    ((_, told),) = failures(metadata.deploy(files))
    assert problem in told
    assert metadata.listed("CustomField") == ["Case.Old__c"]


def test_a_deletion_is_undone_with_the_rest(metadata: Metadata) -> None:
    files = _doomed(Queue=["Help"], RecordType=["Case.Help"])
    assert metadata.deploy(files).value("status") == "Failed"
    assert metadata.listed("Queue") == ["Help"]


def test_what_was_deleted_can_be_deployed_again(org: Org, metadata: Metadata) -> None:
    metadata.deploy(_doomed(Queue=["Help"], Report=["Money"]))
    assert (metadata.listed("Queue"), metadata.listed("Report", "Money")) == ([], [])
    assert (org.records("Report"), org.records("QueueSobject")) == ([], [])
    result = metadata.deploy(BILLS)
    assert failures(result) == []
    assert changed(result) == ["Help", "Money", "Money/Bills"]
    assert [row["DeveloperName"] for row in org.records("Group")] == ["Help"]


def test_the_folders_own_removal_works_once_the_record_type_is_gone() -> None:
    """A person deletes the record type and its process in the set-up pages, as the folder's README says."""
    org = Org(default_metadata())
    metadata, without = metadata_of(org), org.catalog.copy()
    for kept in [*without.of("RecordType"), *without.of("BusinessProcess")]:
        without.remove(kept.component.name)
    org.install(without)
    uninstall = PROJECT / "manifest/uninstall"
    files = {
        "package.xml": (uninstall / "package.xml").read_text(),
        "destructiveChangesPost.xml": (uninstall / "destructiveChanges.xml").read_text(),
    }
    result = metadata.deploy(files)
    assert failures(result) == []
    assert [component.name for component in org.catalog] == []
    assert org.schema.objects == Org().schema.objects
    assert org.records("PermissionSet") == org.records("PermissionSetAssignment") == []
