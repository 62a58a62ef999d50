"""Bulk API 2.0 query: from a query to pages of CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.test import TestResponse

from sandbox.salesforce import Org
from sandbox.salesforce.bulk.jobs import CHUNK

if TYPE_CHECKING:
    from conftest import Api

JOBS = "jobs/query"


def _create(api: Api, query: str, operation: str = "query", **more: Any) -> TestResponse:
    return api("POST", JOBS, {"operation": operation, "query": query, **more})


def _done(api: Api, query: str, operation: str = "query", **more: Any) -> str:
    job: str = _create(api, query, operation, **more).get_json()["id"]
    while api("GET", f"{JOBS}/{job}").get_json()["state"] in ("UploadComplete", "InProgress"):
        pass
    return job


def _text(api: Api, job: str, **options: Any) -> str:
    answer = api("GET", f"{JOBS}/{job}/results", **options)
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    return answer.get_data(as_text=True)


def _accounts(org: Org, number: int) -> None:
    kind = org.schema.objects["Account"]
    with org.store.transaction():
        writer = org.writer()
        for place in range(number):
            writer.insert(kind, {"Name": f"N{place:04d}"})


def test_a_query_job_tells_of_itself(api: Api, org: Org) -> None:
    _accounts(org, CHUNK + 1)
    made = _create(api, "SELECT Id FROM account").get_json()
    assert (made["object"], made["operation"], made["state"]) == ("Account", "query", "UploadComplete")
    assert (made["lineEnding"], made["columnDelimiter"], made["apiVersion"]) == ("LF", "COMMA", 60.0)
    assert "contentUrl" not in made
    states = [api("GET", f"{JOBS}/{made['id']}").get_json() for _ in range(2)]
    assert [told["state"] for told in states] == ["InProgress", "JobComplete"]
    assert (states[1]["jobType"], states[1]["numberRecordsProcessed"]) == ("V2Query", CHUNK + 1)
    assert "numberRecordsFailed" not in states[1]
    assert [job["id"] for job in api("GET", JOBS).get_json()["records"]] == [made["id"]]
    assert api("GET", "jobs/ingest").get_json()["records"] == []
    assert api("GET", f"jobs/ingest/{made['id']}").status_code == 404


def test_rows_come_as_csv_with_every_cell_in_quotes(api: Api) -> None:
    parent = api.create("Account", Name='Big, "the" first', Overdue__c=True, Balance__c=2)
    child = api.create("Account", Name="Small", ParentId=parent)
    query = "SELECT id, Name, parent.name, Overdue__c, Balance__c, CreatedDate FROM Account ORDER BY Name"
    moment = "2026-05-01T07:25:37.000Z"
    assert _text(api, _done(api, query)).split("\n") == [
        '"Id","Name","Parent.Name","Overdue__c","Balance__c","CreatedDate"',
        f'"{parent}","Big, ""the"" first","","true","2.0","{moment}"',
        f'"{child}","Small","Big, ""the"" first","false","","{moment}"',
        "",
    ]


def test_all_fields_may_be_asked_for(api: Api) -> None:
    api.create("Account", Name="N", Legacy_Number__c="7")
    head = _text(api, _done(api, "SELECT FIELDS(CUSTOM) FROM Account LIMIT 1")).splitlines()[0]
    assert '"Legacy_Number__c"' in head
    assert '"Name"' not in head


def test_delimiter_and_line_ending_are_those_asked_for(api: Api) -> None:
    api.create("Account", Name="N")
    job = _done(api, "SELECT Name, Site FROM Account", columnDelimiter="PIPE", lineEnding="CRLF")
    assert _text(api, job) == '"Name"|"Site"\r\n"N"|""\r\n'


def test_nothing_found_is_a_header_alone(api: Api) -> None:
    answer = api("GET", f"{JOBS}/{_done(api, 'SELECT Id FROM Account')}/results")
    assert answer.get_data() == b'"Id"\n'
    assert (answer.headers["Sforce-NumberOfRecords"], answer.headers["Sforce-Locator"]) == ("0", "null")


def test_results_come_in_pages_of_the_size_asked_for(api: Api, org: Org) -> None:
    _accounts(org, 5)
    job = _done(api, "SELECT Name FROM Account ORDER BY Name")
    locator, pages = "", []
    while locator != "null":
        asked = {"maxRecords": "2"} | ({"locator": locator} if locator else {})
        answer = api("GET", f"{JOBS}/{job}/results", query_string=asked)
        lines = answer.get_data(as_text=True).splitlines()
        assert lines[0] == '"Name"'
        assert answer.headers["Sforce-NumberOfRecords"] == str(len(lines) - 1)
        pages.append(lines[1:])
        locator = answer.headers["Sforce-Locator"]
    assert pages == [['"N0000"', '"N0001"'], ['"N0002"', '"N0003"'], ['"N0004"']]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"locator": "!"}, "INVALID_QUERY_LOCATOR"),
        ({"maxRecords": "0"}, "API_ERROR"),
        ({"maxRecords": "x"}, "API_ERROR"),
    ],
)
def test_a_page_that_is_none_is_refused(api: Api, asked: dict[str, str], code: str) -> None:
    job = _done(api, "SELECT Id FROM Account")
    answer = api("GET", f"{JOBS}/{job}/results", query_string=asked)
    assert (answer.status_code, answer.get_json()[0]["errorCode"]) == (400, code)


def test_deleted_rows_are_found_only_by_query_all(api: Api) -> None:
    api("DELETE", f"sobjects/Account/{api.create('Account', Name='Gone')}")
    query = "SELECT Name, IsDeleted FROM Account"
    assert _text(api, _done(api, query)) == '"Name","IsDeleted"\n'
    assert _text(api, _done(api, query, "queryAll")) == '"Name","IsDeleted"\n"Gone","true"\n'


def test_a_merged_row_names_the_one_it_went_into(api: Api) -> None:
    master, loser = (api.create("Account", Name=name) for name in "AB")
    merge = {"object": "Account", "master": master, "losers": [loser]}
    assert api("POST", "/__sandbox__/merge", merge).status_code == 200
    query = "SELECT Id, MasterRecordId FROM Account WHERE IsDeleted = true"
    assert _text(api, _done(api, query, "queryAll")).splitlines()[1:] == [f'"{loser}","{master}"']
    found = api("GET", "queryAll", query_string={"q": query}).get_json()["records"]
    assert [(row["Id"], row["MasterRecordId"]) for row in found] == [(loser, master)]


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ("SELECT Nothing FROM Account", "INVALID_FIELD", "No such column 'Nothing'"),
        ("SELECT Id FROM", "MALFORMED_QUERY", "unexpected token"),
        ("", "MALFORMED_QUERY", "unexpected token"),
        ("SELECT COUNT() FROM Account", "API_ERROR", "not supported in Bulk Query"),
        ("SELECT Name, COUNT(Id) FROM Account GROUP BY Name", "API_ERROR", "not supported in Bulk Query"),
        ("SELECT Id FROM Account LIMIT 1 OFFSET 1", "API_ERROR", "not supported in Bulk Query"),
        (
            "SELECT Id, (SELECT Id FROM Contacts) FROM Account",
            "API_ERROR",
            "Aggregate Relationships not supported in Bulk Query",
        ),
    ],
)
def test_a_query_that_cannot_be_run_is_refused_at_once(api: Api, query: str, code: str, message: str) -> None:
    answer = _create(api, query)
    (error,) = answer.get_json()
    assert (answer.status_code, error["errorCode"]) == (400, code)
    assert message in error["message"]
    assert api("GET", JOBS).get_json()["records"] == []


def test_results_wait_for_the_end_and_an_aborted_job_has_none(api: Api, org: Org) -> None:
    _accounts(org, CHUNK + 1)
    job = _create(api, "SELECT Id FROM Account").get_json()["id"]
    early = api("GET", f"{JOBS}/{job}/results")
    assert (early.status_code, early.get_json()[0]["errorCode"]) == (400, "INVALIDJOBSTATE")
    api("PUT", "/__sandbox__/bulk", {"polls": 9})
    assert api("PATCH", f"{JOBS}/{job}", {"state": "Aborted"}).get_json()["state"] == "Aborted"
    assert api("GET", f"{JOBS}/{job}").get_json()["state"] == "Aborted"
    assert api("GET", f"{JOBS}/{job}/results").status_code == 400
    assert api("DELETE", f"{JOBS}/{job}").status_code == 204
    assert api("GET", f"{JOBS}/{job}").status_code == 404


def test_only_query_operations_belong_here(api: Api) -> None:
    for operation in ("insert", ""):
        answer = _create(api, "SELECT Id FROM Account", operation)
        assert (answer.status_code, answer.get_json()[0]["errorCode"]) == (400, "API_ERROR")
    assert (
        api("PATCH", f"{JOBS}/{_done(api, 'SELECT Id FROM Account')}", {"state": "Open"}).status_code == 400
    )
