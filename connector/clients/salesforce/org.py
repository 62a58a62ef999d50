"""What is particular to one org: its objects and fields, queues, record types, case statuses and currencies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from connector.clients.salesforce.client import SalesforceClient
from connector.errors import Permanent
from connector.mappers import fields, org_schema
from connector.mappers.org_schema import CaseStatus, OrgShape

_CASE = fields.Case.OBJECT
_ACCOUNT = fields.Account.OBJECT


@dataclass(frozen=True, slots=True)
class Org:
    """Read once at start. Names are DeveloperNames; what an org lacks is None and for the caller to decide."""

    shape: OrgShape
    queues: Mapping[str, str]
    record_types: Mapping[str, str]

    @classmethod
    def load(cls, client: SalesforceClient, also: Iterable[str] = ()) -> Org:
        """A describe for each object that is written, and for ``also``; three queries, four where there are several
        currencies."""
        told = {name: _describe(client, name) for name in sorted({*fields.ORDER, *also})}
        objects = {name: org_schema.described(found) for name, found in told.items() if found is not None}
        queues, types = _queues(client), _record_types(told)
        return cls(
            shape=OrgShape(
                objects=objects,
                statuses=_statuses(client),
                currencies=_currencies(client) if "CurrencyIsoCode" in objects.get(_ACCOUNT, {}) else None,
                queues=frozenset(queues),
                record_types=frozenset(types),
            ),
            queues=queues,
            record_types=types,
        )

    def queue(self, name: str) -> str | None:
        """The id of a queue that may own cases."""
        return self.queues.get(name)

    def record_type(self, name: str) -> str | None:
        """The id of a record type that the integration user may use: of Case, or ``Account.PersonAccount``."""
        return self.record_types.get(name if "." in name else f"{_CASE}.{name}")


def _describe(client: SalesforceClient, object_: str) -> Mapping[str, Any] | None:
    """None: there is no such object, or none that the integration user may see."""
    try:
        return client.describe(object_)
    except Permanent as error:
        if error.code not in ("NOT_FOUND", "INVALID_TYPE"):
            raise
        return None


def _queues(client: SalesforceClient) -> dict[str, str]:
    """A queue may own cases only if it is listed for Case."""
    rows = client.query("SELECT QueueId FROM QueueSobject WHERE SobjectType = 'Case'")
    for_cases = {row["QueueId"] for row in rows}
    groups = client.query("SELECT Id, DeveloperName FROM Group WHERE Type = 'Queue'")
    return {row["DeveloperName"]: row["Id"] for row in groups if row["Id"] in for_cases}


def _record_types(told: Mapping[str, Mapping[str, Any] | None]) -> dict[str, str]:
    return {
        f"{object_}.{name}": id_
        for object_ in (_CASE, _ACCOUNT)
        for name, id_ in org_schema.record_types(told.get(object_) or {}).items()
    }


def _statuses(client: SalesforceClient) -> tuple[CaseStatus, ...]:
    rows = client.query("SELECT ApiName, IsClosed, IsDefault FROM CaseStatus ORDER BY SortOrder")
    return tuple(CaseStatus(str(r["ApiName"]), bool(r["IsClosed"]), bool(r["IsDefault"])) for r in rows)


def _currencies(client: SalesforceClient) -> frozenset[str]:
    rows = client.query("SELECT IsoCode FROM CurrencyType WHERE IsActive = true")
    return frozenset(str(row["IsoCode"]) for row in rows)
