"""Drift as it is told: kept in a file of its own while it is found, then shown, counted and written out from there."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import click

from connector.cli.showing import changes
from connector.cli.showing.output import out, plain, show, table
from connector.cli.showing.sheets import Table, write_csv, write_xlsx
from connector.mappers import fields
from connector.sync.drift.looking import Drifted, Look
from connector.sync.drift.mending import Mended

MISSING: Final = "(the record)"
"""Stands for the field where a whole record is not there."""
_RANK: Final = {name: rank for rank, name in enumerate(fields.ORDER)}
_GROUPS: Final = ("rule", "object", "field", "records")
_COLUMNS: Final = ("account", "object", "record", "field", "holds", "should say", "rule", "reason")

Entry = dict[str, Any]
"""One record as in docs/schemas/drift.schema.json."""


@dataclass(slots=True)
class Tally:
    """Numbers of what was found. ``groups``: (rule, object, field) → how many records."""

    accounts: int = 0
    pending: int = 0
    drifted: int = 0
    records: int = 0
    groups: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    undecided: dict[str, str] = field(default_factory=dict)

    def add(self, look: Look) -> None:
        self.accounts += look.looked
        self.pending += look.pending
        self.drifted += len({one.subject for one in look.drifted})
        self.records += len(look.drifted)
        self.undecided |= look.undecided
        for one in look.drifted:
            for name in one.fields or (MISSING,):
                self.groups[one.row.change.rule, one.row.change.object, name] += 1

    def counted(self) -> list[tuple[str, str, str, int]]:
        """In the order of the rules, then of the objects."""
        found = [(rule, object_, name, number) for (rule, object_, name), number in self.groups.items()]
        return sorted(found, key=lambda one: (one[0], _RANK[one[1]], one[2]))


@dataclass(frozen=True, slots=True)
class Kept:
    """What was found, one line for each record in a file of this command alone; of any length in flat memory."""

    file: IO[str]

    def add(self, found: Drifted) -> None:
        self.file.write(json.dumps(_entry(found), ensure_ascii=True) + "\n")

    def __iter__(self) -> Iterator[Entry]:
        """From the first, however far another has come."""
        place = 0
        while True:
            self.file.seek(place)
            some = self.file.readlines(1_000_000)
            place = self.file.tell()
            if not some:
                return
            yield from map(json.loads, some)


def _entry(found: Drifted) -> Entry:
    row = found.row
    return {
        "account": found.subject,
        "object": row.change.object,
        "key": row.change.key,
        "missing": not row.exists,
        "let_go": found.is_lost,
        "linked": row.id is not None and not row.exists,
        "rule": row.change.rule,
        "reason": row.change.reason,
        "fields": [
            {"field": name, "holds": row.before.get(name), "should_say": row.after[name]}
            for name in found.fields
        ],
        "change": changes.document(row),
    }


def as_text(tally: Tally, kept: Kept, *, fix: bool) -> None:
    """Groups first, then record by record; ``fix``: as the changes that would mend them."""
    if tally.groups:
        table(_GROUPS, tally.counted(), empty="")
    for entry in kept:
        for line in _change(entry) if fix else _lines(entry):
            out.print(line)


def _lines(entry: Entry) -> Iterator[str]:
    missing = " is missing" if entry["missing"] else ""
    yield f"  {entry['object']} {show(entry['key'])}{missing}"
    yield f"    [dim]{show(entry['rule'])}: {show(entry['reason'])}[/dim]"
    for one in entry["fields"]:
        yield f"    {changes.field(one['field'], one['holds'], one['should_say'])}"


def _change(entry: Entry) -> Iterator[str]:
    change = entry["change"]
    if entry["let_go"]:
        yield f"  forget {entry['object']} {show(entry['key'])}"
        yield "    [dim]it is gone, and nothing needs it any more[/dim]"
        return
    mark = f" [{change['transition']}]" if change["transition"] else ""
    yield f"  {'update' if change['exists'] else 'create'} {entry['object']} {show(entry['key'])}{show(mark)}"
    yield f"    [dim]{show(entry['rule'])}: {show(entry['reason'])}[/dim]"
    if entry["linked"]:
        yield "    [dim]it is gone: the one it was merged into takes its place, or it is looked for anew[/dim]"
    for name, after in change["after"].items():
        yield f"    {changes.field(name, change['before'].get(name), after)}"


def as_json(tally: Tally, kept: Kept, mended: Mended | None, run_id: int | None) -> None:
    """One document on stdout, written as it is read."""
    head = {
        "schema": "casewire/drift/1",
        "accounts": tally.accounts,
        "pending": tally.pending,
        "drifted": tally.drifted,
        "records": tally.records,
        "undecided": [{"account": key, "error": why} for key, why in sorted(tally.undecided.items())],
        "groups": [dict(zip(_GROUPS, one, strict=True)) for one in tally.counted()],
        "mended": mended and {**_mended(mended), "run": run_id},
    }
    for start, (name, value) in zip(("{", *[","] * (len(head) - 1)), head.items(), strict=True):
        click.echo(f'{start}"{name}": {json.dumps(value, ensure_ascii=False)}', nl=False)
    click.echo(',\n"drift": [', nl=False)
    for number, entry in enumerate(kept):
        click.echo(f"{',' if number else ''}\n{json.dumps(entry, ensure_ascii=False)}", nl=False)
    click.echo("\n]}")


def _mended(mended: Mended) -> dict[str, Any]:
    return {
        "written": mended.written,
        "left_to_workers": mended.left,
        "dead": mended.dead,
        "complete": mended.is_whole,
    }


def as_csv(path: Path, kept: Kept) -> None:
    """A line for each field that differs, one for a record that is missing."""
    write_csv(path, _table(kept))


def as_xlsx(path: Path, tally: Tally, kept: Kept) -> None:
    """The same, with the groups on a sheet before it."""
    write_xlsx(path, [Table("By rule and field", _GROUPS, tally.counted()), _table(kept)])


def _table(kept: Kept) -> Table:
    return Table("Drift", _COLUMNS, (row for entry in kept for row in _rows(entry)))


def _rows(entry: Entry) -> Iterator[tuple[object, ...]]:
    about = (entry["account"], entry["object"], entry["key"])
    why = (entry["rule"], entry["reason"])
    if entry["missing"]:
        yield (*about, MISSING, "missing", "", *why)
    for one in entry["fields"]:
        yield (*about, one["field"], plain(one["holds"]), plain(one["should_say"]), *why)
