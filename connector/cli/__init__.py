"""The ``casewire`` command: a file or folder for each group of commands. ``output`` and ``account_options`` are
shared."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, Final

import click

from connector.cli import errors

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS: Final = {
    "demo": ("connector.cli.demo:demo", "Everything on this machine, with realistic billing traffic."),
    "sandbox": ("connector.cli.sandbox:sandbox", "Only the sandbox vendors, with their control planes."),
    "up": ("connector.cli.serve:up", "Web, worker and scheduler on this machine, with the vendors of .env."),
    "web": ("connector.cli.serve:web", "The receiver."),
    "worker": (
        "connector.cli.serve:worker",
        "RQ workers: they refresh what events point to and apply what is due.",
    ),
    "scheduler": (
        "connector.cli.serve:scheduler",
        "Wakes stages that have work, runs the periodic checks, purges.",
    ),
    "migrate": (
        "connector.cli.serve:migrate",
        "Bring the tables of DATABASE_URL to what this version needs.",
    ),
    "init": (
        "connector.cli.init:init",
        "Sets Casewire up: asks, checks each answer at once, writes .env and policy.toml, then runs doctor.",
    ),
    "doctor": (
        "connector.cli.doctor:doctor",
        "Checks every connection, permission, field, limit and secret, and says how to fix what fails.",
    ),
    "status": (
        "connector.cli.status:status",
        "Backlog, lag, dead letters, silent sources, circuits, budgets, workers, scheduler and the last night.",
    ),
    "events": (
        "connector.cli.events:events",
        "Events received, each with its fate: list, show, replay, bury.",
    ),
    "dead": ("connector.cli.dead:dead", "Dead letters: accounts and events that need a person."),
    "plan": (
        "connector.cli.resync:plan",
        "Show what would change in Salesforce for some accounts, field by field.",
    ),
    "resync": ("connector.cli.resync:resync", "Fetch accounts again and bring Salesforce up to date."),
    "drift": (
        "connector.cli.drift:drift",
        "Find records in Salesforce that differ from what Casewire wrote, by rule and field.",
    ),
    "backfill": (
        "connector.cli.backfill:backfill",
        "Write all that Recurly has, or what changed since a date, to Salesforce.",
    ),
    "link": (
        "connector.cli.link:link",
        "Link billing ACCOUNT (its code, or its whole key) to the Salesforce account SALESFORCE_ID.",
    ),
    "runs": (
        "connector.cli.runs:runs",
        "Commands that changed something, with who, when and why.",
    ),
    "purge": ("connector.cli.purge:purge", "Remove what retention allows: bodies first, rows later."),
    "reconcile": (
        "connector.cli.reconcile:reconcile",
        "Find missed deliveries, and compare Recurly, the processors and Salesforce payment by payment.",
    ),
    "report": ("connector.cli.report:report", "Reports for the people who are responsible for billing."),
    "policy": (
        "connector.cli.policy:policy",
        "Thresholds, queues, priorities and texts (policy.toml): check, show.",
    ),
    "salesforce": (
        "connector.cli.salesforce:salesforce",
        "Fields, queues, permission sets, pages and reports in the org (salesforce/): deploy, check.",
    ),
}
"""Each command's ``module:attribute`` and its text in ``casewire --help``: the first sentence of its docstring.
A command's module is imported only when the command is called."""


_NO_TEXT: Final = re.compile("[\ud800-\udfff]")


class _OrderedGroup(click.Group):
    """A group that lists its commands in the order of ``COMMANDS``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)


class _LazyGroup(_OrderedGroup):
    """A group that builds help and completion from ``COMMANDS``, without importing the commands.

    ``ctx.obj``, if given, is called once before a command runs: the set-up that ``--help`` does not need.
    """

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _stub_group().format_commands(ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        stubs = _stub_group().commands.items()
        names = [
            CompletionItem(n, help=stub.get_short_help_str()) for n, stub in stubs if n.startswith(incomplete)
        ]
        return names + click.Command.shell_complete(self, ctx, incomplete)

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        with errors.as_click_errors():
            return super().make_context(*args, **extra)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse arguments that are not text in UTF-8, which PostgreSQL would refuse later."""
        for one in args:
            if _NO_TEXT.search(one):
                raise click.UsageError(f"{one!a} is not text in UTF-8.", ctx)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        if ctx.obj is not None:
            ctx.obj()
        with errors.as_click_errors():
            return super().invoke(ctx)


def _stub_group() -> click.Group:
    """Commands without a body, with the names and texts of ``COMMANDS``, for click to format."""
    return _OrderedGroup(
        commands={name: click.Command(name, help=text) for name, (_, text) in COMMANDS.items()}
    )


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="casewire", prog_name="casewire")
def casewire() -> None:
    """Keeps Salesforce true to billing: Recurly webhooks in; accounts, billing records and cases out.

    \b
    Example: casewire demo          see it work on this machine
             casewire status        is everything moving?
             casewire plan --all    what would change
    """


def _reopen_closed_streams() -> None:
    """Open /dev/null for each closed standard stream. Otherwise the next file that is opened gets its descriptor, and
    output would be written into that file. ``sys.stdin`` stays None (``audit.can_ask``)."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for as long as the process lives


def _escape_unencodable() -> None:
    """Write characters that the encoding of the terminal lacks as escapes, instead of raising."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _interrupt_on_signals() -> None:
    """Treat SIGTERM and SIGHUP as Ctrl-C: leases are released and the run is recorded as stopped. A signal that the
    shell set to be ignored stays ignored."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def _log_warnings_only() -> None:
    """Log warnings to stderr: stdout is for results."""
    from connector import logs

    logs.configure("text", quiet=True)


def main(args: Sequence[str] | None = None) -> None:
    """Entry point; ``args`` instead of those of the process. Exit codes: 0 done, 1 found or failed, 2 wrong usage."""
    _reopen_closed_streams()
    _interrupt_on_signals()
    _escape_unencodable()
    try:
        casewire(args, prog_name="casewire", obj=_log_warnings_only)
    except KeyboardInterrupt:
        sys.exit(130)
