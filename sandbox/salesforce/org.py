"""An org: its schema, its rows, who may log in, and how it is set up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sandbox.salesforce.access import Access, closed_types, seen
from sandbox.salesforce.bulk.jobs import Jobs
from sandbox.salesforce.cursors import Cursors
from sandbox.salesforce.custom import build_schema
from sandbox.salesforce.deploy.catalog import Catalog
from sandbox.salesforce.deploy.deployments import Deployments
from sandbox.salesforce.deploy.rows import SetupRows
from sandbox.salesforce.ids import normal_id
from sandbox.salesforce.incoming import Reader
from sandbox.salesforce.metadata import read_folders
from sandbox.salesforce.rulebook import DuplicateRule, Rulebook
from sandbox.salesforce.schema import Schema
from sandbox.salesforce.sessions import Sessions
from sandbox.salesforce.shapes import Shape
from sandbox.salesforce.store import Row, Store
from sandbox.salesforce.values import salesforce_time
from sandbox.salesforce.writer import Guard, Rules, Writer

CLIENT_ID: Final = "sandbox"
CLIENT_SECRET: Final = "sandbox"
_INTEGRATION: Final = "Casewire_Integration"

_USERS: Final = ("Integration User", "Assignment Rule", "Agent One", "Agent Two")


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Org:
    """One Salesforce org.

    ``metadata``: SFDX folders whose objects, fields, queues and record types it has; None for a bare org.
    ``assignment_rule``: whether cases have an active assignment rule, as orgs that work with cases do.
    ``api_limit``: calls until ``TotalRequests Limit exceeded``; counted since start or reset.
    ``jwt_public_key``: PEM of the certificate a JWT bearer login is checked with.
    ``person_accounts``, ``multi_currency``, ``professional``, ``other_statuses``: its shape; see ``shapes``.
    ``org_id``: its own id, of 15 or 18 characters, for who tells orgs apart. Raises ValueError if it is none.
    """

    rules: Rules

    def __init__(
        self,
        metadata: Path | Sequence[Path] | None = None,
        *,
        assignment_rule: bool = True,
        api_limit: int = 100_000,
        jwt_public_key: str | None = None,
        person_accounts: bool = False,
        multi_currency: bool = False,
        professional: bool = False,
        other_statuses: bool = False,
        org_id: str | None = None,
        token_seconds: float = 7200,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        folders = () if metadata is None else (metadata,) if isinstance(metadata, Path) else tuple(metadata)
        self.shape = Shape(person_accounts, multi_currency, professional, other_statuses)
        self.catalog = Catalog()
        for component in read_folders(folders):
            self.catalog.put(component, salesforce_time(clock().replace(microsecond=0)), "")
        self.schema = build_schema(self.catalog, self.shape)
        self._api_limit = api_limit
        self._given_id = None if org_id is None else full_org_id(org_id)
        self.jwt_public_key = jwt_public_key
        self.clock = clock
        self.sessions = Sessions(clock, token_seconds)
        self.cursors = Cursors()
        self.jobs = Jobs()
        self.deployments = Deployments(self, self.now_text)
        self._assignment_rule = assignment_rule
        self.reset()

    def reset(self) -> None:
        """As new: empty of customer data, rules and refused permissions, no call counted. Who is logged in stays so."""
        self.store = Store(self.schema)
        self.api_limit, self.api_used = self._api_limit, 0
        self.rulebook = Rulebook()
        self.permit({})
        self.cursors.clear()
        self.jobs.reset()
        with self.store.transaction():
            self._seed()

    @property
    def standard_objects(self) -> frozenset[str]:
        return frozenset(kind.name for kind in self.schema if not kind.custom)

    def install(self, catalog: Catalog) -> None:
        """These components from now on; rows stay as far as their objects and fields do."""
        with self.store.transaction():
            self.catalog = catalog
            self.schema = build_schema(catalog, self.shape)
            self.store.adopt(self.schema)
            self._set_up.follow(catalog, self.schema)
            self.rules = replace(self.rules, queue_objects=self._set_up.queue_objects)

    def writer(self, assign: bool = True, guard: Guard | None = None, user: str | None = None) -> Writer:
        """Use it inside ``store.transaction()``, for one call. Only the integration user has permissions to lack."""
        user = user or self.user_id
        closed = closed_types(self._granted) if user == self.user_id else frozenset()
        seen_by = self.seen_by(user)
        reader = Reader(self.schema, seen_by, self.store, self.rules.queue_objects, closed)
        return Writer(reader, self.rules, user, self.now_text(), assign, guard)

    def permit(self, granted: Mapping[str, Access]) -> None:
        """What the integration user may do, by object; all there is where nothing is said."""
        self._granted = dict(granted)
        self._seen: tuple[Schema, Schema] | None = None

    def seen_by(self, user: str) -> Schema:
        """The schema as far as a user's permissions show it."""
        if user != self.user_id or not self._granted:
            return self.schema
        if self._seen is None or self._seen[0] is not self.schema:
            self._seen = (self.schema, seen(self.schema, self._granted))
        return self._seen[1]

    def add_duplicate_rule(self, rule: DuplicateRule) -> str:
        """The rule holds from now on, and can be queried; its id."""
        with self.store.transaction():
            self.rulebook.duplicates.append(rule)
            named = {"DeveloperName": rule.name, "MasterLabel": rule.name.replace("_", " ")}
            return self._add(
                "DuplicateRule", SobjectType=rule.object, IsActive=True, Language="en_US", **named
            )

    def drop_duplicate_rules(self) -> None:
        kind = self.schema.objects["DuplicateRule"]
        with self.store.transaction():
            self.rulebook.duplicates.clear()
            for rule in tuple(self.store.table(kind).live):
                self.store.delete(kind, rule, {})

    def may_choose(self, object_name: str, record_type: str, user: str) -> bool:
        """Whether a record type is available to a user."""
        return user != self.user_id or (object_name, record_type) not in closed_types(self._granted)

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
        own = {} if self._given_id is None else {"Id": self._given_id}
        if self.shape.professional:
            own["OrganizationType"] = "Professional Edition"
        self.org_id = self._add("Organization", Name="Casewire Sandbox", **(_ORGANIZATION | own))
        profile = self._add("Profile", Name="Minimum Access - API Only Integrations", UserType="Standard")
        self.users = [self._add_user(name, profile) for name in _USERS]
        self.user_id, _, self.agent_id, _ = self.users
        for order, (status, closed) in enumerate(self.shape.statuses, start=1):
            named = {"MasterLabel": status, "ApiName": status, "IsDefault": order == 1}
            self._add("CaseStatus", SortOrder=order, IsClosed=closed, **named)
        self._add("AssignmentRule", Name="Standard", SobjectType="Case", Active=self._assignment_rule)
        self._seed_currencies()
        self._set_up = SetupRows(self.store, self._add)
        self._set_up.follow(self.catalog, self.schema)
        self.rules = Rules(
            frozenset(status for status, closed in self.shape.statuses if closed),
            self._set_up.queue_objects,
            self.users[1] if self._assignment_rule else None,
        )
        self._assign_permission_set()

    def _seed_currencies(self) -> None:
        for code, rate, places in _CURRENCIES if self.shape.multi_currency else ():
            told = {"IsCorporate": code == "USD", "IsActive": code != _RETIRED}
            self._add("CurrencyType", IsoCode=code, ConversionRate=rate, DecimalPlaces=places, **told)

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

    def _assign_permission_set(self) -> None:
        """The integration user of an org that has the permission set made for it."""
        kept = self.catalog.kept("PermissionSet", _INTEGRATION)
        if kept:
            named = {"PermissionSetId": kept.id, "AssigneeId": self.user_id}
            self._add("PermissionSetAssignment", **named)

    def _add(self, object_name: str, /, **values: Any) -> str:
        kind, now = self.schema.objects[object_name], self.now_text()
        row: Row = {field.name: False for field in kind.fields.values() if field.type == "boolean"}
        stamps = {"CreatedDate": now, "LastModifiedDate": now, "SystemModstamp": now}
        row |= {name: value for name, value in stamps.items() if name in kind.fields}
        return self.store.insert(kind, row | values)


def full_org_id(text: str) -> str:
    """The id of an org in its long form. Raises ValueError for what is none."""
    found = normal_id(text)
    if found is None or not found.startswith("00D"):
        raise ValueError(f"{text!r} is not the id of an org")
    return found


_RETIRED: Final = "CHF"
_CURRENCIES: Final = (
    ("USD", 1.0, 2),
    ("EUR", 0.9, 2),
    ("GBP", 0.8, 2),
    ("JPY", 150.0, 0),
    ("KWD", 0.3, 2),
    (_RETIRED, 0.95, 2),
)
_ORGANIZATION: Final[dict[str, Any]] = {
    "Country": "US",
    "OrganizationType": "Developer Edition",
    "InstanceName": "CS1",
    "IsSandbox": True,
    "DefaultLocaleSidKey": "en_US",
    "TimeZoneSidKey": "GMT",
    "LanguageLocaleKey": "en_US",
    "FiscalYearStartMonth": 1,
    "DefaultAccountAccess": "Edit",
    "DefaultContactAccess": "ControlledByParent",
    "DefaultCaseAccess": "ReadEditTransfer",
    "WebToCaseDefaultOrigin": "Web",
}
