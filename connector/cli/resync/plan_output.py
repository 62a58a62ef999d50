"""Prints a plan while it is made: lines for people, or one JSON document. Only totals stay in memory."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from textwrap import indent
from types import TracebackType
from typing import Any, Protocol

import click

from connector.cli.output.changes import document, lines
from connector.cli.output.console import out, show
from connector.cli.resync.apply import Applied
from connector.cli.resync.summary import Totals
from connector.sync.resync.resync import PlanPreview

SCHEMA = "casewire/plan/1"
"""docs/schemas/plan.schema.json"""
_SAME = "Nothing differs from what was last written. casewire drift reads Salesforce."
_GONE = "Recurly no longer has it, and Salesforce shows that."


class PlanOutput(AbstractContextManager["PlanOutput"], Protocol):
    """Receives each account, then the totals and the free API calls, then the result of applying."""

    def add(self, one: PlanPreview) -> None: ...
    def planned(self, totals: Totals, free: int | None) -> None: ...
    def applied(self, done: Applied) -> None: ...


def shown(json_: bool, *, every: bool) -> PlanOutput:
    """``every``: also show accounts that are up to date, because they were named."""
    return _Document(every) if json_ else _Lines(every)


@dataclass(slots=True)
class _Lines:
    every: bool

    def __enter__(self) -> _Lines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def add(self, one: PlanPreview) -> None:
        if not (one.changes or one.trouble or self.every):
            return
        out.print(f"[bold]{show(one.subject.key)}[/bold]")
        if one.trouble:
            out.print(f"  [red]failed: {show(one.trouble)}[/red]")
        elif not one.changes:
            out.print(f"  {_GONE if one.gone else _SAME}")
        for line in (line for row in one.changes for line in lines(row)):
            out.print(line)

    def planned(self, totals: Totals, free: int | None) -> None:
        for line in totals.lines():
            out.print(show(line))

    def applied(self, done: Applied) -> None:
        """Nothing: the result is printed to stderr."""


@dataclass(slots=True)
class _Document:
    """Written account by account. After an error the document is closed, with ``complete`` false."""

    every: bool
    _any: bool = False
    _planned: bool = False
    _applied: bool = False

    def __enter__(self) -> _Document:
        click.echo(f'{{\n  "schema": "{SCHEMA}",\n  "accounts": [', nl=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._planned:
            self._end_accounts()
        self._member("complete", self._planned and not (self._applied and error))
        click.echo("\n}")

    def add(self, one: PlanPreview) -> None:
        if not (one.changes or one.trouble or self.every):
            return
        text = json.dumps(_account(one), indent=2, ensure_ascii=False)
        click.echo(f"{',' if self._any else ''}\n{indent(text, '    ')}", nl=False)
        self._any = True

    def planned(self, totals: Totals, free: int | None) -> None:
        self._end_accounts()
        for name, value in totals.document(free).items():
            self._member(name, value)
        self._planned = True

    def applied(self, done: Applied) -> None:
        self._member("applied", asdict(done))
        self._applied = True

    def _end_accounts(self) -> None:
        click.echo("\n  ]" if self._any else "]", nl=False)

    def _member(self, name: str, value: object) -> None:
        text = json.dumps({name: value}, indent=2, ensure_ascii=False)
        click.echo(f",{text[1:-2]}", nl=False)


def _account(one: PlanPreview) -> dict[str, Any]:
    return {
        "account": one.subject.key,
        "error": one.trouble or None,
        "changes": [document(row) for row in one.changes],
    }
