"""What is wrong with this installation, and what mends it: every connection, permission, field, limit and secret.

A check is a value; looking changes nothing anywhere. ``AREAS`` is the whole list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Final

from connector import settings
from connector.container import Container
from connector.doctor import configuration, postgresql, processors, recurly, redis, webhooks
from connector.doctor.result import Area, Finding, State, is_green
from connector.doctor.runner import look_at, not_asked
from connector.doctor.salesforce import area as salesforce
from connector.errors import CasewireError
from connector.settings import Settings

__all__ = ["AREAS", "Finding", "State", "examine", "is_green"]

AREAS: Final[tuple[Callable[[Container], Iterable[Area]], ...]] = (
    postgresql.areas,
    redis.areas,
    salesforce.areas,
    recurly.areas,
    webhooks.areas,
    processors.areas,
)
"""What is looked at once the settings can be read, in the order it is told."""


def examine(
    load: Callable[[], Settings] = settings.load, wire: Callable[[Settings], Container] = Container
) -> tuple[Finding, ...]:
    """Every finding, in order. Raises nothing; takes a minute at the most."""
    first = look_at([configuration.area(load)])
    if any(found.state is State.FAILED and found.name == configuration.SETTINGS for found in first):
        return (*first, not_asked("all else", "the settings cannot be read"))
    container = wire(load())
    try:
        return (*first, *look_at(list(_areas(container))))
    finally:
        _close(container)


def _close(container: Container) -> None:
    made = vars(container)
    if "engine" in made:
        made["engine"].dispose()
    if "redis" in made:
        made["redis"].close()


def _areas(container: Container) -> Iterator[Area]:
    """The engines are opened here, as opening them in several threads at once would open several."""
    with suppress(CasewireError):
        container.engine  # noqa: B018
        container.redis  # noqa: B018
    for areas in AREAS:
        yield from areas(container)
