"""A bulk job and who comes next: it is kept while it may write, and can be ended by its id alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from clients.scripted import DROP, Reply
from connector.errors import Permanent, Unavailable

from .bulk_rig import KEY, BulkJobs, GaveUp, first, rows, upserted
from .rig import Rig, fault


class Kept:
    """``said``: what was kept, in its order, and how many jobs had data then."""

    def __init__(self, jobs: BulkJobs) -> None:
        self._jobs = jobs
        self.said: list[tuple[Any, ...]] = []

    def begun(self, job: str, object_: str, rows: Sequence[Mapping[str, Any]]) -> None:
        self.said.append(("begun", self._place(job), object_, [row[KEY] for row in rows], self._with_data()))

    def ended(self, job: str, *, results_read: bool) -> None:
        self.said.append(("ended", self._place(job), results_read))

    def _place(self, job: str) -> int:
        return list(self._jobs.jobs).index(job)

    def _with_data(self) -> int:
        return sum(job["csv"] is not None for job in self._jobs.jobs.values())


def test_a_job_is_kept_before_it_has_data_and_until_its_results_are_read(salesforce: Rig) -> None:
    jobs = BulkJobs()
    kept = Kept(jobs)
    upserted(salesforce(jobs), rows("a", "b"), jobs=kept)
    assert kept.said == [("begun", 0, "Account", ["a", "b"], 0), ("ended", 0, True)]


def test_one_that_is_given_up_has_ended_but_does_not_tell_what_it_wrote(salesforce: Rig) -> None:
    jobs = BulkJobs(["InProgress"])
    kept = Kept(jobs)

    def wait(_: float) -> None:
        raise GaveUp

    with pytest.raises(GaveUp):
        salesforce(jobs).bulk_upsert("Account", KEY, rows("a"), wait=wait, jobs=kept)
    assert kept.said[1:] == [("ended", 0, False)]


def test_one_whose_results_cannot_be_read_has_ended_as_well(salesforce: Rig) -> None:
    jobs = BulkJobs()
    kept = Kept(jobs)
    down = Reply("<html>maintenance</html>", 503, {"Content-Type": "text/html"})
    client = salesforce(lambda asked: down if asked.path.endswith("Results") else jobs(asked))
    with pytest.raises(Unavailable):
        upserted(client, rows("a"), jobs=kept)
    assert kept.said[1:] == [("ended", 0, False)]


def test_one_that_cannot_be_aborted_now_is_left_to_who_comes_next(salesforce: Rig) -> None:
    jobs = BulkJobs(["InProgress"])
    kept = Kept(jobs)
    down = Reply("<html>maintenance</html>", 503, {"Content-Type": "text/html"})
    out = [False]
    client = salesforce(lambda asked: down if out[0] else jobs(asked))

    def wait(_: float) -> None:
        out[0] = True

    with pytest.raises(Unavailable):
        client.bulk_upsert("Account", KEY, rows("a"), wait=wait, jobs=kept)
    assert [said[0] for said in kept.said] == ["begun"]
    out[0] = False
    (job,) = jobs.jobs
    assert client.abort_bulk_job(job)
    assert jobs.jobs[job]["state"] == "Aborted"


def test_data_whose_arrival_is_unknown_are_kept_with_either_job(salesforce: Rig) -> None:
    jobs = BulkJobs()
    kept = Kept(jobs)
    upserted(salesforce(first(jobs, PUT=DROP)), rows("a"), jobs=kept)
    assert [said[:2] for said in kept.said] == [("begun", 0), ("ended", 0), ("begun", 1), ("ended", 1)]


@pytest.mark.parametrize("state", ["JobComplete", "Failed", "Aborted"])
def test_a_job_that_ended_by_itself_needs_no_abort(salesforce: Rig, state: str) -> None:
    jobs = BulkJobs()
    client = salesforce(jobs)
    upserted(client, rows("a"))
    (job,) = jobs.jobs
    jobs.jobs[job]["state"] = state
    assert client.abort_bulk_job(job)
    assert jobs.jobs[job]["state"] == state


def test_a_job_that_salesforce_does_not_know_has_ended(salesforce: Rig) -> None:
    assert salesforce(BulkJobs()).abort_bulk_job("750000000000009AAA")


def test_a_job_that_may_not_be_looked_at_is_not_said_to_have_ended(salesforce: Rig) -> None:
    client = salesforce(lambda asked: fault(403, "INSUFFICIENT_ACCESS_OR_READONLY"))
    with pytest.raises(Permanent):
        client.abort_bulk_job("750000000000001AAA")
