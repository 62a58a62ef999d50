"""The files an operator writes: ``.env`` and the policy."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from dotenv.parser import Binding, parse_stream

from connector import settings
from connector.container import Container
from connector.doctor.result import Area, Check, CheckResult, failed, ok, warning
from connector.errors import SetupError
from connector.policy import Policy
from connector.settings import InvalidSettings, Settings
from connector.sync.org_schema import mapping

SETTINGS: Final = "values"
_ENV: Final = Path(".env")
_CORRECT_LINE: Final = "Correct that line; then run casewire policy check."
_CORRECT: Final = "Correct that setting in the environment or in .env; .env.example explains each."


def area(load: Callable[[], Settings]) -> Area:
    """Checked first: nothing else works without settings that can be read."""
    return Area(
        "settings",
        (
            Check(".env", _env, fix="Make .env a text file that Casewire's user may read."),
            Check("environment", _environment, fix=_CORRECT),
            Check(SETTINGS, lambda: _values(load), gate=True, fix=_CORRECT),
            Check(
                "policy",
                lambda: _policy(load),
                fix="Correct the file; casewire policy check checks only this file.",
            ),
        ),
    )


def _env() -> Iterator[CheckResult]:
    if not _ENV.exists():
        yield ok("there is no .env here; settings come from the environment")
        return
    with _ENV.open(encoding="utf-8") as file:
        lines = list(parse_stream(file))
    problems = [*_unreadable(lines), *_unknown(in_file=True), *_open_to_others()]
    yield from problems
    if not problems:
        yield ok(f"{sum(line.value is not None for line in lines)} settings")


def _unreadable_policy(cause: BaseException | None, path: Path | None) -> str:
    """Advice for a file that cannot be read at all; empty for one that can."""
    if isinstance(cause, FileNotFoundError):
        return (
            f"Make it (cp policy.example.toml {path}), or let CASEWIRE_POLICY name the file you have; a relative name "
            f"starts at {Path.cwd()}."
        )
    if isinstance(cause, OSError | UnicodeDecodeError):
        return f"Make {path} a text file in UTF-8 that Casewire's user may read, or let CASEWIRE_POLICY name another."
    return ""


def _unreadable(lines: list[Binding]) -> Iterator[CheckResult]:
    for line in lines:
        if line.error:
            text = f".env:{line.original.line}: this line cannot be read, so its setting is not set"
            yield failed(
                text, "Write NAME=value; a value with blanks, # or quotes goes between single quotes."
            )


def _environment() -> Iterator[CheckResult]:
    """Checks names only: the values can be anything."""
    unknown = list(_unknown(in_file=False))
    yield from unknown
    if not unknown:
        yield ok("no misspelt setting")


def _unknown(*, in_file: bool) -> Iterator[CheckResult]:
    for one in settings.unknown_settings():
        if (one.line is not None) is in_file:
            yield warning(str(one), one.advice)


def _open_to_others() -> Iterator[CheckResult]:
    if _ENV.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        yield warning("other users of this machine can read the secrets in .env", "Run: chmod 600 .env")


def _values(load: Callable[[], Settings]) -> Iterator[CheckResult]:
    """Each wrong value once: sites and processors are read even if other settings are wrong."""
    try:
        given = load()
    except InvalidSettings as error:
        yield from (failed(problem, _CORRECT) for problem in error.problems)
        return
    wrong = [str(found) for read in (_sites, _processors) if (found := _wrong(read, given))]
    yield from (failed(text, _CORRECT) for text in wrong)
    if not wrong:
        worked = "live" if given.live else "test"
        yield ok(f"{worked} events are worked; Recurly sites: {_sites(given)}; {_processors(given)}")


def _wrong(read: Callable[[Settings], str], given: Settings) -> SetupError | None:
    try:
        read(given)
    except SetupError as error:
        return error
    return None


def _sites(given: Settings) -> str:
    return ", ".join(site.name for site in given.recurly) or "none"


def _processors(given: Settings) -> str:
    return f"{len(given.processors)} processors are known"


def _policy(load: Callable[[], Settings]) -> Iterator[CheckResult]:
    path = Container(load()).policy_path
    try:
        mapping.checked(Policy.load(path))
    except SetupError as error:
        advice = _unreadable_policy(error.__cause__, path) or _CORRECT_LINE
        yield from (failed(mistake, advice) for mistake in str(error).splitlines())
        return
    yield ok(f"{path} is good" if path else "the defaults: there is no policy.toml here")
