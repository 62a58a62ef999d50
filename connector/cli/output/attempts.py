"""How an attempt is told: why it was made and what came of it, record by record and field by field."""

from __future__ import annotations

from collections.abc import Iterator

from connector.cli.output.changes import field
from connector.cli.output.console import show
from connector.ledger.queries import Found


def attempt_lines(attempt: Found) -> Iterator[str]:
    """For ``out.print``."""
    by = f" by {attempt['who']}" if attempt["who"] else ""
    run = f", run {attempt['run_id']}" if attempt["run_id"] is not None else ""
    told = f"{attempt['trigger']}{by}{run}"
    yield (
        f"attempt {attempt['id']} at {show(attempt['started_at'])} ({show(told)}) "
        f"{attempt['outcome']} {show(attempt['error'])}"
    ).rstrip()
    if attempt["reason"]:
        yield f"  asked for because: {show(attempt['reason'])}"
    if attempt["outcome"] == "unchanged":
        yield "  Salesforce said all of it already."
    for change in attempt["changes"]:
        yield from _change_lines(change)


def record_lines(attempt: Found) -> Iterator[str]:
    """Only which records it wrote, or was refused; for ``out.print``."""
    yield from (_record_line(change) for change in attempt["changes"])


def _change_lines(change: Found) -> Iterator[str]:
    yield _record_line(change)
    yield f"           {change['rule']}: {show(change['reason'])} {show(change['error'])}".rstrip()
    for name, after in change["after"].items():
        yield f"           {field(name, change['before'].get(name), after)}"


def _record_line(change: Found) -> str:
    where = f"{change['object']} {change['salesforce_id'] or ''}".strip()
    mark = f" [{change['transition']}]" if change["transition"] else ""
    return f"  {change['outcome']:<8} {where}  {show(change['key'])}{show(mark)}"
