"""``casewire doctor``: what is wrong, and what mends it."""

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
_MARKS = {State.OK: "ok", State.WARNING: "warning", State.FAILED: "FAILED", State.SKIPPED: "not asked"}


@click.command()
@click.option("--json", "json_", is_flag=True, help="One JSON document on stdout.")
def doctor(json_: bool) -> None:
    """Checks every connection, permission, field, limit and secret, and says how to mend what fails.

    \b
    Looks only: nothing is written anywhere. Exit code 1 if anything failed, or PostgreSQL, Redis, the workers or the
    scheduler could not be checked.
    Example: casewire doctor --json
    """
    if not json_:
        err.print("[dim]Looking …[/dim]")
    found = examine()
    if json_:
        as_json(document(found))
    else:
        tell(found)
    if not is_green(found):
        raise SystemExit(1)


def document(found: Sequence[Finding]) -> dict[str, object]:
    """Everything, for a monitor."""
    counts = Counter(one.state for one in found)
    return {
        "green": is_green(found),
        "counts": {state: counts[state] for state in State},
        "findings": [asdict(one) for one in found],
    }


def tell(found: Sequence[Finding]) -> None:
    """A line for each finding, the mend of what is not well beneath it; then how many there are of each."""
    before = ""
    for (area, waits), together in groupby(found, key=lambda one: (one.area, _waits(one))):
        if waits:
            _not_asked(area, together)
            continue
        for one in together:
            tell_one(replace(one, mend=_AS_ABOVE) if one.mend and one.mend == before else one)
            before = one.mend
    counts = Counter(one.state for one in found)
    out.print(", ".join(f"{counts[state]} {_MARKS[state].lower()}" for state in State if counts[state]))


def _waits(one: Finding) -> bool:
    return one.state is State.SKIPPED and not one.mend


def tell_one(one: Finding) -> None:
    """One finding, with its mend beneath."""
    style = _STYLES[one.state]
    what = f"{one.area}  {one.name}"
    out.print(f"[{style}]{_MARKS[one.state]:<9}[/{style}]  [bold]{show(what)}[/bold]: {show(one.told)}")
    if one.mend:
        out.print(f"           → {show(one.mend)}")


def _not_asked(area: str, found: Iterable[Finding]) -> None:
    """Those with the same reason on one line."""
    for why, same in groupby(found, key=lambda one: one.told):
        names = ", ".join(one.name for one in same if one.name)
        named = f"{area}  {names}" if names else area
        out.print(f"[dim]{_MARKS[State.SKIPPED]:<9}  {show(named)}: {show(why)}[/dim]")
