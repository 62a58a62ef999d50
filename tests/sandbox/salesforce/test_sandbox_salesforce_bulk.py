"""Bulk API 2.0 ingest: the life of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from bulk_jobs import JOBS, UPSERT, accounts, create, error, info, load, results, turn, upload

from sandbox.salesforce import Org
from sandbox.salesforce.bulk.job import INGEST, Order
from sandbox.salesforce.bulk.jobs import CHUNK, Jobs, Pace

if TYPE_CHECKING:
    from conftest import Api


def test_a_new_job_is_open_and_says_where_its_data_goes(api: Api) -> None:
    told = api("POST", JOBS, {"object": "account", **UPSERT, "contentType": "CSV"}).get_json()
    assert told == {
        "id": "750Cw0000000001IAA",
        "operation": "upsert",
        "object": "Account",
        "createdById": told["createdById"],
        "createdDate": "2026-05-01T07:25:37.000+0000",
        "systemModstamp": "2026-05-01T07:25:37.000+0000",
        "state": "Open",
        "externalIdFieldName": "Billing_Key__c",
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": 60.0,
        "contentUrl": "services/data/v60.0/jobs/ingest/750Cw0000000001IAA/batches",
        "lineEnding": "LF",
        "columnDelimiter": "COMMA",
    }
    assert told["createdById"].startswith("005")


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"object": "Nothing", "operation": "insert"}, "INVALIDJOB", "Unable to find object: Nothing"),
        ({"operation": "insert"}, "INVALIDJOB", "Unable to find object: "),
        ({"object": "Account", "operation": "merge"}, "API_ERROR", "Invalid value: 'merge'"),
        ({"object": "Account"}, "API_ERROR", "Invalid value: '' supplied for property: 'operation'"),
        ({"object": "Account", "operation": "hardDelete"}, "FEATURENOTENABLED", "special user profile"),
        ({"object": "Account", "operation": "upsert"}, "INVALIDJOB", "External ID was blank for Account."),
        (
            {"object": "Account", "operation": "upsert", "externalIdFieldName": "Name"},
            "INVALIDJOB",
            "Field name provided, Name does not match an External ID for Account",
        ),
        ({"object": "Account", "operation": "insert", "contentType": "XML"}, "API_ERROR", "'contentType'"),
        ({"object": "Account", "operation": "insert", "lineEnding": "CR"}, "API_ERROR", "'lineEnding'"),
        (
            {"object": "Account", "operation": "insert", "columnDelimiter": ","},
            "API_ERROR",
            "'columnDelimiter'",
        ),
        (
            {"object": "Account", "operation": "insert", "assignmentRuleId": "01QCw0000000001"},
            "INVALIDJOB",
            "assignment rule",
        ),
        ({"object": "Case", "operation": "insert", "assignmentRuleId": "x"}, "INVALIDJOB", "assignment rule"),
    ],
)
def test_a_job_that_makes_no_sense_is_not_created(
    api: Api, body: dict[str, Any], code: str, message: str
) -> None:
    status, told, text = error(api("POST", JOBS, body))
    assert (status, told) == (400, code)
    assert message in text
    assert api("GET", JOBS).get_json()["records"] == []


def test_a_job_of_some_size_is_seen_in_progress_before_it_is_complete(api: Api) -> None:
    job = create(api, **UPSERT)
    assert upload(api, job, accounts(2 * CHUNK)).status_code == 201
    assert api.query("SELECT COUNT() FROM Account")["totalSize"] == 0
    closed = turn(api, job, "UploadComplete").get_json()
    assert closed["state"] == "UploadComplete"
    assert not {"contentUrl", "lineEnding", "numberRecordsProcessed"} & set(closed)
    half = info(api, job)
    assert (half["state"], half["numberRecordsProcessed"]) == ("InProgress", CHUNK)
    whole = info(api, job)
    assert (whole["state"], whole["numberRecordsProcessed"]) == ("JobComplete", 2 * CHUNK)
    assert (whole["jobType"], whole["retries"], whole["numberRecordsFailed"]) == ("V2Ingest", 0, 0)
    assert (
        whole["totalProcessingTime"] >= whole["apiActiveProcessingTime"] >= whole["apexProcessingTime"] == 0
    )
    assert api.query("SELECT COUNT() FROM Account")["totalSize"] == 2 * CHUNK


def test_a_tiny_job_is_done_when_it_is_first_asked_for(api: Api) -> None:
    job = create(api, **UPSERT)
    upload(api, job, accounts(CHUNK))
    turn(api, job, "UploadComplete")
    assert info(api, job)["state"] == "JobComplete"


def test_a_job_is_worked_by_whatever_is_called_next_a_chunk_at_a_time(api: Api) -> None:
    job = create(api, **UPSERT)
    upload(api, job, accounts(3 * CHUNK))
    turn(api, job, "UploadComplete")
    counts = [api.query("SELECT COUNT() FROM Account")["totalSize"] for _ in range(4)]
    assert counts == [CHUNK, 2 * CHUNK, 3 * CHUNK, 3 * CHUNK]
    assert info(api, job)["state"] == "JobComplete"


def test_a_call_about_a_job_works_no_more_than_a_batch_of_it() -> None:
    jobs = Jobs()
    jobs.pace = Pace(polls=0)
    job = jobs.add(Order(INGEST, "insert", "Account"), "", "60.0", "")
    job.rows, job.steps, job.done = [[""]] * 25_000, 2, 10_000
    assert jobs.due(job) == 20_000


def test_how_often_a_job_must_be_asked_for_is_set_in_the_control_plane(api: Api) -> None:
    assert api("PUT", "/__sandbox__/bulk", {"polls": 3}).get_json()["polls"] == 3
    job = create(api, **UPSERT)
    upload(api, job, accounts(CHUNK + 1))
    turn(api, job, "UploadComplete")
    states = [info(api, job)["state"] for _ in range(4)]
    assert states == ["InProgress", "InProgress", "InProgress", "JobComplete"]


def test_a_job_can_be_made_to_take_its_time() -> None:
    now = 100.0
    jobs = Jobs(clock=lambda: now)
    jobs.pace = Pace(polls=0, ms_per_1000=2000)
    job = jobs.add(Order(INGEST, "insert", "Account"), "", "60.0", "")
    job.rows, job.steps = [[""]] * 1000, 5
    jobs.start(job)
    assert jobs.due(job) == 0
    now = 101.0
    assert jobs.due(job) == 400, "half of a thousand, in whole chunks"
    now = 102.0
    assert jobs.due(job) == 1000


@pytest.mark.parametrize("body", [{"polls": -1}, {"polls": True}, {"speed": 1}, [], None])
def test_a_pace_that_makes_no_sense_is_refused(api: Api, body: Any) -> None:
    assert api("PUT", "/__sandbox__/bulk", body).status_code == 400
    assert api("GET", "/__sandbox__/bulk").get_json()["polls"] == 1


def test_reset_forgets_jobs_and_pace(api: Api) -> None:
    api("PUT", "/__sandbox__/bulk", {"polls": 9})
    job = create(api, **UPSERT)
    upload(api, job, accounts(2))
    turn(api, job, "UploadComplete")
    api("POST", "/__sandbox__/reset")
    assert api("GET", "/__sandbox__/bulk").get_json()["polls"] == 1
    assert api("GET", f"{JOBS}/{job}").status_code == 404
    assert api.query("SELECT COUNT() FROM Account")["totalSize"] == 0


def test_every_request_about_a_job_is_one_call(api: Api) -> None:
    job = load(api, accounts(2), **UPSERT)
    answer = api("GET", f"{JOBS}/{job}/successfulResults")
    assert answer.headers["Sforce-Limit-Info"] == "api-usage=5/100000"
    calls = api("GET", "/__sandbox__/calls").get_json()["calls"]
    assert calls["PUT /services/data/vXX.0/jobs/ingest/<id>/batches"] == 1


def test_an_open_job_can_be_aborted_and_an_ended_one_cannot(api: Api) -> None:
    job = create(api)
    assert turn(api, job, "Aborted").get_json()["state"] == "Aborted"
    assert info(api, job)["state"] == "Aborted"
    assert error(turn(api, job, "Aborted")) == (
        400,
        "INVALIDJOBSTATE",
        "Aborting already Aborted Job not allowed",
    )
    done = load(api, accounts(1), **UPSERT)
    assert error(turn(api, done, "Aborted")) == (
        400,
        "INVALIDJOBSTATE",
        "Aborting already Completed Job not allowed",
    )
    assert error(turn(api, done, "UploadComplete"))[1] == "INVALIDJOBSTATE"
    assert error(turn(api, done, "Open"))[1] == "API_ERROR"


def test_a_job_aborted_half_way_tells_what_it_did_not_come_to(api: Api) -> None:
    job = create(api, **UPSERT)
    upload(api, job, accounts(2 * CHUNK + 5))
    turn(api, job, "UploadComplete")
    assert info(api, job)["state"] == "InProgress"
    api("PUT", "/__sandbox__/bulk", {"polls": 5})
    assert turn(api, job, "Aborted").get_json()["state"] == "Aborted"
    done = results(api, job, "successfulResults")
    left = results(api, job, "unprocessedrecords")
    assert [row["Billing_Key__c"] for row in [*done, *left]] == [f"k{n}" for n in range(2 * CHUNK + 5)]
    assert done
    assert left == results(api, job, "unprocessedRecords")
    assert api.query("SELECT COUNT() FROM Account")["totalSize"] == len(done)


def test_results_are_not_given_before_the_end(api: Api) -> None:
    job = create(api)
    for which in ("successfulResults", "failedResults", "unprocessedrecords"):
        assert error(api("GET", f"{JOBS}/{job}/{which}"))[:2] == (400, "INVALIDJOBSTATE")


def test_a_job_is_deleted_when_it_is_not_at_work(api: Api) -> None:
    job = create(api)
    assert error(api("DELETE", f"{JOBS}/{job}"))[:2] == (400, "INVALIDJOBSTATE")
    turn(api, job, "Aborted")
    assert api("DELETE", f"{JOBS}/{job}").status_code == 204
    assert error(api("GET", f"{JOBS}/{job}")) == (404, "NOT_FOUND", "The requested resource does not exist")


def test_all_jobs_are_listed_newest_first_and_by_pages(api: Api, org: Org) -> None:
    for place in range(1001):
        org.jobs.add(Order(INGEST, "insert", "Account"), org.user_id, "60.0", f"made {place}")
    page = api("GET", JOBS).get_json()
    assert (page["done"], len(page["records"]), page["records"][0]["createdDate"]) == (
        False,
        1000,
        "made 1000",
    )
    last = api("GET", page["nextRecordsUrl"]).get_json()
    assert (last["done"], last["nextRecordsUrl"]) == (True, None)
    assert [(job["createdDate"], job["jobType"]) for job in last["records"]] == [("made 0", "V2Ingest")]
    assert error(api("GET", f"{JOBS}?queryLocator=x"))[1] == "INVALID_QUERY_LOCATOR"
