"""Chooses the run of a backfill: a new one, one to resume, or one whose report is shown."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import click

from connector.cli.audit import who
from connector.cli.backfill.container import SOURCE
from connector.container import Container
from connector.errors import SetupError
from connector.ledger import runs
from connector.ledger.runs import Run
from connector.settings.recurly import suffix
from connector.sync.backfill import BackfillOptions
from connector.sync.refresh import change_feed

COMMAND: Final = "backfill"


def begun(
    container: Container,
    since: datetime | None,
    objects: tuple[str, ...] | None,
    site: str | None,
    reason: str,
) -> Run:
    """Begin a new run."""
    asked = BackfillOptions(
        tuple((SOURCE, name) for name in _sites(container, site)), objects or change_feed.KINDS, since
    )
    with container.engine.begin() as connection:
        id_ = runs.begin(connection, COMMAND, who(container), reason, asked.document())
        run = runs.named(connection, id_)
    assert run is not None
    return run


def resumed(container: Container, id_: int | None) -> Run:
    """The run with this id; without an id the newest that is not done, unless a newer one is done."""
    if id_ is not None:
        run = named(container, id_)
        if run.state == runs.DONE:
            raise click.UsageError(
                f"Backfill {id_} is done. Its report: casewire backfill --show --run {id_}"
            )
        return run
    with container.engine.connect() as connection:
        found = runs.latest(connection, COMMAND, unfinished=True)
        newest = runs.latest(connection, COMMAND)
    if found is None or newest is None:
        raise click.UsageError("There is no backfill to resume; begin one without --resume.")
    if newest.id > found.id:
        raise click.UsageError(
            f"Backfill {newest.id}, begun after {found.id}, is done already. Resume {found.id} anyway with "
            f"--resume --run {found.id}, or begin a new one without --resume."
        )
    return found


def named(container: Container, id_: int | None) -> Run:
    """The run with this id, or the newest backfill."""
    with container.engine.connect() as connection:
        run = runs.latest(connection, COMMAND) if id_ is None else runs.named(connection, id_)
    if run is None or run.command != COMMAND:
        about = "There is no backfill yet." if id_ is None else f"Run {id_} is no backfill."
        raise click.UsageError(f"{about} See: casewire runs list --command backfill")
    return run


def in_words(run: Run) -> Iterator[str]:
    """The options of the run, for people."""
    yield f"Backfill {run.id}, started by {run.who} on {run.started_at:%Y-%m-%d %H:%M} UTC."
    asked = BackfillOptions.of(run.options, SOURCE)
    since = f"what changed since {asked.since:%Y-%m-%d %H:%M} UTC" if asked.since else "everything"
    sites = ", ".join(name for _, name in asked.sites)
    yield f"Sites: {sites}. Objects: {', '.join(asked.kinds)}. Since: {since}."


def _sites(container: Container, site: str | None) -> list[str]:
    configured = container.settings.recurly
    configured_names = [one.name for one in configured]
    if not configured_names:
        raise SetupError("No Recurly site is configured: set RECURLY_SITE and RECURLY_API_KEY.")
    if site is not None and site not in configured_names:
        raise click.BadParameter(
            f"{site!r} is not one of {', '.join(configured_names)}.", param_hint="--site"
        )
    chosen = configured_names if site is None else [site]
    keyless = [one.name for one in configured if one.name in chosen and not one.api_key]
    if keyless:
        raise SetupError(
            _no_key(container, keyless[0], [name for name in configured_names if name not in keyless])
        )
    return chosen


def _no_key(container: Container, name: str, others: list[str]) -> str:
    further = name in container.settings.recurly_sites
    setting = f"RECURLY_API_KEY{suffix(name) if further else ''}"
    hint = f", or read only another: {' or '.join(f'--site {one}' for one in others)}" if others else ""
    return f"Site {name} has no API key: set {setting}{hint}."
