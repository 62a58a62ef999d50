"""``casewire dead``: what was given up on, why, and another try."""

from __future__ import annotations

import click

from connector.cli.acting import REASON, acting
from connector.cli.showing.output import as_json, err, table
from connector.cli.waking import wake
from connector.ledger import listing
from connector.ledger.listing import Filter
from connector.queue import Stage
from connector.wiring import wiring


@click.group()
def dead() -> None:
    """Dead letters: accounts and events that need a person.

    \b
    Example: casewire dead list
    """


@dead.command("list")
@click.option("--account", help="Only this account: its code, or its whole key.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--json", "json_", is_flag=True, help="One JSON document on stdout.")
def list_(account: str | None, limit: int, json_: bool) -> None:
    """What was given up on, each with what to mend. Exit code 1 if there is any.

    \b
    Example: casewire dead list
    """
    with wiring().engine.connect() as connection:
        accounts = listing.dead_subjects(connection, account, limit)
        events = listing.events(connection, Filter(status="dead", account=account, limit=limit))
    if json_:
        as_json({"accounts": accounts, "events": events})
    else:
        rows = [("account", one["key"], one["error_code"], one["error"]) for one in accounts]
        rows += [("event", one["id"], one["kind"], one["error"] or one["note"]) for one in events]
        table(("what", "which", "code", "what to do"), rows, empty="No dead letters.")
    if accounts or events:
        raise SystemExit(1)


@dead.command()
@click.option("--account", help="Only this account: its code, or its whole key.")
@click.option("--all", "all_", is_flag=True, help="Every dead letter.")
@REASON
@click.option("--apply", "apply_", is_flag=True, help="Do it; without this only the count is shown.")
def retry(account: str | None, all_: bool, reason: str, apply_: bool) -> None:
    """Try dead letters again, after what they said was mended.

    \b
    Example: casewire dead retry --account acme-17 --apply
    """
    if not account and not all_:
        raise click.UsageError("Say which: --account CODE, or --all.")
    wires = wiring()
    wanted = Filter(status="dead", account=account)
    if not apply_:
        with wires.engine.connect() as connection:
            accounts = len(listing.dead_subjects(connection, account, 1_000_000))
            events = listing.count_replayable(connection, wanted)
        err.print(f"{accounts} accounts and {events} events would be tried again. Add --apply to do it.")
        return
    with (
        acting(wires, "retry", reason, {"account": account}) as cause,
        wires.engine.begin() as connection,
    ):
        accounts = listing.retry_subjects(connection, account, cause.run_id)
        events = listing.replay(connection, wanted, cause.run_id)
    err.print(f"{accounts} accounts and {events} events are tried again.")
    wake(wires, Stage.REFRESH, Stage.APPLY)
