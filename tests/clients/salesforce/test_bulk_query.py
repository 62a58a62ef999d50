"""Bulk query: every row once, page after page, typed; and no job left behind."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from clients.scripted import Asked, Reply
from connector.clients.salesforce.bulk import BulkQuery
from connector.clients.salesforce.jobs import PollSchedule
from connector.errors import Permanent, Transient

from .rig import API, Rig, fault

JOBS = f"{API}/jobs/query"
SOQL = "SELECT Id, Amount__c, Due__c, At__c, Paid__c, Count__c, Account__r.Billing_Key__c FROM Invoice__c"
TYPES = {
    "Id": "id",
    "Amount__c": "double",
    "Due__c": "date",
    "At__c": "datetime",
    "Paid__c": "boolean",
    "Count__c": "int",
}
HEAD = '"Id","Amount__c","Due__c","At__c","Paid__c","Count__c","Account__r.Billing_Key__c"\n'


class QueryJobs:
    """A scripted org: one query job. ``states``: what looks at it are told; ``pages``: lines of CSV."""

    def __init__(self, pages: list[str], states: list[str]) -> None:
        self.pages = pages
        self.states = states
        self.aborted = 0
        self.asked_for: list[dict[str, str]] = []

    def __call__(self, asked: Asked) -> Reply:
        if asked.path.endswith("/describe"):
            return Reply({"fields": [{"name": name, "type": type_} for name, type_ in TYPES.items()]})
        if asked.path == JOBS:
            assert asked.json()["operation"] == "query"
            return Reply({"id": "7508d0", "object": "Invoice__c", "state": "UploadComplete"})
        if asked.method == "PATCH":
            self.aborted += 1
            return Reply({"state": "Aborted"})
        if asked.path.endswith("/results"):
            return self._page(dict(asked.query))
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return fault(503, "SERVER_UNAVAILABLE") if state == "down" else Reply({"state": state})

    def _page(self, query: dict[str, str]) -> Reply:
        self.asked_for.append(query)
        place = int(query.get("locator", "0"))
        more = str(place + 1) if place + 1 < len(self.pages) else "null"
        headers = {"Content-Type": "text/csv", "Sforce-Locator": more}
        return Reply(HEAD + self.pages[place], headers=headers)


def queried(salesforce: Rig, jobs: QueryJobs, **how: Any) -> list[dict[str, Any]]:
    return list(salesforce(jobs).bulk_query(SOQL, wait=lambda _: None, **how))


def test_rows_come_typed_as_a_query_tells_them(salesforce: Rig) -> None:
    line = '"a01","49.90","2026-05-01","2026-05-01T07:25:37.000Z","true","3","recurly:acme:account:bob"\n'
    empty = '"a02","","","","false","",""\n'
    rows = queried(salesforce, QueryJobs([line + empty], ["InProgress", "JobComplete"]))
    assert rows == [
        {
            "Id": "a01",
            "Amount__c": Decimal("49.90"),
            "Due__c": "2026-05-01",
            "At__c": "2026-05-01T07:25:37.000+0000",
            "Paid__c": True,
            "Count__c": 3,
            "Account__r": {"Billing_Key__c": "recurly:acme:account:bob"},
        },
        {
            "Id": "a02",
            "Amount__c": None,
            "Due__c": None,
            "At__c": None,
            "Paid__c": False,
            "Count__c": None,
            "Account__r": None,
        },
    ]


def test_every_page_is_asked_for_by_the_locator_of_the_one_before(salesforce: Rig) -> None:
    jobs = QueryJobs([f'"a{n}","","","","false","",""\n' for n in range(3)], ["JobComplete"])
    assert [row["Id"] for row in queried(salesforce, jobs)] == ["a0", "a1", "a2"]
    assert [asked.get("locator") for asked in jobs.asked_for] == [None, "1", "2"]
    assert {asked["maxRecords"] for asked in jobs.asked_for} == {"10000"}


def test_the_next_page_is_not_asked_for_before_it_is_wanted(salesforce: Rig) -> None:
    jobs = QueryJobs([f'"a{n}","","","","false","",""\n' for n in range(3)], ["JobComplete"])
    rows = salesforce(jobs).bulk_query(SOQL, wait=lambda _: None)
    assert jobs.asked_for == []
    assert next(rows)["Id"] == "a0"
    assert len(jobs.asked_for) == 1


def test_a_job_that_does_not_end_is_aborted(salesforce: Rig) -> None:
    jobs = QueryJobs([], ["InProgress"])
    with pytest.raises(Transient, match="did not end"):
        queried(salesforce, jobs, within=60.0)
    assert jobs.aborted == 1


def test_a_job_that_nobody_waits_for_any_more_is_aborted(salesforce: Rig) -> None:
    def stop(_: float) -> None:
        raise KeyboardInterrupt

    jobs = QueryJobs([], ["InProgress"])
    with pytest.raises(KeyboardInterrupt):
        list(salesforce(jobs).bulk_query(SOQL, wait=stop))
    assert jobs.aborted == 1


def test_a_job_that_fails_says_why(salesforce: Rig) -> None:
    jobs = QueryJobs([], ["Failed"])
    with pytest.raises(Transient, match="ended a bulk job of Invoice__c as Failed"):
        queried(salesforce, jobs)
    assert jobs.asked_for == []


def test_a_look_that_is_not_answered_is_no_reason_to_stop(salesforce: Rig) -> None:
    jobs = QueryJobs(['"a0","","","","false","",""\n'], ["down", "JobComplete"])
    client = salesforce(jobs)
    query = BulkQuery(client._api, rows_in_a_page=1)
    found = list(query.rows(SOQL, PollSchedule(lambda _: None, lambda: 0.0, 600.0)))
    assert [row["Id"] for row in found] == ["a0"]
    assert jobs.aborted == 0


def test_a_query_that_cannot_be_run_is_refused_at_once(salesforce: Rig) -> None:
    client = salesforce(lambda asked: fault(400, "MALFORMED_QUERY", "unexpected token: FORM"))
    with pytest.raises(Permanent, match="unexpected token: FORM"):
        list(client.bulk_query("SELECT Id FORM Case", wait=lambda _: None))
    assert len(salesforce.asked) == 1
