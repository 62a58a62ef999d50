"""``jobs/query``: the rows of a query as CSV, in pages."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any, Final

from sandbox.salesforce.api.calls import Answer, Call
from sandbox.salesforce.bulk import told
from sandbox.salesforce.bulk.job import ABORTED, COMPLETE, QUERY, Order
from sandbox.salesforce.bulk.table import DELIMITERS, LINE_ENDINGS
from sandbox.salesforce.schema import Field
from sandbox.salesforce.soql import Asked, Result, run
from sandbox.salesforce.soql.aggregate import is_aggregate
from sandbox.salesforce.soql.run import all_fields
from sandbox.salesforce.soql.tree import Call as Function
from sandbox.salesforce.soql.tree import Column, Query

_OPERATIONS: Final = ("query", "queryAll")
_PAGE: Final = 50_000
_LAST: Final = "null"


def create(call: Call) -> Answer:
    """A query that cannot be run is refused at once; what it finds is what the job gives."""
    body, org = call.json_object(), call.org
    operation = told.chosen(body, "operation", _OPERATIONS)
    delimiter = told.chosen(body, "columnDelimiter", DELIMITERS, "COMMA")
    line_ending = told.chosen(body, "lineEnding", LINE_ENDINGS, "LF")
    asked = Asked(call.schema, org.store, org.clock(), call.version, operation == "queryAll")
    result = run(asked, str(body.get("query", "")))
    _flat(result.query)
    order = Order(QUERY, operation, result.scope.kind.name, delimiter, line_ending)
    job = org.jobs.add(order, call.user, call.version, org.now_text())
    job.header, job.rows = _table(result)
    org.jobs.start(job)
    return Answer({**told.brief(job), **told.dialect(job)})


def info(call: Call, id: str) -> Answer:
    job = told.found(call, id, QUERY)
    return Answer({**told.brief(job), **told.numbers(job)})


def everything(call: Call) -> Answer:
    return told.listed(call, QUERY, "query")


def change(call: Call, id: str) -> Answer:
    job = told.found(call, id, QUERY)
    told.chosen(call.json_object(), "state", (ABORTED,))
    return told.abort(call, job)


def delete(call: Call, id: str) -> Answer:
    return told.delete(call, told.found(call, id, QUERY))


def results(call: Call, id: str) -> Answer:
    """``maxRecords`` of them; ``Sforce-Locator`` says where the next page starts, ``null`` on the last."""
    job = told.found(call, id, QUERY)
    if job.state != COMPLETE:
        raise told.refused("INVALIDJOBSTATE", f"Job {job.id} is {job.state}, it has no results")
    start = _place(call.args.get("locator"))
    size = call.args.get("maxRecords", str(_PAGE))
    if not size.isdigit() or int(size) == 0:
        raise told.refused("API_ERROR", f"Invalid value: '{size}' supplied for property: 'maxRecords'")
    page, end = job.rows[start : start + int(size)], start + int(size)
    more = _locator(end) if end < len(job.rows) else _LAST
    return told.as_csv(
        job, job.header, page, {"Sforce-Locator": more, "Sforce-NumberOfRecords": str(len(page))}
    )


def _flat(query: Query) -> None:
    if any(isinstance(item, Query) for item in query.items):
        raise told.refused("API_ERROR", "Aggregate Relationships not supported in Bulk Query")
    counts = any(isinstance(item, Function) and item.field is None for item in query.items)
    if counts or is_aggregate(query) or query.offset:
        raise told.refused(
            "API_ERROR", "Aggregate functions, GROUP BY and OFFSET not supported in Bulk Query"
        )


def _table(result: Result) -> tuple[list[str], list[list[str]]]:
    columns = _columns(result)
    readers = [_reader(name.split("."), known) for name, known in columns]
    rows = [[read(record) for read in readers] for record in result.records]
    return [name for name, _ in columns], rows


def _columns(result: Result) -> list[tuple[str, Field]]:
    """Names as the answer to a query has them, ``FIELDS(ALL)`` spelt out."""
    found: dict[str, Field] = {}
    for item in result.query.items:
        if isinstance(item, Column):
            path = result.scope.path(item.field)
            found[path.text] = path.field
        elif isinstance(item, Function):
            found |= {
                path.text: path.field for path in map(result.scope.path, all_fields(result.scope, item))
            }
    return list(found.items())


def _reader(parts: list[str], known: Field) -> Callable[[dict[str, Any]], str]:
    def read(record: dict[str, Any]) -> str:
        at: Any = record
        for part in parts:
            at = at.get(part) if at is not None else None
        return _cell(known, at)

    return read


def _cell(known: Field, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).replace("+0000", "Z") if known.type == "datetime" else str(value)


def _locator(place: int) -> str:
    return base64.urlsafe_b64encode(str(place).encode()).decode().rstrip("=")


def _place(locator: str | None) -> int:
    if locator is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(locator + "=" * (-len(locator) % 4)))
    except (ValueError, binascii.Error):
        raise told.refused("INVALID_QUERY_LOCATOR", "invalid query locator") from None
