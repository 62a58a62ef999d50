"""The requests that Casewire sends to Salesforce: SOQL reads, upserts by external id, schema, metadata."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from xml.etree.ElementTree import Element

from connector.clients.salesforce.bulk import BulkIngest, BulkQuery
from connector.clients.salesforce.collections import Collections, RowResult
from connector.clients.salesforce.config import SalesforceConfig
from connector.clients.salesforce.formats import Row, key_queries
from connector.clients.salesforce.jobs import HALF_AN_HOUR, JobRegistry, PollSchedule, UntrackedJobs, Wait
from connector.clients.salesforce.login import Login
from connector.clients.salesforce.metadata import Deployment, MetadataApi
from connector.clients.salesforce.rest import RestApi
from connector.clients.salesforce.session import Call, SalesforceSession
from connector.clients.salesforce.tokens import MemoryTokens, TokenStore


@dataclass(frozen=True, slots=True)
class UserInfo:
    """The integration user, from the identity service."""

    user_id: str
    username: str
    org_id: str
    name: str
    email: str
    language: str
    zone: str

    @classmethod
    def read(cls, userinfo: Mapping[str, Any]) -> UserInfo:
        """https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_using_userinfo_endpoint.htm"""
        names = ("user_id", "preferred_username", "organization_id", "name", "email", "language", "zoneinfo")
        return cls(*(str(userinfo.get(name) or "") for name in names))


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
        self._clock = clock
        self._session = SalesforceSession(
            config,
            tokens or MemoryTokens(),
            Login(config, clock),
            clock=clock,
            sleep=sleep,
            pause=pause,
            on_call=on_call,
        )
        self._api = RestApi(self._session, config.api_version)
        self._batches = Collections(self._api)
        self._bulk = BulkIngest(self._api, self._batches)
        self._metadata = MetadataApi(self._api)

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
        """API calls used and allowed in the org's last 24 hours, from the last response that reported them."""
        return self._session.usage

    @property
    def usage_at(self) -> float | None:
        """When ``usage`` was reported, in seconds of the clock."""
        return self._session.usage_at

    @property
    def skew(self) -> float | None:
        """Seconds that Salesforce's clock was ahead of ours at the last response, to a second."""
        return self._session.skew

    @property
    def org_id(self) -> str:
        """The org we are logged in to."""
        return self._session.token().org_id

    @property
    def instance_url(self) -> str:
        """The address of the org, for links to its records."""
        return self._session.token().instance_url

    def close(self) -> None:
        """Close idle connections."""
        self._session.close()

    def identity(self) -> UserInfo:
        """The integration user."""
        return UserInfo.read(self._api.userinfo())

    def versions(self) -> str:
        """The newest API version of the org: ``67.0``."""
        return max((str(item["version"]) for item in self._api.versions()), key=float)

    def query(self, soql: str) -> list[dict[str, Any]]:
        """All rows of a query, page after page. Numbers with decimals are Decimals."""
        return list(self._api.query(soql))

    def query_iter(self, soql: str) -> Iterator[dict[str, Any]]:
        """The same row by row; the next page of up to 2,000 is requested when its first row is needed."""
        return self._api.query(soql)

    def query_all(self, soql: str) -> list[dict[str, Any]]:
        """The same with deleted rows and those merged into another (``IsDeleted``, ``MasterRecordId``)."""
        return list(self._api.query(soql, include_deleted=True))

    def query_keys(
        self, prefix: str, field: str, keys: Iterable[str], suffix: str = ""
    ) -> list[dict[str, Any]]:
        """``{prefix} WHERE {field} IN (keys) {suffix}`` in as few queries as addresses can be long."""
        return [row for soql in key_queries(prefix, field, keys, suffix) for row in self.query(soql)]

    def describe(self, object_: str) -> dict[str, Any]:
        """An object's schema as the integration user sees it. Permanent NOT_FOUND if there is none."""
        return self._api.describe(object_)

    def limits(self) -> dict[str, dict[str, int]]:
        """The org's limits: ``{"DailyApiRequests": {"Max": 15000, "Remaining": 14990}, …}``."""
        return self._api.limits()

    def upsert(self, object_: str, key_field: str, rows: Sequence[Row]) -> list[RowResult]:
        """Create or update by external id, 200 rows a call; the results are in the order of the rows.

        Each row holds its key. Values: text, Decimal, int, bool, date, aware datetime, None (clears the field),
        or ``parent(…)`` under the relationship's name. If it raises, rows may have been written all the same;
        sending all of them again is safe.
        """
        return self._batches.upsert(object_, key_field, rows)

    def update(self, object_: str, rows: Sequence[Row]) -> list[RowResult]:
        """Change existing records, 200 rows a call. Each row holds its ``Id``, which is the result's key.

        A record that is gone or merged is a row's error: ENTITY_IS_DELETED, INVALID_CROSS_REFERENCE_KEY or NOT_FOUND.
        """
        return self._batches.update(object_, rows)

    def upsert_alone(self, object_: str, key_field: str, row: Row) -> RowResult:
        """One row, one call. If a duplicate rule refuses it, the result names the matched records, which results of
        lists may not."""
        return self._batches.upsert_alone(object_, key_field, row)

    def bulk_upsert(
        self,
        object_: str,
        key_field: str,
        rows: Sequence[Row],
        *,
        wait: Wait,
        within: float = HALF_AN_HOUR,
        jobs: JobRegistry | None = None,
    ) -> list[RowResult]:
        """The same as ``upsert`` by Bulk API 2.0, for thousands of rows; key field ``Id``: as ``update``.

        ``wait(seconds)`` is called between polls of the job; if it raises, or ``within`` seconds are over, the job is
        aborted. A job that fails as a whole raises; rows may have been written all the same. ``jobs`` registers each
        job before it has data and again when it has ended; ``abort_bulk_job`` ends one that is left.
        """
        schedule = PollSchedule(wait, self._clock, within)
        return self._bulk.upsert(object_, key_field, rows, schedule, jobs or UntrackedJobs())

    def abort_bulk_job(self, job: str) -> bool:
        """Whether this job of ``bulk_upsert`` has ended, by this call or before: then it writes nothing any more."""
        return self._bulk.abort(job)

    def bulk_query(self, soql: str, *, wait: Wait, within: float = HALF_AN_HOUR) -> Iterator[dict[str, Any]]:
        """The rows of a query by Bulk API 2.0, for a hundred thousand of them: as ``query`` gives them, in flat memory.

        Not for aggregates or subqueries. ``wait`` and ``within``: as for ``bulk_upsert``.
        """
        return BulkQuery(self._api).rows(soql, PollSchedule(wait, self._clock, within))

    def deploy(
        self,
        archive: bytes,
        *,
        check_only: bool = False,
        wait: Wait,
        on_progress: Callable[[Deployment], None] = lambda _: None,
        within: float = HALF_AN_HOUR,
    ) -> Deployment:
        """Deploy a zip with package.xml at its root, all or nothing; ``check_only`` changes nothing.

        Refused components are in the result. If ``wait`` raises or the time is over, the deployment continues
        in the org.
        """
        return self._metadata.deploy(
            archive, check_only, PollSchedule(wait, self._clock, within), on_progress
        )

    def list_metadata(self, wanted: Mapping[str, str | None]) -> dict[str, list[str]]:
        """Type → full names in the org, sorted. ``wanted``: type → folder, None where the type has none."""
        return self._metadata.listed(wanted)

    def read_metadata(self, type_: str, names: Sequence[str]) -> dict[str, Element]:
        """Full name → component, its elements in Salesforce's namespace; what the org lacks is left out."""
        return self._metadata.read(type_, names)


def parent(object_: str, key_field: str, key: str) -> Mapping[str, Any]:
    """A parent by its external id. ``attributes`` comes first, as Salesforce wants it for lookups to many."""
    return {"attributes": {"type": object_}, key_field: key}
