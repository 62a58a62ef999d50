"""What is particular to one org: its queues, record types and closed statuses, and whether our fields are there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from connector.clients.salesforce.client import SalesforceClient
from connector.errors import Permanent, SetupError
from connector.mappers import fields

_CASE = fields.Case.OBJECT
_MEND = (
    "Deploy salesforce/ (salesforce/README.md) and assign the permission set Casewire_Integration to the "
    "integration user."
)


@dataclass(frozen=True, slots=True)
class Org:
    """Read once at start. Names are DeveloperNames; what an org lacks is None and for the caller to decide."""

    queues: Mapping[str, str]
    record_types: Mapping[str, str]
    closed_statuses: frozenset[str]
    person_accounts: bool
    multi_currency: bool

    @classmethod
    def load(cls, client: SalesforceClient) -> Org:
        """Three queries and two describes."""
        case = client.describe(_CASE)
        account = _fields(client.describe(fields.Account.OBJECT))
        return cls(
            queues=_queues(client),
            record_types=_record_types(case),
            closed_statuses=_closed_statuses(client),
            person_accounts="IsPersonAccount" in account,
            multi_currency="CurrencyIsoCode" in account,
        )

    def queue(self, name: str) -> str | None:
        """The id of a queue that may own cases."""
        return self.queues.get(name)

    def record_type(self, name: str) -> str | None:
        """The id of a record type of Case that the integration user may use."""
        return self.record_types.get(name)

    def is_closed(self, status: str) -> bool:
        """Whether a case with this status is closed, whatever the org calls it."""
        return status in self.closed_statuses


def missing_fields(client: SalesforceClient, required: Mapping[str, Collection[str]]) -> dict[str, list[str]]:
    """Object → fields that are not there or not writable for the integration user; an object that is not there
    lacks them all. A key field must also be an external id and unique."""
    lacking = {object_: _lacking(client, object_, names) for object_, names in required.items()}
    return {object_: names for object_, names in lacking.items() if names}


def require_fields(client: SalesforceClient, required: Mapping[str, Collection[str]]) -> None:
    """SetupError naming every missing object and field, and what to do."""
    lacking = missing_fields(client, required)
    if lacking:
        told = "; ".join(f"{object_}: {', '.join(names)}" for object_, names in lacking.items())
        raise SetupError(f"Missing or not writable in Salesforce: {told}. {_MEND}")


def _lacking(client: SalesforceClient, object_: str, names: Collection[str]) -> list[str]:
    try:
        described = _fields(client.describe(object_))
    except Permanent as error:
        if error.code not in ("NOT_FOUND", "INVALID_TYPE"):
            raise
        return sorted(names)
    return sorted(name for name in names if not _usable(described.get(name)))


def _usable(described: Mapping[str, Any] | None) -> bool:
    """Parents that cannot move once set (master-detail) are written on create only, so createable will do."""
    if described is None or not described.get("createable"):
        return False
    if described.get("name") == fields.KEY:
        return bool(described.get("externalId") and described.get("unique"))
    return bool(described.get("updateable") or described.get("type") == "reference")


def _fields(description: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {str(field["name"]): field for field in description["fields"]}


def _queues(client: SalesforceClient) -> dict[str, str]:
    """A queue may own cases only if it is listed for Case."""
    rows = client.query("SELECT QueueId FROM QueueSobject WHERE SobjectType = 'Case'")
    for_cases = {row["QueueId"] for row in rows}
    groups = client.query("SELECT Id, DeveloperName FROM Group WHERE Type = 'Queue'")
    return {row["DeveloperName"]: row["Id"] for row in groups if row["Id"] in for_cases}


def _record_types(case: Mapping[str, Any]) -> dict[str, str]:
    """Only available ones: another gives INVALID_CROSS_REFERENCE_KEY. The master type is none."""
    infos = case.get("recordTypeInfos") or ()
    usable = (info for info in infos if info.get("available") and not info.get("master"))
    return {str(info["developerName"]): str(info["recordTypeId"]) for info in usable}


def _closed_statuses(client: SalesforceClient) -> frozenset[str]:
    rows = client.query("SELECT ApiName FROM CaseStatus WHERE IsClosed = true")
    return frozenset(str(row["ApiName"]) for row in rows)
