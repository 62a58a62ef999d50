"""What the answers about jobs of both kinds share: the job as JSON, results as CSV, and refusals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sandbox.salesforce.api.calls import Answer, Call
from sandbox.salesforce.bulk import table
from sandbox.salesforce.bulk.job import ABORTED, COMPLETE, ENDED, FAILED, INGEST, OPEN, WORKING, Job
from sandbox.salesforce.errors import RequestRefused, not_found

_PAGE: Final = 1000
_SHOWN: Final = {COMPLETE: "Completed"}


def chosen(body: Mapping[str, Any], name: str, choices: Iterable[str], default: str = "") -> str:
    """The value of a property that has few. Raises RequestRefused API_ERROR."""
    value = body.get(name, default)
    if value not in choices:
        raise refused("API_ERROR", f"Invalid value: '{value}' supplied for property: '{name}'")
    return str(value)


def refused(code: str, message: str) -> RequestRefused:
    return RequestRefused(400, code, message)


def wrong_state(doing: str, job: Job) -> RequestRefused:
    state = _SHOWN.get(job.state, job.state)
    return refused("INVALIDJOBSTATE", f"{doing} already {state} Job not allowed")


def found(call: Call, job_id: str, kind: str) -> Job:
    job = call.org.jobs.get(job_id, kind)
    if job is None:
        raise not_found()
    return job


def brief(job: Job) -> dict[str, Any]:
    """What every answer about a job holds."""
    order = job.order
    told: dict[str, Any] = {
        "id": job.id,
        "operation": order.operation,
        "object": order.object,
        "createdById": job.user,
        "createdDate": job.created,
        "systemModstamp": job.modified,
        "state": job.state,
        "externalIdFieldName": order.external_id,
        "assignmentRuleId": order.assignment_rule,
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": float(job.version),
    }
    if job.state == OPEN:
        told["contentUrl"] = f"services/data/v{job.version}/jobs/ingest/{job.id}/batches"
    return {name: value for name, value in told.items() if value is not None}


def dialect(job: Job) -> dict[str, str]:
    return {"lineEnding": job.order.line_ending, "columnDelimiter": job.order.delimiter}


def abort(call: Call, job: Job) -> Answer:
    if job.state in ENDED:
        raise wrong_state("Aborting", job)
    job.state, job.modified = ABORTED, call.org.now_text()
    return Answer(brief(job))


def delete(call: Call, job: Job) -> Answer:
    if job.state in (OPEN, WORKING):
        raise wrong_state("Deleting", job)
    call.org.jobs.remove(job)
    return Answer(None, 204)


def listed(call: Call, kind: str, place: str) -> Answer:
    """All jobs, newest first, by pages; the locator says where a page starts."""
    jobs, start = call.org.jobs.of(kind), call.args.get("queryLocator", "0")
    if not start.isdigit():
        raise refused("INVALID_QUERY_LOCATOR", "invalid query locator")
    end = int(start) + _PAGE
    done = end >= len(jobs)
    records = [{**brief(job), "jobType": kind, **dialect(job)} for job in jobs[int(start) : end]]
    more = None if done else f"{call.url('jobs', place)}?queryLocator={end}"
    return Answer({"done": done, "records": records, "nextRecordsUrl": more})


def numbers(job: Job) -> dict[str, Any]:
    """How far a job is. Times are those of one that takes a millisecond a row."""
    told: dict[str, Any] = {"jobType": job.order.type, **dialect(job), "numberRecordsProcessed": job.done}
    if job.order.type == INGEST:
        told |= {"numberRecordsFailed": job.failures, "apiActiveProcessingTime": job.done}
        told |= {"apexProcessingTime": 0}
    told |= {"retries": 0, "totalProcessingTime": job.done}
    if job.state == FAILED:
        told["errorMessage"] = job.error
    return told


def as_csv(
    job: Job,
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    headers: Mapping[str, str] | None = None,
) -> Answer:
    body = table.write(header, rows, job.order.delimiter, job.order.line_ending)
    return Answer(body, 200, {"Content-Type": "text/csv", **(headers or {})})
