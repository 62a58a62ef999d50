"""Prints the document of ``casewire status`` for people, a line for each fact."""

from __future__ import annotations

from typing import Any

from connector.cli.output.console import out, show
from connector.cli.status.collecting import went_well
from connector.mappers import phrases
from connector.models.facts import LinkState


def print_status(found: dict[str, Any]) -> None:
    backlog = found["backlog"]
    _line("received last", show(backlog["last_received_at"]) or "nothing yet")
    _line("events waiting", _aged(backlog["events_waiting"], backlog["oldest_event_seconds"]))
    _line("accounts due", _aged(backlog["accounts_due"], backlog["oldest_account_seconds"]))
    if backlog["histories_wanted"]:
        _line("histories", f"{backlog['histories_wanted']} accounts wait for their history")
    if backlog["objects_not_matched"]:
        _line(
            "not matched",
            f"{backlog['objects_not_matched']} disputes, refunds, … wait for a matching account",
        )
    review, waiting = (found["not_linked"][str(state)] for state in (LinkState.REVIEW, LinkState.WAITING))
    if review or waiting:
        _line("not linked", f"{review} for a person, {waiting} wait for a record  → casewire link review")
    for incident in found["incidents"]:
        _line(
            "incident", f"payments of {incident['accounts']} accounts fail at {incident['gateway']}", bad=True
        )
    for one in found["silent"]:
        _line(
            "silent", f"{_name(one)} since {show(one['since'])}: is its webhook endpoint enabled?", bad=True
        )
    for one in found["refused"]:
        _line("refused", _refused(one), bad=True)
    if rejected := found["rejected_jobs"]:
        _line("rejected jobs", _rejected_jobs(rejected), bad=True)
    if found["missed"]["count"]:
        text = f"{found['missed']['count']:,} changes in {found['missed']['days']} days without a delivery"
        _line("missed", f"{text}, all filled in; the last {show(found['missed']['last_at'])}")
    for one in found["feeds_not_read"]:
        text = f"the changes of {_name(one)} were not read completely since {show(one['since'])}"
        _line("feed", f"{text}  → feed_failed in the log, casewire doctor", bad=True)
    unread = found["not_readable"]
    if unread["count"]:
        text = f"{phrases.count(unread['count'], 'changed object')} in {unread['days']} days"
        _line("not readable", f"{text}; the last {unread['last']}  → feed_lacks in the log", bad=True)
    if found["reconciled"]:
        _reconciled(found["reconciled"])
    _line("sources", f"{', '.join(found['sources']) or 'none'}; {found['mode']} events are worked")
    dead = backlog["dead_accounts"] + backlog["dead_events"]
    _line("dead letters", f"{dead}  → casewire dead list" if dead else "none", bad=bool(dead))
    for one in found["unknown_kinds"]:
        _line("unknown kind", f"{one['source']} {one['kind']} × {one['events']}", bad=True)
    for circuit in found["circuits"]:
        _line(
            "waiting for",
            f"{circuit['destination']} since {show(circuit['since'])}: {circuit['reason']}",
            bad=True,
        )
        _line("", f"It is tried again at {show(circuit['until'])}; nothing is lost meanwhile.")
    if any(circuit["destination"] == "salesforce" for circuit in found["circuits"]):
        _line("", "Fixed? To try at once → casewire resync ACCOUNT --apply")
    for name, budget in found["budgets"].items():
        _line("budget", f"{name}: {budget}")
    for sentence in found["left_out"]:
        _line("org", sentence)
    for sentence in found["not_configured"]:
        _line("to set up", sentence, bad=True)
    redis = found["redis"]
    if "error" in redis:
        _line("redis", redis["error"], bad=True)
    else:
        none = redis["workers"] == 0
        _line("workers", "none: nothing is worked → casewire worker" if none else redis["workers"], bad=none)
        _scheduler(found["scheduler"])


def _scheduler(scheduler: dict[str, Any]) -> None:
    seen = f"seen {show(scheduler['seen_at'])}" if scheduler["seen_at"] else "not seen"
    dead = "it is not running: lost wakes, silence and missed deliveries are not noticed → casewire scheduler"
    _line("scheduler", seen if scheduler["runs"] else f"{seen}; {dead}", bad=not scheduler["runs"])


def _reconciled(run: dict[str, Any]) -> None:
    about = f": {run['error']}" if run["error"] else ""
    text = f"{show(run['ended_at'] or run['started_at'])}, {run['state']}, run {run['run']}{about}"
    failed = ", ".join(run["found"].get("failed", ()))
    without = f", without {failed}  → casewire reconcile --apply once that is fixed" if failed else ""
    _line("reconciled", f"{text}{without}", bad=not went_well(run["state"], run["found"]))
    for sentence in run["found"].get("not_compared", ()):
        _line("", f"not compared: {sentence}")


def _refused(one: dict[str, Any]) -> str:
    text = f"{_name(one)} × {one['count']:,} in two hours, the last {show(one['last_at'])}: {one['reason']}"
    return f"{text}. {one['message']}"


def _rejected_jobs(found: dict[str, Any]) -> str:
    last = f"the last {show(found['last_at'])}: it {found['last_reason']}"
    return (
        f"{found['count']:,} in seven days, {last}. Another program writes to this Redis (docs/operating.md)."
    )


def _name(one: dict[str, Any]) -> str:
    return ":".join(filter(None, (one["source"], one["site"])))


def _aged(count: int, seconds: float | None) -> str:
    return f"{count}, the oldest for {seconds:.0f} s" if count and seconds is not None else str(count)


def _line(label: str, value: object, *, bad: bool = False) -> None:
    style = "red" if bad else "default"
    out.print(f"[dim]{label:<15}[/dim] [{style}]{show(value)}[/{style}]")
