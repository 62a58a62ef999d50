"""``casewire purge``: retention by hand; the scheduler does the same every hour."""

from __future__ import annotations

import click

from connector.cli.audit import REASON, acting
from connector.cli.output.console import err
from connector.container import Container, container_from_environment
from connector.jobs import sweep
from connector.ledger import retention, runs


@click.command()
@REASON
@click.option("--apply", "apply_", is_flag=True, help="Do it; without this only the count is shown.")
def purge(reason: str, apply_: bool) -> None:
    """Remove what retention allows: bodies first, rows later. Events stay deduplicated for ever.

    \b
    Set CASEWIRE_RETENTION_BODIES_DAYS and CASEWIRE_RETENTION_ROWS_DAYS; unset keeps for good.
    Example: casewire purge --apply
    """
    container = container_from_environment()
    bodies_days = container.settings.casewire_retention_bodies_days
    rows_days = container.settings.casewire_retention_rows_days
    if bodies_days is None and rows_days is None:
        err.print("No retention period is set: everything is kept for good.")
        return
    if not apply_:
        with container.engine.connect() as connection:
            old = retention.count(connection, bodies_days, rows_days)
        err.print(f"{old.bodies} bodies and {old.events} events would be purged. Add --apply to do it.")
        return
    _purge(container, reason, {"bodies_days": bodies_days, "rows_days": rows_days})


def _purge(container: Container, reason: str, options: dict[str, int | None]) -> None:
    """Pass after pass, each of which is told of."""
    bodies = rows = 0
    with acting(container, "purge", reason, options) as cause:
        while (purged := sweep.purge(container)).bodies or purged.rows:
            bodies, rows = bodies + purged.bodies, rows + purged.rows
            _told(container, cause.run_id, bodies, rows)
    err.print(
        f"{bodies} bodies and {rows} rows purged. Rows marked just now go a minute from now at the earliest."
    )


def _told(container: Container, run_id: int | None, bodies: int, rows: int) -> None:
    assert run_id is not None
    with container.engine.begin() as connection:
        runs.progress(connection, run_id, {"bodies": bodies, "rows": rows})
