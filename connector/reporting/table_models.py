"""The parts of a report: counts under labels that become rows, with the same names in every form of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

Label = tuple[str | int, ...]
Value = str | int | float | Decimal | None
Counts = Mapping[str, int | Decimal]

ALL: Final = "all"
NOT_TOLD: Final = "not told"


@dataclass(frozen=True, slots=True)
class Section:
    """One table of a report: ``labels`` name the leading columns, which say what a row is about; ``figures`` the rest.

    A figure is an int, a Decimal (an amount), a float (a share from 0 to 1, or hours), or None: nothing to divide by.
    """

    name: str
    title: str
    labels: tuple[str, ...]
    figures: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]


class Sums:
    """Counts and amounts by label."""

    def __init__(self) -> None:
        self._sums: dict[Label, dict[str, int | Decimal]] = defaultdict(lambda: defaultdict(int))

    def add(self, label: Label, figure: str, much: int | Decimal = 1) -> None:
        self._sums[label][figure] += much

    def at(self, *label: str | int) -> Counts:
        """The sums under one label; missing ones are 0."""
        return self._sums.get(label, defaultdict(int))

    def labels(self) -> list[Label]:
        """In order; the line of all comes after those it is of."""
        return sorted(self._sums, key=lambda label: [(part == ALL, part) for part in label])

    def rows(self, figures: Callable[[Counts], tuple[Value, ...]]) -> tuple[tuple[Value, ...], ...]:
        return tuple((*label, *figures(self._sums[label])) for label in self.labels())


def share(part: int | Decimal, whole: int | Decimal) -> float | None:
    """From 0 to 1 with four decimals; None where there is no whole."""
    return round(float(part / whole), 4) if whole else None
