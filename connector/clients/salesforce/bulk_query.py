"""Bulk API 2.0 query: all rows of a query in flat memory, page after page of CSV, typed as a query would tell them.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/queries.htm
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any, Final

from connector.clients.salesforce import bulk_csv
from connector.clients.salesforce.bulk_jobs import check_complete, wait_for
from connector.clients.salesforce.encoding import to_json
from connector.clients.salesforce.http import Request
from connector.clients.salesforce.polling import PollSchedule
from connector.clients.salesforce.session import Session
from connector.errors import CasewireError

ROWS_IN_A_PAGE: Final = 10_000
_LAST: Final = ("", "null")
"""What is told in the place of the next page's locator."""

Types = Mapping[str, str]
"""Field → its type; a field of a parent has none here and is text."""


class BulkQuery:
    """One query at a time."""

    def __init__(self, session: Session, rows_in_a_page: int = ROWS_IN_A_PAGE) -> None:
        self._session = session
        self._rows_in_a_page = rows_in_a_page

    def rows(self, soql: str, patience: PollSchedule) -> Iterator[dict[str, Any]]:
        """Nothing is asked for before the first row is wanted."""
        made = self._call("POST", "", {**_DIALECT, "operation": "query", "query": soql})
        job, object_ = str(made["id"]), str(made["object"])
        self._complete(job, object_, patience)
        types = self._types(object_)
        for page in self._pages(job):
            yield from (_row(cells, types) for cells in bulk_csv.read(page))

    def _complete(self, job: str, object_: str, patience: PollSchedule) -> None:
        """A job that nobody waits for any more is aborted: it counts against the org's limits."""
        try:
            check_complete(wait_for(lambda: self._call("GET", f"/{job}"), job, object_, patience), object_)
        except BaseException:
            with suppress(CasewireError):
                self._call("PATCH", f"/{job}", {"state": "Aborted"})
            raise

    def _types(self, object_: str) -> Types:
        told = self._session.call(f"describe {object_}", "GET", f"sobjects/{object_}/describe")
        return {str(field["name"]): str(field["type"]) for field in told["fields"]}

    def _pages(self, job: str) -> Iterator[bytes]:
        path, locator = self._session.path(f"jobs/query/{job}/results"), ""
        while True:
            asked = {"maxRecords": str(self._rows_in_a_page), **({"locator": locator} if locator else {})}
            answer = self._session.ask(Request("bulk query", "GET", path, {"Accept": "text/csv"}, asked))
            yield answer.content
            locator = answer.headers.get("Sforce-Locator", "")
            if locator in _LAST:
                return

    def _call(self, method: str, path: str, body: Mapping[str, str] | None = None) -> Any:
        told = to_json(body) if body is not None else None
        return self._session.call("bulk query", method, f"jobs/query{path}", body=told)


_DIALECT: Final = {"contentType": "CSV", "columnDelimiter": "COMMA", "lineEnding": "LF"}


def _row(cells: Mapping[str, str], types: Types) -> dict[str, Any]:
    """``Account.Name`` is the ``Name`` in what ``Account`` holds, which is None where there is none."""
    row: dict[str, Any] = {}
    for column, cell in cells.items():
        parent, _, name = column.rpartition(".")
        if not parent:
            row[name] = _value(cell, types.get(name, ""))
        elif cell:
            row[parent] = {**(row.get(parent) or {}), name: cell}
        else:
            row.setdefault(parent, None)
    return row


def _value(cell: str, type_: str) -> Any:
    return None if cell == "" else _TYPED.get(type_, str)(cell)


def _moment(cell: str) -> str:
    """As an answer to a query has it: ``2026-05-01T07:25:37.000+0000``."""
    return f"{cell.removesuffix('Z')}+0000" if cell.endswith("Z") else cell


_TYPED: Final[Mapping[str, Callable[[str], Any]]] = {
    "boolean": lambda cell: cell == "true",
    "int": int,
    "double": Decimal,
    "currency": Decimal,
    "percent": Decimal,
    "datetime": _moment,
}
