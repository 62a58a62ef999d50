"""A parsed query. ``at`` is the place in the text, for the caret of an error message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal as Choice


@dataclass(frozen=True, slots=True)
class Name:
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant as written; text is still quoted and escaped."""

    kind: Choice["string", "number", "date", "datetime", "word", "boolean", "null"]
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Call:
    """An aggregate function; ``field`` is None for ``COUNT()``."""

    function: str
    field: Name | None
    alias: str | None
    at: int


@dataclass(frozen=True, slots=True)
class Column:
    field: Name
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class Compare:
    field: Name
    operator: str
    value: Literal


@dataclass(frozen=True, slots=True)
class Membership:
    field: Name
    values: tuple[Literal, ...] | Query
    negated: bool


@dataclass(frozen=True, slots=True)
class Both:
    """All of the conditions (``every``) or any of them."""

    every: bool
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    condition: Condition


Condition = Compare | Membership | Both | Negation


@dataclass(frozen=True, slots=True)
class Order:
    key: Name | Call
    descending: bool
    nulls_last: bool


@dataclass(frozen=True, slots=True)
class Query:
    items: tuple[Column | Call | Query, ...]
    object: Name
    alias: str | None
    where: Condition | None
    group: tuple[Name, ...]
    order: tuple[Order, ...]
    limit: int | None
    offset: int
