"""``casewire purge``: applies retention now; the scheduler does the same every hour."""

from __future__ import annotations

import click

from connector.cli.audit import REASON, audited_run
from connector.cli.output.console import err
from connector.container import Container, container_from_environment
from connector.jobs import sweep
from connector.ledger import retention, runs


@click.command()
@REASON
@click.option("--apply", "apply_", is_flag=True, help="Do it; without this only the count is shown.")
def purge(reason: str, apply_: bool) -> None:
    """Remove what retention allows: bodies first, rows later. Deleted events are still recognised as duplicates.

    \b
    Set CASEWIRE_RETENTION_BODIES_DAYS and CASEWIRE_RETENTION_ROWS_DAYS; without them everything is kept.
    Example: casewire purge --apply
    """
    container = container_from_environment()
    bodies_days = container.settings.casewire_retention_bodies_days
    rows_days = container.settings.casewire_retention_rows_days
    if bodies_days is None and rows_days is None:
        err.print("No retention period is set: everything is kept.")
        return
    if not apply_:
        with container.engine.connect() as connection:
            old = retention.count(connection, bodies_days, rows_days)
        err.print(f"{old.bodies} bodies and {old.events} events would be purged. Add --apply to do it.")
        return
    _purge(container, reason, {"bodies_days": bodies_days, "rows_days": rows_days})


def _purge(container: Container, reason: str, options: dict[str, int | None]) -> None:
    """Purge in passes, and record the progress of each."""
    bodies = rows = 0
    with audited_run(container, "purge", reason, options) as cause:
        while (purged := sweep.purge(container)).bodies or purged.rows:
            bodies, rows = bodies + purged.bodies, rows + purged.rows
            _record_progress(container, cause.run_id, bodies, rows)
    err.print(
        f"{bodies} bodies and {rows} rows purged. Rows that were marked now are deleted in a minute at the earliest."
    )


def _record_progress(container: Container, run_id: int | None, bodies: int, rows: int) -> None:
    assert run_id is not None
    with container.engine.begin() as connection:
        runs.progress(connection, run_id, {"bodies": bodies, "rows": rows})
