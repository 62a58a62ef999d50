"""Every error of Salesforce is retried, given up with advice, or pauses the work; and every code is a real one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import simple_salesforce

from connector.clients.salesforce import Verdict
from connector.clients.salesforce.collections import results
from connector.clients.salesforce.error_messages import ADVICE
from connector.clients.salesforce.errors import LIMIT, PAUSED, RELOGIN, RETRIED, classified, of_answer
from connector.clients.salesforce.jobs import HOPELESS, QUOTA
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


def test_the_codes_of_bulk_jobs_are_not_taken_for_status_codes(status_codes: frozenset[str]) -> None:
    assert status_codes.isdisjoint({*HOPELESS, QUOTA})


def test_every_code_we_treat_apart_has_its_advice() -> None:
    assert {*RETRIED, *PAUSED, *RELOGIN, LIMIT} <= set(ADVICE)


def test_every_status_code_of_salesforce_gets_a_verdict_and_a_text(status_codes: frozenset[str]) -> None:
    assert len(status_codes) > 500
    for code in status_codes:
        error = classified({"statusCode": code, "message": "because", "fields": ["Name"]}, "Account")
        assert error.code == code
        assert len(error.text) > 20
        assert "{" not in error.text


RETRY_BY_FACTS = (
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "ENTITY_IS_LOCKED",
    "PLATFORM_EVENT_PUBLISHING_UNAVAILABLE",
    "PROCESSING_HALTED",
    "QUERY_TIMEOUT",
    "RECORD_LOCKED",
    "UNABLE_TO_LOCK_RECORD",
    "UNABLE_TO_LOCK_ROW",
    "UNKNOWN_EXCEPTION",
)
WHOLE_ORG_IS_OUT = ("API_CURRENTLY_DISABLED", "SERVER_UNAVAILABLE", "SERVICE_UNAVAILABLE")
PAUSE_BY_FACTS = ("API_DISABLED_FOR_ORG", "LOGIN_RATE_EXCEEDED", "STORAGE_LIMIT_EXCEEDED")
NEVER_BY_FACTS = (
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
    "DUPLICATES_DETECTED",
    "DUPLICATE_EXTERNAL_ID",
    "ENTITY_IS_DELETED",
    "FIELD_CUSTOM_VALIDATION_EXCEPTION",
    "FIELD_INTEGRITY_EXCEPTION",
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
    "INSUFFICIENT_ACCESS_OR_READONLY",
    "INVALID_CROSS_REFERENCE_KEY",
    "INVALID_CURRENCY_ISO",
    "INVALID_EMAIL_ADDRESS",
    "INVALID_FIELD",
    "INVALID_FIELD_FOR_INSERT_UPDATE",
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
    "INVALID_TYPE",
    "JSON_PARSER_ERROR",
    "MALFORMED_ID",
    "MALFORMED_QUERY",
    "NOT_FOUND",
    "NUMBER_OUTSIDE_VALID_RANGE",
    "REQUIRED_FIELD_MISSING",
    "STRING_TOO_LONG",
)


@pytest.mark.parametrize(
    ("codes", "verdict"),
    [
        (RETRY_BY_FACTS, Verdict.RETRY),
        (WHOLE_ORG_IS_OUT, Verdict.PAUSE),
        (PAUSE_BY_FACTS, Verdict.PAUSE),
        (NEVER_BY_FACTS, Verdict.DEAD),
        (("INVALID_SESSION_ID",), Verdict.RELOGIN),
    ],
)
def test_the_documented_classes_of_errors_are_ours(codes: tuple[str, ...], verdict: Verdict) -> None:
    """What is retried where no row of any object can be written, is retried by the circuit: no attempt is spent."""
    found = {code: classified({"errorCode": code, "message": "because"}, "Case") for code in codes}
    assert {error.verdict for error in found.values()} == {verdict}
    if verdict is Verdict.RETRY:
        assert all(error.retry_after for error in found.values())


SOON, LATER, LONG, HOUR = 5.0, 60.0, 900.0, 3600.0
WAITS: dict[str, tuple[Verdict, float | None]] = {
    **dict.fromkeys(
        [
            "ALL_OR_NONE_OPERATION_ROLLED_BACK",
            "BAD_GATEWAY",
            "CONFLICT",
            "INTERNAL_ERROR",
            "INVALID_QUERY_LOCATOR",
            "OPERATION_CONFLICT",
            "PROCESSING_HALTED",
            "TOO_MANY_APEX_REQUESTS",
            "UNABLE_TO_LOCK_RECORD",
            "UNABLE_TO_LOCK_ROW",
            "UNKNOWN_EXCEPTION",
        ],
        (Verdict.RETRY, SOON),
    ),
    **dict.fromkeys(
        [
            "ENTITY_IS_LOCKED",
            "MATCH_SERVICE_TIMED_OUT",
            "MATCH_SERVICE_UNAVAILABLE_ERROR",
            "PLATFORM_EVENT_PUBLISH_FAILED",
            "QUERY_TIMEOUT",
            "RECORD_IN_USE_BY_WORKFLOW",
            "RECORD_LOCKED",
            "REQUEST_RUNNING_TOO_LONG",
            "TOO_MANY_JOBS",
            "UNABLE_TO_UPDATE_RECORD_LOCK",
        ],
        (Verdict.RETRY, LATER),
    ),
    **dict.fromkeys(
        ["PLATFORM_EVENT_PUBLISHING_UNAVAILABLE", "TERRITORY_REALIGN_IN_PROGRESS"], (Verdict.RETRY, LONG)
    ),
    **dict.fromkeys(
        [
            "API_CURRENTLY_DISABLED",
            "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE",
            "LOGIN_RATE_EXCEEDED",
        ],
        (Verdict.PAUSE, LONG),
    ),
    **dict.fromkeys(["API_DISABLED_FOR_ORG", "STORAGE_LIMIT_EXCEEDED"], (Verdict.PAUSE, HOUR)),
    **dict.fromkeys(["SERVER_UNAVAILABLE", "SERVICE_UNAVAILABLE"], (Verdict.PAUSE, None)),
    **dict.fromkeys(
        ["INVALID_SESSION_ID", "SESSION_EXPIRED", "SESSION_INVALIDATED"], (Verdict.RELOGIN, None)
    ),
}


def test_every_code_that_passes_waits_its_own_time() -> None:
    found = {code: classified({"errorCode": code}, "Account") for code in WAITS}
    assert {code: (error.verdict, error.retry_after) for code, error in found.items()} == WAITS
    assert {*RETRIED, *PAUSED, *RELOGIN} == set(WAITS)


STORAGE, LOCKED, MISSING = (
    {"statusCode": code, "message": code}
    for code in ("STORAGE_LIMIT_EXCEEDED", "UNABLE_TO_LOCK_ROW", "REQUIRED_FIELD_MISSING")
)
SESSION = {"statusCode": "INVALID_SESSION_ID", "message": "expired"}


@pytest.mark.parametrize(
    ("problems", "verdict"),
    [
        ([STORAGE], Verdict.PAUSE),
        ([MISSING, STORAGE], Verdict.PAUSE),
        ([STORAGE, LOCKED], Verdict.PAUSE),
        ([LOCKED, MISSING], Verdict.DEAD),
        ([LOCKED], Verdict.RETRY),
        ([MISSING, STORAGE, SESSION], Verdict.RELOGIN),
        ([], Verdict.DEAD),
    ],
)
def test_of_several_errors_of_a_row_what_pauses_everything_decides_first(
    problems: list[dict[str, str]], verdict: Verdict
) -> None:
    for told in (problems, problems[::-1]):
        (result,) = results([{"success": False, "errors": [*told, None]}], ["k"], "Account")
        assert result.error
        assert result.error.verdict is verdict


def test_a_row_that_is_refused_for_storage_pauses_the_work() -> None:
    (result,) = results([{"success": False, "errors": [STORAGE]}], ["k"], "Account")
    assert result.error
    error = result.error.exception()
    assert isinstance(error, Unavailable)
    assert error.retry_after == HOUR


@pytest.mark.parametrize("success", ["true", 1, None, False])
def test_a_row_is_written_only_where_salesforce_says_so(success: object) -> None:
    (result,) = results([{"success": success, "id": "001"}], ["k"], "Account")
    assert (result.id, result.error is None) == (None, False)


@pytest.mark.parametrize("number", [0, 1, 3])
def test_an_answer_of_another_length_fits_no_row(number: int) -> None:
    with pytest.raises(Transient):
        results([{"success": True, "id": "001"}] * number, ["a", "b"], "Account")


def test_a_slow_retry_is_slow() -> None:
    for code in ("API_CURRENTLY_DISABLED", "PLATFORM_EVENT_PUBLISHING_UNAVAILABLE"):
        assert (classified({"errorCode": code}, "Case").retry_after or 0) >= 900


NOT_OURS = frozenset(
    {
        "CHECKOUT_LOCKED",
        "DATAASSESSMENT_CONFIG_ASSESSMENT_IN_PROGRESS_ERROR",
        "EMAIL_EXTERNAL_TRANSPORT_TOO_MANY_REQUESTS_ERROR",
        "PAYMENTS_TOO_MANY_REQUESTS_ERROR",
        "UNAVAILABLE_RECORDTYPE_EXCEPTION",
        "UNAVAILABLE_REF",
    }
)
"""Of features that Casewire does not use, or about a value that is not available."""
_SOUNDS_PASSING = re.compile(
    r"UNAVAILABLE|TIMED?_?OUT|IN_PROGRESS|TOO_MANY_(APEX|REQUESTS|JOBS)|TO_LOCK|LOCKED$|IN_USE_BY"
)


def test_every_status_code_that_sounds_passing_is_tried_again(status_codes: frozenset[str]) -> None:
    passing = {code for code in status_codes if _SOUNDS_PASSING.search(code)}
    dead = {code for code in passing if classified({"statusCode": code}, "Case").verdict is Verdict.DEAD}
    assert dead == NOT_OURS
    assert len(passing) > 12


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


@pytest.mark.parametrize("body", ["Bad_OAuth_Token", "Missing_OAuth_Token\n"])
def test_the_identity_service_refuses_a_session_in_its_own_words(body: str) -> None:
    assert of_answer(403, body, "identity").verdict is Verdict.RELOGIN


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (401, "<html>", Verdict.RELOGIN),
        (302, "", Verdict.RELOGIN),
        (300, "", Verdict.RELOGIN),
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
    raised = classified({"statusCode": code}, "Case").exception()
    assert isinstance(raised, kind)
    assert isinstance(raised, Unavailable) is (kind is Unavailable)
    assert isinstance(raised, Permanent) is (kind is Permanent)
