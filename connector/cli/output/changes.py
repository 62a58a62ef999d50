"""How a change is shown: to people record by record and field by field, to programs as a document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from connector.cli.output.console import show
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
