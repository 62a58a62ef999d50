"""Bulk API 2.0 ingest: how the data of a job comes, and what in it fails the whole job."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
from bulk_jobs import JOBS, UPSERT, accounts, create, error, info, load, results, turn, upload

if TYPE_CHECKING:
    from conftest import Api


def test_data_may_come_packed(api: Api) -> None:
    job = create(api, **UPSERT)
    packed = gzip.compress(accounts(3).encode())
    address, options = f"{JOBS}/{job}/batches", {"headers": {"Content-Encoding": "gzip"}}
    assert api("PUT", address, data=packed, content_type="text/csv", **options).status_code == 201
    turn(api, job, "UploadComplete")
    assert info(api, job)["numberRecordsProcessed"] == 3


def test_data_comes_once_while_the_job_is_open_and_is_not_too_large(api: Api) -> None:
    job = create(api, **UPSERT)
    assert api("GET", "/__sandbox__/bulk").get_json()["largest_upload"] == 150_000_000
    api("PUT", "/__sandbox__/bulk", {"largest_upload": 40})
    assert error(upload(api, job, accounts(10)))[:2] == (413, "EXCEEDED_MAX_SIZE_REQUEST")
    answer = upload(api, job, accounts(2))
    assert (answer.status_code, answer.get_data()) == (201, b"")
    status, code, message = error(upload(api, job, accounts(2)))
    assert (status, code) == (400, "BULK_API_ERROR")
    assert message.startswith(f"Found multipe contents for job: <{job[:15]}>")
    turn(api, job, "UploadComplete")
    assert error(upload(api, job, accounts(2)))[1] == "INVALIDJOBSTATE"


@pytest.mark.parametrize(
    ("delimiter", "sign"),
    [
        ("BACKQUOTE", "`"),
        ("CARET", "^"),
        ("COMMA", ","),
        ("PIPE", "|"),
        ("SEMICOLON", ";"),
        ("TAB", "\t"),
    ],
)
@pytest.mark.parametrize(("line_ending", "end"), [("LF", "\n"), ("CRLF", "\r\n")])
def test_delimiters_and_line_endings_are_those_of_the_job(
    api: Api, delimiter: str, sign: str, line_ending: str, end: str
) -> None:
    lines = (f"Billing_Key__c{sign}Name", f'k{sign}"Acme{sign} ""the"" Ltd"', "")
    job = load(api, end.join(lines), columnDelimiter=delimiter, lineEnding=line_ending, **UPSERT)
    text = api("GET", f"{JOBS}/{job}/successfulResults").get_data(as_text=True)
    heads = sign.join(f'"{name}"' for name in ("sf__Id", "sf__Created", "Billing_Key__c", "Name"))
    assert text.split(end)[0] == heads
    assert text.split(end)[2] == ""
    assert api.rows("SELECT Name FROM Account") == [{"Name": f'Acme{sign} "the" Ltd'}]


def test_a_cell_may_hold_lines(api: Api) -> None:
    load(api, 'Name,Description\n"Acme","one\ntwo"\n')
    assert api.rows("SELECT Description FROM Account") == [{"Description": "one\ntwo"}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Name,Nothing__c\nA,b\n", "InvalidBatch : Field name not found : Nothing__c"),
        (
            "Name,Nothing.Billing_Key__c\nA,b\n",
            "InvalidBatch : Field name not found : Nothing.Billing_Key__c",
        ),
        ("Name,Parent.Nothing__c\nA,b\n", "InvalidBatch : Field name not found : Parent.Nothing__c"),
        (
            "Name,Account:Parent.Billing_Key__c\nA,b\n",
            "InvalidBatch : type is not needed for non polymorphic foreign key references: Parent",
        ),
        (
            "Name,Owner.Username\nA,b\n",
            "InvalidBatch : type is needed for polymorphic foreign key references: Owner",
        ),
        ("\ufeffName\nA\n", "InvalidBatch : Field name not found : \ufeffName"),
        (
            "Name\r\nA\r\n",
            "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is LF",
        ),
        ("Name,Site\nA\n", "InvalidBatch : Row 1 has 1 columns, the header has 2"),
        ("", "InvalidBatch : Records not processed: there is no header"),
    ],
)
def test_a_wrong_header_fails_the_whole_job(api: Api, text: str, message: str) -> None:
    object = "Case" if "Owner" in text else "Account"
    job = load(api, text.replace("Name,Owner", "Subject,Owner"), object)
    told = info(api, job)
    assert (told["state"], told["errorMessage"]) == ("Failed", message)
    assert (told["numberRecordsProcessed"], told["numberRecordsFailed"]) == (0, 0)
    assert api.query(f"SELECT COUNT() FROM {object}")["totalSize"] == 0


def test_the_rows_of_a_failed_job_are_unprocessed(api: Api) -> None:
    job = load(api, "Name,Nothing__c\nA,b\n")
    assert results(api, job, "unprocessedrecords") == [{"Name": "A", "Nothing__c": "b"}]
    assert results(api, job, "successfulResults") == results(api, job, "failedResults") == []


@pytest.mark.parametrize(
    ("operation", "more", "missing"),
    [
        ("update", {}, "Id"),
        ("delete", {}, "Id"),
        ("upsert", {"externalIdFieldName": "Billing_Key__c"}, "Billing_Key__c"),
    ],
)
def test_without_the_column_that_says_which_record_the_job_fails(
    api: Api, operation: str, more: dict[str, str], missing: str
) -> None:
    job = load(api, "Name\nA\n", "Account", operation, **more)
    assert info(api, job)["errorMessage"] == f"InvalidBatch : Field name not found : {missing}"
