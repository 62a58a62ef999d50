"""Criteria of list views and reports: an operator and a value the field's type takes.

Salesforce checks some of this when it deploys and leaves the rest to show an empty list for ever: a status
nobody writes is a valid text to compare with.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from connector.models.processor_objects import STATUSES, Kind, Stage

from .folder import Component, Folder, text
from .names import Complaints, absent, not_a_value, unknown_columns

EQUAL = frozenset({"equals", "notEqual"})
COMPARE = EQUAL | {"lessThan", "lessOrEqual", "greaterThan", "greaterOrEqual"}
SEARCH = EQUAL | {"contains", "notContain", "startsWith"}

OPERATIONS = {
    "Checkbox": EQUAL,
    "Date": COMPARE,
    "DateTime": COMPARE,
    "LongTextArea": frozenset[str](),
    "Lookup": SEARCH,
    "Number": COMPARE,
    "Picklist": EQUAL,
    "Text": SEARCH,
    "Url": SEARCH,
}
"""By type of field. A long text cannot be filtered on."""

_DAYS = re.compile(
    r"(TODAY|YESTERDAY|TOMORROW|(LAST|THIS|NEXT)_(WEEK|MONTH|QUARTER|YEAR)|(LAST|NEXT)_N_DAYS:\d+)"
)
VALUES: dict[str, Callable[[str], bool]] = {
    "Checkbox": lambda value: value in ("0", "1"),
    "Date": lambda value: _DAYS.fullmatch(value) is not None,
    "DateTime": lambda value: _DAYS.fullmatch(value) is not None,
    "Number": lambda value: re.fullmatch(r"-?\d+(\.\d+)?", value) is not None,
}
"""What a value must look like, by type of field; of a type that is not here anything does. Empty is "blank"."""

VOCABULARY = {
    "Billing_Dispute__c.Stage__c": frozenset(Stage),
    "Billing_Dispute__c.Status__c": STATUSES[Kind.DISPUTE],
    "Billing_Refund__c.Status__c": STATUSES[Kind.REFUND],
    "Billing_Payout__c.Status__c": STATUSES[Kind.PAYOUT],
}
"""Texts that only ever hold these words."""


@dataclass(frozen=True)
class Criterion:
    """``field``: with its object, ``Case.Billing_Rule__c``."""

    field: str
    operation: str
    value: str

    @property
    def values(self) -> set[str]:
        """A comma means "or"; none at all means "is blank"."""
        return set(self.value.split(",")) if self.value else set()


def list_views(folder: Folder) -> Complaints:
    for c in folder.of("ListView"):
        used = c.all("columns") + [text(f, "field") for f in c.each("filters")]
        yield from unknown_columns(folder, c, used, c.object)
        yield from (
            f"{c.name}: column {n} stands twice"
            for n in set(c.all("columns"))
            if c.all("columns").count(n) > 1
        )
        for criterion in view_criteria(c):
            yield from unsuitable(folder, c, criterion)


def view_criteria(view: Component) -> list[Criterion]:
    return [
        Criterion(f"{view.object}.{text(f, 'field')}", text(f, "operation"), text(f, "value"))
        for f in view.each("filters")
    ]


def unsuitable(folder: Folder, of: Component, criterion: Criterion) -> Complaints:
    """What is wrong with comparing this field so. Silent about standard fields."""
    field = folder.field(criterion.field)
    if field is None:
        return
    type_ = field.text("type")
    if criterion.operation not in OPERATIONS[type_]:
        yield f"{of.name}: {criterion.field} is a {type_} and cannot be compared by {criterion.operation}"
    if any(not VALUES.get(type_, bool)(value) for value in criterion.values):
        yield f"{of.name}: {criterion.field} is a {type_} and never {criterion.value}"
    yield from not_a_value(folder, of, criterion.field, criterion.values)
    if criterion.operation in EQUAL and criterion.field in VOCABULARY:
        yield from absent(of, criterion.values, VOCABULARY[criterion.field], f"{field.own_name} value")
