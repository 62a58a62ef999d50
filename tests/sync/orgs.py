"""Orgs of every shape, as they are read: everything Casewire writes is there, unless a test says otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.mappers import fields
from connector.mappers.field_limits import required_fields
from connector.mappers.org_schema import CaseStatus, OrgField, OrgShape
from connector.policy import Policy
from connector.sync.org_schema.adaptation import OrgAdapter

STATUSES = (
    CaseStatus("New", False, True),
    CaseStatus("Working", False, False),
    CaseStatus("Closed", True, False),
)
PRIORITY = {"type": "picklist", "values": frozenset({"High", "Medium", "Low"})}
PERSON = ("FirstName", "LastName", "Phone", "PersonEmail", "PersonTitle", fields.PERSON_KEY, "Tier__pc")


def org_field(name: str, **told: Any) -> OrgField:
    usual: dict[str, Any] = {"type": "string", "createable": True, "updateable": True, "length": 255}
    return OrgField(name, **{**usual, "is_key": name == fields.KEY, **told})


def shape(
    *,
    persons: bool = False,
    currencies: Iterable[str] | None = None,
    more: Mapping[str, Iterable[OrgField]] | None = None,
    without: Mapping[str, Iterable[str]] | None = None,
    **told: Any,
) -> OrgShape:
    """``without``: fields it lacks; an object that lacks everything (``()``) is not there."""
    objects = {name: {one: org_field(one) for one in names} for name, names in required_fields().items()}
    objects["Case"]["Priority"] = org_field("Priority", **PRIORITY)
    if persons:
        objects["Account"] |= {name: org_field(name) for name in PERSON}
        objects["Account"]["IsPersonAccount"] = OrgField("IsPersonAccount", "boolean")
    if currencies is not None:
        for known in objects.values():
            known["CurrencyIsoCode"] = org_field("CurrencyIsoCode", type="picklist")
    for name, added in (more or {}).items():
        objects.setdefault(name, {}).update({one.name: one for one in added})
    for name, gone in (without or {}).items():
        kept = {one: known for one, known in objects.pop(name).items() if one not in gone}
        objects |= {name: kept} if gone else {}
    usual = {"statuses": STATUSES, "queues": Policy().queues(), "record_types": frozenset({"Case.Billing"})}
    active = None if currencies is None else frozenset(currencies)
    return OrgShape(objects=objects, currencies=active, **usual | told)


@dataclass
class Org:
    """Ids are of no matter here."""

    shape: OrgShape
    told: list[str] = field(default_factory=list)

    def queue(self, name: str) -> str | None:
        return None

    def record_type(self, name: str) -> str | None:
        return None


def fitted(org: OrgShape | None = None, **policy: Any) -> tuple[OrgAdapter, list[str]]:
    """A shaping, and what it told. ``policy``: sections as TOML would give them."""
    told: list[str] = []
    return OrgAdapter.of(Policy.model_validate(policy), Org(org or shape()), told.append), told
