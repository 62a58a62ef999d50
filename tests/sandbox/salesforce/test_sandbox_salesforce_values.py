"""Values: how each kind is kept, and with which words it is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Api


def _error(answer: list[dict[str, Any]]) -> tuple[str, str]:
    error = answer[0]["errors"][0]
    return error["statusCode"], error["message"]


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
        ({"ParentId": "nonsense"}, "MALFORMED_ID", "Parent Account ID: id value of incorrect type: nonsense"),
        (
            {"ParentId": "500Cw0000000001IAA"},
            "MALFORMED_ID",
            "Parent Account ID: id value of incorrect type: 500Cw0000000001IAA",
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
