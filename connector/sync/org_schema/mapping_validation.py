"""The policy's mapping against the fields that are Casewire's own, and against the org."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from connector.errors import SetupError
from connector.mappers import fields
from connector.mappers.field_limits import required_fields
from connector.mappers.fields import Account, Case, Contact
from connector.mappers.org_schema import OrgField, OrgShape
from connector.policy import Mapped, Policy

CURRENCY: Final = "CurrencyIsoCode"
_OURS: Final = {
    Account.OBJECT: {fields.PERSON_KEY, Contact.FIRST_NAME, Contact.LAST_NAME, "PersonEmail"},
    Case.OBJECT: {Case.RECORD_TYPE},
}
_HOLDS: Final[Mapping[str, frozenset[str]]] = {
    "text": frozenset({"string", "textarea", "email", "phone", "url", "combobox", "encryptedstring"}),
    "number": frozenset({"int", "double", "currency", "percent"}),
    "date": frozenset({"date"}),
    "datetime": frozenset({"datetime"}),
    "picklist": frozenset({"picklist", "combobox"}),
    "checkbox": frozenset({"boolean"}),
    "lookup": frozenset({"reference"}),
}
"""Type in the policy → the types of fields that take it."""


def checked(policy: Policy) -> Policy:
    """The same policy. Raises SetupError for a mapped field that Casewire writes itself, or that is mapped twice."""
    required = required_fields()
    times = Counter(one.name for one in policy.mapping)
    for number, one in enumerate(policy.mapping):
        ours = required[one.object] | _OURS.get(one.object, set()) | {CURRENCY}
        if one.field in ours:
            raise SetupError(f"policy: mapping.{number}.field: {one.name} is Casewire's own field.")
        if times[one.name] > 1:
            raise SetupError(f"policy: mapping.{number}.field: {one.name} is mapped {times[one.name]} times.")
    return policy


def troubles(policy: Policy, shape: OrgShape) -> Iterator[tuple[Mapped, str]]:
    """Mappings the org cannot take, and why."""
    for one in policy.mapping:
        why = _trouble(one, shape.field(one.object, one.field), shape)
        if why:
            yield one, why


def _trouble(one: Mapped, target: OrgField | None, shape: OrgShape) -> str:
    if target is None:
        return "the org has no such field, or the integration user may not see it"
    if not (target.createable if one.when == "create" else target.writable):
        return "the integration user may not write it"
    if target.type not in _HOLDS[one.type]:
        return f"type = {one.type!r} does not fit a field of type {target.type}"
    if target.rich:
        return "it is a rich text area, whose text Salesforce changes to HTML; a plain text area takes it as it is"
    return _trouble_of_lookup(one, target, shape) if one.lookup else ""


def _trouble_of_lookup(one: Mapped, target: OrgField, shape: OrgShape) -> str:
    assert one.lookup is not None
    if one.lookup.object not in target.targets:
        return f"it points to {', '.join(sorted(target.targets))}, not to {one.lookup.object}"
    key = shape.field(one.lookup.object, one.lookup.key)
    if key is None:
        return f"the org has no field {one.lookup.object}.{one.lookup.key}"
    return "" if key.is_key else f"{one.lookup.object}.{one.lookup.key} is not a unique external id"
