"""Sources of answers: a person at a terminal, or a file and the environment.

A present value is the default of its question: from the file, else the environment, else ``.env``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

import click
from dotenv import dotenv_values

from connector import settings
from connector.cli.audit import can_ask
from connector.cli.doctor import print_finding
from connector.cli.init import env_file
from connector.cli.output.console import out, show
from connector.doctor import Finding, State
from connector.doctor.result import Area
from connector.doctor.runner import run_checks
from connector.errors import SetupError
from connector.sources.info import listed

_ENV: Final = Path(".env")
_NEEDED: Final = ("SALESFORCE_LOGIN_URL", "SALESFORCE_CLIENT_ID")
_YES: Final = frozenset({"yes", "y", "true", "1"})
NOBODY: Final = (
    "There is no terminal to ask on. Give the answers with --answers FILE (lines NAME=value, the names of "
    ".env.example) or in the environment."
)


_QUESTIONS: Final = frozenset(
    {"another_site", "deploy", "host", "login", "processors", "this_org", "thresholds"}
)
_NUMBERED: Final = re.compile(r"site[0-9]+|xml(__[A-Z0-9_]+)?")
"""Names of answers that are neither a setting nor a key of the policy."""

Problem = Callable[[str], str]
"""Checks an answer and returns the problem; empty for a valid answer."""


def no_problem(_: str) -> str:
    """Accepts any answer."""
    return ""


class Answers(Protocol):
    """``settings``: values to write to ``.env``; an empty value removes a setting."""

    settings: dict[str, str]
    given: Mapping[str, str]

    def ask(
        self,
        name: str,
        question: str,
        *,
        default: str = "",
        secret: bool = False,
        needed: bool = False,
        choices: Sequence[str] = (),
        problem: Problem = no_problem,
    ) -> str:
        """The answer; empty only if it is not needed. ``problem`` checks an answer that is not empty; a person is asked
        again at once. SetupError for a wrong or missing answer without a terminal."""
        ...

    def yes(self, name: str, question: str, *, default: bool, unasked: bool) -> bool:
        """``unasked``: the answer without a terminal if none is given."""
        ...

    def again(self, question: str) -> bool:
        """Whether to try again after a failure."""
        ...

    def inform(self, text: str) -> None:
        """Show the user what to know or click now."""
        ...


class Person:
    """Asks on the terminal. The last answer is the default when a question is repeated."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self.given = given
        self._typed: dict[str, str] = {}
        self.settings: dict[str, str] = {}

    def ask(
        self,
        name: str,
        question: str,
        *,
        default: str = "",
        secret: bool = False,
        needed: bool = False,
        choices: Sequence[str] = (),
        problem: Problem = no_problem,
    ) -> str:
        proposed = self._typed.get(name) or self.given.get(name, "") or default
        if choices and proposed not in choices:
            proposed = ""
        while True:
            answer = self._prompt(question, proposed, secret, choices if needed else [*choices, ""])
            wrong = "This one is needed." if needed and not answer else _wrong(name, answer, problem)
            if not wrong:
                self._typed[name] = answer
                return answer
            out.print(f"[yellow]{show(wrong)}[/yellow]")

    def _prompt(self, question: str, proposed: str, secret: bool, choices: Sequence[str]) -> str:
        shown_choices = f" ({', '.join(filter(None, choices))})" if any(choices) else ""
        kept = " (Enter keeps it)" if secret and proposed else ""
        answer: str = click.prompt(
            question + shown_choices + kept,
            default=proposed,
            hide_input=secret,
            show_default=bool(proposed) and not secret,
            type=click.Choice(choices) if any(choices) else None,
            show_choices=False,
        )
        return answer.strip()

    def yes(self, name: str, question: str, *, default: bool, unasked: bool) -> bool:
        return click.confirm(question, default=default)

    def again(self, question: str) -> bool:
        return click.confirm(question, default=True)

    def inform(self, text: str) -> None:
        out.print(show_lines(text))


class Script:
    """Takes the given answers without asking. ``kept``: settings to write, also those without a question."""

    def __init__(self, given: Mapping[str, str], kept: Mapping[str, str] | None = None) -> None:
        self.given = given
        self.settings: dict[str, str] = dict(kept or {})

    def ask(
        self,
        name: str,
        question: str,
        *,
        default: str = "",
        secret: bool = False,
        needed: bool = False,
        choices: Sequence[str] = (),
        problem: Problem = no_problem,
    ) -> str:
        answer = self.given.get(name, "") or default
        if needed and not answer:
            raise SetupError(f"{name} is not answered ({question}): add a line {name}=… to the answers.")
        if answer and choices and answer not in choices:
            raise SetupError(f"{name} is {answer!r}; it must be one of {', '.join(choices)}.")
        if wrong := _wrong(name, answer, problem):
            raise SetupError(f"{name}: {wrong} Nothing was written.")
        return answer

    def yes(self, name: str, question: str, *, default: bool, unasked: bool) -> bool:
        answer = self.given.get(name, "")
        return answer.lower() in _YES if answer else unasked

    def again(self, question: str) -> bool:
        raise SetupError(
            "These answers are not valid: correct them and run casewire init again. Nothing was written."
        )

    def inform(self, text: str) -> None:
        pass


def show_lines(text: str) -> str:
    return "\n".join(show(line) for line in text.splitlines())


def opened(file: Path | None, has_terminal: Callable[[], bool] = can_ask) -> Answers:
    """A script if a file is given or there is no terminal; SetupError if it then lacks the needed answers."""
    environment = {**_values(_ENV), **{name: v for name, v in settings.child_environment().items() if v}}
    if file is not None:
        shown_choices = _values(file)
        return Script({**environment, **shown_choices}, _settings_among(file, shown_choices))
    if has_terminal():
        return Person(environment)
    if not all(environment.get(name) for name in _NEEDED):
        raise SetupError(NOBODY)
    return Script(environment)


def _settings_among(file: Path, shown_choices: Mapping[str, str]) -> dict[str, str]:
    """The settings among these answers; SetupError names each answer with an unknown name."""
    proposed = settings.setting_names(listed(shown_choices.get("RECURLY_SITES", "")))
    found = {name: value for name, value in shown_choices.items() if name in proposed.all}
    others = [name for name in shown_choices if name not in found and not _is_answer(name)]
    if others:
        hints = {
            one.name: str(one).partition(": ")[2] for one in proposed.unknown((name, 0) for name in others)
        }
        lines = [
            hints.get(name, f"there is no setting, question or key of the policy {name}") for name in others
        ]
        raise SetupError("\n".join(f"{file}: {line}. Nothing was written." for line in lines))
    return found


def _is_answer(name: str) -> bool:
    return name in _QUESTIONS or bool(_NUMBERED.fullmatch(name)) or ("." in name and name.islower())


def _wrong(name: str, answer: str, problem: Problem) -> str:
    """The problem of an answer, also if it cannot be written to ``.env``."""
    if not answer:
        return ""
    return problem(answer) or env_file.unwritable(name, answer)


def _values(path: Path) -> dict[str, str]:
    try:
        return {name: value for name, value in dotenv_values(path).items() if value}
    except UnicodeDecodeError:
        raise SetupError(f"{path} is not text in UTF-8: it has lines NAME=value.") from None


def prompt_until_valid(answers: Answers, questions: Callable[[], Area]) -> bool:
    """Ask until all checks pass, or the user stops; False then. ``questions`` returns the checks."""
    while True:
        if show_findings(run_checks([questions()])):
            return True
        if not answers.again("Answer these again?"):
            return False


def show_findings(found: Iterable[Finding]) -> bool:
    """Print the findings; True if none failed."""
    shown = [one for one in found if one.state is not State.SKIPPED or one.fix]
    for one in shown:
        print_finding(one)
    return not any(one.state is State.FAILED for one in shown)
