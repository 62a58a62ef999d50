"""A scripted Bulk API 2.0: takes jobs, plays the states it is given, and tells each row's fate."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from clients.scripted import Asked, Reply, Script
from connector.clients.salesforce import RowResult, SalesforceClient

from .rig import API, fault

JOBS = f"{API}/jobs/ingest"
KEY = "Billing_Key__c"
ENDED = ("JobComplete", "Failed", "Aborted")


class BulkJobs:
    """``states``: what the polls of each job are told, the last one for ever. ``failing``: key → sf__Error."""

    def __init__(self, states: Sequence[str] = ("JobComplete",), error_message: str = "") -> None:
        self.states = list(states)
        self.error_message = error_message
        self.failing: dict[str, str] = {}
        self.unprocessed: set[str] = set()
        self.silent: set[str] = set()
        self.jobs: dict[str, dict[str, Any]] = {}

    def __call__(self, asked: Asked) -> Reply:
        if asked.path == JOBS:
            return self._create(asked.json())
        id_, _, resource = asked.path.removeprefix(f"{JOBS}/").partition("/")
        if id_ not in self.jobs:
            return fault(404, "NOT_FOUND", "The requested resource does not exist")
        job = self.jobs[id_]
        if asked.method == "PUT":
            return self._upload(job, asked.body)
        if asked.method == "PATCH":
            return self._change(job, asked.json()["state"])
        return self._results(job, resource) if resource else self._state(job)

    def states_asked_for(self) -> list[str]:
        return [state for job in self.jobs.values() for state in job["patched"]]

    def _create(self, told: Mapping[str, Any]) -> Reply:
        id_ = f"7508d{len(self.jobs):013d}"
        left = list(self.states)
        self.jobs[id_] = {"told": told, "csv": None, "state": "Open", "left": left, "patched": []}
        return Reply({"id": id_, "state": "Open", "contentUrl": f"{JOBS[1:]}/{id_}/batches", **told})

    def _upload(self, job: dict[str, Any], body: bytes) -> Reply:
        if job["csv"] is not None:
            return fault(400, "INVALIDJOBSTATE", "Found multiple contents for job")
        job["csv"] = body
        return Reply(None, 201)

    def _change(self, job: dict[str, Any], state: str) -> Reply:
        if job["state"] != "Open" and state == "UploadComplete":
            return fault(400, "INVALIDJOBSTATE", "Job is not open")
        if job["state"] in ENDED:
            return fault(400, "INVALIDJOBSTATE", f"Aborting already {job['state']} Job not allowed")
        job["state"] = state
        job["patched"].append(state)
        return Reply({"state": state})

    def _state(self, job: dict[str, Any]) -> Reply:
        if job["state"] in ("UploadComplete", "InProgress"):
            job["state"] = job["left"].pop(0) if len(job["left"]) > 1 else job["left"][0]
        return Reply({"state": job["state"], "errorMessage": self.error_message})

    def _results(self, job: dict[str, Any], resource: str) -> Reply:
        rows = list(csv.DictReader(io.StringIO(job["csv"].decode(), newline="")))
        key = job["told"].get("externalIdFieldName", "Id")
        fates = [(row, self._fate(row[key])) for row in rows]
        wanted = [self._line(row, row[key], fate) for row, fate in fates if fate == resource]
        heads = {"successfulResults": ["sf__Id", "sf__Created"], "failedResults": ["sf__Id", "sf__Error"]}
        out = io.StringIO()
        writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow([*heads.get(resource, []), *rows[0]])
        writer.writerows(wanted)
        return Reply(out.getvalue(), headers={"Content-Type": "text/csv"})

    def _fate(self, key: str) -> str:
        if key in self.silent:
            return ""
        if key in self.failing:
            return "failedResults"
        return "unprocessedrecords" if key in self.unprocessed else "successfulResults"

    def _line(self, row: dict[str, str], key: str, fate: str) -> list[str]:
        first = {
            "successfulResults": [f"001{key:>012}", "true"],
            "failedResults": ["", self.failing.get(key, "")],
        }
        return [*first.get(fate, []), *row.values()]


class GaveUp(Exception):
    """Whatever the caller's work raises."""


def rows(*keys: str, **more: Any) -> list[dict[str, Any]]:
    return [{KEY: key, "Name": f"Customer {key}", **more} for key in keys]


def upserted(client: SalesforceClient, told: list[dict[str, Any]], **more: Any) -> list[RowResult]:
    return client.bulk_upsert("Account", KEY, told, wait=lambda _: None, **more)


def first(then: Script, **instead: Reply) -> Script:
    """The first request of a method is carried out, but answered otherwise."""
    left = dict(instead)

    def answer(asked: Asked) -> Reply:
        good = then(asked)
        return left.pop(asked.method, good)

    return answer
