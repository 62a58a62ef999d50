"""The results of writing rows to Salesforce."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field
from typing import Protocol

from connector.errors import CasewireError, Unavailable
from connector.sync.apply.row_diff import Record, Row


class RowError(Protocol):
    """The reason why Salesforce refused one row; ``exception`` classifies it as transient or permanent."""

    @property
    def code(self) -> str: ...
    @property
    def fields(self) -> tuple[str, ...]: ...
    @property
    def matches(self) -> tuple[str, ...]: ...
    def exception(self) -> CasewireError: ...


class RowAnswer(Protocol):
    """Salesforce's response for one row."""

    @property
    def id(self) -> str | None: ...
    @property
    def created(self) -> bool: ...
    @property
    def error(self) -> RowError | None: ...


@dataclass(frozen=True, slots=True)
class Written:
    """A written row. ``row``: as sent, which may lack an optional parent or a value that Salesforce refused."""

    id: str
    created: bool
    row: Row


@dataclass(frozen=True, slots=True)
class Refused:
    """A refused row. ``matches``: records that a duplicate rule named. ``fields``: the fields at fault, if reported."""

    code: str
    text: str
    transient: bool
    matches: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()


@dataclass(slots=True)
class Results:
    """The result of each row. A record in neither ``written`` nor ``refused`` was not sent: Salesforce became
    unavailable, or its account was released. ``under_way``: the records of the running bulk job. ``left_out``: fields
    whose value Salesforce refused; the record was sent again without them."""

    written: dict[Record, Written] = field(default_factory=dict)
    refused: dict[Record, Refused] = field(default_factory=dict)
    unavailable: Unavailable | None = None
    under_way: Set[Record] = frozenset()
    left_out: dict[Record, frozenset[str]] = field(default_factory=dict)
