"""Salesforce records as linking reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from connector.mappers import fields
from connector.mappers.fields import Account as F
from connector.mappers.fields import Contact as C
from connector.mappers.org_schema import OrgShape
from connector.models.linking import MADE
from connector.sync.apply.outcomes import RowAnswer

IS_PERSON: Final = "IsPersonAccount"
WEBSITE: Final = "Website"
PARENT: Final = "ParentId"
NEEDS: Final[Mapping[str, tuple[str, str]]] = {
    "email": (C.OBJECT, C.EMAIL),
    "domain_and_name": (F.OBJECT, WEBSITE),
    "parent": (F.OBJECT, PARENT),
}
"""What of an org each of the policy's own keys searches by: object and field."""


class Crm(Protocol):
    """What linking asks of Salesforce (``clients/salesforce``)."""

    def query(self, soql: str) -> list[dict[str, Any]]: ...
    def query_all(self, soql: str) -> list[dict[str, Any]]: ...
    def query_keys(
        self, select: str, field: str, keys: Sequence[str], suffix: str = ""
    ) -> list[dict[str, Any]]: ...
    def describe(self, object_: str) -> dict[str, Any]: ...
    def update(self, object_: str, rows: Sequence[Mapping[str, Any]]) -> Sequence[RowAnswer]: ...


@dataclass(frozen=True, slots=True)
class Record:
    """An account of the CRM. ``key``: the account of billing it says it is; ``linked_by``: what was kept of why."""

    id: str
    name: str
    key: str | None = None
    person: bool = False
    linked_by: str | None = None
    parent_id: str | None = None

    def made_for_another(self, subject: str) -> bool:
        """Casewire made it for another account of billing: it tells nothing of what the CRM had."""
        return bool(self.key) and self.key != subject and (self.linked_by or "").startswith(MADE)


@dataclass(frozen=True, slots=True)
class Person:
    """A contact, or the person of a person account, by its e-mail."""

    id: str
    key: str | None
    account: Record


def accounts(shape: OrgShape, more: Iterable[str] = ()) -> str:
    """How accounts are asked for. What the org has not, or the integration user may not see, is not asked for."""
    optional = (name for name in (F.LINKED_BY, WEBSITE, PARENT, IS_PERSON) if shape.field(F.OBJECT, name))
    names = dict.fromkeys(["Id", F.NAME, fields.KEY, *optional, *more])
    return f"SELECT {', '.join(names)} FROM {F.OBJECT}"


def people(shape: OrgShape) -> str:
    """How contacts are asked for, with their accounts."""
    optional = (name for name in (F.LINKED_BY, IS_PERSON) if shape.field(F.OBJECT, name))
    of_account = (f"Account.{name}" for name in (F.NAME, fields.KEY, *optional))
    names = ["Id", C.EMAIL, C.ACCOUNT, fields.KEY, "CreatedDate", *of_account]
    return f"SELECT {', '.join(names)} FROM {C.OBJECT}"


def account(row: Mapping[str, Any]) -> Record:
    return Record(
        id=row["Id"],
        name=row.get(F.NAME) or "",
        key=row.get(fields.KEY) or None,
        person=bool(row.get(IS_PERSON)),
        linked_by=row.get(F.LINKED_BY) or None,
        parent_id=row.get(PARENT),
    )


def person(row: Mapping[str, Any]) -> Person:
    of_account = {"Id": row[C.ACCOUNT], **(row["Account"] or {})}
    return Person(row["Id"], row.get(fields.KEY) or None, account(of_account))
