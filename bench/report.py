"""A row of the result, and the page it ends on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """``reached``: None where the row only tells, with no target of its own."""

    what: str
    figure: str
    ratio: str
    target: str
    reached: bool | None
    command: str


_HEAD = ("what", "figure", "ratio", "target", "reached", "command")


def table(rows: Iterable[Row]) -> str:
    """The rows as a Markdown table."""
    lines = [_line(_HEAD), _line(["---"] * len(_HEAD))]
    for row in rows:
        command = f"`{row.command}`"
        lines.append(_line([row.what, row.figure, row.ratio, row.target, verdict(row.reached), command]))
    return "\n".join(lines) + "\n"


def page(rows: Iterable[Row], machine: Mapping[str, str], date: str) -> str:
    """RESULTS.md."""
    facts = ", ".join(f"{name} {value}" for name, value in machine.items())
    return (
        "# Results\n\n"
        "Written by `python -m bench`; how to read it stands in [README.md](README.md). Each ratio is of two "
        "sides measured in this one run.\n\n"
        f"{date}: {facts}.\n\n{table(rows)}"
    )


LARGE = "A large population"
"""The section that ``python -m bench backfill --accounts N`` writes."""


def section(page_: str, title: str) -> str:
    """What stands in a section of the page; nothing where there is none."""
    _, _, rest = page_.partition(f"\n## {title}\n")
    return rest.partition("\n## ")[0].strip()


def with_section(page_: str, title: str, body: str) -> str:
    """The page with this as the section of that title, in its place or at the end."""
    head = f"\n## {title}\n"
    before, found, rest = page_.partition(head)
    _, next_, after = rest.partition("\n## ")
    told = f"{before.rstrip()}\n{head}\n{body.strip()}\n"
    return told + (next_ + after if found else "")


def verdict(reached: bool | None) -> str:
    return {True: "yes", False: "**no**", None: ""}[reached]


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") or " " for cell in cells) + " |"
