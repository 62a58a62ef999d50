"""The words of an examination: a finding, what a check tells, and the checks of an area in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Only ``FAILED`` keeps Casewire from its work."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """``told``: what was found. ``mend``: what to click or which line to change; never empty for a failure.
    ``stopped``: it fails only because Casewire does not run."""

    area: str
    name: str
    state: State
    told: str
    mend: str = ""
    stopped: bool = False


def is_green(found: Iterable[Finding]) -> bool:
    """Whether Casewire can do its work: nothing failed. A check on which others depend, and one for which there was no
    time, fails where it could not be made (``looking``), so that "not asked" is never taken for "good"."""
    return all(one.state is not State.FAILED for one in found)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check tells; ``about`` is what of it, where it tells several things; ``stopped`` as in a finding."""

    state: State
    text: str
    mend: str = ""
    about: str = ""
    stopped: bool = False


class NotAsked(Exception):
    """A check cannot be made; the text says why."""


@dataclass(frozen=True, slots=True)
class Check:
    """``look`` changes nothing, and may raise. ``gate``: the checks behind it in its area need it to be good.
    ``mend``: what helps when ``look`` raises something that does not say so itself."""

    name: str
    look: Callable[[], Iterable[CheckResult]]
    gate: bool = False
    mend: str = "Mend what it says, then run casewire doctor again."


@dataclass(frozen=True, slots=True)
class Area:
    """Checks that are made one after the other. ``close`` lets go of what they opened."""

    name: str
    checks: tuple[Check, ...]
    close: Callable[[], None] = field(default=lambda: None)


def ok(text: str, about: str = "") -> CheckResult:
    return CheckResult(State.OK, text, "", about)


def warning(text: str, mend: str, about: str = "") -> CheckResult:
    return CheckResult(State.WARNING, text, mend, about)


def failed(text: str, mend: str, about: str = "") -> CheckResult:
    return CheckResult(State.FAILED, text, mend, about)


def stopped(text: str, mend: str) -> CheckResult:
    """A failure that ends when Casewire is started."""
    return CheckResult(State.FAILED, text, mend, stopped=True)


def skipped(text: str, mend: str = "", about: str = "") -> CheckResult:
    return CheckResult(State.SKIPPED, text, mend, about)


BEARABLE_SECONDS: Final = 30
WRONG_SECONDS: Final = 120
"""A login by JWT is good for three minutes, Stripe's signatures for five."""

_MEND: Final = (
    "Set the clock of this machine by the network (chrony or systemd-timesyncd), or that of the other one: "
    "signatures and logins hold for minutes only."
)


def compared(whose: str, ahead: float) -> CheckResult:
    """``ahead``: how many seconds the other clock is ahead of ours."""
    seconds = abs(ahead)
    if seconds < BEARABLE_SECONDS:
        return ok(f"within {max(1, round(seconds))} s of {whose}")
    told = f"this machine's clock is {'behind' if ahead > 0 else 'ahead of'} {whose} by {seconds:.0f} s"
    return failed(told, _MEND) if seconds >= WRONG_SECONDS else warning(told, _MEND)
