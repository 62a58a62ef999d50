"""What a write does besides: closing, assigning, commenting, owning; and orgs that are set up otherwise."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.salesforce import Org

if TYPE_CHECKING:
    from conftest import Api


def _error(answer: list[dict[str, Any]]) -> tuple[str, str]:
    error = answer[0]["errors"][0]
    return error["statusCode"], error["message"]


def test_status_decides_whether_a_case_is_closed(api: Api) -> None:
    api.upsert("Case", {"Billing_Key__c": "c"})
    assert api.rows("SELECT Status, IsClosed, ClosedDate, CaseNumber, Priority FROM Case") == [
        {
            "Status": "New",
            "IsClosed": False,
            "ClosedDate": None,
            "CaseNumber": "00000001",
            "Priority": "Medium",
        }
    ]
    api.upsert("Case", {"Billing_Key__c": "c", "Status": "Closed"})
    assert api.rows("SELECT IsClosed, ClosedDate FROM Case") == [
        {"IsClosed": True, "ClosedDate": "2026-05-01T07:25:37.000+0000"}
    ]
    api.upsert("Case", {"Billing_Key__c": "c", "Status": "Working"})
    assert api.rows("SELECT IsClosed, ClosedDate FROM Case") == [{"IsClosed": False, "ClosedDate": None}]


def test_each_write_of_case_comments_adds_a_comment(api: Api) -> None:
    for _ in range(2):
        api.upsert("Case", {"Billing_Key__c": "c", "Comments": "declined"})
    assert api.query("SELECT COUNT() FROM CaseComment WHERE ParentId != null")["totalSize"] == 2


@pytest.mark.parametrize(("headers", "taken"), [({}, True), ({"Sforce-Auto-Assign": "FALSE"}, False)])
@pytest.mark.parametrize("existing", [False, True])
def test_without_its_header_a_write_lets_the_assignment_rule_take_the_case(
    metadata: Path, connect: Callable[[Org], Api], headers: dict[str, str], taken: bool, existing: bool
) -> None:
    org = Org(metadata)
    api = connect(org)
    queue = api.rows("SELECT Id FROM Group WHERE DeveloperName = 'Billing_Disputes'")[0]["Id"]
    if existing:
        api.upsert("Case", {"Billing_Key__c": "c", "OwnerId": queue}, headers={"Sforce-Auto-Assign": "FALSE"})
        api.upsert("Case", {"Billing_Key__c": "c", "Subject": "again"}, headers=headers)
    else:
        api.upsert("Case", {"Billing_Key__c": "c", "OwnerId": queue}, headers=headers)
    (row,) = api.rows("SELECT Owner.Name FROM Case")
    assert row["Owner"]["Name"] == ("Assignment Rule" if taken else "Billing Disputes")


def test_a_queue_owns_only_what_it_is_for(api: Api) -> None:
    queue = api.rows("SELECT Id FROM Group WHERE Type = 'Queue'")[0]["Id"]
    assert api.upsert("Case", {"Billing_Key__c": "c", "OwnerId": queue})[0]["success"]
    answer = api.upsert("Invoice__c", {"Billing_Key__c": "i", "OwnerId": queue})
    assert _error(answer) == ("INVALID_OPERATION", "Queue not associated with this SObject type")
    assert (
        _error(api.upsert("Account", {"Billing_Key__c": "a", "Name": "A", "OwnerId": queue}))[0]
        == "MALFORMED_ID"
    )


def test_a_record_type_of_another_object_is_not_valid(api: Api) -> None:
    billing = api.rows("SELECT Id FROM RecordType WHERE SobjectType = 'Case' AND DeveloperName = 'Billing'")[
        0
    ]["Id"]
    assert api.upsert("Case", {"Billing_Key__c": "c", "RecordTypeId": billing})[0]["success"]
    answer = api.upsert("Account", {"Billing_Key__c": "a", "Name": "A", "RecordTypeId": billing})
    assert _error(answer) == (
        "INVALID_CROSS_REFERENCE_KEY",
        f"Record Type ID: this ID value isn't valid for the user: {billing}",
    )


def test_an_org_without_the_fields_says_so(connect: Callable[[Org], Api]) -> None:
    api = connect(Org(None))
    answer = api("PATCH", "composite/sobjects/Account/Billing_Key__c", {"records": []})
    assert answer.get_json()[0]["errorCode"] == "NOT_FOUND"
    assert api.query("SELECT Billing_Key__c FROM Account")[0]["errorCode"] == "INVALID_FIELD"


def test_a_person_account_is_named_by_its_parts(metadata: Path, connect: Callable[[Org], Api]) -> None:
    api = connect(Org(metadata, person_accounts=True, assignment_rule=False))
    row = {"Billing_Key__c": "p", "FirstName": "First", "LastName": "Last", "PersonEmail": "a@example.com"}
    assert api.upsert("Account", row)[0]["success"]
    (seen,) = api.rows("SELECT Name, IsPersonAccount, PersonContactId FROM Account")
    assert (seen["Name"], seen["IsPersonAccount"]) == ("First Last", True)
    assert api.rows("SELECT Id, Email FROM Contact") == [
        {"Id": seen["PersonContactId"], "Email": "a@example.com"}
    ]
    assert _error(api.upsert("Account", {**row, "Name": "X"}))[0] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_currency_exists_only_in_an_org_with_more_than_one(
    metadata: Path, connect: Callable[[Org], Api]
) -> None:
    row = {"Billing_Key__c": "k", "Name": "N", "CurrencyIsoCode": "EUR"}
    many, one = connect(Org(metadata, multi_currency=True)), connect(Org(metadata))
    assert many.upsert("Account", row)[0]["success"]
    assert _error(one.upsert("Account", row))[0] == "INVALID_FIELD"


def test_a_gzipped_body_is_read(api: Api) -> None:
    body = gzip.compress(json.dumps({"Name": "N"}).encode())
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    assert api("POST", "sobjects/Account", data=body, headers=headers).status_code == 201
    assert (
        api("POST", "sobjects/Account", data=b"{}", headers=headers).get_json()[0]["errorCode"]
        == "JSON_PARSER_ERROR"
    )


def test_ids_are_the_same_in_every_run_and_stamps_come_from_the_clock(api: Api) -> None:
    assert api.create("Account", Name="A") == "001Cw0000000001IAA"
    (row,) = api.rows("SELECT CreatedDate, SystemModstamp, CreatedBy.Name, OwnerId FROM Account")
    assert row["CreatedDate"] == row["SystemModstamp"] == "2026-05-01T07:25:37.000+0000"
    assert row["CreatedBy"]["Name"] == "Integration User"
