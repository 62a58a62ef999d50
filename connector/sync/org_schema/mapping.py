"""The policy's mapping: fields of the org that are filled from what is known of an account. Pure.

It is applied when a plan is fitted to the org, not when it is decided: what a field can hold (its length, its digits,
the values of its picklist) only the org tells, and a plan is decided without knowing the org.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo

from connector.mappers.org_schema import OrgField, OrgShape
from connector.models.facts import Facts
from connector.models.plan import Change, CreateValue, Lookup, Value
from connector.policy import Mapped
from connector.sync.org_schema.conversion import ConversionError, converted
from connector.sync.org_schema.fact_paths import Sources
from connector.sync.org_schema.mapping_validation import checked, troubles

__all__ = ["Mapping", "checked", "troubles"]

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Mapping:
    """The mappings that the org can take, each with its field."""

    fields: tuple[tuple[Mapped, OrgField], ...] = ()

    @classmethod
    def of(cls, wanted: Sequence[Mapped], shape: OrgShape) -> Mapping:
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
