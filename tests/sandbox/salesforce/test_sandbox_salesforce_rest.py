"""Headers, describes, what an org tells of itself, composite calls, and metadata that cannot be read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.salesforce.ids import make_id, normal_id
from sandbox.salesforce.metadata import MetadataError, load_schema

if TYPE_CHECKING:
    from conftest import Api


def test_headers_are_those_of_salesforce(api: Api) -> None:
    answer = api("GET", "limits")
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert answer.headers["Sforce-Limit-Info"] == "api-usage=1/100000"
    assert answer.headers["Server"] == "sfdcedge"
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Sfdc-Request-Id"])
    assert "Sforce-Limit-Info" not in api("GET", "/services/data").headers
    assert "Sforce-Limit-Info" not in api("GET", "/services/oauth2/userinfo").headers


def test_pretty_print_is_honoured(api: Api) -> None:
    api.create("Account", Name="N")
    path = {"query_string": {"q": "SELECT Name FROM Account"}}
    assert (
        api("GET", "query", **path)
        .get_data(as_text=True)
        .startswith('{"totalSize":1,"done":true,"records":[{')
    )
    spread = api("GET", "query", headers={"X-PrettyPrint": "1"}, **path).get_data(as_text=True)
    assert spread.startswith(
        '{\n  "totalSize" : 1,\n  "done" : true,\n  "records" : [ {\n    "attributes" : {'
    )


def test_versions_and_resources(api: Api) -> None:
    versions = api("GET", "/services/data").get_json()
    assert {"version": "60.0", "url": "/services/data/v60.0", "label": "Spring '24"} in versions
    assert versions[-1]["label"] == "Summer '26"
    assert api("GET", "/services/data/v60.0").get_json()["sobjects"] == "/services/data/v60.0/sobjects"


@pytest.mark.parametrize(
    "path", ["nothing", "sobjects/Nothing", "sobjects/Nothing/describe", "sobjects/Account/x/y/"]
)
def test_what_is_not_there_is_404(api: Api, path: str) -> None:
    answer = api("GET", path)
    assert (answer.status_code, answer.get_json()[0]["errorCode"]) == (404, "NOT_FOUND")


def test_a_wrong_method_is_405(api: Api) -> None:
    answer = api("PUT", "sobjects/Account", {})
    assert (answer.status_code, answer.get_json()[0]["errorCode"]) == (405, "METHOD_NOT_ALLOWED")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"'])
def test_a_body_that_is_no_object_is_refused(api: Api, body: bytes) -> None:
    for path in ("sobjects/Account", "composite", "composite/sobjects"):
        answer = api("POST", path, data=body)
        assert (answer.status_code, answer.get_json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")


def test_a_describe_tells_of_the_custom_fields(api: Api) -> None:
    described = api("GET", "sobjects/Account/describe").get_json()
    fields = {field["name"]: field for field in described["fields"]}
    key = fields["Billing_Key__c"]
    assert (key["externalId"], key["unique"], key["caseSensitive"], key["length"]) == (True, True, True, 255)
    state = fields["State__c"]
    assert (state["restrictedPicklist"], [value["value"] for value in state["picklistValues"]]) == (
        True,
        ["active", "closed"],
    )
    assert (fields["Days__c"]["calculated"], fields["Days__c"]["createable"]) == (True, False)
    assert {"Cases", "Contacts", "Invoices__r"} <= {
        kid["relationshipName"] for kid in described["childRelationships"]
    }
    case = api("GET", "sobjects/Case/describe").get_json()
    assert [info["developerName"] for info in case["recordTypeInfos"]] == ["Billing", "Master"]
    every = api("GET", "sobjects").get_json()
    assert {"Account", "Case", "Invoice__c"} <= {kind["name"] for kind in every["sobjects"]}
    assert api("GET", "sobjects/Account").get_json()["objectDescribe"]["keyPrefix"] == "001"


def test_the_set_up_of_an_org_can_be_queried(api: Api) -> None:
    assert api.rows("SELECT DeveloperName FROM Group WHERE Type = 'Queue'") == [
        {"DeveloperName": "Billing_Disputes"}
    ]
    (queue,) = api.rows("SELECT Queue.DeveloperName FROM QueueSobject WHERE SobjectType = 'Case'")
    assert queue["Queue"]["DeveloperName"] == "Billing_Disputes"
    statuses = api.rows("SELECT ApiName, IsClosed, IsDefault FROM CaseStatus ORDER BY SortOrder")
    assert [row["ApiName"] for row in statuses if row["IsClosed"]] == ["Closed"]
    assert [row["ApiName"] for row in statuses if row["IsDefault"]] == ["New"]
    assert len(api.rows("SELECT Id, Name, OrganizationType, IsSandbox FROM Organization")) == 1
    assert api.query("SELECT Id FROM ScratchOrgInfo")[0]["errorCode"] == "INVALID_TYPE"
    assert (
        api("GET", "tooling/query", query_string={"q": "SELECT Id FROM ApexClass"}).get_json()["records"]
        == []
    )


def test_an_id_has_the_checksum_of_salesforce() -> None:
    assert normal_id("0017e00001W4GYR") == "0017e00001W4GYRAA3"
    assert normal_id("0017e00001W4GYRAA3") == "0017e00001W4GYRAA3"
    assert normal_id("0017e00001W4GYRAA4") is None
    assert normal_id("short") is None
    assert len({make_id("001", number) for number in range(5000)}) == 5000
    assert sorted(ids := [make_id("001", number) for number in range(5000)]) == ids


def test_a_later_subrequest_uses_what_an_earlier_one_answered(api: Api) -> None:
    base = "/services/data/v60.0"
    body = {
        "compositeRequest": [
            {"method": "POST", "url": f"{base}/sobjects/Account", "referenceId": "a", "body": {"Name": "N"}},
            {
                "method": "POST",
                "url": f"{base}/sobjects/Contact",
                "referenceId": "c",
                "body": {"LastName": "L", "AccountId": "@{a.id}"},
            },
            {"method": "GET", "url": f"{base}/query?q=SELECT Id FROM Contact", "referenceId": "q"},
            {
                "method": "GET",
                "url": f"{base}/sobjects/Contact/@{{q.records[0].Id}}?fields=AccountId",
                "referenceId": "r",
            },
        ]
    }
    told = api("POST", "composite", body).get_json()["compositeResponse"]
    assert [answer["httpStatusCode"] for answer in told] == [201, 201, 200, 200]
    assert told[3]["body"]["AccountId"] == told[0]["body"]["id"]
    assert told[0]["httpHeaders"]["Location"].endswith(told[0]["body"]["id"])


def _composite(*requests: tuple[str, str, Any], all_or_none: bool = False) -> dict[str, Any]:
    return {
        "allOrNone": all_or_none,
        "compositeRequest": [
            {
                "method": method,
                "url": f"/services/data/v60.0/{path}",
                "referenceId": f"r{place}",
                "body": body,
            }
            for place, (method, path, body) in enumerate(requests)
        ],
    }


@pytest.mark.parametrize(("all_or_none", "left"), [(False, 1), (True, 0)])
def test_all_or_none_undoes_a_composite_call(api: Api, all_or_none: bool, left: int) -> None:
    body = _composite(
        ("POST", "sobjects/Account", {"Name": "N"}), ("POST", "sobjects/Account", {}), all_or_none=all_or_none
    )
    told = api("POST", "composite", body).get_json()["compositeResponse"]
    assert told[1]["body"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert (told[0]["httpStatusCode"] == 400) is all_or_none
    if all_or_none:
        assert told[0]["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert api.query("SELECT COUNT() FROM Account")["totalSize"] == left


def test_a_composite_call_has_limits(api: Api) -> None:
    many = _composite(*[("POST", "sobjects/Account", {"Name": "N"})] * 26)
    heavy = _composite(*[("GET", "query?q=SELECT Id FROM Account", None)] * 6)
    same = {
        "compositeRequest": [{"method": "GET", "url": "/services/data/v60.0/limits", "referenceId": "x"}] * 2
    }
    for body in (many, heavy, same, {"compositeRequest": "x"}):
        assert api("POST", "composite", body).status_code == 400
    broken = {
        "compositeRequest": [
            {"method": "GET", "url": "/services/data/v60.0/sobjects/@{x.id}", "referenceId": "y"}
        ]
    }
    told = api("POST", "composite", broken).get_json()["compositeResponse"]
    assert told[0]["body"][0]["errorCode"] == "PROCESSING_HALTED"


@pytest.mark.parametrize(
    ("inner", "complaint"),
    [
        ("<type>Location</type>", "type Location is not supported"),
        ("<type>Lookup</type>", "needs referenceTo"),
        ("<type>Lookup</type><referenceTo>Ghost__c</referenceTo>", "Ghost__c, which does not exist"),
    ],
)
def test_metadata_it_cannot_be_true_to_is_an_error(tmp_path: Path, inner: str, complaint: str) -> None:
    place = tmp_path / "objects" / "Account" / "fields"
    place.mkdir(parents=True)
    text = f'<CustomField xmlns="http://soap.sforce.com/2006/04/metadata"><fullName>X__c</fullName>{inner}</CustomField>'
    (place / "X__c.field-meta.xml").write_text(text)
    with pytest.raises(MetadataError, match=complaint):
        load_schema([tmp_path])


def test_fields_of_an_object_nobody_describes_are_an_error(tmp_path: Path) -> None:
    place = tmp_path / "objects" / "Odd__c" / "fields"
    place.mkdir(parents=True)
    text = '<CustomField xmlns="http://soap.sforce.com/2006/04/metadata"><fullName>X__c</fullName><type>Text</type></CustomField>'
    (place / "X__c.field-meta.xml").write_text(text)
    with pytest.raises(MetadataError, match="Odd__c"):
        load_schema([tmp_path])
