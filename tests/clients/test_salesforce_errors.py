"""Every error of Salesforce is retried, given up with advice, or pauses the work; and every code is a real one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import simple_salesforce

from connector.clients.salesforce import Verdict
from connector.clients.salesforce.advice import ADVICE
from connector.clients.salesforce.errors import LIMIT, PAUSED, RELOGIN, RETRIED, classified, of_answer
from connector.errors import Permanent, Transient, Unavailable

API_FAULTS = frozenset(
    {
        "API_CURRENTLY_DISABLED",
        "API_DISABLED_FOR_ORG",
        "JSON_PARSER_ERROR",
        "LOGIN_RATE_EXCEEDED",
        "MALFORMED_QUERY",
        "REQUEST_LIMIT_EXCEEDED",
        "SERVER_UNAVAILABLE",
    }
)
"""Documented as API fault or REST error codes, though not in the metadata WSDL's StatusCode list."""


@pytest.fixture(scope="module")
def status_codes() -> frozenset[str]:
    """As Salesforce lists them in the WSDL that simple-salesforce ships."""
    wsdl = (Path(simple_salesforce.__file__).parent / "metadata.wsdl").read_text(encoding="utf-8")
    listed = re.search(r'<xsd:simpleType name="StatusCode">.*?</xsd:simpleType>', wsdl, re.DOTALL)
    assert listed
    return frozenset(re.findall(r'enumeration value="(\w+)"', listed[0]))


def test_every_code_we_name_is_a_real_one(status_codes: frozenset[str]) -> None:
    named = {*ADVICE, *RETRIED, *PAUSED, *RELOGIN, LIMIT}
    assert named - status_codes - API_FAULTS == set()
    assert status_codes.isdisjoint(API_FAULTS)


def test_every_code_we_treat_apart_has_its_advice() -> None:
    assert {*RETRIED, *PAUSED, *RELOGIN, LIMIT} <= set(ADVICE)


def test_every_status_code_of_salesforce_gets_a_verdict_and_a_text(status_codes: frozenset[str]) -> None:
    for code in status_codes:
        error = classified({"statusCode": code, "message": "because", "fields": ["Name"]}, "Account")
        assert error.code == code
        assert len(error.text) > 20
        assert "{" not in error.text


@pytest.mark.parametrize(
    ("code", "message", "verdict"),
    [
        ("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record", Verdict.RETRY),
        (
            "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
            "CaseTrigger: execution of AfterUpdate caused by: UNABLE_TO_LOCK_ROW, unable to obtain",
            Verdict.RETRY,
        ),
        ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "CaseTrigger: null pointer", Verdict.DEAD),
        ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", Verdict.PAUSE),
        ("REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests Limit exceeded.", Verdict.RETRY),
        ("STORAGE_LIMIT_EXCEEDED", "storage limit exceeded", Verdict.PAUSE),
        ("INVALID_SESSION_ID", "Session expired or invalid", Verdict.RELOGIN),
        ("QUERY_TIMEOUT", "Your query request was running for too long.", Verdict.RETRY),
        ("ALL_OR_NONE_OPERATION_ROLLED_BACK", "Record rolled back", Verdict.RETRY),
        ("PROCESSING_HALTED", "The transaction was rolled back", Verdict.RETRY),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "Owner must be set", Verdict.DEAD),
        ("REQUIRED_FIELD_MISSING", "Required fields are missing: [Name]", Verdict.DEAD),
        ("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", Verdict.DEAD),
        ("ENTITY_IS_DELETED", "entity is deleted", Verdict.DEAD),
        ("SOMETHING_OF_2031", "new", Verdict.DEAD),
    ],
)
def test_the_code_decides(code: str, message: str, verdict: Verdict) -> None:
    assert classified({"statusCode": code, "message": message}, "Case").verdict is verdict


def test_a_collections_row_says_status_code_and_a_call_says_error_code() -> None:
    row = classified({"statusCode": "STRING_TOO_LONG", "message": "m", "fields": ["Name"]}, "Case")
    call = classified({"errorCode": "STRING_TOO_LONG", "message": "m", "fields": ["Name"]}, "Case")
    assert row == call


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (
            {"statusCode": "INSUFFICIENT_ACCESS_OR_READONLY", "message": "no", "fields": ["Billing_MRR__c"]},
            ("Account", "permission set", "field Billing_MRR__c"),
        ),
        (
            {"statusCode": "INVALID_FIELD", "message": "No such column 'X__c' on sobject of type Account"},
            ("Account", "X__c", "deploy salesforce/", "Casewire_Integration"),
        ),
        (
            {"statusCode": "REQUIRED_FIELD_MISSING", "message": "m", "fields": ["A", "B"]},
            ("fields A, B", "optional"),
        ),
        ({"statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "Say why."}, ("Say why", "Exempt")),
    ],
)
def test_advice_names_object_and_field_and_what_to_do(
    problem: dict[str, Any], words: tuple[str, ...]
) -> None:
    text = classified(problem, "Account").text
    for word in words:
        assert word in text


@pytest.mark.parametrize("key", ["duplicateResut", "duplicateResult"])
def test_the_records_of_a_duplicate_rule_are_named_under_both_spellings(key: str) -> None:
    record = {"attributes": {"type": "Contact"}, "Id": "0038M0000016Wv8QAE"}
    told = {key: {"matchResults": [{"matchRecords": [{"record": record}]}]}}
    error = classified({"errorCode": "DUPLICATES_DETECTED", "message": "m", **told}, "Contact")
    assert (error.verdict, error.matches) == (Verdict.DEAD, ("0038M0000016Wv8QAE",))


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


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (401, "<html>", Verdict.RELOGIN),
        (302, "", Verdict.RELOGIN),
        (420, "<html>", Verdict.PAUSE),
        (503, {"odd": 1}, Verdict.PAUSE),
        (500, "<html>", Verdict.PAUSE),
        (500, {"odd": 1}, Verdict.RETRY),
        (404, [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}], Verdict.DEAD),
        (400, {"odd": 1}, Verdict.DEAD),
    ],
)
def test_answers_without_a_code_go_by_status(status: int, body: object, verdict: Verdict) -> None:
    assert of_answer(status, body, "query").verdict is verdict


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("UNABLE_TO_LOCK_ROW", Transient),
        ("STORAGE_LIMIT_EXCEEDED", Unavailable),
        ("STRING_TOO_LONG", Permanent),
        ("INVALID_SESSION_ID", Unavailable),
    ],
)
def test_a_refusal_can_be_raised(code: str, kind: type[Exception]) -> None:
    assert type(classified({"statusCode": code}, "Case").exception()) is kind
