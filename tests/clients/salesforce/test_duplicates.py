"""A record that would be doubled is named, with its object, wherever and however Salesforce tells it."""

from __future__ import annotations

from typing import Any

import pytest

from connector.clients.salesforce import Match, Verdict
from connector.clients.salesforce.errors import classified, of_answer


@pytest.mark.parametrize("key", ["duplicateResut", "duplicateResult"])
def test_the_records_of_a_duplicate_rule_are_named_under_both_spellings(key: str) -> None:
    record = {"attributes": {"type": "Contact"}, "Id": "0038M0000016Wv8QAE"}
    told = {key: {"matchResults": [{"matchRecords": [{"record": record}]}]}}
    error = classified({"errorCode": "DUPLICATES_DETECTED", "message": "m", **told}, "Contact")
    assert (error.verdict, error.matches) == (Verdict.DEAD, ("0038M0000016Wv8QAE",))
    assert error.matched == (Match("Contact", "0038M0000016Wv8QAE"),)


@pytest.mark.parametrize("key", ["duplicateResut", "duplicateResult"])
@pytest.mark.parametrize("code", ["errorCode", "statusCode"])
def test_every_matched_record_is_named_once_with_its_object(key: str, code: str) -> None:
    """In a call's answer and in a row of a list; by rules over several objects, with and without a type."""

    def record(id_: str, **more: Any) -> dict[str, Any]:
        return {"matchConfidence": 100.0, "record": {"Id": id_, **more}}

    lead = {"attributes": {"type": "Lead", "url": "/services/data/v54.0/sobjects/Lead/00Q1"}}
    results = [
        {"entityType": "Contact", "matchRecords": [record("0031"), record("0032")]},
        {"entityType": "Contact", "matchRecords": [record("0031"), record("00Q1", **lead)]},
        {"matchRecords": [record("0011")]},
    ]
    told = {
        code: "DUPLICATES_DETECTED",
        "message": "Use one of these records?",
        key: {"matchResults": results},
    }
    assert classified(told, "Contact").matched == (
        Match("Contact", "0031"),
        Match("Contact", "0032"),
        Match("Lead", "00Q1"),
        Match("", "0011"),
    )


def test_a_row_of_a_list_that_tells_no_records_has_no_matches() -> None:
    told = {"statusCode": "DUPLICATES_DETECTED", "message": "Use one of these records?", "fields": []}
    assert classified(told, "Account").matched == ()


def test_a_key_on_several_records_names_them_all() -> None:
    """The answer 300 is a list of addresses, without a code."""
    found = [
        "/services/data/v66.0/sobjects/Account/001000000000001AAA",
        "/services/data/v66.0/sobjects/X__c/a01000000000002",
    ]
    error = of_answer(300, found, "Account")
    assert (error.verdict, error.code) == (Verdict.DEAD, "DUPLICATE_EXTERNAL_ID")
    assert error.matched == (Match("Account", "001000000000001AAA"), Match("X__c", "a01000000000002"))


def test_the_holder_of_a_duplicate_value_is_named() -> None:
    message = "duplicate value found: Billing_Key__c duplicates value on record with id: 001Vr00000m4eGC"
    assert classified({"statusCode": "DUPLICATE_VALUE", "message": message}, "Account").matches == (
        "001Vr00000m4eGC",
    )


@pytest.mark.parametrize(
    "told", ["", "soup", [], ["soup"], {}, None, [{"matchResults": 1}], {"matchResults": 1}]
)
def test_odd_duplicate_results_do_no_harm(told: object) -> None:
    assert classified({"errorCode": "DUPLICATES_DETECTED", "duplicateResut": told}, "Contact").matches == ()
