"""``casewire backfill``: a whole population, or what changed since a date, brought into Salesforce."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click

from connector import logs
from connector.cli.acting import REASON, ending, who
from connector.cli.backfill.outcome import document, lines, write_report
from connector.cli.backfill.wiring import SOURCE, at_work
from connector.cli.showing.output import Time, as_json, err, out, show
from connector.cli.showing.sheets import NewFile
from connector.errors import SetupError
from connector.ledger import runs
from connector.ledger.runs import Run
from connector.sync import feed
from connector.sync.backfill import Asked, State, Turn
from connector.wiring import Wiring, wiring

COMMAND: Final = "backfill"
GO_ON: Final = "Go on with: casewire backfill --resume"


class Kinds(click.ParamType[tuple[str, ...]]):
    """Kinds of objects, by commas."""

    name = "kinds"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        asked = {one.strip() for one in value.split(",") if one.strip()}
        unknown = sorted(asked - set(feed.KINDS))
        if unknown or not asked:
            about = f"{unknown[0]!r} is not one" if unknown else "name at least one"
            self.fail(f"{about} of {', '.join(feed.KINDS)}.", param, ctx)
        return tuple(kind for kind in feed.KINDS if kind in asked)


@click.command()
@click.option("--since", type=Time(), help="Only what changed since: 2026-11-01, 36h, 7d.")
@click.option("--objects", type=Kinds(), help=f"Only these kinds, by commas: {', '.join(feed.KINDS)}.")
@click.option("--site", help="Only this Recurly site; all that are configured otherwise.")
@click.option("--resume", is_flag=True, help="Go on with the newest one that is not done, on any machine.")
@click.option("--apply", "apply_", is_flag=True, help="Do it; without this it is only counted.")
@REASON
@click.option("--report", "file", type=NewFile(), help="Also write the report to this xlsx file.")
@click.option(
    "--json", "json_", is_flag=True, help="One JSON document on stdout (docs/schemas/backfill.schema.json)."
)
def backfill(
    since: datetime | None,
    objects: tuple[str, ...] | None,
    site: str | None,
    resume: bool,
    apply_: bool,
    reason: str,
    file: Path | None,
    json_: bool,
) -> None:
    """Bring all that Recurly has, or what changed since a date, into Salesforce. Counts only, unless --apply.

    What was read is kept: after a look, --resume --apply writes it. One that was stopped or killed goes on where it was
    with --resume, with the options of its first start. It works beside live webhooks. Exit code 1 if an account failed
    or it could not go on.

    \b
    Example: casewire backfill --since 2026-01-01
             casewire backfill --resume --apply --reason "moving in" --report moved.xlsx
    """
    if resume and (since or objects or site):
        raise click.UsageError("--resume goes on with the options of the first start; leave the others out.")
    wires = wiring()
    logs.configure(wires.settings.casewire_log, quiet=True)
    turn = Turn(wires.engine)
    turn.take()
    try:
        run = _resumed(wires) if resume else _begun(wires, since, objects, site, reason)
        state = _carried_out(wires, run, turn, apply_)
        found = document(wires.engine, run, state)
    finally:
        turn.leave()
    if file is not None:
        write_report(file, wires.engine, found)
    if json_:
        as_json(found)
    else:
        _show(wires, found)
    if not state.writes:
        err.print("Nothing was written. To do it: casewire backfill --resume --apply")
    if found["accounts"]["failed"]:
        raise SystemExit(1)


def _resumed(wires: Wiring) -> Run:
    with wires.engine.connect() as connection:
        run = runs.latest(connection, COMMAND, unfinished=True)
    if run is None:
        raise click.UsageError("There is no backfill to go on with; begin one without --resume.")
    return run


def _begun(
    wires: Wiring, since: datetime | None, objects: tuple[str, ...] | None, site: str | None, reason: str
) -> Run:
    asked = Asked(tuple((SOURCE, name) for name in _sites(wires, site)), objects or feed.KINDS, since)
    with wires.engine.begin() as connection:
        id_ = runs.begin(connection, COMMAND, who(wires), reason, asked.document())
        run = runs.named(connection, id_)
    assert run is not None
    return run


def _sites(wires: Wiring, site: str | None) -> list[str]:
    known = [one.name for one in wires.settings.recurly]
    if not known:
        raise SetupError("No Recurly site is configured: set RECURLY_SITE and RECURLY_API_KEY.")
    if site is not None and site not in known:
        raise click.BadParameter(f"{site!r} is not one of {', '.join(known)}.", param_hint="--site")
    return known if site is None else [site]


def _carried_out(wires: Wiring, run: Run, turn: Turn, apply_: bool) -> State:
    """To its end, or raises what stopped it, and says how it goes on."""
    err.print(show(f"Backfill {run.id}, asked for by {run.who} on {run.started_at:%Y-%m-%d %H:%M} UTC."))
    try:
        with ending(wires, run.id), at_work(wires, run, turn, writes=apply_) as work:
            state = work.run()
    except BaseException:
        err.print(f"Not done. {GO_ON}")
        raise
    if not state.writes:
        with wires.engine.begin() as connection:
            runs.end(connection, run.id, runs.STOPPED)
    return state


def _show(wires: Wiring, found: dict[str, Any]) -> None:
    for line in lines(found, wires.policy.budget, wires.engine):
        out.print(show(line))
