"""The report of a backfill: as lines, as a document (docs/schemas/backfill.schema.json), and as an xlsx file."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine

from connector.cli.output.spreadsheets import Table, write_xlsx
from connector.ledger import runs
from connector.ledger.runs import Run
from connector.mappers import fields
from connector.policy import Budget
from connector.sync import backfill
from connector.sync.availability import api_budget
from connector.sync.backfill import Checkpoint

SCHEMA: Final = "casewire/backfill/1"
NAMED: Final = 1_000
"""The document lists at most this many failed accounts and unreadable objects; the xlsx file has all."""
SHOWN: Final = 20
STANDINGS: Final = {
    "found": "accounts found",
    "written": "written",
    "unchanged": "unchanged: Salesforce was up to date",
    "made": "with a record that Casewire created",
    "linked": "linked to an existing record",
    "reviewed": "for a person to review (casewire link review)",
    "waiting": "waiting for their record",
    "failed": "failed (casewire dead list)",
    "undecided": "with an incomplete history, or that can't be decided",
    "unsettled": "still due: left to the workers",
}
ALWAYS: Final = ("found", "written", "failed")
PLANNED: Final = ("accounts", "changed", "unchanged", "failed", "new", "linked", "review", "waiting", "calls")


def document(engine: Engine, run: Run, state: Checkpoint) -> dict[str, Any]:
    """The report as in docs/schemas/backfill.schema.json. Lists at most ``NAMED`` failed accounts and objects each."""
    found = backfill.report(engine, run.id)
    with engine.connect() as connection:
        sessions = runs.sessions_of_run(connection, run.id)
    return {
        "schema": SCHEMA,
        "run": run.id,
        "who": run.who,
        "reason": run.reason,
        "sessions": [
            {
                "who": one["who"],
                "at": one["began_at"].isoformat(),
                "reason": one["reason"],
                "applies": one["writes"],
            }
            for one in sessions
        ],
        "options": dict(run.options),
        "phase": str(state.phase),
        "applied": state.writes,
        "read": state.objects(),
        "accounts": {name: found.accounts[name] for name in STANDINGS},
        "records": {
            name: {fate: found.records[name][fate] for fate in ("created", "updated", "refused")}
            for name in fields.ORDER
            if name in found.records
        },
        "planned": None if state.writes else _planned(state),
        "failures": {
            "reasons": found.groups(),
            "accounts": list(islice(backfill.troubles(engine, run.id), NAMED)),
            "unreadable": found.unreadable,
            "objects": list(islice(backfill.unreadable(engine, run.id), NAMED)),
        },
        "complete": found.is_well,
        "calls": {"recurly": state.calls["recurly"], "salesforce": state.calls["salesforce"]},
        "seconds": round(state.seconds, 1),
    }


def _planned(state: Checkpoint) -> dict[str, Any]:
    would = state.would
    kinds = {name: (would[f"create {name}"], would[f"update {name}"]) for name in fields.ORDER}
    return {
        **{name: would[name] for name in PLANNED},
        "records": {
            name: {"create": create, "update": update}
            for name, (create, update) in kinds.items()
            if create + update
        },
    }


def lines(found: dict[str, Any], budget: Budget, engine: Engine) -> Iterator[str]:
    """For people."""
    read = ", ".join(f"{many:,} {kind.replace('_', ' ')}s" for kind, many in found["read"].items() if many)
    yield f"Read: {read or 'nothing'}."
    if found["planned"] is not None:
        yield from _plan_lines(found["planned"], found["accounts"]["found"])
        yield f"Salesforce: {api_budget.left(engine, budget)}."
    else:
        yield from _result_lines(found)
    yield from _failure_lines(found["failures"])
    calls = found["calls"]
    yield (
        f"It took {_time(found['seconds'])}, {calls['recurly']:,} calls to Recurly and "
        f"{calls['salesforce']:,} to Salesforce."
    )


def _plan_lines(planned: dict[str, Any], accounts: int) -> Iterator[str]:
    yield (
        f"Of {accounts:,} accounts {planned['changed']:,} would be written, {planned['unchanged']:,} are up to date, "
        f"{planned['failed']:,} can't be decided."
    )
    yield (
        f"{planned['new']:,} would be created, {planned['linked']:,} are linked, {planned['review']:,} need a person "
        f"to review, {planned['waiting']:,} wait for their record."
    )
    for name, many in planned["records"].items():
        yield f"  {name}: {many['create']:,} to create, {many['update']:,} to update"
    yield f"Writing takes about {planned['calls']:,} calls to Salesforce, and as many as were made now for deciding."


def _result_lines(found: dict[str, Any]) -> Iterator[str]:
    for name, label in STANDINGS.items():
        if found["accounts"][name] or name in ALWAYS:
            yield f"{found['accounts'][name]:>9,}  {label}"
    for name, many in found["records"].items():
        refused = f", {many['refused']:,} refused" if many["refused"] else ""
        yield f"  {name}: {many['created']:,} created, {many['updated']:,} updated{refused}"


def _failure_lines(failures: dict[str, Any]) -> Iterator[str]:
    for one in failures["reasons"]:
        yield f"  {one['accounts']:,} failed, {one['code'] or 'no code'}: {one['example']}"
    for one in failures["accounts"][:SHOWN]:
        yield f"    {one['account']}: {one['error']}"
    if failures["unreadable"]:
        yield f"  {failures['unreadable']:,} objects could not be read; accounts are decided without:"
    for one in failures["objects"][:SHOWN]:
        yield f"    {one['object']} {one['ref']} of {one['account'] or 'an unknown account'}: {one['error']}"


def write_report(path: Path, engine: Engine, found: dict[str, Any]) -> None:
    """Sheets with the totals, sessions, records, reasons, failed accounts and unreadable objects."""
    write_xlsx(path, _tables(engine, found))


def _tables(engine: Engine, found: dict[str, Any]) -> Iterator[Table]:
    names = ("run", "who", "reason", "phase", "applied", "seconds")
    yield Table(
        "Totals",
        ("What", "How many"),
        [
            *((name, found[name]) for name in names),
            ("objects that could not be read", found["failures"]["unreadable"]),
            *((f"read {kind}", many) for kind, many in found["read"].items()),
            *((f"calls to {vendor}", many) for vendor, many in found["calls"].items()),
            *((label, found["accounts"][name]) for name, label in STANDINGS.items()),
            *(
                (f"planned {name}", (found["planned"] or {}).get(name))
                for name in PLANNED
                if found["planned"]
            ),
        ],
    )
    yield Table(
        "Sessions",
        ("Who", "When", "Why", "Writes"),
        [(one["who"], one["at"], one["reason"], one["applies"]) for one in found["sessions"]],
    )
    fates = [(name, many) for name, many in found["records"].items()]
    yield Table(
        "Records",
        ("Object", "Created", "Updated", "Refused"),
        [(name, many["created"], many["updated"], many["refused"]) for name, many in fates],
    )
    if found["planned"] is not None:
        planned = found["planned"]["records"].items()
        yield Table(
            "Planned",
            ("Object", "To create", "To update"),
            [(name, many["create"], many["update"]) for name, many in planned],
        )
    reasons = found["failures"]["reasons"]
    yield Table(
        "Reasons",
        ("Code", "Accounts", "Example"),
        [(one["code"], one["accounts"], one["example"]) for one in reasons],
    )
    yield Table(
        "Failed",
        ("Account", "State", "Code", "Error"),
        (
            (one["account"], one["state"], one["code"], one["error"])
            for one in backfill.troubles(engine, found["run"])
        ),
    )
    yield Table(
        "Not read",
        ("Object", "Reference", "Account", "Error"),
        (
            (one["object"], one["ref"], one["account"], one["error"])
            for one in backfill.unreadable(engine, found["run"])
        ),
    )


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
