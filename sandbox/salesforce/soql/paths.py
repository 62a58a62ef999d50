"""From a name in a query (``Account__r.Billing_Key__c``) to the fields it means and the value in a row."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sandbox.salesforce.schema import Field, ObjectType, Schema
from sandbox.salesforce.soql.errors import no_such_column, no_such_relationship
from sandbox.salesforce.soql.tree import Name, Query
from sandbox.salesforce.store import Row, Store


@dataclass(frozen=True, slots=True)
class Path:
    """Lookups to follow, with the objects they may lead to, and the field at the end."""

    links: tuple[Field, ...]
    owners: tuple[ObjectType, ...]
    field: Field

    @property
    def text(self) -> str:
        return ".".join([*(str(link.relationship) for link in self.links), self.field.name])


@dataclass(frozen=True, slots=True)
class Scope:
    """Where names are looked up: the object after FROM. ``values_of`` runs a query inside a condition."""

    text: str
    schema: Schema
    store: Store
    kind: ObjectType
    alias: str | None
    now: Any
    values_of: Callable[[Query], set[Any]]

    def path(self, name: Name) -> Path:
        """Raises RequestRefused INVALID_FIELD for a name that leads nowhere."""
        parts = name.text.split(".")
        if len(parts) > 1 and parts[0].lower() in self._own_names():
            parts = parts[1:]
        owners: tuple[ObjectType, ...] = (self.kind,)
        links = []
        for part in parts[:-1]:
            link = _link(owners, part)
            if link is None:
                raise no_such_relationship(self.text, name.at, part)
            links.append(link)
            owners = tuple(self.schema.objects[target] for target in link.reference_to)
        field = next((found for kind in owners if (found := kind.field(parts[-1]))), None)
        if field is None:
            entity = owners[0].name if len(owners) == 1 else "Name"
            raise no_such_column(self.text, name.at, parts[-1], entity)
        return Path(tuple(links), owners, field)

    def reader(self, path: Path) -> Callable[[Row], Any]:
        """A function giving the value at the end of the path; None where a lookup is empty."""
        name = path.field.name
        if not path.links:
            return lambda row: row.get(name)
        row_of, links = self.store.row, [link.name for link in path.links]

        def read(row: Row) -> Any:
            at: Row | None = row
            for link in links:
                at = row_of(at[link]) if at and at.get(link) else None
            return at.get(name) if at else None

        return read

    def rows_with(self, path: Path, values: Iterable[Any]) -> Collection[str] | None:
        """Ids of this object's rows with one of the values at the end of the path; None where too many have one."""
        if path.field.type == "boolean":
            return None
        values, found = list(values), dict[str, None]()
        for kind in path.owners:
            if path.field.name in kind.fields:
                table = self.store.table(kind)
                found.update((at, None) for value in values for at in table.find(path.field, value))
        return self._back(path, found)

    def _back(self, path: Path, found: Iterable[str]) -> Collection[str]:
        """From the rows at the end of the path to those that look them up."""
        for place in range(len(path.links) - 1, -1, -1):
            kinds = (self.kind,) if place == 0 else self._targets(path.links[place - 1])
            link = path.links[place]
            tables = [self.store.table(kind) for kind in kinds if link.name in kind.fields]
            found = {at: None for table in tables for parent in found for at in table.find(link, parent)}
        return list(found)

    def _targets(self, link: Field) -> tuple[ObjectType, ...]:
        return tuple(self.schema.objects[name] for name in link.reference_to)

    def _own_names(self) -> set[str]:
        return (
            {self.alias.lower()} if self.alias else {self.kind.name.lower()} - self.kind.relationships.keys()
        )


def _link(owners: tuple[ObjectType, ...], name: str) -> Field | None:
    return next((found for kind in owners if (found := kind.relationships.get(name.lower()))), None)
