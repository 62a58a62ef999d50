"""Report of drift: entries are kept in temporary files while they are found, then printed, counted and exported."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import IO, Any, Final

import click

from connector.cli.output import changes
from connector.cli.output.console import out, plain, show, table
from connector.cli.output.spreadsheets import Table, write_csv, write_xlsx
from connector.mappers import fields
from connector.sync.drift.detector import DriftedRecord, DriftScan
from connector.sync.drift.orphan_records import OrphanRecord
from connector.sync.drift.repair import RepairResult

MISSING: Final = "(the record)"
"""Value of the column field for a missing record."""
UNKNOWN: Final = "(unknown to Casewire)"
"""Value of the column field for a record that the ledger does not know."""
TO_DO: Final = "delete it, or clear its Billing_Key__c"
_RANK: Final = {name: rank for rank, name in enumerate(fields.ORDER)}
_GROUPS: Final = ("rule", "object", "field", "records")
_COLUMNS: Final = ("account", "object", "record", "field", "actual", "expected", "rule", "reason")

_UNKNOWN_COLUMNS: Final = ("account", "object", "id", "key", "what to do")

Entry = dict[str, Any]
"""One record as in docs/schemas/drift.schema.json."""


@dataclass(slots=True)
class Tally:
    """Counts. ``groups``: (rule, object, field) → number of records."""

    accounts: int = 0
    pending: int = 0
    unapplied: int = 0
    drifted: int = 0
    records: int = 0
    unknown: int = 0
    groups: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    undecided: dict[str, str] = field(default_factory=dict)

    def add(self, scan: DriftScan) -> None:
        self.accounts += scan.scanned
        self.pending += scan.pending
        self.unapplied += scan.unapplied
        self.drifted += len({one.subject for one in scan.drifted})
        self.records += len(scan.drifted)
        self.unknown += len(scan.unknown)
        self.undecided |= scan.undecided
        for one in scan.drifted:
            for name in one.fields or (MISSING,):
                self.groups[one.row.change.rule, one.row.change.object, name] += 1

    def counted(self) -> list[tuple[str, str, str, int]]:
        """The groups with their counts, sorted by rule, then object."""
        found = [(rule, object_, name, number) for (rule, object_, name), number in self.groups.items()]
        return sorted(found, key=lambda one: (one[0], _RANK[one[1]], one[2]))


@dataclass(frozen=True, slots=True)
class JsonLinesFile:
    """A temporary file with one JSON line for each record, so that memory does not grow with their number."""

    file: IO[str]

    def add(self, found: Entry) -> None:
        self.file.write(json.dumps(found, ensure_ascii=True) + "\n")

    def __iter__(self) -> Iterator[Entry]:
        """From the first line; several iterations may run at the same time."""
        place = 0
        while True:
            self.file.seek(place)
            some = self.file.readlines(1_000_000)
            place = self.file.tell()
            if not some:
                return
            yield from map(json.loads, some)


@dataclass(frozen=True, slots=True)
class DriftReport:
    """``drift``: an entry for each record; ``orphans``: records that the ledger does not know."""

    tally: Tally
    drift: JsonLinesFile
    orphans: JsonLinesFile

    def add(self, scan: DriftScan) -> None:
        self.tally.add(scan)
        for one in scan.drifted:
            self.drift.add(_entry(one))
        for other in scan.unknown:
            self.orphans.add(_orphan(other))


@dataclass(slots=True)
class RepairProgress:
    """Progress of a repair. ``run``: its run in the ledger, once it began."""

    done: RepairResult = field(default_factory=RepairResult)
    run: int | None = None


def _orphan(one: OrphanRecord) -> Entry:
    return {"account": one.account or None, "object": one.object, "id": one.id, "key": one.key or None}


def _entry(found: DriftedRecord) -> Entry:
    row = found.row
    return {
        "account": found.subject,
        "object": row.change.object,
        "key": row.change.key,
        "missing": not row.exists,
        "vanished": found.is_lost,
        "linked": row.id is not None and not row.exists,
        "rule": row.change.rule,
        "reason": row.change.reason,
        "fields": [
            {"field": name, "actual": row.before.get(name), "expected": row.after[name]}
            for name in found.fields
        ],
        "change": changes.document(row),
    }


def summary(tally: Tally) -> Iterator[str]:
    """Totals, and the accounts that could not be decided, for people."""
    drifts = "drifts" if tally.records == 1 else "drift"
    left_out = f"; {tally.pending:,} left out, because work is waiting for them" if tally.pending else ""
    of = f"in {tally.drifted:,} of {_many(tally.accounts, 'account')}"
    yield f"{_many(tally.records, 'record')} {drifts}, {of}{left_out}."
    if tally.unapplied:
        yield (
            f"{_many(tally.unapplied, 'account')} of these may drift without an edit: a preview (plan, "
            "backfill) has read more than was written. To write it: casewire backfill --resume --apply, or casewire "
            "resync ACCOUNT --apply"
        )
    if tally.unknown:
        them, is_or_are = ("it", "is") if tally.unknown == 1 else ("them", "are")
        yield (
            f"{_many(tally.unknown, 'record')} {is_or_are} unknown to Casewire, never changed: delete {them}, or "
            f"clear the Billing_Key__c, by hand."
        )
    for key, why in sorted(tally.undecided.items()):
        yield f"{key}: {why}"


def repair_summary(done: RepairResult) -> Iterator[str]:
    """Result of the repair, for people."""
    yield f"{_many(done.written, 'record')} written."
    for (object_, key), names in sorted(done.left_out.items()):
        values = "the values" if len(names) > 1 else "the value"
        yield f"{object_} {key}: Salesforce does not accept {values} of {', '.join(sorted(names))}; will drift again."
    if done.left:
        is_or_are = "is" if len(done.left) == 1 else "are"
        yield f"{_many(len(done.left), 'account')} {is_or_are} left for the workers or a retry: casewire status"
    if done.dead:
        was_or_were = "was" if len(done.dead) == 1 else "were"
        yield f"{_many(len(done.dead), 'account')} {was_or_were} given up: casewire dead list"


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def as_text(found: DriftReport, *, fix: bool) -> None:
    """Print groups, then records; with ``fix`` the changes that would repair them."""
    if found.tally.groups:
        table(_GROUPS, found.tally.counted(), empty="")
    for one in found.drift:
        for line in _change(one) if fix else _lines(one):
            out.print(line)
    for one in found.orphans:
        out.print(f"  {one['object']} {one['id']} is unknown to Casewire: {TO_DO}")
        on = f", on {one['account']}" if one["account"] else ""
        out.print(f"    [dim]its key: {show(one['key']) or changes.EMPTY}{show(on)}[/dim]")


def _lines(entry: Entry) -> Iterator[str]:
    missing = " is missing" if entry["missing"] else ""
    yield f"  {entry['object']} {show(entry['key'])}{missing}"
    yield f"    [dim]{show(entry['rule'])}: {show(entry['reason'])}[/dim]"
    for one in entry["fields"]:
        yield f"    {changes.field(one['field'], one['actual'], one['expected'])}"


def _change(entry: Entry) -> Iterator[str]:
    change = entry["change"]
    if entry["vanished"]:
        yield f"  forget {entry['object']} {show(entry['key'])}"
        yield "    [dim]it was deleted, and nothing needs it any more[/dim]"
        return
    mark = f" [{change['transition']}]" if change["transition"] else ""
    yield f"  {'update' if change['exists'] else 'create'} {entry['object']} {show(entry['key'])}{show(mark)}"
    yield f"    [dim]{show(entry['rule'])}: {show(entry['reason'])}[/dim]"
    if entry["linked"]:
        yield "    [dim]it was deleted: linked again to the record it was merged into, or by a new search[/dim]"
    for name, after in change["after"].items():
        yield f"    {changes.field(name, change['before'].get(name), after)}"


def as_json(found: DriftReport, repair: RepairProgress) -> None:
    """Write one JSON document to stdout, entry by entry."""
    tally = found.tally
    head = {
        "schema": "casewire/drift/1",
        "accounts": tally.accounts,
        "pending": tally.pending,
        "drifted": tally.drifted,
        "records": tally.records,
        "undecided": [{"account": key, "error": why} for key, why in sorted(tally.undecided.items())],
        "groups": [dict(zip(_GROUPS, one, strict=True)) for one in tally.counted()],
        "repaired": {**_repaired_document(repair.done), "run": repair.run}
        if repair.run is not None
        else None,
    }
    for start, (name, value) in zip(("{", *[","] * (len(head) - 1)), head.items(), strict=True):
        click.echo(f'{start}"{name}": {json.dumps(value, ensure_ascii=False)}', nl=False)
    _listed("unknown", found.orphans)
    _listed("drift", found.drift)
    click.echo("}")


def _listed(name: str, kept: JsonLinesFile) -> None:
    click.echo(f',\n"{name}": [', nl=False)
    for number, one in enumerate(kept):
        click.echo(f"{',' if number else ''}\n{json.dumps(one, ensure_ascii=False)}", nl=False)
    click.echo("\n]", nl=False)


def _repaired_document(result: RepairResult) -> dict[str, Any]:
    return {
        "written": result.written,
        "deferred": len(result.left),
        "dead": len(result.dead),
        "refused_fields": [
            {"object": object_, "key": key, "fields": sorted(names)}
            for (object_, key), names in sorted(result.left_out.items())
        ],
        "complete": result.is_whole,
    }


def as_csv(path: Path, found: DriftReport) -> None:
    """Write a line for each field that differs, and one for each record that is missing or unknown."""
    write_csv(path, Table("Drift", _COLUMNS, chain(_fields(found.drift), map(_unknown, found.orphans))))


def as_xlsx(path: Path, found: DriftReport) -> None:
    """Write the same lines, a sheet with the groups before, and a sheet with unknown records after them."""
    places = ("account", "object", "id", "key")
    unknown = ((*(one[name] for name in places), TO_DO) for one in found.orphans)
    tables = [
        Table("By rule and field", _GROUPS, found.tally.counted()),
        Table("Drift", _COLUMNS, _fields(found.drift)),
        Table("Unknown", _UNKNOWN_COLUMNS, unknown),
    ]
    write_xlsx(path, tables if found.tally.unknown else tables[:2])


def _unknown(one: Entry) -> tuple[object, ...]:
    return one["account"], one["object"], one["key"] or one["id"], UNKNOWN, one["id"], TO_DO, "", ""


def _fields(kept: JsonLinesFile) -> Iterator[tuple[object, ...]]:
    for entry in kept:
        about = (entry["account"], entry["object"], entry["key"])
        why = (entry["rule"], entry["reason"])
        if entry["missing"]:
            yield (*about, MISSING, "missing", "", *why)
        for one in entry["fields"]:
            yield (*about, one["field"], plain(one["actual"]), plain(one["expected"]), *why)
