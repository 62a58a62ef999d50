"""One fault: a file, the exact text that is replaced, and the tests that should notice."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Mutant:
    """``old`` must occur in ``file`` at least ``occurrence`` times, and exactly once where ``occurrence`` is 0.

    ``equivalent``: why no test can notice the fault. Such a mutant is listed, not run and not counted.
    """

    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    occurrence: int = 0
    equivalent: str = ""

    @property
    def id(self) -> str:
        """Stays the same when the list is reordered."""
        digest = hashlib.sha256("\0".join((self.file, self.old, self.new, str(self.occurrence))).encode())
        stem = self.file.removeprefix("connector/").removesuffix(".py")
        return f"{stem}:{digest.hexdigest()[:6]}"

    def applied_to(self, source: str) -> str:
        """The source with the fault; raises ``StaleMutant`` where the old text is not found as described."""
        found = source.count(self.old)
        if (self.occurrence == 0 and found != 1) or found < self.occurrence:
            raise StaleMutant(f"{self.id}: the old text occurs {found} times in {self.file}: {self.old!r}")
        pieces = source.split(self.old)
        at = max(self.occurrence, 1)
        return self.old.join(pieces[:at]) + self.new + self.old.join(pieces[at:])

    def description(self) -> str:
        return f"{self.id}\n    - {_one_line(self.old)}\n    + {_one_line(self.new)}"


class StaleMutant(Exception):
    """The source has changed, and the list has not."""


def mutants(
    file: str, changes: Sequence[tuple[str, str] | tuple[str, str, int | str]], *tests: str
) -> list[Mutant]:
    """The faults of one file: (old, new), (old, new, occurrence) or (old, new, reason why it is equivalent)."""
    made = []
    for old, new, *rest in changes:
        extra = rest[0] if rest else 0
        occurrence, reason = (extra, "") if isinstance(extra, int) else (0, extra)
        made.append(
            Mutant(f"connector/{file}.py", old, new, tests or default_tests(file), occurrence, reason)
        )
    return made


def default_tests(file: str) -> tuple[str, ...]:
    """The file of the same name first, then its folder."""
    folder, _, name = file.rpartition("/")
    candidates = (
        [f"tests/{folder}/test_{name}.py", f"tests/{folder}"] if folder else [f"tests/test_{name}.py"]
    )
    return tuple(path for path in candidates if (ROOT / path).exists())


def _one_line(text: str) -> str:
    return " ".join(text.split())
