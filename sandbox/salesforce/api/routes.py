"""Every resource of the REST API, in one table; first fit wins."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from sandbox.salesforce.api import changes, collections, deployments, describe, queries, rows, tree
from sandbox.salesforce.api.batch import batch
from sandbox.salesforce.api.calls import Answer, Call
from sandbox.salesforce.api.composite import composite
from sandbox.salesforce.api.graph import graph
from sandbox.salesforce.bulk import extract, ingest
from sandbox.salesforce.errors import RequestRefused, RowRefused, not_found

Handler = Callable[..., Answer]
_SHOWN: Final = frozenset({"object", "field"})


def _composite(call: Call) -> Answer:
    return composite(call, handle)


def _batch(call: Call) -> Answer:
    return batch(call, handle)


def _graph(call: Call) -> Answer:
    return graph(call, handle)


_TABLE: Final[tuple[tuple[str, str, Handler], ...]] = (
    ("GET", "", describe.resources),
    ("GET", "limits", describe.limits),
    ("GET", "limits/recordCount", describe.record_count),
    ("GET", "query", queries.query),
    ("GET", "queryAll", queries.query_all),
    ("GET", "query/<locator>", queries.more),
    ("GET", "queryAll/<locator>", queries.more),
    ("GET", "tooling/query", queries.tooling_query),
    ("POST", "composite", _composite),
    ("POST", "composite/batch", _batch),
    ("POST", "composite/graph", _graph),
    ("POST", "composite/tree/<object>", tree.create),
    ("POST", "composite/sobjects", collections.create),
    ("PATCH", "composite/sobjects", collections.update),
    ("DELETE", "composite/sobjects", collections.delete),
    ("GET", "composite/sobjects/<object>", collections.read),
    ("POST", "composite/sobjects/<object>", collections.read),
    ("PATCH", "composite/sobjects/<object>/<field>", collections.upsert),
    ("POST", "jobs/ingest", ingest.create),
    ("GET", "jobs/ingest", ingest.everything),
    ("GET", "jobs/ingest/<id>", ingest.info),
    ("PATCH", "jobs/ingest/<id>", ingest.change),
    ("DELETE", "jobs/ingest/<id>", ingest.delete),
    ("PUT", "jobs/ingest/<id>/batches", ingest.upload),
    ("GET", "jobs/ingest/<id>/successfulResults", ingest.successful),
    ("GET", "jobs/ingest/<id>/failedResults", ingest.failed),
    ("GET", "jobs/ingest/<id>/unprocessedrecords", ingest.unprocessed),
    ("GET", "jobs/ingest/<id>/unprocessedRecords", ingest.unprocessed),
    ("POST", "jobs/query", extract.create),
    ("GET", "jobs/query", extract.everything),
    ("GET", "jobs/query/<id>", extract.info),
    ("PATCH", "jobs/query/<id>", extract.change),
    ("DELETE", "jobs/query/<id>", extract.delete),
    ("GET", "jobs/query/<id>/results", extract.results),
    ("POST", "metadata/deployRequest", deployments.start),
    ("GET", "metadata/deployRequest/<id>", deployments.status),
    ("PATCH", "metadata/deployRequest/<id>", deployments.cancel),
    ("GET", "sobjects", describe.everything),
    ("GET", "sobjects/<object>", describe.basics),
    ("POST", "sobjects/<object>", rows.create),
    ("GET", "sobjects/<object>/describe", describe.one),
    ("GET", "sobjects/<object>/updated", changes.updated),
    ("GET", "sobjects/<object>/deleted", changes.deleted),
    ("GET", "sobjects/<object>/<id>", rows.read),
    ("PATCH", "sobjects/<object>/<id>", rows.update),
    ("DELETE", "sobjects/<object>/<id>", rows.delete),
    ("GET", "sobjects/<object>/<field>/<value>", rows.read_by_key),
    ("PATCH", "sobjects/<object>/<field>/<value>", rows.upsert),
    ("DELETE", "sobjects/<object>/<field>/<value>", rows.delete_by_key),
)


def _compile(template: str) -> re.Pattern[str]:
    """An external id may hold slashes; nothing else does."""
    return re.compile(
        re.sub(r"<(\w+)>", lambda part: f"(?P<{part[1]}>{'.+' if part[1] == 'value' else '[^/]+'})", template)
    )


_ROUTES: Final = tuple(
    (method, template, _compile(template), handler) for method, template, handler in _TABLE
)


def route(method: str, path: str) -> str:
    """The template a call is counted under, with its object and external-id field filled in."""
    for known, template, pattern, _ in _ROUTES:
        found = pattern.fullmatch(path)
        if found and known == method:
            return _filled(template, found.groupdict())
    return "<unknown>"


def _filled(template: str, values: dict[str, str]) -> str:
    return re.sub(r"<(\w+)>", lambda part: values[part[1]] if part[1] in _SHOWN else part[0], template)


def handle(call: Call) -> Answer:
    """Carry out a call; every refusal comes back as an answer."""
    try:
        handler, values = _find(call)
        return handler(call, **values)
    except RequestRefused as refused:
        return Answer(refused.body(), refused.status)
    except RowRefused as refused:
        errors = [error.alone() for error in refused.errors]
        return Answer(errors, refused.errors[0].status)


def _find(call: Call) -> tuple[Handler, dict[str, Any]]:
    allowed = []
    for method, _, pattern, handler in _ROUTES:
        found = pattern.fullmatch(call.path)
        if found and method == call.method:
            return handler, found.groupdict()
        if found:
            allowed.append(method)
    if not allowed:
        raise not_found()
    message = f"HTTP Method '{call.method}' not allowed. Allowed are {', '.join(dict.fromkeys(allowed))}"
    raise RequestRefused(405, "METHOD_NOT_ALLOWED", message)
