"""``casewire status``: shows the state of the work, and what blocks it."""

from __future__ import annotations

import click

from connector.cli.output.console import as_json
from connector.cli.status.collecting import collect
from connector.cli.status.render import print_status
from connector.container import container_from_environment


@click.command()
@click.option("--json", "json_", is_flag=True, help="One JSON document on stdout.")
def status(json_: bool) -> None:
    """Backlog, lag, dead letters, silent sources, circuits, budgets, workers, scheduler and the last night. Exit code 1
    if a person is needed.

    \b
    Example: casewire status --json
    """
    found = collect(container_from_environment())
    if json_:
        as_json(found)
    else:
        print_status(found)
    if found["needs_a_person"]:
        raise SystemExit(1)
