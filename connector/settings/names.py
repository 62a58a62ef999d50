"""The names of all settings, and the names in an environment or a ``.env`` that look like settings and are none.

A misspelt name is never read: ``STRIPE_WEBHOOK_SECRET`` leaves Stripe's door closed without a word. The known names
are not written down a second time: they are what the readers of this package ask an environment for.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from connector.settings.recurly import recurly_site, suffix
from connector.sources.registry import PROCESSORS, SOURCES

INTERNAL: Final = frozenset({"CASEWIRE_KEPT", "CASEWIRE_SERVER"})
"""What Casewire passes to the processes that it starts; no setting of an operator."""
_OF_LIBRARIES: Final = frozenset(name for info in SOURCES.values() for name in info.library_settings)
"""What the vendors' SDKs read themselves."""
_SHARED: Final = frozenset({"DATABASE_", "REDIS_"})
"""Prefixes that other programs use as well (Kubernetes sets ``REDIS_PORT``): names are compared as a whole."""
_NEAR_END: Final = 0.6
_NEAR_NAME: Final = 0.85
"""How similar a name must be to be taken for a misspelling: behind one of our prefixes, and elsewhere."""


@dataclass(frozen=True, slots=True)
class UnknownSetting:
    """A name that is no setting. ``line``: where it stands in ``.env``, None for the process environment;
    ``advice``: what to do about it."""

    name: str
    suggestion: str
    advice: str
    line: int | None = None

    @property
    def place(self) -> str:
        return "environment" if self.line is None else f".env:{self.line}"

    def __str__(self) -> str:
        hint = f"; did you mean {self.suggestion}?" if self.suggestion else ""
        return f"{self.place}: there is no setting {self.name}{hint}"


@dataclass(frozen=True, slots=True)
class SettingNames:
    """``fields``: read in any case, as pydantic does; ``exact``: read as they are. ``per_site``: those of a Recurly
    site, without a suffix."""

    fields: frozenset[str]
    exact: frozenset[str]
    per_site: frozenset[str]

    @classmethod
    def of(cls, fields: Iterable[str], sites: Iterable[str]) -> SettingNames:
        """``sites``: the further Recurly sites, whose settings end with their names."""
        per_site = frozenset(_read_by_site(""))
        further = (name for site in sites for name in _read_by_site(suffix(site)))
        exact = frozenset((*per_site, *further, *_of_processors()))
        return cls(frozenset(name.upper() for name in fields), exact, per_site)

    @property
    def all(self) -> frozenset[str]:
        return self.fields | self.exact

    @property
    def prefixes(self) -> tuple[str, ...]:
        """``STRIPE_``: a name that begins so is meant for Casewire."""
        found = {f"{name.partition('_')[0]}_" for name in self.all if "_" in name}
        return tuple(sorted(found - _SHARED))

    def unknown(self, names: Iterable[tuple[str, int | None]]) -> Iterator[UnknownSetting]:
        """Of these names, each with its line, those that are meant for Casewire and are no setting."""
        for name, line in names:
            if not self._is_known(name) and (found := self._explain(name, line)) is not None:
                yield found

    def _is_known(self, name: str) -> bool:
        return name in self.all or name.upper() in self.fields or name in INTERNAL | _OF_LIBRARIES

    def _explain(self, name: str, line: int | None) -> UnknownSetting | None:
        upper = name.upper()
        prefix = next((one for one in self.prefixes if upper.startswith(one)), "")
        if not prefix and line is None and not upper.startswith(tuple(_SHARED)):
            return None  # a variable of another program
        if not prefix:
            near = difflib.get_close_matches(upper, self.all, n=1, cutoff=_NEAR_NAME)
            return UnknownSetting(name, near[0], f"Rename it to {near[0]}.", line) if near else None
        base, _, site = upper.partition("__")
        if base in self.per_site and site and upper not in self.all:
            advice = f"List the site of {name} in RECURLY_SITES, or correct what stands behind {base}."
            return UnknownSetting(name, "", advice, line)
        near = self._near(upper, base, prefix)
        if near:
            return UnknownSetting(name, near[0], f"Rename it to {near[0]}.", line)
        known = ", ".join(sorted(one for one in self.all if one.startswith(prefix) and "__" not in one))
        return UnknownSetting(
            name, "", f"Remove it, or use one of {known}; .env.example explains each.", line
        )

    def _near(self, upper: str, base: str, prefix: str) -> list[str]:
        if exact := next((one for one in (upper, base) if one in self.all), None):
            return [exact]
        ends = {one.removeprefix(prefix): one for one in sorted(self.all) if one.startswith(prefix)}
        found = difflib.get_close_matches(upper.removeprefix(prefix), ends, n=1, cutoff=_NEAR_END)
        return [ends[end] for end in found]


class _Recorder(dict[str, str]):
    """An empty environment that records what it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[str] = set()

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        self.asked.add(name)
        return default


def _read_by_site(end: str) -> set[str]:
    recorder = _Recorder()
    recurly_site(recorder, end)
    return recorder.asked


def _of_processors() -> set[str]:
    return {one.name for info in PROCESSORS.values() for one in info.settings.declared()}
