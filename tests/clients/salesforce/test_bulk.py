"""Bulk API 2.0: one job, every row's own fate, and nothing left running that nobody waits for."""

from __future__ import annotations

import csv
import io

import pytest

from clients.scripted import DROP, Asked, Reply
from connector.clients.salesforce import Verdict
from connector.clients.salesforce.bulk import BulkIngest
from connector.clients.salesforce.collections import Collections
from connector.clients.salesforce.jobs import PollSchedule, UntrackedJobs
from connector.errors import Permanent, Transient, Unavailable

from .bulk_rig import JOBS, KEY, BulkJobs, GaveUp, first, rows, upserted
from .rig import Rig, written


def uploaded(jobs: BulkJobs) -> list[list[dict[str, str]]]:
    told = [job["csv"].decode() for job in jobs.jobs.values()]
    return [list(csv.DictReader(io.StringIO(text, newline=""))) for text in told]


# --- the way through ---------------------------------------------------------------------------------------


def test_a_job_is_made_filled_closed_waited_for_and_settled(salesforce: Rig) -> None:
    jobs = BulkJobs(["InProgress", "InProgress", "JobComplete"])
    client = salesforce(jobs)
    waits: list[float] = []
    done = client.bulk_upsert("Account", KEY, rows("b", "a"), wait=waits.append)
    assert [(result.key, result.created, result.error) for result in done] == [
        ("b", True, None),
        ("a", True, None),
    ]
    (id_,) = jobs.jobs
    assert [(asked.method, asked.path.removeprefix(JOBS)) for asked in salesforce.asked] == [
        ("POST", ""),
        ("PUT", f"/{id_}/batches"),
        ("PATCH", f"/{id_}"),
        ("GET", f"/{id_}"),
        ("GET", f"/{id_}"),
        ("GET", f"/{id_}"),
        ("GET", f"/{id_}/successfulResults"),
    ]
    assert waits == [2.0, 3.0, 4.5]
    assert client.calls == len(salesforce.asked)


def test_a_job_says_what_it_is(salesforce: Rig) -> None:
    upserted(salesforce(BulkJobs()), rows("a"))
    create, upload = salesforce.asked[:2]
    assert create.json() == {
        "object": "Account",
        "operation": "upsert",
        "externalIdFieldName": KEY,
        "contentType": "CSV",
        "columnDelimiter": "COMMA",
        "lineEnding": "LF",
    }
    assert upload.headers["content-type"] == "text/csv; charset=UTF-8"
    assert upload.body == f'"{KEY}","Name"\n"a","Customer a"\n'.encode()


def test_the_key_field_id_means_update(salesforce: Rig) -> None:
    client = salesforce(BulkJobs())
    sent = [{"Id": "001000000000001AAA", "Name": "x"}]
    (result,) = client.bulk_upsert("Account", "Id", sent, wait=lambda _: None)
    told = salesforce.asked[0].json()
    assert (told["operation"], "externalIdFieldName" in told) == ("update", False)
    assert (result.key, result.error) == ("001000000000001AAA", None)


def test_an_id_of_fifteen_characters_is_known_again_by_eighteen(salesforce: Rig) -> None:
    jobs = BulkJobs()
    told = '"sf__Id","sf__Created","Id","Name"\n"001000000000001AAA","false","001000000000001AAA","x"\n'
    good = Reply(told, headers={"Content-Type": "text/csv"})
    client = salesforce(lambda asked: good if asked.path.endswith("successfulResults") else jobs(asked))
    sent = [{"Id": "001000000000001", "Name": "x"}]
    (result,) = client.bulk_upsert("Account", "Id", sent, wait=lambda _: None)
    assert (result.key, result.id, result.error) == ("001000000000001", "001000000000001AAA", None)


def test_no_rows_mean_no_job(salesforce: Rig) -> None:
    assert upserted(salesforce(BulkJobs()), []) == []
    assert salesforce.asked == []


def test_the_same_key_twice_is_a_fault_of_the_caller(salesforce: Rig) -> None:
    with pytest.raises(ValueError, match="same key twice"):
        upserted(salesforce(BulkJobs()), rows("a", "a"))


def test_each_row_gets_its_own_fate_in_the_order_sent(salesforce: Rig) -> None:
    jobs = BulkJobs()
    jobs.failing["b"] = "STRING_TOO_LONG:Name: data value too large:Name --"
    jobs.failing["d"] = (
        "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record or 1 records: 0017:--"
    )
    jobs.unprocessed = {"c"}
    jobs.silent = {"e"}
    done = upserted(salesforce(jobs), rows("e", "d", "c", "b", "a"))
    assert [result.key for result in done] == ["e", "d", "c", "b", "a"]
    errors = [result.error for result in done]
    assert [error and (error.code, error.verdict) for error in errors] == [
        ("UNPROCESSED", Verdict.RETRY),
        ("UNABLE_TO_LOCK_ROW", Verdict.RETRY),
        ("UNPROCESSED", Verdict.RETRY),
        ("STRING_TOO_LONG", Verdict.DEAD),
        None,
    ]
    assert errors[3] is not None
    assert errors[3].fields == ("Name",)
    asked = [asked.path.rpartition("/")[2] for asked in salesforce.asked[-3:]]
    assert asked == ["successfulResults", "failedResults", "unprocessedrecords"]


def test_a_loser_of_a_race_for_a_new_key_is_sent_again_as_a_batch(salesforce: Rig) -> None:
    jobs = BulkJobs()
    jobs.failing["b"] = (
        f"DUPLICATE_VALUE:duplicate value found: {KEY} duplicates value on record with id: 001x:--"
    )
    client = salesforce(lambda asked: written(asked) if "composite" in asked.path else jobs(asked))
    assert [result.error for result in upserted(client, rows("a", "b"))] == [None, None]
    assert [row[KEY] for row in salesforce.asked[-1].json()["records"]] == ["b"]


def test_a_text_that_csv_cannot_say_goes_by_a_batch(salesforce: Rig) -> None:
    jobs = BulkJobs()
    client = salesforce(lambda asked: written(asked) if "composite" in asked.path else jobs(asked))
    sent = [*rows("a"), {KEY: "b", "Name": "#N/A"}]
    assert [(result.key, result.error) for result in upserted(client, sent)] == [("a", None), ("b", None)]
    assert [row["Name"] for row in salesforce.asked[-1].json()["records"]] == ["#N/A"]
    assert [[row[KEY] for row in file] for file in uploaded(jobs)] == [["a"]]


def test_more_than_a_job_may_hold_goes_in_several(salesforce: Rig) -> None:
    jobs = BulkJobs()
    client = salesforce(jobs)
    api = client._api
    bulk = BulkIngest(api, Collections(api), bytes_in_a_job=60)
    schedule = PollSchedule(lambda _: None, lambda: 0.0, 1800)
    done = bulk.upsert("Account", KEY, rows("a", "b", "c", "d", "e"), schedule, UntrackedJobs())
    assert [result.key for result in done] == ["a", "b", "c", "d", "e"]
    assert {result.error for result in done} == {None}
    assert [[row[KEY] for row in file] for file in uploaded(jobs)] == [["a", "b"], ["c", "d"], ["e"]]


# --- when it does not go well ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "told", "kind", "words"),
    [
        ("Failed", "InvalidBatch : Field name not found : Nme", Permanent, "Field name not found"),
        ("Failed", "ClientInputError : LineEnding is invalid", Permanent, "LineEnding"),
        ("Failed", "InternalServerError : Something went wrong", Transient, "Something went wrong"),
        ("Failed", "UNABLE_TO_LOCK_ROW : too many", Transient, "Somebody else"),
        ("Failed", "ExceededQuota : ApiBatchItems Limit exceeded", Unavailable, "quota"),
        ("Failed", "", Transient, "without a reason"),
        ("Aborted", "", Transient, "Aborted"),
    ],
)
def test_a_job_that_ends_badly_says_why(
    salesforce: Rig, state: str, told: str, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        upserted(salesforce(BulkJobs([state], told)), rows("a"))


def test_a_caller_who_gives_up_leaves_no_job_behind(salesforce: Rig) -> None:
    jobs = BulkJobs(["InProgress"])

    def wait(_: float) -> None:
        raise GaveUp

    with pytest.raises(GaveUp):
        salesforce(jobs).bulk_upsert("Account", KEY, rows("a"), wait=wait)
    assert jobs.states_asked_for() == ["UploadComplete", "Aborted"]


def test_a_job_that_takes_too_long_is_aborted(salesforce: Rig) -> None:
    jobs = BulkJobs(["InProgress"])
    now = [1000.0]

    def wait(seconds: float) -> None:
        now[0] += seconds + 40

    client = salesforce(jobs, clock=lambda: now[0])
    with pytest.raises(Transient, match="in the time it is given"):
        client.bulk_upsert("Account", KEY, rows("a"), wait=wait, within=100)
    assert jobs.states_asked_for() == ["UploadComplete", "Aborted"]


def test_pauses_grow_to_half_a_minute_and_end_even_if_the_clock_stands_still(salesforce: Rig) -> None:
    waits: list[float] = []
    client = salesforce(BulkJobs(["InProgress"]), clock=lambda: 0.0)
    with pytest.raises(Transient):
        client.bulk_upsert("Account", KEY, rows("a"), wait=waits.append)
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (2.0, 30.0)
    assert 1800 <= sum(waits) < 1831


@pytest.mark.parametrize("method", ["POST", "PATCH", "GET"])
def test_a_lost_answer_is_asked_for_again_and_the_rows_are_written_once(salesforce: Rig, method: str) -> None:
    jobs = BulkJobs()
    assert upserted(salesforce(first(jobs, **{method: DROP})), rows("a"))[0].error is None
    filled = [job for job in jobs.jobs.values() if job["csv"] is not None]
    assert [job["state"] for job in filled] == ["JobComplete"]


def test_data_whose_arrival_is_unknown_are_sent_in_a_new_job(salesforce: Rig) -> None:
    jobs = BulkJobs()
    assert upserted(salesforce(first(jobs, PUT=DROP)), rows("a"))[0].error is None
    assert [job["state"] for job in jobs.jobs.values()] == ["Aborted", "JobComplete"]


def test_data_that_never_arrive_are_given_up(salesforce: Rig) -> None:
    jobs = BulkJobs()
    client = salesforce(lambda asked: DROP if asked.method == "PUT" else jobs(asked))
    with pytest.raises(Transient, match="lost"):
        upserted(client, rows("a"))
    assert [job["state"] for job in jobs.jobs.values()] == ["Aborted", "Aborted"]


def test_a_look_that_fails_is_not_the_end_of_the_job(salesforce: Rig) -> None:
    jobs = BulkJobs()
    down = Reply("<html>maintenance</html>", 503, {"Content-Type": "text/html"})
    client = salesforce(first(jobs, GET=down))
    assert upserted(client, rows("a"))[0].error is None
    assert len(jobs.jobs) == 1


def test_five_looks_that_fail_are(salesforce: Rig) -> None:
    jobs = BulkJobs()
    down = Reply("<html>maintenance</html>", 503, {"Content-Type": "text/html"})
    client = salesforce(lambda asked: down if asked.method == "GET" else jobs(asked))
    with pytest.raises(Unavailable):
        upserted(client, rows("a"))
    assert jobs.states_asked_for() == ["UploadComplete", "Aborted"]


@pytest.mark.parametrize("steps", range(1, 6))
def test_a_session_that_expires_at_any_step_is_renewed(salesforce: Rig, steps: int) -> None:
    """Create, upload, close, look, read: with the answer to one of them the session ends."""
    jobs = BulkJobs()
    seen: list[str] = []

    def script(asked: Asked) -> Reply:
        seen.append(asked.method)
        if len(seen) == steps:
            salesforce.logins.valid.clear()
        return jobs(asked)

    assert [result.error for result in upserted(salesforce(script), rows("a", "b"))] == [None, None]
    assert len(jobs.jobs) == 1
    assert salesforce.logins.count == (2 if steps < 5 else 1)
