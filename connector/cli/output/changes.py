"""Changes and attempts as lines, record by record and field by field, or as a document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from connector.cli.output.console import show
from connector.ledger.queries import Found
from connector.sync.apply.row_diff import Row

EMPTY: Final = "–"


def lines(row: Row) -> Iterator[str]:
    """For ``out.print``: the record, the reason, and each field with its old and new value."""
    verb = "update" if row.exists else "create"
    mark = f" [{row.change.transition}]" if row.change.transition else ""
    yield f"  {verb} {row.change.object} {show(row.change.key)}{show(mark)}"
    yield f"    [dim]{row.change.rule}: {show(row.change.reason)}[/dim]"
    for name, after in row.after.items():
        yield f"    {field(name, row.before.get(name), after)}"


def field(name: str, before: object, after: object) -> str:
    """Old and new value of a field, for ``out.print``; a dash for an empty value."""
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
    cause = f"{attempt['trigger']}{by}{run}"
    yield (
        f"attempt {attempt['id']} at {show(attempt['started_at'])} ({show(cause)}) "
        f"{attempt['outcome']} {show(attempt['error'])}"
    ).rstrip()
    if attempt["reason"]:
        yield f"  reason: {show(attempt['reason'])}"
    if attempt["outcome"] == "unchanged":
        yield "  Salesforce was already up to date."
    for change in attempt["changes"]:
        yield from _change_lines(change)


def record_lines(attempt: Found) -> Iterator[str]:
    """Only the records that were written or refused; for ``out.print``."""
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
