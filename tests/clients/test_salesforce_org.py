"""What is particular to an org is read once, and what it lacks is named."""

from __future__ import annotations

from typing import Any

import pytest

from connector.clients.salesforce import Org, missing_fields, require_fields
from connector.errors import Permanent, SetupError
from connector.mappers import fields

from .salesforce_rig import Rig, fault
from .scripted import Asked, Reply


def field(name: str, **more: Any) -> dict[str, Any]:
    usable = {"createable": True, "updateable": True, "externalId": False, "unique": False, "type": "string"}
    return {"name": name, **usable, **more}


KEY = field(fields.KEY, externalId=True, unique=True)
DESCRIBED = {
    "Account": [KEY, field("Name"), field("IsPersonAccount", createable=False)],
    "Case": [
        KEY,
        field("Subject"),
        field("CaseNumber", createable=False, updateable=False),
        field("Seen__c", updateable=False),
        field("Owner_Once__c", updateable=False, type="reference"),
    ],
    "Contact": [field(fields.KEY)],
}
RECORD_TYPES = [
    {"developerName": "Billing", "recordTypeId": "012A", "available": True, "master": False},
    {"developerName": "Hidden", "recordTypeId": "012B", "available": False, "master": False},
    {"developerName": "Master", "recordTypeId": "012C", "available": True, "master": True},
]


def answers(asked: Asked) -> Reply:
    if asked.path.endswith("/describe"):
        name = asked.path.split("/")[-2]
        if name not in DESCRIBED:
            return fault(404, "NOT_FOUND", "The requested resource does not exist")
        return Reply({"name": name, "fields": DESCRIBED[name], "recordTypeInfos": RECORD_TYPES})
    rows: list[dict[str, Any]] = next(rows for mark, rows in ROWS.items() if mark in asked.query["q"])
    return Reply({"totalSize": len(rows), "done": True, "records": rows})


ROWS: dict[str, list[dict[str, Any]]] = {
    "FROM QueueSobject": [{"QueueId": "00G1"}],
    "FROM Group": [
        {"Id": "00G1", "DeveloperName": "Billing_Collections"},
        {"Id": "00G2", "DeveloperName": "Leads_Only"},
    ],
    "FROM CaseStatus": [{"ApiName": "Closed"}, {"ApiName": "Erledigt"}],
}


def test_queues_record_types_and_closed_statuses_are_known_by_name(salesforce: Rig) -> None:
    org = Org.load(salesforce(answers))
    assert org.queue("Billing_Collections") == "00G1"
    assert org.record_type("Billing") == "012A"
    assert (org.is_closed("Erledigt"), org.is_closed("New")) == (True, False)


def test_a_queue_that_cannot_own_cases_and_an_unusable_record_type_are_none(salesforce: Rig) -> None:
    org = Org.load(salesforce(answers))
    assert org.queue("Leads_Only") is None
    assert org.queue("Nobody") is None
    assert org.record_type("Hidden") is None
    assert org.record_type("Master") is None


def test_the_shape_of_the_org_is_seen(salesforce: Rig) -> None:
    org = Org.load(salesforce(answers))
    assert (org.person_accounts, org.multi_currency) == (True, False)


def test_missing_and_read_only_fields_and_objects_are_named(salesforce: Rig) -> None:
    required = {
        "Account": (fields.KEY, "Name"),
        "Case": ("Subject", "CaseNumber", "Seen__c", "Owner_Once__c", "Billing_Rule__c"),
        "Contact": (fields.KEY,),
        "Billing_Event__c": (fields.KEY, "Kind__c"),
    }
    assert missing_fields(salesforce(answers), required) == {
        "Case": ["Billing_Rule__c", "CaseNumber", "Seen__c"],
        "Contact": [fields.KEY],
        "Billing_Event__c": [fields.KEY, "Kind__c"],
    }


def test_a_missing_field_is_a_set_up_error_that_says_what_to_do(salesforce: Rig) -> None:
    client = salesforce(answers)
    require_fields(client, {"Account": ("Name",)})
    with pytest.raises(
        SetupError, match=r"Case: Billing_Rule__c\. Deploy salesforce/ .*Casewire_Integration"
    ):
        require_fields(client, {"Case": ("Billing_Rule__c", "Subject")})


def test_other_trouble_while_looking_is_not_taken_for_a_missing_object(salesforce: Rig) -> None:
    client = salesforce(lambda asked: fault(403, "INSUFFICIENT_ACCESS_OR_READONLY"))
    with pytest.raises(Permanent, match="permission set"):
        missing_fields(client, {"Case": ("Subject",)})
