"""What goes wrong in any command, said in one line that tells what to do, with the right exit code; no traceback."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import click

from connector.errors import CasewireError


class _WrongUsage(click.ClickException):
    """Of a usage error what was wrong and where to read on: the usage itself is for ``--help``."""

    exit_code = click.UsageError.exit_code

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(self.message, file=file, err=True)


@contextmanager
def said() -> Iterator[None]:
    """What Casewire and click raise on purpose, and what is out of order around us. What else is raised is a mistake of
    ours. A group that is called without a command shows its help, and ``--help`` ends by ``Exit``: for click."""
    try:
        yield
    except (click.exceptions.NoArgsIsHelpError, click.exceptions.Exit, click.Abort):
        raise
    except click.UsageError as error:
        raise _WrongUsage(_usage(error)) from error
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


def _usage(error: click.UsageError) -> str:
    from connector.cli.output.console import plain

    command = error.ctx.command_path if error.ctx else "casewire"
    said = plain(re.sub(r"\s*\n\s*", " ", error.format_message().strip())).rstrip(".")
    return f"{command}: {said}. See: {command} --help"


def _engines() -> tuple[type[Exception], ...]:
    """What PostgreSQL and Redis raise. Imported only when something was raised."""
    from redis.exceptions import RedisError
    from sqlalchemy.exc import InternalError, OperationalError, ProgrammingError

    return InternalError, OperationalError, ProgrammingError, RedisError


def _told(error: Exception) -> str | None:
    """What an operator is to do about it; None where it is a mistake of ours."""
    from sqlalchemy.exc import InternalError, ProgrammingError

    cause = error.__cause__ or error
    said = str(cause).strip().partition("\n")[0].rstrip(".")
    match getattr(cause, "sqlstate", None):
        case "42P01" | "42703":
            return f"The database has not the tables of this version ({said}). Run: casewire migrate"
        case "25006":  # a standby, after the primary was lost
            return (
                "PostgreSQL takes no writes: DATABASE_URL leads to a standby, or to a server that is switched to "
                "read-only. Set it to the primary, then do it again."
            )
        case "57014":
            return (
                "PostgreSQL gave up on it after 30 seconds; nothing of that step was kept. Ask for less at once: a "
                "shorter --since, one --source, --status or --account, no --search."
            )
        case "42501":
            return f"PostgreSQL refuses: {said}. See: casewire doctor"
    if isinstance(error, ProgrammingError):
        return None
    if isinstance(error, InternalError):
        return f"PostgreSQL refuses: {said}. See: casewire doctor"
    return f"PostgreSQL or Redis does not answer: {said}. See: casewire doctor"
