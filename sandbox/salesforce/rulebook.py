"""Rules an administrator made: what counts as a duplicate, what a field may not say."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from sandbox.salesforce.incoming import Incoming
from sandbox.salesforce.schema import ObjectType, Schema
from sandbox.salesforce.store import Row, Store


@dataclass(frozen=True, slots=True)
class DuplicateRule:
    """Rows that agree in all of the fields are duplicates. ``blocks``: not even ``allowSave`` lets one in."""

    name: str
    object: str
    fields: tuple[str, ...]
    blocks: bool

    def twins(self, kind: ObjectType, store: Store, sent: Incoming) -> list[str]:
        """Ids of other live rows that agree with the row, oldest first; none if no field of the rule changed."""
        if not self._touched(sent):
            return []
        values = [sent.after.get(name) for name in self.fields]
        if any(value is None for value in values):
            return []
        table = store.table(kind)
        found = [
            set(table.find(kind.fields[name], value)) for name, value in zip(self.fields, values, strict=True)
        ]
        return sorted(set.intersection(*found) - {str(sent.record_id)})

    def _touched(self, sent: Incoming) -> bool:
        before: Row | None = sent.before
        return before is None or any(sent.after.get(name) != before.get(name) for name in self.fields)


@dataclass(frozen=True, slots=True)
class ValidationRule:
    """A row whose field, after the write, has this in it is refused; an empty field is the empty text."""

    object: str
    field: str
    refused: re.Pattern[str]
    message: str

    def refuses(self, after: Row) -> bool:
        value = after.get(self.field)
        return self.refused.search("" if value is None else str(value)) is not None


@dataclass(slots=True)
class Rulebook:
    """The rules of an org, in the order they were made. They bind the API, not what people typed before."""

    duplicates: list[DuplicateRule] = field(default_factory=list)
    validations: list[ValidationRule] = field(default_factory=list)

    def invalid(self, kind: ObjectType, sent: Incoming) -> ValidationRule | None:
        rules = (rule for rule in self.validations if rule.object == kind.name)
        return next((rule for rule in rules if rule.refuses(sent.after)), None)

    def duplicate(
        self, kind: ObjectType, store: Store, sent: Incoming, allow_save: bool
    ) -> tuple[DuplicateRule, list[str]] | None:
        """The first rule in the way, with the rows it found."""
        for rule in self.duplicates:
            if rule.object == kind.name and (rule.blocks or not allow_save):
                twins = rule.twins(kind, store, sent)
                if twins:
                    return rule, twins
        return None


def duplicate_rule(schema: Schema, told: dict[str, object]) -> DuplicateRule:
    """From ``{"object", "fields", "action": "block"|"alert", "name"}``. Raises ValueError for what does not fit."""
    kind = _kind(schema, told)
    fields, action = told.get("fields"), told.get("action", "block")
    if not isinstance(fields, list) or not fields:
        raise ValueError("fields are the names of the fields that must agree, one or more")
    if action not in ("block", "alert"):
        raise ValueError("action is block or alert")
    names = tuple(_field(kind, name) for name in fields)
    return DuplicateRule(
        str(told.get("name") or f"{kind.name}_Duplicate_Rule"), kind.name, names, action == "block"
    )


def validation_rule(schema: Schema, told: dict[str, object]) -> ValidationRule:
    """From ``{"object", "field", "refused": regular expression, "message"}``. Raises ValueError likewise."""
    kind = _kind(schema, told)
    try:
        refused = re.compile(str(told.get("refused", "")), re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"refused is not a regular expression: {error}") from error
    if not refused.pattern:
        raise ValueError("refused is the regular expression that no value may fit")
    message = str(told.get("message") or "Refused by a validation rule of this org.")
    return ValidationRule(kind.name, _field(kind, told.get("field")), refused, message)


def _kind(schema: Schema, told: dict[str, object]) -> ObjectType:
    kind = schema.get(str(told.get("object")))
    if kind is None:
        raise ValueError(f"no object {told.get('object')} in this org")
    return kind


def _field(kind: ObjectType, name: object) -> str:
    known = kind.field(str(name))
    if known is None:
        raise ValueError(f"no field {name} on {kind.name}")
    return known.name
