"""An org's own rules: duplicates, validation, who may see and write what, and how much of the day is left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.salesforce import Org

if TYPE_CHECKING:
    from conftest import Api

ALLOWED = {"Sforce-Duplicate-Rule-Header": "allowSave=true; includeRecordDetails=false"}
SAME_MAIL = {"object": "Contact", "fields": ["Email"], "name": "Same_Mail"}
TAKEN = {"LastName": "Two", "Email": "A@example.com"}


def _rule(api: Api, **rule: Any) -> None:
    assert api("POST", "/__sandbox__/duplicate_rules", rule).status_code == 201


def _permit(api: Api, **permissions: Any) -> None:
    answer = api("PUT", "/__sandbox__/permissions", permissions)
    assert answer.status_code == 200, answer.get_json()


def _refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.get_json()[0]["errorCode"]


def _codes(results: list[dict[str, Any]]) -> list[str]:
    return [error["statusCode"] for row in results for error in row["errors"]]


def _fields(api: Api, name: str) -> dict[str, dict[str, Any]]:
    described = api("GET", f"sobjects/{name}/describe").get_json()
    return {field["name"]: field for field in described["fields"]}


# -- duplicates


def test_a_blocking_rule_tells_the_record_that_is_there(api: Api) -> None:
    first = api.create("Contact", LastName="One", Email="a@example.com")
    _rule(api, **SAME_MAIL, action="block")
    for headers in ({}, ALLOWED):
        answer = api("POST", "sobjects/Contact", TAKEN, headers=headers)
        assert _refused(answer) == (400, "DUPLICATES_DETECTED")
        told = answer.get_json()[0]["duplicateResut"]
        assert (told["allowSave"], told["duplicateRule"]) == (False, "Same_Mail")
        (match,) = told["matchResults"]
        assert [found["record"]["Id"] for found in match["matchRecords"]] == [first]
    assert api.rows("SELECT LastName FROM Contact") == [{"LastName": "One"}]


def test_an_alert_is_passed_by_who_says_so(api: Api) -> None:
    api.create("Contact", LastName="One", Email="a@example.com")
    _rule(api, **SAME_MAIL, action="alert")
    answer = api("POST", "sobjects/Contact", TAKEN)
    assert answer.get_json()[0]["duplicateResut"]["allowSave"] is True
    for header in ("allowSave=false", "includeRecordDetails=true", "notallowSave=true"):
        answer = api("POST", "sobjects/Contact", TAKEN, headers={"Sforce-Duplicate-Rule-Header": header})
        assert _refused(answer) == (400, "DUPLICATES_DETECTED"), header
    assert api("POST", "sobjects/Contact", TAKEN, headers=ALLOWED).status_code == 201


def test_only_the_rows_in_the_way_are_refused(api: Api) -> None:
    api.create("Account", Name="Firm", BillingCity="Bern")
    _rule(api, object="Account", fields=["Name", "BillingCity"])
    rows = [
        {"Billing_Key__c": "1", "Name": "Firm", "BillingCity": "Basel"},
        {"Billing_Key__c": "2", "Name": "FIRM", "BillingCity": "bern"},
        {"Billing_Key__c": "3", "Name": "Firm"},
    ]
    results = api.upsert("Account", *rows)
    assert [row["success"] for row in results] == [True, False, True]
    assert _codes(results) == ["DUPLICATES_DETECTED"]


def test_an_update_is_checked_when_it_touches_what_the_rule_compares(api: Api) -> None:
    _rule(api, **SAME_MAIL)
    api.create("Contact", LastName="One", Email="a@example.com")
    second = api.create("Contact", LastName="Two", Email="b@example.com")
    here = f"sobjects/Contact/{second}"
    assert api("PATCH", here, {"Title": "T", "Email": "b@example.com"}).status_code == 204
    assert _refused(api("PATCH", here, {"Email": "a@example.com"})) == (400, "DUPLICATES_DETECTED")


def test_people_type_duplicates_all_the_same(api: Api) -> None:
    _rule(api, **SAME_MAIL)
    rows = [{"LastName": "One", "Email": "a@example.com"}, TAKEN]
    assert api("POST", "/__sandbox__/records/Contact", rows).status_code == 201


def test_rules_can_be_queried_and_dropped(api: Api) -> None:
    soql = "SELECT SobjectType, DeveloperName, MasterLabel, IsActive FROM DuplicateRule"
    assert api.rows(soql) == []
    _rule(api, **SAME_MAIL)
    assert api.rows(soql) == [
        {
            "SobjectType": "Contact",
            "DeveloperName": "Same_Mail",
            "MasterLabel": "Same Mail",
            "IsActive": True,
        }
    ]
    assert api("DELETE", "/__sandbox__/duplicate_rules").status_code == 200
    assert api.rows(soql) == []
    api.create("Contact", LastName="One", Email="a@example.com")
    assert api("POST", "sobjects/Contact", TAKEN).status_code == 201


@pytest.mark.parametrize("active", [True, False])
def test_the_assignment_rule_can_be_queried(
    metadata: Path, connect: Callable[[Org], Api], active: bool
) -> None:
    api = connect(Org(metadata, assignment_rule=active))
    assert api.rows("SELECT Name, SobjectType, Active FROM AssignmentRule") == [
        {"Name": "Standard", "SobjectType": "Case", "Active": active}
    ]


# -- validation


def test_a_validation_rule_sees_the_whole_row(api: Api) -> None:
    account = api.create("Account", Name="Firm", Phone="none")
    rule = {"object": "Account", "field": "Phone", "refused": "^none$|^$", "message": "A phone, please"}
    assert api("POST", "/__sandbox__/validation_rules", rule).status_code == 201
    refusal = (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION")
    answer = api("PATCH", f"sobjects/Account/{account}", {"Site": "S"})
    assert (_refused(answer), answer.get_json()[0]["message"]) == (refusal, "A phone, please")
    assert _refused(api("POST", "sobjects/Account", {"Name": "Firm"})) == refusal
    assert api("PATCH", f"sobjects/Account/{account}", {"Site": "S", "Phone": "1"}).status_code == 204
    api("DELETE", "/__sandbox__/validation_rules")
    assert api("POST", "sobjects/Account", {"Name": "Firm"}).status_code == 201


@pytest.mark.parametrize(
    ("route", "rule"),
    [
        ("duplicate_rules", {"object": "Nothing", "fields": ["Name"]}),
        ("duplicate_rules", {"object": "Account", "fields": ["Nothing"]}),
        ("duplicate_rules", {"object": "Account", "fields": []}),
        ("duplicate_rules", {"object": "Account", "fields": ["Name"], "action": "shout"}),
        ("validation_rules", {"object": "Account", "field": "Phone", "refused": "("}),
        ("validation_rules", {"object": "Account", "field": "Phone"}),
        ("validation_rules", {"object": "Account", "refused": "x"}),
        ("permissions", {"Nothing": {"object": "read"}}),
        ("permissions", {"Account": {"object": "write"}}),
        ("permissions", {"Account": {"Nothing": "read"}}),
        ("permissions", {"Account": {"Name": "none"}}),
        ("permissions", {"Account": {"OwnerId": "read"}}),
        ("permissions", {"Case": {"record_types": {"Nothing": "none"}}}),
        ("permissions", []),
        ("limits", {"api_limit": -1}),
        ("limits", {"api_used": "many"}),
    ],
)
def test_a_rule_that_fits_nothing_is_refused(api: Api, route: str, rule: Any) -> None:
    method = "PUT" if route in ("permissions", "limits") else "POST"
    assert api(method, f"/__sandbox__/{route}", rule).status_code == 400


# -- permissions


def test_a_field_that_may_not_be_seen_does_not_exist(api: Api) -> None:
    api.create("Account", Name="Firm", Balance__c=5)
    _permit(api, Account={"Balance__c": "none"})
    assert "Balance__c" not in _fields(api, "Account")
    for soql in (
        "SELECT Balance__c FROM Account",
        "SELECT Id FROM Account WHERE Balance__c = 5",
        "SELECT Account.Balance__c FROM Contact",
    ):
        assert api.query(soql)[0]["errorCode"] == "INVALID_FIELD", soql
    assert _codes(api.upsert("Account", {"Billing_Key__c": "k", "Name": "N", "Balance__c": 1})) == [
        "INVALID_FIELD"
    ]
    _permit(api)
    assert api.rows("SELECT Balance__c FROM Account") == [{"Balance__c": 5.0}]


def test_a_field_that_may_only_be_read_is_not_written(api: Api) -> None:
    account = api.create("Account", Name="Firm", Balance__c=5)
    _permit(api, Account={"Balance__c": "read"})
    field = _fields(api, "Account")["Balance__c"]
    assert (field["createable"], field["updateable"]) == (False, False)
    assert api.rows("SELECT Balance__c FROM Account") == [{"Balance__c": 5.0}]
    for answer in (
        api("PATCH", f"sobjects/Account/{account}", {"Balance__c": 6}),
        api("POST", "sobjects/Account", {"Name": "N", "Balance__c": 6}),
    ):
        assert _refused(answer) == (400, "INVALID_FIELD_FOR_INSERT_UPDATE")
        assert "Balance__c" in answer.get_json()[0]["message"]


def test_a_key_that_may_not_be_seen_finds_nothing(api: Api) -> None:
    _permit(api, Account={"Billing_Key__c": "none"})
    answer = api("PATCH", "composite/sobjects/Account/Billing_Key__c", {"records": []})
    assert _refused(answer) == (404, "NOT_FOUND")


def test_an_object_that_may_not_be_seen_does_not_exist(api: Api) -> None:
    _permit(api, Invoice__c={"object": "none"})
    assert api.query("SELECT Id FROM Invoice__c")[0]["errorCode"] == "INVALID_TYPE"
    assert _refused(api("GET", "sobjects/Invoice__c/describe")) == (404, "NOT_FOUND")
    assert _refused(api("POST", "sobjects/Invoice__c", {"Name": "I"})) == (404, "NOT_FOUND")
    assert "Invoice__c" not in {kind["name"] for kind in api("GET", "sobjects").get_json()["sobjects"]}
    assert api.query("SELECT Invoice__r.Name FROM Line__c")[0]["errorCode"] == "INVALID_FIELD"


def test_an_object_that_may_only_be_read_is_not_written(api: Api) -> None:
    account = api.create("Account", Name="Firm")
    _permit(api, Account={"object": "read"})
    described = api("GET", "sobjects/Account/describe").get_json()
    assert (described["createable"], described["updateable"], described["deletable"]) == (False, False, False)
    assert api.rows("SELECT Name FROM Account") == [{"Name": "Firm"}]
    assert _refused(api("POST", "sobjects/Account", {"Name": "N"})) == (
        400,
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
    )
    for method, body in (("PATCH", {"Name": "N"}), ("DELETE", None)):
        answer = api(method, f"sobjects/Account/{account}", body)
        assert _refused(answer) == (400, "INSUFFICIENT_ACCESS_OR_READONLY")


def test_a_record_type_that_is_not_available_is_not_valid(api: Api) -> None:
    (billing,) = api.rows("SELECT Id FROM RecordType WHERE DeveloperName = 'Billing'")
    _permit(api, Case={"record_types": {"Billing": "none"}})
    infos = api("GET", "sobjects/Case/describe").get_json()["recordTypeInfos"]
    assert {info["developerName"]: (info["active"], info["available"]) for info in infos} == {
        "Billing": (True, False),
        "Master": (True, True),
    }
    answer = api("POST", "sobjects/Case", {"RecordTypeId": billing["Id"]})
    assert _refused(answer) == (400, "INVALID_CROSS_REFERENCE_KEY")


def test_permissions_bind_the_integration_user_only_and_reset_lifts_them(api: Api, org: Org) -> None:
    _permit(api, Account={"object": "none"})
    agent = type(api)(api.http, org.sessions.issue(org.org_id, org.agent_id))
    assert agent.create("Account", Name="N")
    assert api("POST", "/__sandbox__/records/Account", [{"Name": "N"}]).status_code == 201
    assert api.query("SELECT Id FROM Account")[0]["errorCode"] == "INVALID_TYPE"
    api("POST", "/__sandbox__/reset")
    assert api.rows("SELECT Id FROM Account") == []


# -- limits and moods


def test_the_limits_the_header_and_the_refusals_agree(api: Api) -> None:
    api("PUT", "/__sandbox__/limits", {"api_limit": 1000, "api_used": 998})
    answer = api("GET", "limits")
    assert answer.headers["Sforce-Limit-Info"] == "api-usage=999/1000"
    assert answer.get_json()["DailyApiRequests"] == {"Max": 1000, "Remaining": 1}
    assert api("GET", "sobjects").status_code == 200
    answer = api("GET", "sobjects")
    assert _refused(answer) == (403, "REQUEST_LIMIT_EXCEEDED")
    assert answer.headers["Sforce-Limit-Info"] == "api-usage=1001/1000"
    api("PUT", "/__sandbox__/limits", {"api_used": 0})
    assert api("GET", "limits").headers["Sforce-Limit-Info"] == "api-usage=1/1000"
    api("POST", "/__sandbox__/reset")
    assert api("GET", "limits").headers["Sforce-Limit-Info"] == "api-usage=1/100000"


def test_a_share_of_the_rows_is_locked_and_always_the_same(api: Api) -> None:
    rows = [{"Billing_Key__c": f"recurly:{number}", "Name": "N"} for number in range(200)]
    made = api.upsert("Account", *rows)
    fault = {"kind": "row_lock", "share": 0.1, "seconds": 30}
    assert api("POST", "/__sandbox__/faults", fault).status_code == 201
    locked = [not row["success"] for row in api.upsert("Account", *rows)]
    assert 8 <= sum(locked) <= 35
    assert [not row["success"] for row in api.upsert("Account", *reversed(rows))][::-1] == locked
    by_id = [{"attributes": {"type": "Account"}, "Id": row["id"], "Phone": "1"} for row in made]
    answer = api("PATCH", "composite/sobjects", {"records": by_id}).get_json()
    assert [not row["success"] for row in answer] == locked
    assert set(_codes(answer)) == {"UNABLE_TO_LOCK_ROW"}


@pytest.mark.parametrize(
    "fault",
    [{"kind": "row_lock", "share": 0}, {"kind": "row_lock", "share": 2}, {"kind": "slow", "share": 0.5}],
)
def test_a_share_that_is_none_is_refused(api: Api, fault: dict[str, Any]) -> None:
    assert api("POST", "/__sandbox__/faults", fault).status_code == 400


def test_a_busy_server_says_so_in_json(api: Api) -> None:
    api("POST", "/__sandbox__/faults", {"kind": "server_unavailable", "times": 1})
    answer = api("GET", "limits")
    assert (_refused(answer), answer.mimetype) == ((503, "SERVER_UNAVAILABLE"), "application/json")
    assert api("GET", "limits").status_code == 200


@pytest.mark.parametrize("version", ["v68.0", "v30.0", "v60.1", "v6"])
def test_a_version_this_org_does_not_speak_is_not_found(api: Api, version: str) -> None:
    answer = api("GET", f"/services/data/{version}/limits")
    assert (answer.status_code, answer.get_json()) == (
        404,
        [{"message": "The requested resource does not exist", "errorCode": "NOT_FOUND"}],
    )
