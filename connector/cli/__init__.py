"""The ``casewire`` command: a file or folder for each group of commands; ``showing`` and ``choosing`` serve several."""

from __future__ import annotations

import errno
import re
import signal
import sys
from importlib import import_module
from io import TextIOWrapper
from typing import Any, Final

import click

from connector import __version__
from connector.errors import CasewireError

COMMANDS = {
    "demo": "connector.cli.demo",
    "sandbox": "connector.cli.sandbox",
    "up": "connector.cli.serve",
    "web": "connector.cli.serve",
    "worker": "connector.cli.serve",
    "scheduler": "connector.cli.serve",
    "migrate": "connector.cli.serve",
    "init": "connector.cli.init",
    "doctor": "connector.cli.doctor",
    "status": "connector.cli.status",
    "events": "connector.cli.events",
    "dead": "connector.cli.dead",
    "plan": "connector.cli.resync",
    "resync": "connector.cli.resync",
    "drift": "connector.cli.drift",
    "backfill": "connector.cli.backfill",
    "link": "connector.cli.link",
    "runs": "connector.cli.runs",
    "purge": "connector.cli.purge",
    "reconcile": "connector.cli.reconcile",
    "report": "connector.cli.report",
    "policy": "connector.cli.policy",
    "salesforce": "connector.cli.salesforce",
}
"""Where each command lives; it is imported only when it is called, so that ``--help`` is quick."""


_NO_TEXT: Final = re.compile("[\ud800-\udfff]")


class _Casewire(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(COMMANDS[cmd_name]), cmd_name)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Bytes that are no text would only be refused by PostgreSQL."""
        for one in args:
            if _NO_TEXT.search(one):
                raise click.UsageError(f"{one!a} is not text in UTF-8.", ctx)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """What Casewire raises on purpose is one line that says what to do, not a traceback."""
        try:
            return super().invoke(ctx)
        except CasewireError as error:
            raise click.ClickException(str(error)) from error
        except _engines() as error:
            told = _told(error)
            if told is None:
                raise
            raise click.ClickException(told) from error
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise click.ClickException(f"{error.strerror}: make room, then do it again.") from error


def _engines() -> tuple[type[Exception], ...]:
    """What PostgreSQL and Redis raise. Imported only when something was raised."""
    from redis.exceptions import RedisError
    from sqlalchemy.exc import OperationalError, ProgrammingError

    return OperationalError, ProgrammingError, RedisError


def _told(error: Exception) -> str | None:
    """What an operator is to do about it; None where it is a mistake of ours."""
    from sqlalchemy.exc import ProgrammingError

    cause = error.__cause__ or error
    said = str(cause).strip().partition("\n")[0].rstrip(".")
    if not isinstance(error, ProgrammingError):
        return f"PostgreSQL or Redis does not answer: {said}. See: casewire doctor"
    match getattr(cause, "sqlstate", None):
        case "42P01" | "42703":
            return f"The database has not the tables of this version ({said}). Run: casewire migrate"
        case "42501":
            return f"PostgreSQL refuses: {said}. See: casewire doctor"
        case _:
            return None


@click.group(cls=_Casewire, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="casewire")
def casewire() -> None:
    """Keeps Salesforce true to billing: Recurly webhooks in; accounts, billing records and cases out."""


def _say_all() -> None:
    """What an alphabet such as ISO 8859-1 has no sign for is written by its number, and is no error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _end_properly() -> None:
    """Told to end, or its terminal lost, a command ends as by Ctrl-C: what it holds is given back, and its run says so.
    What a shell has told it to ignore stays ignored."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def main() -> None:
    """Entry point. Exit codes: 0 done, 1 found or failed, 2 wrong usage."""
    _end_properly()
    _say_all()
    try:
        casewire(prog_name="casewire")
    except KeyboardInterrupt:
        sys.exit(130)
