"""The history of an event as lines: delivery → snapshot → plan → change → Salesforce id, and later runs."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import datetime

from connector.cli.output.changes import attempt_lines, record_lines
from connector.cli.output.console import show
from connector.ledger.queries import Found


def why(event: Found) -> str:
    """The error or note of the event; for a buried event the reason."""
    buried = event["status"] == "buried" and event.get("run")
    return str((event["run"]["reason"] if buried else "") or event["error"] or event["note"] or "")


def again(event: Found) -> str:
    """The command to run after the cause is fixed. An event without pointers can only be shown and buried."""
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
        yield _line("run", show(_asked(one)))
    for one in story["snapshots"]:
        yield _line(*_snapshot_line(one))
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
    yield "", _account_state(story)


def _account_state(story: Found) -> str:
    """State of the account if it is due or dead. A dead account blocks all its events."""
    now = story["subject_status"]
    if now is None or now["status"] not in ("due", "dead"):
        return ""
    if now["status"] == "dead":
        retry = f"casewire dead retry --account {shlex.quote(story['subject'])} --apply"
        return f"dead letter: {now['error']} Then: {retry}"
    tried = f", tried {now['tries']} times: {now['error']}" if now["error"] else ""
    return f"due since {_moment(now['due_at'])}{tried}"


def _others(story: Found) -> Iterator[str]:
    """Later attempts for the account that do not belong to this event."""
    for one in story["by_runs"]:
        yield _line("by run", f"{_moment(one['started_at'])} {show(_by_run(one))}")
        yield from (f"  {line}" for line in record_lines(one))
    yield from _left_out(story["by_runs_left_out"])
    for one in story["later"]:
        error = f": {one['error']}" if one["error"] else ""
        text = f"attempt {one['id']} ({one['trigger']}) {one['outcome']}{error}"
        yield _line("later", f"{_moment(one['started_at'])} {show(text)}")
        yield from (f"  {line}" for line in record_lines(one))
    yield from _left_out(story["later_left_out"])


def _left_out(count: int) -> Iterator[str]:
    if count:
        yield _line("", f"… and {count:,} more since")


def _line(label: str, text: str) -> str:
    return f"  {label:<10} {text}"


def _deliveries(count: int) -> str:
    return "in 1 delivery" if count == 1 else f"in {count} deliveries"


def _asked(run: Found) -> str:
    """A run for the event itself."""
    reason = f": {run['reason']}" if run["reason"] else ""
    return f"{_moment(run['started_at'])} {run['command']} by {run['who']}, run {run['id']}{reason}"


def _snapshot_line(one: Found) -> tuple[str, str]:
    """A fetched object in its newest version; for a processor object also how it was matched."""
    state = "gone" if one["gone"] else f"version {_moment(one['version'])}"
    text = f"{one['object']} {show(one['id'])} {state}, seen {_moment(one['observed_at'])}"
    if one["link"] is None:
        return "fetched", text
    matched = f"matched by {show(one['link'])}" if one["link"] else "not matched to an account yet"
    return "reported", f"{text}, {matched}"


def _by_run(one: Found) -> str:
    reason = f": {one['reason']}" if one["reason"] else ""
    return f"{one['trigger']} by {one['who']}, run {one['run_id']}, {one['outcome']}, {one['written']} written{reason}"


def _moment(value: datetime | None) -> str:
    return show(value) or "unknown"
