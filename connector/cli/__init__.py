"""The ``casewire`` command: a file or folder for each group of commands; ``showing`` and ``choosing`` serve several."""

from __future__ import annotations

import os
import re
import signal
import sys
from importlib import import_module
from io import TextIOWrapper
from typing import Any, Final

import click

from connector import __version__, logs
from connector.cli import errors

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

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        with errors.said():
            return super().make_context(*args, **extra)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Bytes that are no text would only be refused by PostgreSQL."""
        for one in args:
            if _NO_TEXT.search(one):
                raise click.UsageError(f"{one!a} is not text in UTF-8.", ctx)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        with errors.said():
            return super().invoke(ctx)


@click.group(cls=_Casewire, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="casewire")
def casewire() -> None:
    """Keeps Salesforce true to billing: Recurly webhooks in; accounts, billing records and cases out.

    \b
    Example: casewire demo          see it work on this machine
             casewire status        is everything moving?
             casewire plan --all    what would change
    """


def _fill_what_is_closed() -> None:
    """What is opened next must not get the number of a stream that was closed: what is said would be written into it.
    Without stderr nothing is said; that stdin is closed stays known (``acting.can_ask``)."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for as long as the process lives


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
    _fill_what_is_closed()
    _end_properly()
    _say_all()
    logs.configure("text", quiet=True)  # stdout is for results, also of a command that does not log as a rule
    try:
        casewire(prog_name="casewire")
    except KeyboardInterrupt:
        sys.exit(130)
