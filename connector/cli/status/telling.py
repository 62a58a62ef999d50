"""The same for people, a line each."""

from __future__ import annotations

from typing import Any

from connector.cli.showing.output import out, show
from connector.facts import LinkState
from connector.ledger import runs


def tell(found: dict[str, Any]) -> None:
    backlog = found["backlog"]
    _line("received last", show(backlog["last_received_at"]) or "nothing yet")
    _line("events waiting", _aged(backlog["events_waiting"], backlog["oldest_event_seconds"]))
    _line("accounts due", _aged(backlog["accounts_due"], backlog["oldest_account_seconds"]))
    if backlog["histories_wanted"]:
        _line("histories", f"{backlog['histories_wanted']} older accounts wait to be fetched whole")
    if backlog["objects_not_joined"]:
        _line("not joined", f"{backlog['objects_not_joined']} disputes, refunds, … wait for their account")
    review, waiting = (found["not_linked"][str(state)] for state in (LinkState.REVIEW, LinkState.WAITING))
    if review or waiting:
        _line("not linked", f"{review} for a person, {waiting} wait for a record  → casewire link review")
    for incident in found["incidents"]:
        _line(
            "incident", f"payments of {incident['accounts']} accounts fail at {incident['gateway']}", bad=True
        )
    for one in found["silent"]:
        _line(
            "silent", f"{_name(one)} since {show(one['since'])}: is its webhook endpoint in order?", bad=True
        )
    for one in found["refused"]:
        _line("refused", _refused(one), bad=True)
    if found["missed"]["count"]:
        told = (
            f"{found['missed']['count']:,} changes in {found['missed']['days']} days that no delivery told of"
        )
        _line("missed", f"{told}, all filled in; the last {show(found['missed']['last_at'])}")
    if found["reconciled"]:
        _line("reconciled", _reconciled(found["reconciled"]), bad=found["reconciled"]["state"] == runs.FAILED)
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
    if any(circuit["destination"] == "salesforce" for circuit in found["circuits"]):
        _line("", "Mended? To try at once → casewire resync ACCOUNT --apply")
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


def _reconciled(run: dict[str, Any]) -> str:
    about = f": {run['error']}" if run["error"] else ""
    return f"{show(run['ended_at'] or run['started_at'])}, {run['state']}, run {run['run']}{about}"


def _refused(one: dict[str, Any]) -> str:
    told = f"{_name(one)} × {one['count']:,} in two hours, the last {show(one['last_at'])}: {one['reason']}"
    return f"{told}. {one['message']}"


def _name(one: dict[str, Any]) -> str:
    return ":".join(filter(None, (one["source"], one["site"])))


def _aged(count: int, seconds: float | None) -> str:
    return f"{count}, the oldest for {seconds:.0f} s" if count and seconds is not None else str(count)


def _line(label: str, value: object, *, bad: bool = False) -> None:
    style = "red" if bad else "default"
    out.print(f"[dim]{label:<15}[/dim] [{style}]{show(value)}[/{style}]")
