"""How changes and attempts are shown: record by record and field by field, to programs as a document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from connector.cli.output.console import show
from connector.ledger.queries import Found
from connector.sync.apply.row_diff import Row

EMPTY: Final = "–"


def lines(row: Row) -> Iterator[str]:
    """For ``out.print``: the record, why, and each field with what it was and what it becomes."""
    verb = "update" if row.exists else "create"
    mark = f" [{row.change.transition}]" if row.change.transition else ""
    yield f"  {verb} {row.change.object} {show(row.change.key)}{show(mark)}"
    yield f"    [dim]{row.change.rule}: {show(row.change.reason)}[/dim]"
    for name, after in row.after.items():
        yield f"    {field(name, row.before.get(name), after)}"


def field(name: str, before: object, after: object) -> str:
    """What one field was and what it becomes, for ``out.print``; what is empty is a dash."""
    return f"{name}: {show(before) or EMPTY} → {show(after) or EMPTY}"


def document(row: Row) -> dict[str, Any]:
    """The same as JSON (docs/schemas)."""
    return {
        "object": row.change.object,
        "key": row.change.key,
        "exists": row.exists,
        "transition": row.change.transition,
        "rule": row.change.rule,
        "reason": row.change.reason,
        "before": row.before,
        "after": row.after,
    }


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
