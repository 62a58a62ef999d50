"""Questions about PostgreSQL and Redis: embedded ones, or addresses."""

from __future__ import annotations

from collections.abc import Iterable

from connector.cli.init.prompts import Answers, prompt_until_valid
from connector.container import Container
from connector.doctor import postgresql, redis
from connector.doctor.result import Area
from connector.queue import TLS_SCHEME
from connector.settings import Settings

_OURS = "On one machine leave both empty: casewire up starts its own PostgreSQL and Valkey."


def ask(answers: Answers) -> None:
    """Ask for both addresses and check that each can be reached."""
    answers.inform(_OURS)
    _address(answers, "DATABASE_URL", "PostgreSQL 14 or newer (postgresql://user:password@host/name)")
    _address(answers, "REDIS_URL", "Redis 6 or newer (redis://host:6379/0, with TLS rediss://)")


def _address(answers: Answers, name: str, question: str) -> None:
    def questions() -> Area:
        given = answers.ask(name, question)
        answers.settings[name] = given
        if not given:
            return Area(name, ())
        given_values = {name: given}
        if given.startswith(TLS_SCHEME):
            given_values["REDIS_TLS_CA_FILE"] = answers.ask(
                "REDIS_TLS_CA_FILE", "Its CA, a PEM file (empty if this machine trusts it)"
            )
            answers.settings |= given_values
        values = {setting.lower(): value or None for setting, value in given_values.items()}
        container = Container(Settings(**values))  # type: ignore[arg-type]
        return _reachable(
            postgresql.areas(container) if name == "DATABASE_URL" else redis.areas(container), container
        )

    prompt_until_valid(answers, questions)


def _reachable(areas: Iterable[Area], container: Container) -> Area:
    (area,) = areas

    def close() -> None:
        made = vars(container)
        if "engine" in made:
            made["engine"].dispose()
        if "redis" in made:
            made["redis"].close()

    return Area(area.name, area.checks[:1], close)
