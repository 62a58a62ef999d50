"""Telling the workers of work that a command made due. It is kept already; without Redis it is only found later."""

from __future__ import annotations

from redis.exceptions import RedisError

from connector.cli.output.console import err
from connector.container import Container
from connector.queue import Stage


def wake(container: Container, *stages: Stage) -> None:
    """Wake these stages, or say that they go on when Redis is back."""
    try:
        for stage in stages:
            container.queue.wake(stage)
    except RedisError as error:
        err.print(
            f"It is kept, and worked when Redis is back: Redis does not answer ({error}). See: casewire doctor",
            markup=False,
        )
