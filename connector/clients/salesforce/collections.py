"""Writing with sObject Collections: 200 rows a call, one call of the org's budget, each row with its own fate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote

from connector.clients.salesforce.encoding import to_json
from connector.clients.salesforce.errors import Refusal
from connector.clients.salesforce.row_results import (
    EnvelopeRefused,
    Row,
    RowResult,
    Send,
    check_keys,
    chunks,
    results,
    sent,
)
from connector.clients.salesforce.session import Session

ROWS_IN_A_CALL: Final = 200
ID: Final = "Id"
_WRITE_HEADERS: Final = {
    "Sforce-Auto-Assign": "FALSE",
    "Sforce-Duplicate-Rule-Header": "allowSave=true",
    "Sforce-Mru": "updateMru=false",
}
"""Auto-Assign is TRUE by default, for updates too: an agent's case would be taken away at every change."""


class Collections:
    """https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections.htm"""

    def __init__(self, session: Session) -> None:
        self._session = session

    def upsert(self, object_: str, key_field: str, rows: Sequence[Row]) -> list[RowResult]:
        """Create or update by external id."""
        path = f"composite/sobjects/{object_}/{key_field}"

        def send(chunk: Sequence[Row]) -> list[RowResult]:
            return self._sent(f"upsert {object_}", path, object_, key_field, chunk)

        return _in_chunks(send, rows, key_field)

    def update(self, object_: str, rows: Sequence[Row]) -> list[RowResult]:
        """Change records by Id."""

        def send(chunk: Sequence[Row]) -> list[RowResult]:
            return self._sent(f"update {object_}", "composite/sobjects", object_, ID, chunk)

        return _in_chunks(send, rows, ID)

    def upsert_alone(self, object_: str, key_field: str, row: Row) -> RowResult:
        """One row by its own resource, whose refusals tell more than those in a list."""
        key = str(row[key_field])
        body = to_json({name: value for name, value in row.items() if name != key_field})
        path = f"sobjects/{object_}/{key_field}/{quote(key, safe='')}"
        try:
            told = self._session.call(f"upsert {object_}", "PATCH", path, body=body, headers=_WRITE_HEADERS)
        except Refusal as error:
            return RowResult(key, None, False, error.problem)
        return results([told], [key], object_)[0]

    def _sent(
        self, name: str, path: str, object_: str, key_field: str, rows: Sequence[Row]
    ) -> list[RowResult]:
        body = to_json({"allOrNone": False, "records": [_record(object_, row) for row in rows]})
        try:
            answer = self._session.call(name, "PATCH", path, body=body, headers=_WRITE_HEADERS)
        except Refusal as error:
            raise EnvelopeRefused(error.problem) from error
        return results(answer, [str(row[key_field]) for row in rows], object_)


def _in_chunks(send: Send, rows: Sequence[Row], key_field: str) -> list[RowResult]:
    check_keys(rows, key_field)
    return [result for chunk in chunks(rows, ROWS_IN_A_CALL) for result in sent(send, chunk, key_field)]


def _record(object_: str, row: Row) -> Mapping[str, object]:
    """The documentation spells the Id of a row in a list in small letters."""
    told = {"id" if name == ID else name: value for name, value in row.items()}
    return {"attributes": {"type": object_}, **told}
