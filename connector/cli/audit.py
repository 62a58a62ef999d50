"""Records who ran a command, when and why, and asks for confirmation above a number of changes."""

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
    """``anna (login ops)``: CASEWIRE_OPERATOR, which anybody can set to any value, and the login name, which comes from
    the operating system. The login name alone if the setting is missing or the same."""
    login, operator = login_name(), (container.settings.casewire_operator or "").strip()
    return f"{operator}{runs.LOGIN}{login})" if operator and operator != login else login


def login_name() -> str:
    """The user this process runs as. ``getpass.getuser`` would believe ``LOGNAME`` first."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container without this user in its /etc/passwd
        return f"uid {os.getuid()}"


@contextmanager
def audited_run(
    container: Container, command: str, reason: str, options: Mapping[str, Any]
) -> Iterator[Cause]:
    """A run of this command in the ledger. Its state is recorded when the block ends: done, stopped or failed."""
    by = who(container)
    with container.engine.begin() as connection:
        run_id = runs.begin(connection, command, by, reason, options)
    with recording_outcome(container, run_id):
        yield Cause(command, by, run_id)


@contextmanager
def recording_outcome(container: Container, run_id: int) -> Iterator[None]:
    """Record how a run ended: done, stopped by Ctrl-C, or failed."""
    state, error = runs.FAILED, ""
    try:
        yield
        state = runs.DONE
    except KeyboardInterrupt:
        state = runs.STOPPED
        raise
    except SystemExit as exit_:
        state = runs.FAILED if exit_.code else runs.DONE
        raise
    except Exception as failure:
        error = str(failure)
        raise
    finally:
        with container.engine.begin() as connection:
            runs.end(connection, run_id, state, error)


def can_ask() -> bool:
    """Whether stdin is a terminal. ``sys.stdin`` is None if it was closed (``<&-``)."""
    return sys.stdin is not None and sys.stdin.isatty()


def confirm(count: int, at_most: int, yes: int | None, what: str = "changes") -> None:
    """Ask the user to type the count if it is above ``at_most``, unless ``--yes`` allows it. UsageError without a
    terminal, with the option to add. Any answer but the count ends the command with exit code 1."""
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
    """Wake these stages, or print that their work waits for Redis."""
    try:
        for stage in stages:
            container.queue.wake(stage)
    except RedisError as error:
        err.print(
            f"Recorded; it is worked when Redis is back: Redis does not answer ({error}). See: casewire doctor",
            markup=False,
        )
