"""``casewire events``: lists received events with their fate, replays and buries them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import click
from sqlalchemy import Connection

from connector.cli.audit import REASON, YES, audited_run, confirm, wake
from connector.cli.output import event_history
from connector.cli.output.console import NonEmptyText, Time, as_json, err, out, table
from connector.container import Container, container_from_environment
from connector.ledger import event_actions, queries, runs
from connector.ledger import event_history as ledger
from connector.ledger.event_filter import Filter
from connector.ledger.queries import Found
from connector.queue import Stage

F = TypeVar("F", bound=Callable[..., Any])
STATUSES = ("pending", "fetched", "done", "ignored", "unknown", "dead", "buried")


def filters(command: F) -> F:
    """Add the options that select events."""
    for option in (
        click.option("--source", type=NonEmptyText(), help="Only this source, such as recurly."),
        click.option("--kind", type=NonEmptyText(), help="Only this kind; * matches anything (payment.*)."),
        click.option("--status", type=click.Choice(STATUSES), help="Only events in this state."),
        click.option("--account", type=NonEmptyText(), help="Only this account: its code, or its whole key."),
        click.option("--since", type=Time(past=True), help="Received since: 2026-11-01, 36h, 7d."),
        click.option("--until", type=Time(), help="Received before."),
        click.option(
            "--search",
            type=NonEmptyText(),
            help="Text in the kind, the event id or the body, from the start of a word.",
        ),
    ):
        command = option(command)
    return command


@click.group()
def events() -> None:
    """Events received, each with its fate: list, show, replay, bury.

    \b
    Example: casewire events list --status dead
    """


@events.command("list")
@filters
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@click.option(
    "--before", type=click.IntRange(min=1), metavar="ID", help="The next page: events below this id."
)
@click.option("--json", "json_", is_flag=True, help="One JSON document on stdout.")
def list_(limit: int, before: int | None, json_: bool, **wanted: Any) -> None:
    """Events, newest first.

    \b
    Example: casewire events list --status dead --since 7d
    """
    with container_from_environment().engine.connect() as connection:
        found = queries.events(connection, Filter(**wanted, before=before, limit=limit + 1))
    has_more, found = len(found) > limit, found[:limit]
    if has_more:
        err.print(f"There are more. The next page: --before {found[-1]['id']}")
    if json_:
        as_json(found)
        return
    table(
        ("id", "received", "kind", "status", "account", "deliveries", "note"),
        [
            (
                e["id"],
                e["received_at"],
                e["kind"],
                e["status"],
                _account(e),
                e["deliveries"],
                event_history.why(e),
            )
            for e in found
        ],
        empty="No such events.",
    )


@events.command("show")
@click.argument("event_id", type=int, metavar="ID")
@click.option("--json", "json_", is_flag=True, help="One JSON document on stdout.")
def show_(event_id: int, json_: bool) -> None:
    """One event with its delivery, objects, attempts, changes in Salesforce, and runs of people.

    \b
    Example: casewire events show 4711
    """
    with container_from_environment().engine.connect() as connection:
        story = ledger.story(connection, event_id)
    if story is None:
        raise click.ClickException(f"There is no event {event_id}. See: casewire events list")
    if json_:
        as_json(story)
        return
    for line in event_history.lines(story):
        out.print(line)


@events.command()
@click.argument("ids", nargs=-1, type=int, metavar="[ID]...")
@filters
@REASON
@YES
@click.option("--apply", "apply_", is_flag=True, help="Do it; without this only the count is shown.")
def replay(ids: tuple[int, ...], reason: str, yes: int | None, apply_: bool, **wanted: Any) -> None:
    """Work recorded events again. Harmless: the same facts give the same records.

    Buried events are left out, unless their ids or --status buried are given. More events than admin.confirm_above of
    the policy need their number typed, or --yes N.

    \b
    Example: casewire events replay --status dead --since 2d --apply
    """
    asked = _Asked("replay", _named(ids, wanted), reason, yes, apply_)
    if _done(container_from_environment(), asked, _REPLAY):
        wake(container_from_environment(), Stage.REFRESH)


@events.command()
@click.argument("ids", nargs=-1, type=int, metavar="[ID]...")
@filters
@click.option(
    "--reason", required=True, type=NonEmptyText(), help="Why these need no work; kept with the event."
)
@YES
@click.option("--apply", "apply_", is_flag=True, help="Do it; without this only the count is shown.")
def bury(ids: tuple[int, ...], reason: str, yes: int | None, apply_: bool, **wanted: Any) -> None:
    """Mark dead, unknown or waiting events as needing no work.

    A filter selects dead events, unless another --status is given. More events than admin.confirm_above of the policy
    need their number typed, or --yes N.

    \b
    Example: casewire events bury 4711 --reason "test account" --apply
    """
    which = _named(ids, wanted)
    if not ids and which.status is None:
        which = replace(which, status="dead")
    _done(container_from_environment(), _Asked("bury", which, reason, yes, apply_), _BURY)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Options of replay and bury."""

    command: str
    which: Filter
    reason: str
    yes: int | None
    apply: bool


@dataclass(frozen=True, slots=True)
class _Act:
    """An action on events: ``count`` and ``do`` of the ledger, and its texts."""

    count: Callable[[Connection, Filter], int]
    do: Callable[[Connection, Filter, int | None], int]
    would: str
    did: str
    none: str


_REPLAY = _Act(
    event_actions.count_replayable,
    event_actions.replay,
    "would be worked again",
    "will be worked again",
    "No such event can be worked again: an event without pointers cannot, and a buried event must be named by id.",
)
_BURY = _Act(
    event_actions.count_buriable,
    event_actions.bury,
    "would be buried",
    "buried",
    "No such event can be buried: only dead, unknown and waiting events can.",
)


def _done(container: Container, asked: _Asked, act: _Act) -> bool:
    """Count the events, and with ``--apply`` do it, in a run that records their number."""
    count = _counted(container, asked.which, act)
    if not count:
        err.print(act.none)
        return False
    if not asked.apply:
        err.print(f"{_many(count, asked.which)} {act.would}. Add --apply to do it.")
        return False
    confirm(count, container.policy.admin.confirm_above, asked.yes, "events")
    with (
        audited_run(container, asked.command, asked.reason, _audit_options(asked.which)) as cause,
        container.engine.begin() as connection,
    ):
        count = act.do(connection, asked.which, cause.run_id)
        assert cause.run_id is not None
        runs.progress(connection, cause.run_id, {"events": count})
    err.print(f"{_many(count, asked.which)} {act.did}.")
    return True


def _counted(container: Container, which: Filter, act: _Act) -> int:
    """Number of events. ClickException if a named event does not exist or is not suitable; a filter may find none."""
    with container.engine.connect() as connection:
        missing = event_actions.missing(connection, which.ids)
        if missing:
            named = ", ".join(map(str, missing))
            raise click.ClickException(f"There is no event {named}. See: casewire events list")
        count = act.count(connection, which)
    if which.ids and not count:
        raise click.ClickException(act.none)
    return count


def _many(count: int, which: Filter) -> str:
    named = len(set(which.ids))
    return f"{count} of {named} events" if count < named else f"{count} events"


def _named(ids: tuple[int, ...], wanted: dict[str, Any]) -> Filter:
    if not ids and not any(wanted.values()):
        raise click.UsageError("Choose events: ids, or a filter such as --status dead.")
    return Filter(**wanted, ids=ids)


def _audit_options(which: Filter) -> dict[str, Any]:
    """The options as the audit trail records them."""
    names = ("source", "kind", "status", "account", "since", "until", "search")
    given = {name: getattr(which, name) for name in names}
    return {"ids": list(which.ids)} | {name: str(value) for name, value in given.items() if value is not None}


def _account(event: Found) -> str:
    """The code of its account; the full key if its subject is not an account."""
    subject = event["subject"] or ""
    return subject.partition(":account:")[2] or subject
