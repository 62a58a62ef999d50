"""The files an operator writes: ``.env`` and the policy."""

from __future__ import annotations

import difflib
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from dotenv.parser import Binding, parse_stream

from connector.doctor.finding import Area, Check, Told, failed, ok, warning
from connector.errors import SetupError
from connector.policy import Policy
from connector.settings import Settings
from connector.sync import mapping
from connector.wiring import Wiring

SETTINGS: Final = "values"
_ENV: Final = Path(".env")
_PREFIXES: Final = ("SALESFORCE_", "CASEWIRE_")
"""Every setting with these names is a field of ``Settings``; the others' names depend on their sites."""


def area(load: Callable[[], Settings]) -> Area:
    """These come first: what cannot be read here nobody can use."""
    return Area(
        "settings",
        (
            Check(".env", _env, mend="Make .env a text file that Casewire's user may read."),
            Check(SETTINGS, lambda: _values(load), mend="Mend that setting in the environment or in .env."),
            Check(
                "policy",
                lambda: _policy(load),
                mend="Mend the file; casewire policy check looks at it alone.",
            ),
        ),
    )


def _env() -> Iterator[Told]:
    if not _ENV.exists():
        yield ok("there is no .env here; settings come from the environment")
        return
    with _ENV.open(encoding="utf-8") as file:
        lines = list(parse_stream(file))
    troubles = [*_unreadable(lines), *_unknown(lines), *_open_to_others()]
    yield from troubles
    if not troubles:
        yield ok(f"{sum(line.value is not None for line in lines)} settings")


def _unreadable(lines: list[Binding]) -> Iterator[Told]:
    for line in lines:
        if line.error:
            told = f".env:{line.original.line}: this line cannot be read, so its setting is not set"
            yield failed(
                told, "Write NAME=value; a value with blanks, # or quotes goes between single quotes."
            )


def _unknown(lines: list[Binding]) -> Iterator[Told]:
    known = [name.upper() for name in Settings.model_fields]
    for line in lines:
        if line.key and line.key.startswith(_PREFIXES) and line.key not in known:
            prefix = next(filter(line.key.startswith, _PREFIXES))
            ends = [name.removeprefix(prefix) for name in known if name.startswith(prefix)]
            near = difflib.get_close_matches(line.key.removeprefix(prefix), ends, n=1)
            hint = (
                f"Rename it to {prefix}{near[0]}." if near else "Remove it; .env.example has all the names."
            )
            yield warning(f".env:{line.original.line}: there is no setting {line.key}", hint)


def _open_to_others() -> Iterator[Told]:
    if _ENV.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        yield warning("other users of this machine can read the secrets in .env", "Run: chmod 600 .env")


def _values(load: Callable[[], Settings]) -> Iterator[Told]:
    given = load()
    sites = ", ".join(site.name for site in given.recurly) or "none"
    known = len(given.processors)
    worked = "live" if given.live else "test"
    yield ok(f"{worked} events are worked; Recurly sites: {sites}; {known} processors are known")


def _policy(load: Callable[[], Settings]) -> Iterator[Told]:
    try:
        path = Wiring(load()).policy_path
        mapping.checked(Policy.load(path))
    except SetupError as error:
        for mistake in str(error).splitlines():
            yield failed(mistake, "Mend that line; casewire policy check says whether it is good.")
        return
    yield ok(f"{path} is good" if path else "the defaults: there is no policy.toml here")
