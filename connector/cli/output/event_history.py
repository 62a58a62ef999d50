"""How the story of an event is told: delivery → snapshot → plan → change → Salesforce id, and what else was done."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import datetime

from connector.cli.output.changes import attempt_lines, record_lines
from connector.cli.output.console import show
from connector.ledger.queries import Found


def why(event: Found) -> str:
    """What is wrong with it, or was; of one that was buried, why it was."""
    buried = event["status"] == "buried" and event.get("run")
    return str((event["run"]["reason"] if buried else "") or event["error"] or event["note"] or "")


def again(event: Found) -> str:
    """What a person types once what it says is mended. One that points to nothing can only be read, and buried."""
    if not event["pointers"]:
        return f"casewire events show {event['id']}, casewire events bury {event['id']} --reason … --apply"
    return f"casewire events replay {event['id']} --apply"


def lines(story: Found) -> Iterator[str]:
    """For ``out.print``, top to bottom."""
    yield f"[bold]{show(story['kind'])}[/bold]  {story['source']}:{story['site']}  {show(story['event_id'])}"
    for label, value in _delivery(story):
        if value:
            yield _line(label, show(value))
    for one in story["runs"]:
        yield _line("asked", show(_asked(one)))
    for one in story["snapshots"]:
        yield _line(*_known(one))
    for attempt in story["attempts"]:
        yield from (f"  {line}" for line in attempt_lines(attempt))
    yield from _others(story)
    yield f"\n{show(story['body'] or 'The body was purged.')}"


def _delivery(story: Found) -> Iterator[tuple[str, object]]:
    yield "happened", story["occurred_at"]
    yield "received", f"{_moment(story['received_at'])}, {_deliveries(story['deliveries'])}"
    yield "fate", f"{story['fate']}, now {story['status']}"
    yield "why", why(story)
    yield "then", again(story) if story["status"] == "dead" else ""
    yield "points to", ", ".join(f"{object_} {refs[0]}" for object_, refs in story["pointers"])
    yield "account", story["subject"]
    yield "", _standing(story)


def _standing(story: Found) -> str:
    """An account that is done needs no word. One that was given up on holds back all its events."""
    now = story["standing"]
    if now is None or now["status"] not in ("due", "dead"):
        return ""
    if now["status"] == "dead":
        retry = f"casewire dead retry --account {shlex.quote(story['subject'])} --apply"
        return f"given up on: {now['error']} Then: {retry}"
    tried = f", tried {now['tries']} times: {now['error']}" if now["error"] else ""
    return f"due since {_moment(now['due_at'])}{tried}"


def _others(story: Found) -> Iterator[str]:
    """What was done to the account since, beside what is told of this event."""
    for one in story["by_hand"]:
        yield _line("by hand", f"{_moment(one['started_at'])} {show(_by_hand(one))}")
        yield from (f"  {line}" for line in record_lines(one))
    yield from _left_out(story["by_hand_left_out"])
    for one in story["also"]:
        error = f": {one['error']}" if one["error"] else ""
        told = f"attempt {one['id']} ({one['trigger']}) {one['outcome']}{error}"
        yield _line("also", f"{_moment(one['started_at'])} {show(told)}")
        yield from (f"  {line}" for line in record_lines(one))
    yield from _left_out(story["also_left_out"])


def _left_out(count: int) -> Iterator[str]:
    if count:
        yield _line("", f"… and {count:,} more since")


def _line(label: str, told: str) -> str:
    return f"  {label:<10} {told}"


def _deliveries(count: int) -> str:
    return "in 1 delivery" if count == 1 else f"in {count} deliveries"


def _asked(run: Found) -> str:
    """A person's act on the event itself."""
    reason = f": {run['reason']}" if run["reason"] else ""
    return f"{_moment(run['started_at'])} {run['command']} by {run['who']}, run {run['id']}{reason}"


def _known(one: Found) -> tuple[str, str]:
    """What was fetched, in its newest version; of a processor's object, how it came to its account."""
    state = "gone" if one["gone"] else f"version {_moment(one['version'])}"
    told = f"{one['object']} {show(one['id'])} {state}, seen {_moment(one['observed_at'])}"
    if one["link"] is None:
        return "fetched", told
    joined = f"joined by {show(one['link'])}" if one["link"] else "joined to no account yet"
    return "told", f"{told}, {joined}"


def _by_hand(one: Found) -> str:
    reason = f": {one['reason']}" if one["reason"] else ""
    return f"{one['trigger']} by {one['who']}, run {one['run_id']}, {one['outcome']}, {one['written']} written{reason}"


def _moment(value: datetime | None) -> str:
    return show(value) or "unknown"
