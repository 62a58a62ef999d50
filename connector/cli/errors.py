"""Turns errors of any command into one line with advice and the right exit code, without a traceback."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import click

from connector.errors import CasewireError


class _WrongUsage(click.ClickException):
    """A usage error as one line that names ``--help``, without click's usage text."""

    exit_code = click.UsageError.exit_code

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(self.message, file=file, err=True)


@contextmanager
def as_click_errors() -> Iterator[None]:
    """Translate errors of Casewire, click, PostgreSQL, Redis and a full disk into one-line click errors. Any other
    exception is a bug and keeps its traceback. Help and ``Exit`` are left to click."""
    try:
        yield
    except (click.exceptions.NoArgsIsHelpError, click.exceptions.Exit, click.Abort):
        raise
    except click.UsageError as error:
        raise _WrongUsage(_usage(error)) from error
    except CasewireError as error:
        raise click.ClickException(str(error)) from error
    except _engines() as error:
        message = _message(error)
        if message is None:
            raise
        raise click.ClickException(message) from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise click.ClickException(f"{error.strerror}: free some space, then run it again.") from error


def _usage(error: click.UsageError) -> str:
    from connector.cli.output.console import plain

    command = error.ctx.command_path if error.ctx else "casewire"
    text = plain(re.sub(r"\s*\n\s*", " ", error.format_message().strip())).rstrip(".")
    return f"{command}: {text}. See: {command} --help"


def _engines() -> tuple[type[Exception], ...]:
    """Exceptions of PostgreSQL and Redis. Imported only when an exception was raised."""
    from redis.exceptions import RedisError
    from sqlalchemy.exc import InternalError, OperationalError, ProgrammingError

    return InternalError, OperationalError, ProgrammingError, RedisError


def _message(error: Exception) -> str | None:
    """Advice for the operator; None if the error is a bug of ours."""
    from sqlalchemy.exc import InternalError, ProgrammingError

    cause = error.__cause__ or error
    line = str(cause).strip().partition("\n")[0].rstrip(".")
    match getattr(cause, "sqlstate", None):
        case "42P01" | "42703":
            return f"The database does not have the tables of this version ({line}). Run: casewire migrate"
        case "25006":  # a standby, after the primary was lost
            return (
                "PostgreSQL accepts no writes: DATABASE_URL names a standby, or to a server that is switched to "
                "read-only. Set it to the primary, then run the command again."
            )
        case "57014":
            return (
                "PostgreSQL cancelled it after 30 seconds; nothing of that step was kept. Narrow the selection: a "
                "shorter --since, one --source, --status or --account, no --search."
            )
        case "42501":
            return f"PostgreSQL refuses: {line}. See: casewire doctor"
    if isinstance(error, ProgrammingError):
        return None
    if isinstance(error, InternalError):
        return f"PostgreSQL refuses: {line}. See: casewire doctor"
    return f"PostgreSQL or Redis does not answer: {line}. See: casewire doctor"
