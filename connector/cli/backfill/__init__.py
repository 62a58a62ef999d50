"""``casewire backfill``: writes all accounts, or those that changed since a date, to Salesforce."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click

from connector import logs
from connector.cli.audit import REASON, confirm, recording_outcome, who
from connector.cli.backfill.container import at_work
from connector.cli.backfill.report import document, lines, write_report
from connector.cli.backfill.run_selection import COMMAND, begun, in_words, named, resumed
from connector.cli.output.console import Time, as_json, err, out, show
from connector.cli.output.spreadsheets import NewFile
from connector.container import Container, container_from_environment
from connector.ledger import runs
from connector.ledger.attempts import Cause
from connector.ledger.runs import Run
from connector.sync.backfill import BackfillLock, Checkpoint, Confirm, Phase, Unit
from connector.sync.refresh import change_feed

YES: Final = click.option(
    "--yes",
    type=click.IntRange(0),
    metavar="N",
    help="Make up to N changes without asking, or write up to N accounts without a dry run before; for scripts.",
)


class Kinds(click.ParamType[tuple[str, ...]]):
    """Kinds of objects, separated by commas."""

    name = "kinds"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        asked = {one.strip() for one in value.split(",") if one.strip()}
        unknown = sorted(asked - set(change_feed.KINDS))
        if unknown or not asked:
            about = f"{unknown[0]!r} is not one" if unknown else "name at least one"
            self.fail(f"{about} of {', '.join(change_feed.KINDS)}.", param, ctx)
        return tuple(kind for kind in change_feed.KINDS if kind in asked)


@click.command()
@click.option("--since", type=Time(past=True), help="Only what changed since: 2026-11-01, 36h, 7d.")
@click.option(
    "--objects", type=Kinds(), help=f"Only these kinds, separated by commas: {', '.join(change_feed.KINDS)}."
)
@click.option("--site", help="Only this Recurly site; default: all that are configured.")
@click.option("--resume", is_flag=True, help="Continue the newest one that is not done, on any machine.")
@click.option("--show", "show_", is_flag=True, help="Only show the report of the newest one, done or not.")
@click.option("--run", "run_id", type=int, metavar="ID", help="With --resume or --show: this run.")
@click.option(
    "--apply", "apply_", is_flag=True, help="Write to Salesforce; without this only the counts are shown."
)
@REASON
@YES
@click.option("--report", "file", type=NewFile(), help="Also write the report to this xlsx file.")
@click.option(
    "--json", "json_", is_flag=True, help="One JSON document on stdout (docs/schemas/backfill.schema.json)."
)
def backfill(
    since: datetime | None,
    objects: tuple[str, ...] | None,
    site: str | None,
    resume: bool,
    show_: bool,
    run_id: int | None,
    apply_: bool,
    reason: str,
    yes: int | None,
    file: Path | None,
    json_: bool,
) -> None:
    """Write all that Recurly has, or what changed since a date, to Salesforce. Counts only, unless --apply.

    What was read is stored: after a dry run, --resume --apply writes it, and what has changed since. --resume continues
    one that was stopped or killed, with the options of its first start. Live webhooks are worked meanwhile. More
    changes than admin.confirm_above of the policy need their number typed, or --yes N.

    Exit code 1 if an account failed or can't be decided, an object could not be read, or it could not continue.

    \b
    Example: casewire backfill --since 2026-01-01
             casewire backfill --resume --apply --reason "moving in" --report moved.xlsx
             casewire backfill --show --run 7 --report moved.xlsx
    """
    chosen = since or objects or site
    _require_consistent_options(
        resume=resume, show_=show_, run_id=run_id, chosen=bool(chosen), acts=apply_ or bool(reason)
    )
    container = container_from_environment()
    logs.configure(container.settings.casewire_log, quiet=True)
    if show_:
        _show(container, named(container, run_id), file, json_)
        return
    lock = BackfillLock(container.engine)
    lock.acquire()
    try:
        run = resumed(container, run_id) if resume else begun(container, since, objects, site, reason)
        state = _run_backfill(container, run, lock, _Session(apply_, reason, yes))
    finally:
        lock.release()
    _print_report(container, run, state, file, json_)


@dataclass(frozen=True, slots=True)
class _Session:
    """The options of this process, which may differ from those of the first start."""

    applies: bool
    reason: str
    yes: int | None


def _require_consistent_options(
    *, resume: bool, show_: bool, run_id: int | None, chosen: bool, acts: bool
) -> None:
    if resume and chosen:
        raise click.UsageError("--resume uses the options of the first start; leave the others out.")
    if show_ and (resume or chosen or acts):
        raise click.UsageError(
            "--show only shows a report: leave the others out, but for --run, --report and --json."
        )
    if run_id is not None and not (resume or show_):
        raise click.UsageError(
            "--run names the run to continue (--resume) or to show (--show): add one of them."
        )


def _run_backfill(container: Container, run: Run, lock: BackfillLock, session: _Session) -> Checkpoint:
    """Run the backfill to its end. If an error stops it, print how to resume, and raise."""
    for line in in_words(run):
        err.print(show(line))
    try:
        with (
            recording_outcome(container, run.id),
            at_work(
                container,
                run,
                _cause(container, run, session),
                lock,
                writes=session.applies,
                agree=_confirmation(container, session),
            ) as work,
        ):
            state = work.run()
    except BaseException:
        err.print(f"Not done. Continue it: casewire backfill --resume --run {run.id}")
        raise
    if not state.writes:
        with container.engine.begin() as connection:
            runs.end(connection, run.id, runs.STOPPED)
    return state


def _cause(container: Container, run: Run, session: _Session) -> Cause:
    """The cause of the writes is the user who started this process. A run that has begun to write continues to
    write."""
    writes = session.applies or Checkpoint.of(run.progress).writes
    by = who(container)
    with container.engine.begin() as connection:
        session_id = runs.begin_session(connection, run.id, by, session.reason, writes=writes)
    return Cause(COMMAND, by, run.id, session_id)


def _confirmation(container: Container, session: _Session) -> Confirm:
    def agree(count: int, unit: Unit) -> None:
        try:
            confirm(count, container.policy.admin.confirm_above, session.yes, _COUNTED[unit])
        except click.UsageError as error:
            if unit is Unit.CHANGES:
                raise
            # the run has read for a while, and can be resumed
            raise click.ClickException(f"{error.message} Or do a dry run first: without --apply.") from None

    return agree


_COUNTED: Final = {Unit.CHANGES: "changes", Unit.ACCOUNTS: "accounts that may be written"}


def _show(container: Container, run: Run, file: Path | None, json_: bool) -> None:
    """Print the report of an earlier run; if it is not done, also its state and error."""
    state = Checkpoint.of(run.progress)
    if state.phase not in (Phase.DECIDED, Phase.OVER):
        why = f": {run.error}" if run.error else ""
        err.print(show(f"Backfill {run.id} is not done ({run.state}{why}). Its report so far:"))
        err.print(f"Continue it: casewire backfill --resume --run {run.id}")
    _print_report(container, run, state, file, json_)
    if run.state == runs.FAILED:
        raise SystemExit(1)


def _print_report(container: Container, run: Run, state: Checkpoint, file: Path | None, json_: bool) -> None:
    """Print the report; exit code 1 if anything failed."""
    found = document(container.engine, run, state)
    if file is not None:
        write_report(file, container.engine, found)
    if json_:
        as_json(found)
    else:
        for line in lines(found, container.policy.budget, container.engine):
            out.print(show(line))
    if not state.writes:
        much = state.changes() > container.policy.admin.confirm_above
        yes = f" --yes {state.changes()}" if much else ""
        err.print(f"Nothing was written. To do it: casewire backfill --resume --run {run.id} --apply{yes}")
    if not found["complete"]:
        raise SystemExit(1)
