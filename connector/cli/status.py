"""``casewire status``: is everything moving, and if not, what is in the way?"""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

import click
from redis.exceptions import RedisError
from rq import Worker

from connector import queue
from connector.cli.showing.output import as_json, out, show
from connector.errors import SetupError
from connector.facts import LinkState
from connector.ledger import budgets, circuits, incidents, links, listing, missed, runs, silences
from connector.ledger.runs import Run
from connector.sync import spending
from connector.sync.destination import DESTINATION
from connector.webhooks import registry
from connector.wiring import Wiring, wiring

LATELY: Final = timedelta(days=7)
RECONCILE: Final = "reconcile"


@click.command()
@click.option("--json", "json_", is_flag=True, help="One JSON document on stdout.")
def status(json_: bool) -> None:
    """Backlog, lag, dead letters, silent sources, circuits, budgets and workers. Exit code 1 if a person is needed.

    \b
    Example: casewire status --json
    """
    found = collect(wiring())
    if json_:
        as_json(found)
    else:
        _tell(found)
    if found["needs_a_person"]:
        raise SystemExit(1)


def collect(wires: Wiring) -> dict[str, Any]:
    """Everything ``status`` says, as one document."""
    with wires.engine.connect() as connection:
        numbers = listing.numbers(connection)
        unknown = listing.unknown_kinds(connection)
        failing = incidents.lasting(connection)
        out_now = circuits.troubled(connection)
        linked = links.numbers(connection)
        calls = budgets.told(connection, DESTINATION)
        silent = silences.lasting(connection, registry.configured(wires.sources))
        lacked = missed.recent(connection, LATELY)
        reconciled = runs.latest(connection, RECONCILE)
    redis = _redis(wires)
    dead = numbers["dead_events"] + numbers["dead_accounts"]
    mend = any(circuit.code == circuits.NOT_SET_UP for circuit in out_now)
    missing = wires.not_configured()
    return {
        "needs_a_person": bool(
            dead or mend or missing or silent or redis.get("error") or redis.get("workers") == 0
        ),
        "backlog": numbers,
        "unknown_kinds": unknown,
        "not_linked": {str(state): linked.get(state, 0) for state in (LinkState.REVIEW, LinkState.WAITING)},
        "incidents": [
            {"gateway": one.gateway, "site": one.site, "since": one.started_at, "accounts": one.accounts}
            for one in failing
        ],
        "silent": [asdict(one) for one in silent],
        "missed": {"days": LATELY.days, **asdict(lacked)},
        "reconciled": _told(reconciled) if reconciled else None,
        "circuits": [
            {
                "destination": c.destination,
                "until": c.until,
                "since": c.since,
                "reason": c.reason,
                "code": c.code,
            }
            for c in out_now
        ],
        "budgets": {**redis.pop("budgets", {}), **_salesforce(wires, calls)},
        "left_out": redis.pop("left_out", []),
        "refused": redis.pop("refused", []),
        "salesforce_calls": asdict(calls) if calls else None,
        "redis": redis,
        "not_configured": missing,
        "mode": "live" if wires.settings.live else "test",
        "sources": [":".join(filter(None, key)) for key in registry.configured(wires.sources)],
    }


def _told(run: Run) -> dict[str, Any]:
    return {
        "run": run.id,
        "who": run.who,
        "state": run.state,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "found": run.progress,
        "error": run.error,
    }


def _salesforce(wires: Wiring, calls: budgets.Told | None) -> dict[str, str]:
    """A policy that cannot be read is told of elsewhere."""
    try:
        return {DESTINATION: spending.in_words(calls, wires.policy.budget)} if calls else {}
    except SetupError:
        return {}


def _redis(wires: Wiring) -> dict[str, Any]:
    try:
        workers = Worker.all(connection=wires.redis)
        return {
            "workers": len(workers),
            "jobs_waiting": wires.queue.depth(),
            "queue": queue.NAME,
            "budgets": wires.queue.notes(),
            "left_out": wires.queue.remarks(),
            "refused": [asdict(one) for one in wires.queue.refusals()],
        }
    except RedisError as error:
        return {"error": f"Redis does not answer: {error}. Deliveries are still recorded."}


def _tell(found: dict[str, Any]) -> None:
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
