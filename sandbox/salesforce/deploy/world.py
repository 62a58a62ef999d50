"""An org as it would be after a deployment: where every name leads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sandbox.salesforce.deploy.catalog import Catalog, Component
from sandbox.salesforce.schema import Field, ObjectType, Schema
from sandbox.salesforce.shapes import Shape

_QUOTED: Final = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|/\*.*?\*/", re.DOTALL)
_PATH: Final = re.compile(r"(?<![\w.$])[A-Za-z]\w*(?:\.[A-Za-z]\w*)*")


@dataclass(frozen=True, slots=True)
class World:
    catalog: Catalog
    schema: Schema
    shape: Shape

    def has(self, type_: str, full: str) -> bool:
        return self.catalog.get(type_, full) is not None

    def component(self, type_: str, full: str) -> Component | None:
        return self.catalog.get(type_, full)

    def object(self, name: str) -> ObjectType | None:
        """By its exact name: metadata is not forgiving about case."""
        return self.schema.objects.get(name)

    def field(self, object_: str, name: str) -> Field | None:
        kind = self.object(object_)
        return kind.fields.get(name) if kind else None

    def leads(self, object_: str, path: str) -> bool:
        """Whether a path of fields ends somewhere: ``Name``, ``Owner``, ``Account.Name``, ``Account__c.Name``."""
        first, _, rest = path.partition(".")
        link = self._link(object_, first)
        if not rest:
            return link is not None or self.field(object_, first) is not None
        return link is not None and any(self.leads(target, rest) for target in link.reference_to)

    def table(self, path: str) -> str | None:
        """The object a report type's table is: ``Account``, or along its children ``Account.Billing_Events__r``."""
        first, *rest = path.split(".")
        kind = self.object(first)
        for step in rest:
            child = self.schema.children(kind).get(step.lower()) if kind else None
            link = self._link(kind.name, step) if kind and child is None else None
            kind = child[0] if child else self.object(link.reference_to[0]) if link else None
        return kind.name if kind else None

    def unknown_in(self, object_: str, formula: str) -> Iterator[str]:
        """Custom fields a formula names that are not there."""
        for path in _PATH.findall(_QUOTED.sub(" ", formula)):
            if "__" in path and not self.leads(object_, path):
                yield path

    def _link(self, object_: str, name: str) -> Field | None:
        kind = self.object(object_)
        if kind is None:
            return None
        link = kind.relationships.get(name.lower()) or kind.fields.get(name)
        return link if link is not None and link.reference_to else None
