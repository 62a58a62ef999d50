"""Output to the console: tables and colour for people, one JSON document for programs; everything else to stderr."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from connector.ledger.missed_changes import MissedChange

out = Console(highlight=False, soft_wrap=True, emoji=False)
err = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)

_UNSEEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters that a terminal executes, and characters that reorder text."""


def as_json(document: object) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(document, default=_plain, indent=2, ensure_ascii=False))


def _plain(value: object) -> object:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case Decimal():
            return str(value)
        case _:
            raise TypeError(f"{type(value).__name__} has no JSON form")


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """A table on a terminal, tab-separated lines elsewhere."""
    lines = list(rows)
    if not lines:
        err.print(empty)
        return
    if not out.is_terminal:
        for line in lines:
            click.echo("\t".join(map(plain, line)))
        return
    grid = Table(*headings, box=None, header_style="bold", pad_edge=False)
    for line in lines:
        grid.add_row(*map(show, line))
    out.print(grid)


def show(value: object) -> str:
    """One value as a person reads it, for ``out.print``: its square brackets are not markup."""
    return escape(plain(value))


def plain(value: object) -> str:
    """One value as a person reads it."""
    match value:
        case None:
            return ""
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        case bool():
            return "yes" if value else "no"
        case _:
            return _UNSEEN.sub("\ufffd", str(value).replace("\n", " ⏎ ").replace("\t", " "))


class Time(click.ParamType[datetime]):
    """A point in time: ISO (``2026-11-01``, ``2026-11-01T10:00Z``) or an age (``90m``, ``36h``, ``7d``). ``past``:
    refuse a time in the future."""

    name = "time"
    _UNITS = {"m": 60, "h": 3600, "d": 86400}

    def __init__(self, *, past: bool = False) -> None:
        self._past = past

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            if value[-1:] in self._UNITS and value[:-1].isdecimal():
                seconds = int(value[:-1]) * self._UNITS[value[-1]]
                return datetime.fromtimestamp(datetime.now(UTC).timestamp() - seconds, UTC)
            found = datetime.fromisoformat(value.replace("Z", "+00:00"))
        except (ValueError, OverflowError):
            self.fail(
                f"{value!r} is not a time; write 2026-11-01, 2026-11-01T10:00Z, 90m, 36h or 7d.", param, ctx
            )
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        if self._past and found > datetime.now(UTC):
            self.fail(f"{value!r} is in the future; give a time in the past.", param, ctx)
        return found


class NonEmptyText(click.ParamType[str]):
    """A text that is not blank: an empty variable in a script must not select everything."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not str(value).strip():
            self.fail("It is empty: give a value, or leave the option out.", param, ctx)
        return str(value)


FIRST: Final = 20
"""On a terminal."""


def missing_lines(first: Sequence[MissedChange], count: int, rest: str) -> Iterator[str]:
    """The first missed changes: kind, id, account, time. ``rest``: where to find the others."""
    for one in first[:FIRST]:
        when = f", {plain(one.version)}" if one.version else ""
        yield show(f"{one.object.replace('_', ' ')} {one.id} of {one.subject}{when}")
    left = count - min(len(first), FIRST)
    if left:
        yield show(f"… and {left:,} more: {rest}")
