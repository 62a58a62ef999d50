"""``casewire dead``: lists dead letters and tries them again."""

from __future__ import annotations

import click

from connector.cli.audit import REASON, YES, audited_run, confirm, wake
from connector.cli.output import event_history
from connector.cli.output.console import NonEmptyText, as_json, err, table
from connector.container import Container, container_from_environment
from connector.ledger import event_actions, queries, runs
from connector.ledger.event_filter import Filter
from connector.ledger.queries import Found
from connector.mappers import phrases
from connector.queue import Stage

ACCOUNT = click.option(
    "--account", type=NonEmptyText(), help="Only this account: its code, or its whole key."
)


@click.group()
def dead() -> None:
    """Dead letters: accounts and events that need a person.

    \b
    Example: casewire dead list
    """


@dead.command("list")
@ACCOUNT
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--json", "json_", is_flag=True, help="One JSON document on stdout.")
def list_(account: str | None, limit: int, json_: bool) -> None:
    """Dead letters, each with what to fix. Exit code 1 if there is any.

    \b
    Example: casewire dead list
    """
    with container_from_environment().engine.connect() as connection:
        accounts = queries.dead_subjects(connection, account, limit + 1)
        events = queries.events(connection, Filter(status="dead", account=account, limit=limit + 1))
    left_out = len(accounts) > limit or len(events) > limit
    accounts, events = accounts[:limit], events[:limit]
    if json_:
        as_json({"accounts": accounts, "events": events})
    else:
        rows = [("account", one["key"], one["error_code"], one["error"]) for one in accounts]
        rows += [("event", one["id"], _about(one), _to_do(one)) for one in events]
        table(("what", "which", "code", "what to do"), rows, empty="No dead letters.")
    if left_out:
        err.print(f"There are more than {limit} of a kind. To see them: --limit {min(10 * limit, 10_000)}")
    if accounts or events:
        raise SystemExit(1)


def _about(event: Found) -> str:
    """Kind and account of the event; its pointers if it was never fetched and so has no account."""
    about = event["subject"] or ", ".join(f"{object_} {refs[0]}" for object_, refs in event["pointers"])
    return f"{event['kind']} {about}".rstrip()


def _to_do(event: Found) -> str:
    return f"{event_history.why(event)} Then: {event_history.again(event)}"


@dead.command()
@ACCOUNT
@click.option("--all", "all_", is_flag=True, help="Every dead letter.")
@REASON
@YES
@click.option("--apply", "apply_", is_flag=True, help="Do it; without this only the count is shown.")
def retry(account: str | None, all_: bool, reason: str, yes: int | None, apply_: bool) -> None:
    """Try dead letters again, after the cause that they name was fixed.

    More than admin.confirm_above of the policy need their number typed, or --yes N.

    \b
    Example: casewire dead retry --account acme-17 --apply
    """
    if account is None and not all_:
        raise click.UsageError("Choose dead letters: --account CODE, or --all.")
    container = container_from_environment()
    accounts, events = _counted(container, account)
    if not accounts and not events:
        err.print("No dead letters.")
        return
    if not apply_:
        err.print(f"{accounts} accounts and {events} events would be tried again. Add --apply to do it.")
        return
    confirm(accounts + events, container.policy.admin.confirm_above, yes, "accounts and events")
    with (
        audited_run(container, "retry", reason, {"account": account}) as cause,
        container.engine.begin() as connection,
    ):
        accounts = event_actions.retry_subjects(connection, account, cause.run_id)
        events = event_actions.replay(connection, _dead(account), cause.run_id)
        assert cause.run_id is not None
        runs.progress(connection, cause.run_id, {"accounts": accounts, "events": events})
    err.print(f"Tried again: {phrases.count(accounts, 'account')} and {phrases.count(events, 'event')}.")
    wake(container, Stage.REFRESH, Stage.APPLY)


def _counted(container: Container, account: str | None) -> tuple[int, int]:
    """Numbers of dead accounts and events. ClickException if the ledger does not know the account."""
    with container.engine.connect() as connection:
        accounts = event_actions.count_dead_subjects(connection, account)
        events = event_actions.count_replayable(connection, _dead(account))
        unknown = account is not None and not accounts + events and not queries.knows(connection, account)
    if unknown:
        raise click.ClickException(f"Casewire knows no account {account!r}. See: casewire dead list")
    return accounts, events


def _dead(account: str | None) -> Filter:
    return Filter(status="dead", account=account)
