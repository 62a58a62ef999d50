"""What an administrator set up and others ask for: duplicate rules as metadata, sharing defaults, powers over all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sandbox_salesforce_packages import Metadata, failures, metadata_of, xml

from sandbox.salesforce import Org

if TYPE_CHECKING:
    from conftest import Api

SAME_MAIL = {"object": "Contact", "fields": ["Email"], "name": "Same_Mail"}
DEFAULTS = "SELECT DefaultAccountAccess, DefaultContactAccess, DefaultCaseAccess FROM Organization"


@pytest.fixture
def soap(org: Org) -> Metadata:
    return metadata_of(org)


def _rule(api: Api, **rule: object) -> None:
    assert api("POST", "/__sandbox__/duplicate_rules", rule).status_code == 201


# -- duplicate rules


@pytest.mark.parametrize(
    ("action", "told", "operations"), [("block", "Block", []), ("alert", "Allow", ["Alert"])]
)
def test_what_a_duplicate_rule_does_is_read_as_metadata(
    api: Api, soap: Metadata, action: str, told: str, operations: list[str]
) -> None:
    _rule(api, **SAME_MAIL, action=action)
    (read,) = soap.read("DuplicateRule", "Contact.Same_Mail")
    assert (read.value("fullName"), read.value("masterLabel")) == ("Contact.Same_Mail", "Same Mail")
    assert (read.value("actionOnInsert"), read.value("actionOnUpdate")) == (told, told)
    assert [node.text for node in read.all("operationsOnInsert")] == operations
    (mapping,) = read.walk("mappingFields")
    assert (mapping.value("inputField"), mapping.value("outputField")) == ("Email", "Email")


def test_duplicate_rules_are_listed_while_they_are_there(api: Api, soap: Metadata) -> None:
    assert soap.listed("DuplicateRule") == []
    _rule(api, **SAME_MAIL)
    _rule(api, object="Account", fields=["Name"], name="Same_Name")
    assert soap.listed("DuplicateRule") == ["Account.Same_Name", "Contact.Same_Mail"]
    ids = {row["DeveloperName"]: row["Id"] for row in api.rows("SELECT Id, DeveloperName FROM DuplicateRule")}
    told = soap("listMetadata", "<m:queries><m:type>DuplicateRule</m:type></m:queries>")
    assert [node.value("id") for node in told] == [ids["Same_Name"], ids["Same_Mail"]]
    assert told[0].value("fileName") == "duplicateRules/Account.Same_Name.duplicateRule"
    api("DELETE", "/__sandbox__/duplicate_rules")
    assert soap.read("DuplicateRule", "Contact.Same_Mail")[0].children == ()


def test_duplicate_rules_are_among_the_types(soap: Metadata) -> None:
    (told,) = soap("describeMetadata", "<m:asOfVersion>66.0</m:asOfVersion>")
    types = {node.value("xmlName"): node for node in told.all("metadataObjects")}
    assert types["DuplicateRule"].value("directoryName") == "duplicateRules"


# -- sharing


def test_a_new_org_shares_all(api: Api) -> None:
    assert api.rows(DEFAULTS) == [
        {
            "DefaultAccountAccess": "Edit",
            "DefaultContactAccess": "ControlledByParent",
            "DefaultCaseAccess": "ReadEditTransfer",
        }
    ]


def test_what_is_shared_can_be_said_until_the_org_is_reset(api: Api) -> None:
    before = api.rows(DEFAULTS)
    assert api("PUT", "/__sandbox__/sharing", {"Account": "None", "Case": "Read"}).status_code == 200
    (told,) = api.rows(DEFAULTS)
    assert list(told.values()) == ["None", "ControlledByParent", "Read"]
    api("POST", "/__sandbox__/reset")
    assert api.rows(DEFAULTS) == before


@pytest.mark.parametrize("told", [{"Account": "Private"}, {"Case": "ControlledByParent"}, {"Lead": "None"}])
def test_a_default_that_no_org_has_is_refused(api: Api, told: dict[str, str]) -> None:
    before = api.rows(DEFAULTS)
    assert api("PUT", "/__sandbox__/sharing", told).status_code == 400
    assert api.rows(DEFAULTS) == before


def test_powers_over_all_records_and_all_data_are_told(api: Api, soap: Metadata) -> None:
    names = ("allowCreate", "allowDelete", "allowEdit", "allowRead", "modifyAllRecords")
    powers = "".join(f"<{name}>true</{name}>" for name in names)
    inside = (
        f"<label>All</label><objectPermissions>{powers}<object>Account</object><viewAllRecords>true</viewAllRecords>"
        "</objectPermissions><userPermissions><enabled>true</enabled><name>ViewAllData</name></userPermissions>"
    )
    result = soap.deploy({"permissionsets/All.permissionset": xml("PermissionSet", inside)})
    assert failures(result) == []
    sets = "SELECT PermissionsViewAllData, PermissionsModifyAllData FROM PermissionSet WHERE Name = 'All'"
    assert api.rows(sets) == [{"PermissionsViewAllData": True, "PermissionsModifyAllData": False}]
    of_all = "SELECT PermissionsViewAllRecords, PermissionsModifyAllRecords FROM ObjectPermissions"
    assert api.rows(of_all) == [{"PermissionsViewAllRecords": True, "PermissionsModifyAllRecords": True}]
