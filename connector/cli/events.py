"""``casewire events``: what was received, and what became of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import click

from connector.cli.acting import REASON, acting
from connector.cli.showing.attempts import attempt_lines
from connector.cli.showing.output import Time, as_json, err, out, show, table
from connector.cli.waking import wake
from connector.ledger import listing
from connector.ledger.listing import Filter, Found
from connector.queue import Stage
from connector.wiring import wiring

F = TypeVar("F", bound=Callable[..., Any])
STATUSES = ("pending", "fetched", "done", "ignored", "unknown", "dead", "buried")


def filters(command: F) -> F:
    """The options that say which events."""
    for option in (
        click.option("--source", help="Only this source, such as recurly."),
        click.option("--kind", help="Only this kind; * stands for anything (payment.*)."),
        click.option("--status", type=click.Choice(STATUSES), help="Only events in this state."),
        click.option("--account", help="Only this account: its code, or its whole key."),
        click.option("--since", type=Time(), help="Received since: 2026-11-01, 36h, 7d."),
        click.option("--until", type=Time(), help="Received before."),
        click.option("--search", help="Found in the kind, the event id or the body."),
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
@click.option("--json", "json_", is_flag=True, help="One JSON document on stdout.")
def list_(limit: int, json_: bool, **wanted: Any) -> None:
    """Events, newest first.

    \b
    Example: casewire events list --status dead --since 7d
    """
    with wiring().engine.connect() as connection:
        found = listing.events(connection, Filter(**wanted, limit=limit))
    if json_:
        as_json(found)
        return
    table(
        ("id", "received", "kind", "status", "account", "deliveries", "note"),
        [
            (e["id"], e["received_at"], e["kind"], e["status"], _account(e), e["deliveries"], _why(e))
            for e in found
        ],
        empty="No such events.",
    )


@events.command("show")
@click.argument("event_id", type=int, metavar="ID")
@click.option("--json", "json_", is_flag=True, help="One JSON document on stdout.")
def show_(event_id: int, json_: bool) -> None:
    """One event whole: delivery, objects, attempt, and what changed in Salesforce.

    \b
    Example: casewire events show 4711
    """
    with wiring().engine.connect() as connection:
        story = listing.story(connection, event_id)
    if story is None:
        raise click.ClickException(f"There is no event {event_id}. See: casewire events list")
    if json_:
        as_json(story)
        return
    _tell(story)


@events.command()
@click.argument("ids", nargs=-1, type=int, metavar="[ID]...")
@filters
@REASON
@click.option("--apply", "apply_", is_flag=True, help="Do it; without this only the count is shown.")
def replay(ids: tuple[int, ...], reason: str, apply_: bool, **wanted: Any) -> None:
    """Work recorded events again. Harmless: the same facts give the same records.

    \b
    Example: casewire events replay --status dead --since 2d --apply
    """
    wanted_events = _named(ids, wanted)
    wires = wiring()
    if not apply_:
        _only_count(listing.count_replayable, wanted_events, "would be worked again")
        return
    with (
        acting(wires, "replay", reason, _kept(ids, wanted)) as cause,
        wires.engine.begin() as connection,
    ):
        count = listing.replay(connection, wanted_events, cause.run_id)
    err.print(f"{count} events will be worked again.")
    wake(wires, Stage.REFRESH)


@events.command()
@click.argument("ids", nargs=-1, type=int, metavar="[ID]...")
@filters
@click.option("--reason", required=True, help="Why these need no work; kept with the event.")
@click.option("--apply", "apply_", is_flag=True, help="Do it; without this only the count is shown.")
def bury(ids: tuple[int, ...], reason: str, apply_: bool, **wanted: Any) -> None:
    """Decide that waiting, dead or unknown events need no work.

    \b
    Example: casewire events bury 4711 --reason "test account" --apply
    """
    wanted_events = _named(ids, wanted)
    if not apply_:
        _only_count(listing.count_buriable, wanted_events, "would be buried")
        return
    wires = wiring()
    with acting(wires, "bury", reason, _kept(ids, wanted)), wires.engine.begin() as connection:
        err.print(f"{listing.bury(connection, wanted_events, reason)} events buried.")


def _named(ids: tuple[int, ...], wanted: dict[str, Any]) -> Filter:
    if not ids and not any(wanted.values()):
        raise click.UsageError("Say which events: ids, or a filter such as --status dead.")
    return Filter(**wanted, ids=ids)


def _kept(ids: tuple[int, ...], wanted: dict[str, Any]) -> dict[str, Any]:
    """What was asked for, as the audit keeps it."""
    return {"ids": list(ids)} | {name: str(value) for name, value in wanted.items() if value is not None}


def _only_count(count: Callable[[Any, Filter], int], wanted: Filter, sentence: str) -> None:
    with wiring().engine.connect() as connection:
        err.print(f"{count(connection, wanted)} events {sentence}. Add --apply to do it.")


def _account(event: Found) -> str:
    """Its code; what is no account's goes by its whole key."""
    subject = event["subject"] or ""
    return subject.partition(":account:")[2] or subject


def _why(event: Found) -> str:
    return str(event["error"] or event["note"] or "")


def _tell(story: Found) -> None:
    """The story top to bottom: delivery → snapshot → plan → change → Salesforce id."""
    out.print(
        f"[bold]{show(story['kind'])}[/bold]  {story['source']}:{story['site']}  {show(story['event_id'])}"
    )
    for label, value in (
        ("happened", story["occurred_at"]),
        ("received", f"{_moment(story['received_at'])}, {_deliveries(story['deliveries'])}"),
        ("fate", f"{story['fate']}, now {story['status']}"),
        ("why", _why(story)),
        ("points to", ", ".join(f"{object_} {refs[0]}" for object_, refs in story["pointers"])),
        ("account", story["subject"]),
    ):
        if value:
            out.print(f"  {label:<10} {show(value)}")
    for one in story["snapshots"]:
        out.print(f"  {_known(one)}")
    for line in (line for attempt in story["attempts"] for line in attempt_lines(attempt)):
        out.print(f"  {line}")
    for one in story["by_hand"]:
        out.print(f"  {_by_hand(one)}")
    out.print(f"\n{show(story['body'] or 'The body was purged.')}")


def _deliveries(count: int) -> str:
    return "in 1 delivery" if count == 1 else f"in {count} deliveries"


def _known(one: Found) -> str:
    """What was fetched; of a processor's object, how it came to its account."""
    state = "gone" if one["gone"] else f"version {_moment(one['version'])}"
    told = f"{one['object']} {show(one['id'])} {state}, seen {_moment(one['observed_at'])}"
    if one["link"] is None:
        return f"fetched    {told}"
    joined = f"joined by {show(one['link'])}" if one["link"] else "joined to no account yet"
    return f"told       {told}, {joined}"


def _by_hand(one: Found) -> str:
    why = f": {one['reason']}" if one["reason"] else ""
    told = f"{one['trigger']} by {one['who']}, run {one['run_id']}, {one['outcome']}, {one['written']} written{why}"
    return f"by hand    {_moment(one['started_at'])} {show(told)}"


def _moment(value: datetime | None) -> str:
    return show(value) or "unknown"
