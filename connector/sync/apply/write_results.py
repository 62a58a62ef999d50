"""What Salesforce answers for the rows that it is sent, and what became of them."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field
from typing import Protocol

from connector.errors import CasewireError, Unavailable
from connector.sync.apply.row_diff import Record, Row


class RowError(Protocol):
    """Why Salesforce refused one row, and as the error that says what happens next."""

    @property
    def code(self) -> str: ...
    @property
    def fields(self) -> tuple[str, ...]: ...
    @property
    def matches(self) -> tuple[str, ...]: ...
    def exception(self) -> CasewireError: ...


class RowAnswer(Protocol):
    """What Salesforce says of one row."""

    @property
    def id(self) -> str | None: ...
    @property
    def created(self) -> bool: ...
    @property
    def error(self) -> RowError | None: ...


@dataclass(frozen=True, slots=True)
class Written:
    """``row``: as it was sent, which may be without an optional parent or a value that Salesforce does not take."""

    id: str
    created: bool
    row: Row


@dataclass(frozen=True, slots=True)
class Refused:
    """``matches``: the records a duplicate rule named; ``fields``: those that it is about, where that is told."""

    code: str
    text: str
    transient: bool
    matches: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()


@dataclass(slots=True)
class Results:
    """What became of each row. A record that is in neither was not sent: Salesforce went away, or it was dropped.
    ``under_way``: those of the bulk job that Salesforce works on. ``left_out``: fields whose value Salesforce does not
    take, and without which a record was sent again."""

    written: dict[Record, Written] = field(default_factory=dict)
    refused: dict[Record, Refused] = field(default_factory=dict)
    unavailable: Unavailable | None = None
    under_way: Set[Record] = frozenset()
    left_out: dict[Record, frozenset[str]] = field(default_factory=dict)
