"""A story: a cast, what was before, a timeline of steps, and what the CRM must hold in the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sandbox.recurly.scenarios.expectations import Expectation
from sandbox.recurly.scenarios.scene import Cast, Doing, Scene


@dataclass(frozen=True, slots=True)
class Step:
    """``days`` after the step before."""

    days: float
    what: str
    doings: tuple[Doing, ...]


def step(days: float, what: str, *doings: Doing) -> Step:
    return Step(days, what, doings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """``before`` happens unannounced. ``expect`` is asked when the last step is done. ``count``: how many accounts
    live it where the order does not say."""

    name: str
    title: str
    description: str
    cast: Cast
    steps: tuple[Step, ...]
    expect: Callable[[Scene], list[Expectation]]
    before: Doing | None = None
    count: int = 1

    @property
    def lasts(self) -> timedelta:
        return timedelta(days=sum(step.days for step in self.steps))
