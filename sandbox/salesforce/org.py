"""An org: its schema, its rows, who may log in, and how it is set up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sandbox.salesforce.cursors import Cursors
from sandbox.salesforce.incoming import Reader
from sandbox.salesforce.metadata import load_schema
from sandbox.salesforce.sessions import Sessions
from sandbox.salesforce.store import Row, Store
from sandbox.salesforce.values import salesforce_time
from sandbox.salesforce.writer import Guard, Rules, Writer

CLIENT_ID: Final = "sandbox"
CLIENT_SECRET: Final = "sandbox"

_STATUSES: Final = (("New", False), ("Working", False), ("Escalated", False), ("Closed", True))
_USERS: Final = ("Integration User", "Assignment Rule", "Agent One", "Agent Two")


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Org:
    """One Salesforce org.

    ``metadata``: SFDX folders whose objects, fields, queues and record types it has; None for a bare org.
    ``assignment_rule``: whether cases have an active assignment rule, as orgs that work with cases do.
    ``api_limit``: calls until ``TotalRequests Limit exceeded``; counted since start or reset.
    ``jwt_public_key``: PEM of the certificate a JWT bearer login is checked with.
    """

    def __init__(
        self,
        metadata: Path | Sequence[Path] | None = None,
        *,
        assignment_rule: bool = True,
        api_limit: int = 100_000,
        jwt_public_key: str | None = None,
        person_accounts: bool = False,
        multi_currency: bool = False,
        token_seconds: float = 7200,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        folders = () if metadata is None else (metadata,) if isinstance(metadata, Path) else tuple(metadata)
        self.schema = load_schema(folders, person_accounts=person_accounts, multi_currency=multi_currency)
        self.api_limit = api_limit
        self.jwt_public_key = jwt_public_key
        self.clock = clock
        self.sessions = Sessions(clock, token_seconds)
        self.cursors = Cursors()
        self._assignment_rule = assignment_rule
        self.reset()

    def reset(self) -> None:
        """Empty of customer data, with no call counted. Who is logged in stays so."""
        self.store = Store(self.schema)
        self.api_used = 0
        self.cursors.clear()
        with self.store.transaction():
            self._seed()

    def writer(self, assign: bool = True, guard: Guard | None = None, user: str | None = None) -> Writer:
        """Use it inside ``store.transaction()``, for one call."""
        reader = Reader(self.schema, self.store, self.rules.queue_objects)
        return Writer(reader, self.rules, user or self.user_id, self.now_text(), assign, guard)

    def now_text(self) -> str:
        return salesforce_time(self.clock().replace(microsecond=0))

    def records(self, name: str) -> list[dict[str, Any]]:
        """The live rows of an object, oldest first. Raises LookupError for an unknown object."""
        kind = self.schema.get(name)
        if kind is None:
            raise LookupError(f"no object {name} in this org")
        with self.store.lock:
            return [
                {field: row.get(field) for field in kind.fields}
                for row in self.store.table(kind).live.values()
            ]

    def count_call(self) -> bool:
        """One more API call; whether the day's allowance still held it."""
        with self.store.lock:
            self.api_used += 1
            return self.api_used <= self.api_limit

    # -- what every org has from the start

    def _seed(self) -> None:
        self.org_id = self._add("Organization", Name="Casewire Sandbox", **_ORGANIZATION)
        profile = self._add("Profile", Name="Minimum Access - API Only Integrations", UserType="Standard")
        self.users = [self._add_user(name, profile) for name in _USERS]
        self.user_id = self.users[0]
        for order, (status, closed) in enumerate(_STATUSES, start=1):
            named = {"MasterLabel": status, "ApiName": status, "IsDefault": order == 1}
            self._add("CaseStatus", SortOrder=order, IsClosed=closed, **named)
        self.rules = Rules(
            frozenset(status for status, closed in _STATUSES if closed),
            frozenset(self._seed_queues()),
            self.users[1] if self._assignment_rule else None,
        )
        self._seed_record_types()

    def _add_user(self, name: str, profile: str) -> str:
        first, last = name.split(" ", 1)
        username = f"{first}.{last}@casewire.sandbox".lower()
        return self._add(
            "User",
            Username=username,
            Email=username,
            FirstName=first,
            LastName=last,
            Name=name,
            Alias=name[:8],
            IsActive=True,
            UserType="Standard",
            ProfileId=profile,
            TimeZoneSidKey="GMT",
            LocaleSidKey="en_US",
            LanguageLocaleKey="en_US",
        )

    def _seed_queues(self) -> list[tuple[str, str]]:
        pairs = []
        for queue in self.schema.queues:
            named = {"Name": queue.label, "DeveloperName": queue.developer_name, "Type": "Queue"}
            group = self._add("Group", **named)
            for owned in queue.objects:
                self._add("QueueSobject", QueueId=group, SobjectType=owned)
                pairs.append((group, owned))
        return pairs

    def _seed_record_types(self) -> None:
        for kind in self.schema:
            for made in kind.record_types:
                process = None
                if made.business_process:
                    process = self._add(
                        "BusinessProcess", Name=made.business_process, TableEnumOrId=kind.name, IsActive=True
                    )
                self._add(
                    "RecordType",
                    Name=made.label,
                    DeveloperName=made.developer_name,
                    SobjectType=kind.name,
                    IsActive=made.active,
                    BusinessProcessId=process,
                )

    def _add(self, object_name: str, /, **values: Any) -> str:
        kind, now = self.schema.objects[object_name], self.now_text()
        row: Row = {field.name: False for field in kind.fields.values() if field.type == "boolean"}
        stamps = {"CreatedDate": now, "LastModifiedDate": now, "SystemModstamp": now}
        row |= {name: value for name, value in stamps.items() if name in kind.fields}
        return self.store.insert(kind, row | values)


_ORGANIZATION: Final[dict[str, Any]] = {
    "Country": "US",
    "OrganizationType": "Developer Edition",
    "InstanceName": "CS1",
    "IsSandbox": True,
    "DefaultLocaleSidKey": "en_US",
    "TimeZoneSidKey": "GMT",
    "LanguageLocaleKey": "en_US",
    "FiscalYearStartMonth": 1,
}
