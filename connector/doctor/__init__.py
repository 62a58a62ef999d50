"""Checks this installation and advises how to fix it: every connection, permission, field, limit and secret.

A check is a value and changes nothing anywhere. ``AREAS`` is the complete list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Final

from connector import settings
from connector.container import Container
from connector.doctor import configuration, postgresql, processors, recurly, redis, webhooks
from connector.doctor.result import Area, Finding, State, is_green
from connector.doctor.runner import run_checks, skipped_finding
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
"""The areas that are checked if the settings can be read, in the order of the report."""


def examine(
    load: Callable[[], Settings] = settings.load, wire: Callable[[Settings], Container] = Container
) -> tuple[Finding, ...]:
    """Every finding, in order. Raises nothing; takes a minute at the most."""
    first = run_checks([configuration.area(load)])
    if any(found.state is State.FAILED and found.name == configuration.SETTINGS for found in first):
        return (*first, skipped_finding("all else", "the settings cannot be read"))
    container = wire(load())
    try:
        return (*first, *run_checks(list(_areas(container))))
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
