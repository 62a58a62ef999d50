"""Queries, and the pages of their results."""

from __future__ import annotations

from typing import Any, Final

from sandbox.salesforce.api.calls import Answer, Call
from sandbox.salesforce.errors import RequestRefused
from sandbox.salesforce.soql import Asked, Result, run
from sandbox.salesforce.soql.tree import Call as Aggregate
from sandbox.salesforce.soql.tree import Column

_PAGE: Final = 2000
_SMALLEST_PAGE: Final = 200


def query(call: Call) -> Answer:
    return _query(call, deleted=False)


def query_all(call: Call) -> Answer:
    """With the rows of the recycle bin."""
    return _query(call, deleted=True)


def more(call: Call, locator: str) -> Answer:
    """The next page; the locator ends with the place it starts at."""
    name, _, start = locator.partition("-")
    records = call.org.cursors.records(name)
    if records is None or not start.isdigit():
        raise RequestRefused(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    return Answer(_page(call, records, name, int(start), len(records)))


def tooling_query(call: Call) -> Answer:
    """This org keeps no developer objects; clients that look for some find none."""
    return Answer(
        {"size": 0, "totalSize": 0, "done": True, "queryLocator": None, "entityTypeName": None, "records": []}
    )


def _query(call: Call, deleted: bool) -> Answer:
    text = call.args.get("q")
    if text is None:
        raise RequestRefused(400, "MALFORMED_QUERY", "SOQL statements cannot be empty or null")
    asked = Asked(call.org.schema, call.org.store, call.org.clock(), call.version, deleted)
    result = run(asked, text)
    if call.flag("columns"):
        return Answer(_columns(result))
    if len(result.records) <= _page_size(call):
        return Answer({"totalSize": result.total, "done": True, "records": result.records})
    name = call.org.cursors.open(result.records)
    return Answer(_page(call, result.records, name, 0, result.total))


def _page(call: Call, records: list[dict[str, Any]], name: str, start: int, total: int) -> dict[str, Any]:
    end = start + _page_size(call)
    page: dict[str, Any] = {"totalSize": total, "done": end >= len(records)}
    if end < len(records):
        page["nextRecordsUrl"] = call.url("query", f"{name}-{end}")
    page["records"] = records[start:end]
    return page


def _page_size(call: Call) -> int:
    for option in call.headers.get("sforce-query-options", "").split(","):
        name, _, size = option.strip().partition("=")
        if name.lower() == "batchsize" and size.isdigit():
            return min(max(int(size), _SMALLEST_PAGE), _PAGE)
    return _PAGE


def _columns(result: Result) -> dict[str, Any]:
    """What the ``sf`` command asks for before it shows a table."""
    kind = result.scope.kind
    columns: dict[str, dict[str, Any]] = {}
    for item in result.query.items:
        if isinstance(item, Column):
            _add_column(columns, result.scope.path(item.field).text.split("."))
        elif isinstance(item, Aggregate):
            name = item.alias or f"expr{len(columns)}"
            columns[name] = _column(name, aggregate=True)
    selected = any(
        isinstance(item, Column) and item.field.text.lower() == "id" for item in result.query.items
    )
    return {
        "columnMetadata": list(columns.values()),
        "entityName": kind.name,
        "groupBy": bool(result.query.group),
        "idSelected": selected,
        "keyPrefix": kind.prefix,
    }


def _add_column(columns: dict[str, dict[str, Any]], parts: list[str]) -> None:
    column = columns.setdefault(parts[0], _column(parts[0]))
    for part in parts[1:]:
        joined = next((made for made in column["joinColumns"] if made["columnName"] == part), None)
        if joined is None:
            joined = _column(part)
            column["joinColumns"].append(joined)
        column = joined


def _column(name: str, aggregate: bool = False) -> dict[str, Any]:
    return {
        "aggregate": aggregate,
        "booleanType": False,
        "columnName": name,
        "custom": name.endswith(("__c", "__r")),
        "displayName": name,
        "foreignKeyName": None,
        "insertable": True,
        "joinColumns": [],
        "numberType": False,
        "textType": True,
        "updatable": True,
    }
