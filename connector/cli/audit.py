"""What a person does is kept: who, when and why; and much is done only if the count was looked at."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import click
from redis.exceptions import RedisError

from connector.cli.output.console import err
from connector.container import Container
from connector.ledger import runs
from connector.ledger.attempts import Cause
from connector.queue import Stage

REASON: Final = click.option("--reason", default="", help="Why; kept in the audit trail of every record.")
YES: Final = click.option(
    "--yes", type=click.IntRange(0), metavar="N", help="Do up to N changes without asking; for scripts."
)


def who(container: Container) -> str:
    """``anna (login ops)``: CASEWIRE_OPERATOR, which anybody may set to anything, and the login name, which the
    operating system vouches for. Without the setting, or where both are the same, the login name alone."""
    login, operator = login_name(), (container.settings.casewire_operator or "").strip()
    return f"{operator}{runs.LOGIN}{login})" if operator and operator != login else login


def login_name() -> str:
    """The user this process runs as. ``getpass.getuser`` would believe ``LOGNAME`` first."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container without this user in its /etc/passwd
        return f"uid {os.getuid()}"


@contextmanager
def acting(container: Container, command: str, reason: str, options: Mapping[str, Any]) -> Iterator[Cause]:
    """A run of this command, which ends as what is done here ends: done, stopped by Ctrl-C, or failed."""
    by = who(container)
    with container.engine.begin() as connection:
        run_id = runs.begin(connection, command, by, reason, options)
    with ending(container, run_id):
        yield Cause(command, by, run_id)


@contextmanager
def ending(container: Container, run_id: int) -> Iterator[None]:
    """Keeps how a run ended."""
    state, error = runs.FAILED, ""
    try:
        yield
        state = runs.DONE
    except KeyboardInterrupt:
        state = runs.STOPPED
        raise
    except SystemExit as over:
        state = runs.FAILED if over.code else runs.DONE
        raise
    except Exception as trouble:
        error = str(trouble)
        raise
    finally:
        with container.engine.begin() as connection:
            runs.end(connection, run_id, state, error)


def can_ask() -> bool:
    """Whether somebody sits there. Without stdin (``<&-``) Python has none."""
    return sys.stdin is not None and sys.stdin.isatty()


def confirm(count: int, at_most: int, yes: int | None, what: str = "changes") -> None:
    """Asks for the count to be typed where it is above ``at_most``, unless ``--yes`` allows so many. UsageError says
    what to add where there is nobody to ask; another answer than the count ends the command with exit code 1."""
    if count <= (at_most if yes is None else yes):
        return
    if yes is not None or not can_ask():
        raise click.UsageError(f"{count:,} {what}: to do them without being asked, add --yes {count}.")
    typed = click.prompt(
        f"{count:,} {what}. Type the number to do them", err=True, default="", show_default=False
    )
    if typed.replace(",", "").strip() != str(count):
        err.print("Nothing was written.")
        raise SystemExit(1)


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
