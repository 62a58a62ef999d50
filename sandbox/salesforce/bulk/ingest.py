"""``jobs/ingest``: rows sent as CSV to be inserted, updated, upserted or deleted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sandbox.salesforce.api.calls import Answer, Call
from sandbox.salesforce.bulk import told
from sandbox.salesforce.bulk.job import ABORTED, ENDED, INGEST, OPEN, UPLOADED, Job, Order
from sandbox.salesforce.bulk.table import DELIMITERS, LINE_ENDINGS
from sandbox.salesforce.errors import RequestRefused
from sandbox.salesforce.ids import normal_id
from sandbox.salesforce.schema import ObjectType

_OPERATIONS: Final = ("insert", "update", "upsert", "delete", "hardDelete")
_RULE_PREFIX: Final = "01Q"


def create(call: Call) -> Answer:
    order = _order(call, call.json_object())
    job = call.org.jobs.add(order, call.user, call.version, call.org.now_text())
    return Answer({**told.brief(job), **told.dialect(job)})


def upload(call: Call, id: str) -> Answer:
    """The whole table in one piece; a second piece is refused."""
    job, content = told.found(call, id, INGEST), call.body
    if job.state != OPEN:
        raise told.wrong_state("Uploading to", job)
    if job.content is not None:
        message = (
            f"Found multipe contents for job: <{job.id[:15]}>, please 'Close' / 'Abort' / 'Delete' the current Job "
            "then create a new Job and make sure you only do 'PUT' once on a given Job."
        )
        raise told.refused("BULK_API_ERROR", message)
    largest = call.org.jobs.pace.largest_upload
    if len(content) > largest:
        message = f"Maximum size of request reached. Maximum size of request is {largest} bytes."
        raise RequestRefused(413, "EXCEEDED_MAX_SIZE_REQUEST", message)
    job.content = content
    return Answer(None, 201)


def change(call: Call, id: str) -> Answer:
    """Close it, so that it is worked, or abort it."""
    job = told.found(call, id, INGEST)
    if told.chosen(call.json_object(), "state", (UPLOADED, ABORTED)) == ABORTED:
        return told.abort(call, job)
    if job.state != OPEN:
        raise told.wrong_state("Closing", job)
    call.org.jobs.start(job)
    job.modified = call.org.now_text()
    return Answer(told.brief(job))


def info(call: Call, id: str) -> Answer:
    job = told.found(call, id, INGEST)
    return Answer({**told.brief(job), **told.numbers(job)})


def everything(call: Call) -> Answer:
    return told.listed(call, INGEST, "ingest")


def delete(call: Call, id: str) -> Answer:
    return told.delete(call, told.found(call, id, INGEST))


def successful(call: Call, id: str) -> Answer:
    job = _ended(call, id)
    rows = (
        (outcome.record_id, "true" if outcome.created else "false", *cells)
        for outcome, cells in zip(job.outcomes, job.rows, strict=False)
        if outcome.error is None
    )
    return _results(job, ("sf__Id", "sf__Created"), rows)


def failed(call: Call, id: str) -> Answer:
    job = _ended(call, id)
    rows = (
        (outcome.record_id, outcome.error, *cells)
        for outcome, cells in zip(job.outcomes, job.rows, strict=False)
        if outcome.error is not None
    )
    return _results(job, ("sf__Id", "sf__Error"), rows)


def unprocessed(call: Call, id: str) -> Answer:
    """Rows that a job had not come to when it failed or was aborted."""
    job = _ended(call, id)
    return _results(job, (), (tuple(cells) for cells in job.rows[job.done :]))


def _results(job: Job, added: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Answer:
    return told.as_csv(job, (*added, *job.header), rows)


def _ended(call: Call, id: str) -> Job:
    job = told.found(call, id, INGEST)
    if job.state not in ENDED:
        raise told.refused("INVALIDJOBSTATE", f"Job {job.id} is {job.state}, it has no results yet")
    return job


def _order(call: Call, body: dict[str, Any]) -> Order:
    told.chosen(body, "contentType", ("CSV",), "CSV")
    operation = told.chosen(body, "operation", _OPERATIONS)
    if operation == "hardDelete":
        message = "hardDelete operation requires special user profile permission"
        raise told.refused("FEATURENOTENABLED", f"FeatureNotEnabled : {message}")
    kind = call.schema.get(str(body.get("object", "")))
    if kind is None:
        raise told.refused("INVALIDJOB", f"InvalidJob : Unable to find object: {body.get('object', '')}")
    return Order(
        INGEST,
        operation,
        kind.name,
        told.chosen(body, "columnDelimiter", DELIMITERS, "COMMA"),
        told.chosen(body, "lineEnding", LINE_ENDINGS, "LF"),
        _external_id(kind, body) if operation == "upsert" else None,
        _assignment_rule(call, kind, body.get("assignmentRuleId")),
    )


def _external_id(kind: ObjectType, body: dict[str, Any]) -> str:
    name = body.get("externalIdFieldName")
    if name is None:
        message = f"External ID was blank for {kind.name}. An External ID must be specified for upsert."
        raise told.refused("INVALIDJOB", f"InvalidJob : {message}")
    known = kind.field(str(name))
    if known is None or not known.upsert_key:
        message = f"Field name provided, {name} does not match an External ID for {kind.name}"
        raise told.refused("INVALIDJOB", f"InvalidJob : {message}")
    return known.name


def _assignment_rule(call: Call, kind: ObjectType, rule: Any) -> str | None:
    """Cases and leads only; without one no rule runs, other than in the rest of the API."""
    if rule is None:
        return None
    found = normal_id(str(rule)) or ""
    known = call.org.store.row(found) if found.startswith(_RULE_PREFIX) else None
    if known is None or known["SobjectType"] != kind.name:
        raise told.refused("INVALIDJOB", f"InvalidJob : Invalid assignment rule ID for {kind.name}: {rule}")
    return found
