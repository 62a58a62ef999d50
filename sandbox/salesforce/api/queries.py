"""Queries, and the pages of their results."""

from __future__ import annotations

from typing import Any, Final

from sandbox.salesforce.api.calls import Answer, Call
from sandbox.salesforce.errors import RequestRefused
from sandbox.salesforce.soql import Asked, Result, run
from sandbox.salesforce.soql.run import all_fields
from sandbox.salesforce.soql.tree import Column, Query

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
    asked = Asked(call.schema, call.org.store, call.org.clock(), call.version, deleted)
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
    query, kind = result.query, result.scope.kind
    columns = _selected(result)
    return {
        "columnMetadata": columns,
        "entityName": kind.name,
        "groupBy": bool(query.group),
        "idSelected": any(column["columnName"] == "Id" for column in columns),
        "keyPrefix": kind.prefix,
    }


def _selected(result: Result) -> list[dict[str, Any]]:
    columns: dict[str, dict[str, Any]] = {}
    unnamed = 0
    for item in result.query.items:
        if isinstance(item, Column):
            _add_column(columns, result.scope.path(item.field).text.split("."))
        elif isinstance(item, Query):
            columns[item.object.text] = _children(item)
        elif item.function == "FIELDS":
            for field in all_fields(result.scope, item):
                _add_column(columns, [field.text])
        else:
            shown = f"{item.function.lower()}({item.field.text if item.field else ''})"
            name = item.alias or f"expr{unnamed}"
            unnamed += item.alias is None
            columns[name] = {**_column(name, aggregate=True), "displayName": shown}
    return list(columns.values())


def _children(query: Query) -> dict[str, Any]:
    """A query within the query is one column, with those it selects in it."""
    columns: dict[str, dict[str, Any]] = {}
    for item in query.items:
        if isinstance(item, Column):
            _add_column(columns, item.field.text.split("."))
    return {**_column(query.object.text, aggregate=True), "joinColumns": list(columns.values())}


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
