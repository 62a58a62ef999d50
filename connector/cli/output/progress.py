"""Progress of long work: a bar on a terminal, else a plain line now and then; always on stderr."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from connector.cli.output.console import err, out, show

EVERY_SECONDS: Final = 10.0
EVERY_PERCENT: Final = 10
AT_MOST_EVERY: Final = 1.0
"""Seconds between two lines: quick work prints nothing."""


class ReportProgress(Protocol):
    """``done``: amount of finished work; ``note``: further text; ``total``: amount of all work, if it is known by
    now."""

    def __call__(self, done: int, note: str = "", *, total: int | None = None) -> None: ...


@contextmanager
def progress(
    title: str,
    total: int | None = None,
    *,
    console: Console = err,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[ReportProgress]:
    """``with progress("Reading Recurly", 500) as report: report(17, "2,300 calls left")``. ``total`` None: unknown."""
    if not console.is_terminal:
        yield _Lines(title, total, console, clock)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console, transient=True, redirect_stdout=out.is_terminal) as drawn:
        task = drawn.add_task(show(title), total=total, rate="", note="")
        began = clock()

        def report_progress(done: int, note: str = "", *, total: int | None = None) -> None:
            of = drawn.tasks[0].total if total is None else total
            of = None if of is None else max(of, done)
            drawn.update(task, completed=done, total=of, rate=_rate(done, clock() - began), note=show(note))

        yield report_progress


@dataclass(slots=True)
class _Lines:
    """Prints a line at every tenth, and after ten seconds without a line."""

    title: str
    total: int | None
    console: Console
    clock: Callable[[], float]
    _began: float = 0.0
    _printed_at: float = 0.0
    _tenths: int = 0

    def __post_init__(self) -> None:
        self._began = self._printed_at = self.clock()

    def __call__(self, done: int, note: str = "", *, total: int | None = None) -> None:
        self.total = self.total if total is None else total
        if self.total is not None:  # more work can arrive than was counted at the beginning
            self.total = max(self.total, done)
        now, tenths = self.clock(), done * 100 // (self.total * EVERY_PERCENT) if self.total else 0
        passed = now - self._printed_at
        if passed < (AT_MOST_EVERY if tenths > self._tenths else EVERY_SECONDS):
            return
        self._printed_at, self._tenths = now, max(tenths, self._tenths)
        self.console.print(show(self._line(done, note, now - self._began)))

    def _line(self, done: int, note: str, seconds: float) -> str:
        of = f" of {self.total:,} ({done * 100 // self.total} %)" if self.total else ""
        rate = _rate(done, seconds)
        left = _left(done, self.total, seconds)
        return ", ".join(filter(None, (f"{self.title}: {done:,}{of}", rate, left, note)))


def _rate(done: int, seconds: float) -> str:
    return f"{done / seconds:,.0f}/s" if seconds >= 1 and done else ""


def _left(done: int, total: int | None, seconds: float) -> str:
    if not total or not done or done >= total or seconds < 1:
        return ""
    left = seconds * (total - done) / done
    return f"{left:,.0f} s left" if left < 120 else f"{left / 60:,.0f} min left"
