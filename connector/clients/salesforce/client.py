"""What Casewire asks of Salesforce: read by SOQL, write by external id, look at the schema."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from connector.clients.salesforce.config import SalesforceConfig
from connector.clients.salesforce.encoding import to_json
from connector.clients.salesforce.errors import RowError, Verdict
from connector.clients.salesforce.rows import (
    EnvelopeRefused,
    Row,
    RowResult,
    check_keys,
    chunks,
    isolated,
    refused_once,
    results,
)
from connector.clients.salesforce.session import Call, Session
from connector.clients.salesforce.soql import key_queries
from connector.clients.salesforce.tokens import MemoryTokens, TokenStore
from connector.errors import Permanent

ROWS_IN_A_CALL: Final = 200
_WRITE_HEADERS: Final = {
    "Sforce-Auto-Assign": "FALSE",
    "Sforce-Duplicate-Rule-Header": "allowSave=true",
    "Sforce-Mru": "updateMru=false",
}
"""Auto-Assign is TRUE by default, for updates too: an agent's case would be taken away at every change."""


class SalesforceClient:
    """One org. Safe between threads and after a fork; make one for a process and keep it.

    Raises Unavailable when the org cannot be used at all, Transient when a call may work later, Permanent when
    it never will. A refused row raises nothing: it is in its ``RowResult``.
    """

    def __init__(
        self,
        config: SalesforceConfig,
        tokens: TokenStore | None = None,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        pause: Callable[[], float] = partial(random.uniform, 0.2, 1.0),
        on_call: Callable[[Call], None] | None = None,
    ) -> None:
        self._session = Session(
            config, tokens or MemoryTokens(), clock=clock, sleep=sleep, pause=pause, on_call=on_call
        )

    @property
    def calls(self) -> int:
        """Requests answered so far, logins not included."""
        return self._session.calls

    @property
    def logins(self) -> int:
        """How often this process has logged in."""
        return self._session.logins

    @property
    def usage(self) -> tuple[int, int] | None:
        """API calls used and allowed in the org's last 24 hours, as the last answer told."""
        return self._session.usage

    @property
    def org_id(self) -> str:
        """The org we are logged in to."""
        return self._session.token().org_id

    @property
    def instance_url(self) -> str:
        """Where the org is, for links to its records."""
        return self._session.token().instance_url

    def close(self) -> None:
        """Close idle connections."""
        self._session.close()

    def query(self, soql: str) -> list[dict[str, Any]]:
        """All rows of a query, page after page. Numbers with decimals are Decimals."""
        page = self._session.call("query", "GET", "query", params={"q": soql})
        rows: list[dict[str, Any]] = list(page["records"])
        while not page["done"]:
            page = self._session.call("query", "GET", page["nextRecordsUrl"])
            rows += page["records"]
        return rows

    def query_keys(
        self, prefix: str, field: str, keys: Iterable[str], suffix: str = ""
    ) -> list[dict[str, Any]]:
        """``{prefix} WHERE {field} IN (keys) {suffix}`` in as few queries as addresses can be long."""
        return [row for soql in key_queries(prefix, field, keys, suffix) for row in self.query(soql)]

    def describe(self, object_: str) -> dict[str, Any]:
        """An object's schema as the integration user sees it. Permanent NOT_FOUND if there is none."""
        told: dict[str, Any] = self._session.call(
            f"describe {object_}", "GET", f"sobjects/{object_}/describe"
        )
        return told

    def limits(self) -> dict[str, dict[str, int]]:
        """The org's limits: ``{"DailyApiRequests": {"Max": 15000, "Remaining": 14990}, …}``."""
        told: dict[str, dict[str, int]] = self._session.call("limits", "GET", "limits")
        return told

    def upsert(self, object_: str, key_field: str, rows: Sequence[Row]) -> list[RowResult]:
        """Create or update by external id, 200 rows a call; the results are in the order of the rows.

        Each row holds its key. Values: text, Decimal, int, bool, date, aware datetime, None (clears the field),
        or ``parent(…)`` under the relationship's name. If it raises, rows may have been written all the same;
        sending all of them again is safe.
        """
        check_keys(rows, key_field)
        return [
            result
            for chunk in chunks(rows, ROWS_IN_A_CALL)
            for result in self._upsert_chunk(object_, key_field, chunk)
        ]

    def _upsert_chunk(self, object_: str, key_field: str, rows: Sequence[Row]) -> list[RowResult]:
        send = partial(self._send, object_, key_field)
        done = isolated(send, rows, key_field)
        again = {index: row for index, row in enumerate(rows) if refused_once(done[index])}
        if again:
            for index, result in zip(again, isolated(send, list(again.values()), key_field), strict=True):
                done[index] = result
        return done

    def _send(self, object_: str, key_field: str, rows: Sequence[Row]) -> list[RowResult]:
        records = [{"attributes": {"type": object_}, **row} for row in rows]
        try:
            answer = self._session.call(
                f"upsert {object_}",
                "PATCH",
                f"composite/sobjects/{object_}/{key_field}",
                body=to_json({"allOrNone": False, "records": records}),
                headers=_WRITE_HEADERS,
            )
        except Permanent as error:
            problem = RowError(Verdict.DEAD, error.code, str(error), str(error))
            raise EnvelopeRefused(problem) from error
        return results(answer, [str(row[key_field]) for row in rows], object_)


def parent(object_: str, key_field: str, key: str) -> Mapping[str, Any]:
    """A parent by its external id. ``attributes`` comes first, as Salesforce wants it for lookups to many."""
    return {"attributes": {"type": object_}, key_field: key}
