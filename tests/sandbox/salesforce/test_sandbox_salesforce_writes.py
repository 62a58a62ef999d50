"""Writing records: what is stored, what is refused, and with which words."""

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


@pytest.mark.parametrize(
    ("values", "code", "message"),
    [
        ({"Nope__c": 1}, "INVALID_FIELD", "No such column 'Nope__c' on sobject of type Account"),
        (
            {"Days__c": 1},
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            (
                "Unable to create/update fields: Days__c. Please check the security settings of this field and verify "
                "that it is read/write for your profile or permission set."
            ),
        ),
        (
            {"AccountNumber": "x" * 41},
            "STRING_TOO_LONG",
            f"Account Number: data value too large: {'x' * 41} (max length=40)",
        ),
        (
            {"State__c": "odd"},
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "State: bad value for restricted picklist field: odd",
        ),
        ({"Mail__c": "a at b"}, "INVALID_EMAIL_ADDRESS", "Mail: invalid email address: a at b"),
        (
            {"Balance__c": 1_000_000},
            "NUMBER_OUTSIDE_VALID_RANGE",
            "Balance: value outside of valid range on numeric field: 1000000",
        ),
        ({"ParentId": "nonsense"}, "MALFORMED_ID", "Parent ID: id value of incorrect type: nonsense"),
        (
            {"ParentId": "500Cw0000000001IAA"},
            "MALFORMED_ID",
            "Parent ID: id value of incorrect type: 500Cw0000000001IAA",
        ),
        ({"ParentId": "001Cw000000zzzz"}, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"),
        (
            {"Parent": {"Billing_Key__c": "ghost"}},
            "INVALID_FIELD",
            "Foreign key external ID: ghost not found for field Billing_Key__c in entity Account",
        ),
        (
            {"Id": "001Cw0000000001IAA"},
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            "cannot specify Id in an upsert call by another field",
        ),
        ({"Name": None}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [Name]"),
        ({"Overdue__c": None}, "INVALID_TYPE_ON_FIELD_IN_RECORD", "Overdue: value not of required type: "),
    ],
)
def test_a_row_is_refused_with_the_words_of_salesforce(
    api: Api, values: dict[str, Any], code: str, message: str
) -> None:
    assert _error(api.upsert("Account", {"Billing_Key__c": "k", "Name": "N", **values})) == (code, message)
    assert api.query("SELECT COUNT() FROM Account")["totalSize"] == 0


@pytest.mark.parametrize(
    "values",
    [
        {"Balance__c": "much"},
        {"Balance__c": True},
        {"Name": 5},
        {"Since__c": "2026-13-01"},
        {"Seen_At__c": "yesterday"},
        {"Seen_At__c": "2026-05-01"},
        {"Overdue__c": "maybe"},
        {"NumberOfEmployees": 1.5},
    ],
)
def test_a_value_of_the_wrong_json_type_fails_the_whole_call_and_writes_nothing(
    api: Api, values: dict[str, Any]
) -> None:
    good = {"attributes": {"type": "Account"}, "Billing_Key__c": "a", "Name": "A"}
    bad = {"attributes": {"type": "Account"}, "Billing_Key__c": "b", "Name": "B", **values}
    answer = api("PATCH", "composite/sobjects/Account/Billing_Key__c", {"records": [good, bad]})
    assert answer.status_code == 400
    assert answer.get_json()[0]["errorCode"] == "JSON_PARSER_ERROR"
    assert api.query("SELECT COUNT() FROM Account")["totalSize"] == 0


@pytest.mark.parametrize(
    ("field", "sent", "kept"),
    [
        ("Balance__c", 12.345, 12.35),
        ("Balance__c", -0.005, -0.01),
        ("Balance__c", "7.10", 7.1),
        ("Balance__c", 3, 3.0),
        ("Share__c", 99.999, 100.0),
        ("NumberOfEmployees", 12, 12),
        ("Seen_At__c", "2026-05-01T09:25:37+02:00", "2026-05-01T07:25:37.000+0000"),
        ("Seen_At__c", "2026-05-01T07:25:37.1234Z", "2026-05-01T07:25:37.123+0000"),
        ("Seen_At__c", "2026-05-01T07:25:37.000+0000", "2026-05-01T07:25:37.000+0000"),
        ("Since__c", "2026-05-01", "2026-05-01"),
        ("Site", "  trimmed ", "trimmed"),
        ("Site", "", None),
        ("Site", None, None),
        ("State__c", "closed", "closed"),
        ("Industry", "Not in the list", "Not in the list"),
        ("Notes__c", "line one\nline two", "line one\nline two"),
        ("Home__c", "https://example.com/a?b=c", "https://example.com/a?b=c"),
        ("Overdue__c", True, True),
    ],
)
def test_a_value_is_kept_as_salesforce_keeps_it(api: Api, field: str, sent: Any, kept: Any) -> None:
    assert api.upsert("Account", {"Billing_Key__c": "k", "Name": "N", field: sent})[0]["success"]
    (row,) = api.rows(f"SELECT {field} FROM Account")
    assert row[field] == kept
    assert type(row[field]) is type(kept)


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
    row = {"Billing_Key__c": "p", "FirstName": "Ada", "LastName": "Byron", "PersonEmail": "ada@example.com"}
    assert api.upsert("Account", row)[0]["success"]
    (seen,) = api.rows("SELECT Name, IsPersonAccount, PersonContactId FROM Account")
    assert (seen["Name"], seen["IsPersonAccount"]) == ("Ada Byron", True)
    assert api.rows("SELECT Id, Email FROM Contact") == [
        {"Id": seen["PersonContactId"], "Email": "ada@example.com"}
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
