"""The questions about payment processors: the secrets of their webhooks, and API keys for what a webhook lacks.

The questions are those of ``connector/sources``.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from connector.cli.init.prompts import Answers, prompt_until_valid
from connector.clients.processors import CLIENTS
from connector.doctor import processors as doctor
from connector.doctor.result import Area, Check, CheckResult, failed, ok
from connector.sources.info import ProcessorSettings, Setting, SourceInfo, listed
from connector.sources.registry import PROCESSORS
from connector.webhooks.registry import SOURCES


def ask(answers: Answers, host: str, *, live: bool) -> None:
    """Ask which processors are used, and for the settings of each."""
    given_names = [name for name, info in PROCESSORS.items() if answers.given.get(_first(info).name)]
    chosen = answers.ask(
        "processors",
        f"Processors that post webhooks too ({', '.join(PROCESSORS)}; empty for none)",
        default=",".join(given_names),
        problem=_names_problem,
    )
    for name in listed(chosen):
        answers.inform(
            f"{name}: a webhook to {host}/webhooks/{name}. Its secret: {PROCESSORS[name].secret_place}."
        )
        _one(answers, PROCESSORS[name], live)


def _names_problem(chosen: str) -> str:
    unknown = [name for name in listed(chosen) if name not in PROCESSORS]
    return (
        f"There is no processor {', '.join(unknown)}; there are {', '.join(PROCESSORS)}." if unknown else ""
    )


def _first(info: SourceInfo) -> Setting:
    return next(setting for setting in info.settings.declared() if setting.needed)


def _one(answers: Answers, info: SourceInfo, live: bool) -> None:
    name = info.name

    def questions() -> Area:
        asked = [setting for setting in info.settings.declared() if setting.question]
        given = {setting.name: _answer(answers, name, setting) for setting in asked}
        address = f"{name.upper()}_API_URL"
        given |= {address: answers.given[address]} if answers.given.get(address) else {}
        answers.settings |= given
        configured = info.settings.read(given, live=live)
        secret = Check(
            "webhook secret", lambda: _secret(info, configured), fix=f"It is shown in {info.secret_place}."
        )
        key = doctor.area(name, configured).checks if name in CLIENTS else ()
        return Area(name, (secret, *key))

    prompt_until_valid(answers, questions)


def _answer(answers: Answers, name: str, setting: Setting) -> str:
    if setting.generated and not answers.given.get(setting.name):
        password = secrets.token_urlsafe(24)
        answers.inform(f"  Give the webhook the user casewire and this password: {password}")
        return f"casewire:{password}"
    return answers.ask(
        setting.name,
        f"{name}: {setting.question}",
        default=setting.choices[0] if setting.choices else "",
        secret=setting.secret,
        needed=setting.needed or bool(setting.choices),
        choices=setting.choices,
    )


def _secret(info: SourceInfo, configured: ProcessorSettings) -> Iterator[CheckResult]:
    """SetupError for a secret with an impossible format."""
    if SOURCES[info.name](configured) is None:
        problem = f"no secret is set: /webhooks/{info.name} answers 404"
        yield failed(problem, f"It is shown in {info.secret_place}.")
    else:
        yield ok("a secret is set")
