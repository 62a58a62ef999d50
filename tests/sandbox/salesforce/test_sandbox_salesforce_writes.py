"""Writing records: what is stored, what is refused, and with which words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Api


def _error(answer: list[dict[str, Any]]) -> tuple[str, str]:
    error = answer[0]["errors"][0]
    return error["statusCode"], error["message"]


def test_upserting_the_same_record_twice_makes_one_and_changes_it(api: Api) -> None:
    first = api.upsert("Account", {"Billing_Key__c": "a", "Name": "Acme"})
    second = api.upsert("Account", {"Billing_Key__c": "a", "Name": "Acme Ltd"})
    assert first == [{"id": first[0]["id"], "success": True, "errors": [], "created": True}]
    assert second == [{"id": first[0]["id"], "success": True, "errors": [], "created": False}]
    assert api.rows("SELECT Name FROM Account") == [{"Name": "Acme Ltd"}]


def test_one_bad_row_does_not_hold_back_the_others_and_results_keep_their_order(api: Api) -> None:
    answer = api.upsert(
        "Account",
        {"Billing_Key__c": "a", "Name": "A"},
        {"Billing_Key__c": "b"},
        {"Billing_Key__c": "c", "Name": "C"},
    )
    assert [row["success"] for row in answer] == [True, False, True]
    assert answer[1] == {
        "success": False,
        "errors": [
            {
                "statusCode": "REQUIRED_FIELD_MISSING",
                "message": "Required fields are missing: [Name]",
                "fields": ["Name"],
            }
        ],
    }


def test_all_or_none_undoes_the_good_rows(api: Api) -> None:
    answer = api.upsert(
        "Account", {"Billing_Key__c": "a", "Name": "A"}, {"Billing_Key__c": "b"}, all_or_none=True
    )
    assert [row["errors"][0]["statusCode"] for row in answer] == [
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "REQUIRED_FIELD_MISSING",
    ]
    assert api.query("SELECT COUNT() FROM Account")["totalSize"] == 0


def test_a_key_named_twice_in_one_call_fails_every_row_that_has_it(api: Api) -> None:
    answer = api.upsert(
        "Account",
        {"Billing_Key__c": "a-1", "Name": "A"},
        {"Billing_Key__c": "b", "Name": "B"},
        {"Billing_Key__c": "a-1", "Name": "A"},
    )
    assert [row["success"] for row in answer] == [False, True, False]
    assert _error(answer) == ("DUPLICATE_VALUE", "Duplicate external id specified: a-1")


def test_a_case_sensitive_key_tells_case_apart_and_another_does_not(api: Api) -> None:
    accounts = api.upsert(
        "Account", {"Billing_Key__c": "a", "Name": "A"}, {"Billing_Key__c": "A", "Name": "B"}
    )
    cases = api.upsert("Case", {"Billing_Key__c": "a"}, {"Billing_Key__c": "A"})
    assert [row["success"] for row in accounts] == [True, True]
    assert [row["success"] for row in cases] == [False, False]


def test_null_clears_a_field_and_an_absent_one_is_left_alone(api: Api) -> None:
    api.upsert("Account", {"Billing_Key__c": "k", "Name": "N", "Site": "HQ", "Phone": "1"})
    api.upsert("Account", {"Billing_Key__c": "k", "Site": None})
    assert api.rows("SELECT Name, Site, Phone FROM Account") == [{"Name": "N", "Site": None, "Phone": "1"}]


def test_names_of_fields_are_read_without_regard_to_case(api: Api) -> None:
    assert api.upsert("Account", {"billing_key__c": "k", "NAME": "N"})[0]["success"]
    assert api.rows("SELECT name, BILLING_KEY__C FROM account") == [{"Name": "N", "Billing_Key__c": "k"}]


def test_a_parent_is_found_by_external_id_and_by_id(api: Api) -> None:
    account = api.upsert("Account", {"Billing_Key__c": "k", "Name": "N"})[0]["id"]
    api.upsert("Invoice__c", {"Billing_Key__c": "i1", "Account__r": {"Billing_Key__c": "k"}})
    api.upsert("Invoice__c", {"Billing_Key__c": "i2", "Account__c": account[:15]})
    api.upsert(
        "Case", {"Billing_Key__c": "c", "Account": {"attributes": {"type": "Account"}, "Billing_Key__c": "k"}}
    )
    assert api.rows("SELECT Account__c, Serial__c FROM Invoice__c") == [
        {"Account__c": account, "Serial__c": "I-0001"},
        {"Account__c": account, "Serial__c": "I-0002"},
    ]
    assert api.rows("SELECT AccountId FROM Case") == [{"AccountId": account}]


def test_a_detail_needs_its_master_and_goes_with_it(api: Api) -> None:
    answer = api("POST", "sobjects/Line__c", {})
    assert answer.get_json()[0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    invoice = api.create("Invoice__c", Billing_Key__c="i")
    api.create("Line__c", Invoice__c=invoice)
    api("DELETE", f"sobjects/Invoice__c/{invoice}")
    assert api.query("SELECT COUNT() FROM Line__c")["totalSize"] == 0
    assert (
        api("GET", "queryAll", query_string={"q": "SELECT IsDeleted FROM Line__c"}).get_json()["totalSize"]
        == 1
    )


def test_an_account_with_cases_cannot_be_deleted(api: Api) -> None:
    account = api.create("Account", Name="N")
    api.create("Case", AccountId=account)
    assert api("DELETE", f"sobjects/Account/{account}").get_json()[0]["errorCode"] == "DELETE_FAILED"


def test_a_unique_value_taken_by_another_row_names_that_row(api: Api) -> None:
    first = api.create("Account", Name="A", Billing_Key__c="k")
    answer = api("POST", "sobjects/Account", {"Name": "B", "Billing_Key__c": "k"})
    assert answer.status_code == 400
    assert answer.get_json() == [
        {
            "message": f"duplicate value found: Billing_Key__c duplicates value on record with id: {first}",
            "errorCode": "DUPLICATE_VALUE",
            "fields": [],
        }
    ]


def test_a_deleted_record_frees_its_key_and_cannot_be_changed(api: Api) -> None:
    gone = api.create("Account", Name="A", Billing_Key__c="k")
    api("DELETE", f"sobjects/Account/{gone}")
    assert api.upsert("Account", {"Billing_Key__c": "k", "Name": "B"})[0]["created"]
    answer = api("PATCH", f"sobjects/Account/{gone}", {"Name": "C"})
    assert (answer.status_code, answer.get_json()) == (
        404,
        [{"message": "entity is deleted", "errorCode": "ENTITY_IS_DELETED", "fields": []}],
    )


def test_the_address_form_of_an_upsert_says_201_200_and_404(api: Api) -> None:
    path = "sobjects/Account/Billing_Key__c/recurly%3Aacme%2Faccount"
    made = api("PATCH", path, {"Name": "N"})
    assert (made.status_code, made.get_json()["created"]) == (201, True)
    assert made.headers["Location"] == f"/services/data/v60.0/sobjects/Account/{made.get_json()['id']}"
    changed = api("PATCH", path, {"Name": "M"})
    assert (changed.status_code, changed.get_json()["created"]) == (200, False)
    assert api("GET", path).get_json()["Billing_Key__c"] == "recurly:acme/account"
    assert api("DELETE", path).status_code == 204
    assert api("GET", path).status_code == 404
    assert api("PATCH", f"{path}?updateOnly=true", {"Name": "N"}).status_code == 404
    unknown = api("PATCH", "sobjects/Account/Nope__c/1", {"Name": "N"})
    assert (unknown.status_code, unknown.get_json()[0]["message"]) == (
        404,
        "Provided external ID field does not exist or is not accessible: Nope__c",
    )


@pytest.mark.parametrize("field", ["Id", "Billing_Key__c"])
def test_the_body_of_an_addressed_upsert_must_not_repeat_the_key(api: Api, field: str) -> None:
    answer = api("PATCH", "sobjects/Account/Billing_Key__c/k", {"Name": "N", field: "k"})
    assert (answer.status_code, answer.get_json()[0]["errorCode"]) == (400, "INVALID_FIELD")


def test_a_key_that_is_not_unique_and_fits_two_records_answers_with_both(api: Api) -> None:
    ids = [api.create("Account", Name=name, Legacy_Number__c="7") for name in ("A", "B")]
    answer = api("PATCH", "sobjects/Account/Legacy_Number__c/7", {"Name": "C"})
    assert answer.status_code == 300
    assert answer.get_json() == [f"/services/data/v60.0/sobjects/Account/{record_id}" for record_id in ids]


def test_a_record_is_created_read_changed_and_deleted_by_id(api: Api) -> None:
    made = api("POST", "sobjects/Account", {"Name": "N"})
    record_id = made.get_json()["id"]
    assert (made.status_code, made.get_json()) == (201, {"id": record_id, "success": True, "errors": []})
    assert api("PATCH", f"sobjects/Account/{record_id}", {"Site": "HQ"}).status_code == 204
    seen = api("GET", f"sobjects/Account/{record_id[:15]}", query_string={"fields": "Name,Site"}).get_json()
    url = f"/services/data/v60.0/sobjects/Account/{record_id}"
    assert seen == {"attributes": {"type": "Account", "url": url}, "Name": "N", "Site": "HQ"}
    assert api("DELETE", f"sobjects/Account/{record_id}").status_code == 204
    assert api("GET", f"sobjects/Account/{record_id}").status_code == 404


def test_collections_create_update_read_and_delete(api: Api) -> None:
    kinds = [
        {"attributes": {"type": "Account"}, "Name": "A"},
        {"attributes": {"type": "Contact"}, "LastName": "C"},
    ]
    account, contact = (row["id"] for row in api("POST", "composite/sobjects", {"records": kinds}).get_json())
    changes = [
        {"attributes": {"type": "Account"}, "id": account, "Site": "HQ"},
        {"attributes": {"type": "Contact"}, "id": "003000000000000", "Phone": "1"},
    ]
    answer = api("PATCH", "composite/sobjects", {"records": changes}).get_json()
    assert answer[0] == {"id": account, "success": True, "errors": []}
    assert _error(answer[1:]) == ("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    assert "id" not in answer[1]
    wanted = {"ids": [account, "001000000000000"], "fields": ["Site"]}
    read = api("POST", "composite/sobjects/Account", wanted).get_json()
    assert (read[0]["Site"], read[1]) == ("HQ", None)
    gone = api("DELETE", "composite/sobjects", query_string={"ids": f"{account},{contact},xyz"}).get_json()
    assert [row["success"] for row in gone] == [True, True, False]


def test_more_than_200_records_are_refused(api: Api) -> None:
    rows = [{"attributes": {"type": "Account"}, "Name": "N"}] * 201
    assert api("POST", "composite/sobjects", {"records": rows}).status_code == 400


def test_an_upsert_by_id_changes_what_has_one_and_makes_what_has_none(api: Api) -> None:
    known = api.create("Account", Name="A")
    rows = [{"attributes": {"type": "Account"}, "Id": at, "Name": "B"} for at in (known, None)]
    answer = api("PATCH", "composite/sobjects/Account/Id", {"records": rows}).get_json()
    assert [row["created"] for row in answer] == [False, True]
