"""Where answers come from: a person at a terminal, or a file and the environment.

What is known before is the default of each question: the file first, then the environment, then ``.env``.
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
from connector.cli.doctor import tell_one
from connector.cli.init import env_file
from connector.cli.output.console import out, show
from connector.doctor import Finding, State
from connector.doctor.result import Area
from connector.doctor.runner import look_at
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
"""What is wrong with an answer; empty for a good one."""


def no_problem(_: str) -> str:
    """Any answer will do."""
    return ""


class Answers(Protocol):
    """``settings``: what is to stand in ``.env``; an empty value takes one away."""

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
        """The answer, empty only if it is not needed. ``problem`` says what is wrong with one that is not empty: a
        person is asked again at once. Raises SetupError where nobody can be asked."""
        ...

    def yes(self, name: str, question: str, *, default: bool, unasked: bool) -> bool:
        """``unasked``: what holds where nobody can be asked and nothing is given."""
        ...

    def again(self, question: str) -> bool:
        """Whether something that was not good is tried once more."""
        ...

    def say(self, text: str) -> None:
        """What a person should know or click now."""
        ...


class Person:
    """Asks on the terminal. What was answered before is the default when it is asked again."""

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
        known = self._typed.get(name) or self.given.get(name, "") or default
        if choices and known not in choices:
            known = ""
        while True:
            answer = self._prompt(question, known, secret, choices if needed else [*choices, ""])
            wrong = "This one is needed." if needed and not answer else _wrong(name, answer, problem)
            if not wrong:
                self._typed[name] = answer
                return answer
            out.print(f"[yellow]{show(wrong)}[/yellow]")

    def _prompt(self, question: str, known: str, secret: bool, choices: Sequence[str]) -> str:
        told = f" ({', '.join(filter(None, choices))})" if any(choices) else ""
        kept = " (Enter keeps it)" if secret and known else ""
        answer: str = click.prompt(
            question + told + kept,
            default=known,
            hide_input=secret,
            show_default=bool(known) and not secret,
            type=click.Choice(choices) if any(choices) else None,
            show_choices=False,
        )
        return answer.strip()

    def yes(self, name: str, question: str, *, default: bool, unasked: bool) -> bool:
        return click.confirm(question, default=default)

    def again(self, question: str) -> bool:
        return click.confirm(question, default=True)

    def say(self, text: str) -> None:
        out.print(show_lines(text))


class Script:
    """Takes what is given and asks nobody. ``kept``: settings to write whether a question is about them or not."""

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
            "These answers are not good: mend them and run casewire init again. Nothing was written."
        )

    def say(self, text: str) -> None:
        pass


def show_lines(text: str) -> str:
    return "\n".join(show(line) for line in text.splitlines())


def opened(file: Path | None, has_terminal: Callable[[], bool] = can_ask) -> Answers:
    """A script where a file is given or nobody sits there; SetupError if then nothing is known."""
    environment = {**_values(_ENV), **{name: v for name, v in settings.child_environment().items() if v}}
    if file is not None:
        told = _values(file)
        return Script({**environment, **told}, _settings_among(file, told))
    if has_terminal():
        return Person(environment)
    if not all(environment.get(name) for name in _NEEDED):
        raise SetupError(NOBODY)
    return Script(environment)


def _settings_among(file: Path, told: Mapping[str, str]) -> dict[str, str]:
    """The settings among these answers; SetupError names each that nothing asks for."""
    known = settings.setting_names(listed(told.get("RECURLY_SITES", "")))
    found = {name: value for name, value in told.items() if name in known.all}
    others = [name for name in told if name not in found and not _is_answer(name)]
    if others:
        hints = {one.name: str(one).partition(": ")[2] for one in known.unknown((name, 0) for name in others)}
        lines = [
            hints.get(name, f"there is no setting, question or key of the policy {name}") for name in others
        ]
        raise SetupError("\n".join(f"{file}: {line}. Nothing was written." for line in lines))
    return found


def _is_answer(name: str) -> bool:
    return name in _QUESTIONS or bool(_NUMBERED.fullmatch(name)) or ("." in name and name.islower())


def _wrong(name: str, answer: str, problem: Problem) -> str:
    """Also what could not be read back from ``.env`` as it is written there."""
    if not answer:
        return ""
    return problem(answer) or env_file.unwritable(name, answer)


def _values(path: Path) -> dict[str, str]:
    try:
        return {name: value for name, value in dotenv_values(path).items() if value}
    except UnicodeDecodeError:
        raise SetupError(f"{path} is not text in UTF-8: it has lines NAME=value.") from None


def prompt_until_valid(answers: Answers, questions: Callable[[], Area]) -> bool:
    """Whether they are good in the end. ``questions`` gives what to look at."""
    while True:
        if show_findings(look_at([questions()])):
            return True
        if not answers.again("Answer these again?"):
            return False


def show_findings(found: Iterable[Finding]) -> bool:
    """Says what was found; whether nothing failed."""
    shown = [one for one in found if one.state is not State.SKIPPED or one.mend]
    for one in shown:
        tell_one(one)
    return not any(one.state is State.FAILED for one in shown)
