"""The policy's mapping: fields of the org that are filled from the facts of an account. Pure.

It is applied when a plan is adapted to the org, not when it is decided: the limits of a field (length, digits, picklist
values) are known only from the org, and a plan is decided without the org.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from typing import Any, Final, cast

from connector.errors import SetupError
from connector.mappers import fields
from connector.mappers.field_limits import required_fields
from connector.mappers.fields import Account, Case, Contact
from connector.mappers.org_schema import OrgField, OrgShape
from connector.mappers.records import invoice, payment, subscription
from connector.mappers.records.account import newest_live
from connector.models.facts import Facts, Subscription
from connector.models.plan import Change, CreateValue, Lookup, Value
from connector.policy import Mapped, Policy
from connector.policy.orgs import SITE
from connector.sync.org_schema.conversion import ConversionError, Known, converted

_SUBSCRIPTION: Final = "subscription"


class Sources:
    """What the fields of one account's records may be filled from."""

    def __init__(self, facts: Facts) -> None:
        own: Mapping[str, Mapping[str, Any]] = {
            _SUBSCRIPTION: {subscription.key(facts, one): one for one in facts.subscriptions},
            "invoice": {invoice.key(facts, one): one for one in facts.invoices},
            "payment": {payment.key(facts, one): one for one in facts.payments},
        }
        self._facts = facts
        self._own = own
        self._newest: Subscription | None = newest_live(facts)

    def value(self, change: Change, path: tuple[str, ...]) -> Known:
        """What the path says of the record of this change; None where that is not known."""
        if path == (SITE,):
            return self._facts.site or None
        held: Any = self._root(change, path[0])
        for part in path[1:]:
            if held is None:
                return None
            held = dict(held).get(part) if isinstance(held, tuple) else getattr(held, part)
        return cast(Known, held)

    def _root(self, change: Change, name: str) -> object:
        if name == "account":
            return self._facts.account
        own = self._own[name].get(change.key)
        return self._newest if own is None and name == _SUBSCRIPTION else own


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


Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """The mappings that the org can take, each with its field."""

    fields: tuple[tuple[Mapped, OrgField], ...] = ()

    @classmethod
    def of(cls, wanted: Sequence[Mapped], shape: OrgShape) -> FieldMapping:
        found = ((one, shape.field(one.object, one.field)) for one in wanted)
        return cls(tuple((one, target) for one, target in found if target is not None))

    def filled(self, changes: Sequence[Change], facts: Facts, tell: Tell, zone: tzinfo = UTC) -> list[Change]:
        """The changes with the mapped fields, days on the clock of this zone. What is not known of an account that is
        gone stays as it is."""
        if not self.fields or facts.account is None or facts.gone:
            return list(changes)
        sources = Sources(facts)
        return [self._filled(change, sources, tell, zone) for change in changes]

    def _filled(self, change: Change, sources: Sources, tell: Tell, zone: tzinfo) -> Change:
        always: dict[str, Value | Lookup] = {}
        made: dict[str, CreateValue] = {}
        for mapped, target in self.fields:
            if mapped.object != change.object:
                continue
            try:
                value = converted(sources.value(change, mapped.path), mapped, target, zone)
            except ConversionError as why:
                tell(f"{mapped.name} is left out where {mapped.from_} is {why}")
                continue
            if mapped.when == "create":
                made[mapped.field] = value
            elif value is not None or (mapped.empty == "clear" and mapped.type != "checkbox"):
                always[mapped.field] = value
        return replace(change, fields={**change.fields, **always}, on_create={**change.on_create, **made})
