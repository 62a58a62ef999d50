"""The schema of an org, by name: objects and fields from its describes, currencies, statuses, queues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.mappers import fields


@dataclass(frozen=True, slots=True)
class OrgField:
    """A field as the integration user sees it. ``digits``: before the decimal point, None if unknown.
    ``values``: the active ones of a picklist; ``targets``: the objects a lookup may point to. ``rich``: Salesforce
    makes HTML of its text."""

    name: str
    type: str
    createable: bool = False
    updateable: bool = False
    is_key: bool = False
    length: int = 0
    digits: int | None = None
    scale: int = 0
    restricted: bool = False
    values: frozenset[str] = frozenset()
    targets: frozenset[str] = frozenset()
    rich: bool = False

    @property
    def writable(self) -> bool:
        """Parents that cannot move once set (master-detail) are written on create only, so createable will do."""
        return self.createable and (self.updateable or self.type == "reference")


@dataclass(frozen=True, slots=True)
class CaseStatus:
    """A value of Case.Status."""

    name: str
    closed: bool
    default: bool


OrgFields = Mapping[str, OrgField]


@dataclass(frozen=True, slots=True)
class OrgShape:
    """``objects``: those the integration user may see, with their fields by name. ``statuses``: in the org's order.
    ``currencies``: the active ones, None in an org that has but one. ``record_types``: those that may be used, as
    ``Case.Billing``; ``queues``: those that may own cases."""

    objects: Mapping[str, OrgFields] = field(default_factory=dict)
    statuses: tuple[CaseStatus, ...] = ()
    currencies: frozenset[str] | None = None
    queues: frozenset[str] = frozenset()
    record_types: frozenset[str] = frozenset()

    @property
    def person_accounts(self) -> bool:
        return self.field(fields.Account.OBJECT, "IsPersonAccount") is not None

    def field(self, object_: str, name: str) -> OrgField | None:
        """None: the org has no such field, or the integration user may not see it."""
        return self.objects.get(object_, {}).get(name)

    def writable(self, object_: str, name: str) -> bool:
        found = self.field(object_, name)
        return found is not None and found.writable


def described(description: Mapping[str, Any]) -> OrgFields:
    """The fields of one describe."""
    return {str(told["name"]): _field(told) for told in description["fields"]}


def record_types(description: Mapping[str, Any]) -> dict[str, str]:
    """DeveloperName → id. Only available ones: another gives INVALID_CROSS_REFERENCE_KEY. The master type is none."""
    infos = description.get("recordTypeInfos") or ()
    usable = (info for info in infos if info.get("available") and not info.get("master"))
    return {str(info["developerName"]): str(info["recordTypeId"]) for info in usable}


def _field(told: Mapping[str, Any]) -> OrgField:
    values = told.get("picklistValues") or ()
    return OrgField(
        name=str(told["name"]),
        type=str(told.get("type", "")),
        createable=bool(told.get("createable")),
        updateable=bool(told.get("updateable")),
        is_key=bool(told.get("externalId") and told.get("unique")),
        length=int(told.get("length") or 0),
        digits=_digits(told),
        scale=int(told.get("scale") or 0),
        restricted=bool(told.get("restrictedPicklist")),
        values=frozenset(str(value["value"]) for value in values if value.get("active")),
        targets=frozenset(told.get("referenceTo") or ()),
        rich=bool(told.get("htmlFormatted")) and str(told.get("type")) == "textarea",
    )


def _digits(told: Mapping[str, Any]) -> int | None:
    """An integer says its digits; other numbers all of them, those after the point included."""
    if told.get("precision"):
        return int(told["precision"]) - int(told.get("scale") or 0)
    return int(told["digits"]) if told.get("digits") else None
