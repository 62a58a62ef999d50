"""Checks and their results: an area has checks, a check yields results, the runner turns results into findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Only ``FAILED`` prevents Casewire from working."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. ``fix``: what to click or which line to change; never empty for a failure.
    ``stopped``: it fails only because Casewire is not running."""

    area: str
    name: str
    state: State
    message: str
    fix: str = ""
    stopped: bool = False


def is_green(found: Iterable[Finding]) -> bool:
    """Whether nothing failed. The runner fails a gate that is skipped and a check for which no time is left, so that
    "skipped" is never mistaken for "ok"."""
    return all(one.state is not State.FAILED for one in found)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One result of a check. ``about``: its subject, if the check yields several; ``stopped`` as in a finding."""

    state: State
    text: str
    fix: str = ""
    about: str = ""
    stopped: bool = False


class CheckSkipped(Exception):
    """A check cannot run; the text gives the reason."""


@dataclass(frozen=True, slots=True)
class Check:
    """``run`` changes nothing, and may raise. ``gate``: the later checks of its area are skipped if it fails.
    ``fix``: advice for an exception of ``run`` that has no advice of its own."""

    name: str
    run: Callable[[], Iterable[CheckResult]]
    gate: bool = False
    fix: str = "Correct what the message names, then run casewire doctor again."


@dataclass(frozen=True, slots=True)
class Area:
    """Checks that run one after the other. ``close`` releases what they opened."""

    name: str
    checks: tuple[Check, ...]
    close: Callable[[], None] = field(default=lambda: None)


def ok(text: str, about: str = "") -> CheckResult:
    return CheckResult(State.OK, text, "", about)


def warning(text: str, fix: str, about: str = "") -> CheckResult:
    return CheckResult(State.WARNING, text, fix, about)


def failed(text: str, fix: str, about: str = "") -> CheckResult:
    return CheckResult(State.FAILED, text, fix, about)


def stopped(text: str, fix: str) -> CheckResult:
    """A failure that ends when Casewire is started."""
    return CheckResult(State.FAILED, text, fix, stopped=True)


def skipped(text: str, fix: str = "", about: str = "") -> CheckResult:
    return CheckResult(State.SKIPPED, text, fix, about)


WARNING_SECONDS: Final = 30
FAILED_SECONDS: Final = 120
"""A login by JWT is good for three minutes, Stripe's signatures for five."""

_FIX: Final = (
    "Set the clock of this machine by the network (chrony or systemd-timesyncd), or the clock of the other machine: "
    "signatures and logins are valid for minutes only."
)


def clock_skew(other: str, ahead: float) -> CheckResult:
    """Result for a clock that is ``ahead`` seconds ahead of ours; negative if it is behind."""
    seconds = abs(ahead)
    if seconds < WARNING_SECONDS:
        return ok(f"within {max(1, round(seconds))} s of {other}")
    text = f"this machine's clock is {'behind' if ahead > 0 else 'ahead of'} {other} by {seconds:.0f} s"
    return failed(text, _FIX) if seconds >= FAILED_SECONDS else warning(text, _FIX)
