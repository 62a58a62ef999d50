"""``casewire purge``: retention by hand; the scheduler does the same every hour."""

from __future__ import annotations

import click

from connector import jobs
from connector.cli.showing.output import err
from connector.wiring import wiring


@click.command()
def purge() -> None:
    """Remove what retention allows: bodies first, rows later. Events stay deduplicated for ever.

    \b
    Set CASEWIRE_RETENTION_BODIES_DAYS and CASEWIRE_RETENTION_ROWS_DAYS; unset keeps for good.
    Example: casewire purge
    """
    wires = wiring()
    settings = wires.settings
    if settings.casewire_retention_bodies_days is None and settings.casewire_retention_rows_days is None:
        err.print("No retention period is set: everything is kept for good.")
        return
    bodies = rows = 0
    while True:
        purged = jobs.purge(wires)
        bodies, rows = bodies + purged.bodies, rows + purged.rows
        if not purged.bodies and not purged.rows:
            break
    err.print(
        f"{bodies} bodies and {rows} rows purged. Rows marked just now go a minute from now at the earliest."
    )
