"""``casewire doctor``: checks the installation, and advises how to fix it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from itertools import groupby

import click

from connector.cli.output.console import as_json, err, out, show
from connector.doctor import Finding, State, examine, is_green

_STYLES = {State.OK: "green", State.WARNING: "yellow", State.FAILED: "red", State.SKIPPED: "dim"}
_AS_ABOVE = "as above"
_MARKS = {State.OK: "ok", State.WARNING: "warning", State.FAILED: "FAILED", State.SKIPPED: "skipped"}


@click.command()
@click.option("--json", "json_", is_flag=True, help="One JSON document on stdout.")
def doctor(json_: bool) -> None:
    """Checks every connection, permission, field, limit and secret, and says how to fix what fails.

    \b
    Reads only: nothing is written anywhere. Exit code 1 if anything failed, or PostgreSQL, Redis, the workers or the
    scheduler could not be checked.
    Example: casewire doctor --json
    """
    if not json_:
        err.print("[dim]Checking …[/dim]")
    found = examine()
    if json_:
        as_json(document(found))
    else:
        print_findings(found)
    if not is_green(found):
        raise SystemExit(1)


def document(found: Sequence[Finding]) -> dict[str, object]:
    """All findings as a document, for a monitor."""
    counts = Counter(one.state for one in found)
    return {
        "green": is_green(found),
        "counts": {state: counts[state] for state in State},
        "findings": [asdict(one) for one in found],
    }


def print_findings(found: Sequence[Finding]) -> None:
    """Print a line for each finding, with the fix below it; then the number of findings by state."""
    before = ""
    for (area, waits), together in groupby(found, key=lambda one: (one.area, _is_skipped(one))):
        if waits:
            _print_skipped(area, together)
            continue
        for one in together:
            print_finding(replace(one, fix=_AS_ABOVE) if one.fix and one.fix == before else one)
            before = one.fix
    counts = Counter(one.state for one in found)
    out.print(", ".join(f"{counts[state]} {_MARKS[state].lower()}" for state in State if counts[state]))


def _is_skipped(one: Finding) -> bool:
    return one.state is State.SKIPPED and not one.fix


def print_finding(one: Finding) -> None:
    """Print a finding, with its fix below."""
    style = _STYLES[one.state]
    what = f"{one.area}  {one.name}"
    out.print(f"[{style}]{_MARKS[one.state]:<9}[/{style}]  [bold]{show(what)}[/bold]: {show(one.message)}")
    if one.fix:
        out.print(f"           → {show(one.fix)}")


def _print_skipped(area: str, found: Iterable[Finding]) -> None:
    """Print skipped checks, those with the same reason on one line."""
    for why, same in groupby(found, key=lambda one: one.message):
        names = ", ".join(one.name for one in same if one.name)
        named = f"{area}  {names}" if names else area
        out.print(f"[dim]{_MARKS[State.SKIPPED]:<9}  {show(named)}: {show(why)}[/dim]")
