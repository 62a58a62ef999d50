"""``casewire sandbox``: runs the local fakes of Salesforce, Recurly and the processors, without Casewire."""

from __future__ import annotations

import sys
from typing import Any, Final

import click

from connector import settings
from connector.cli.local_stack import require_sandbox
from connector.cli.serve import stop_event
from connector.supervisor import run_child

_SERVERS: Final = ("salesforce", "recurly", "processors")
STOP_SECONDS: Final = 10.0
_PORT: Final = click.IntRange(0, 65535)


class _Latency(click.ParamType[str]):
    """Latency in milliseconds by server, in the format of the sandbox."""

    name = "latency"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        for part in str(value).split(","):
            server, _, milliseconds = part.partition("=")
            if server not in _SERVERS or not (milliseconds.isascii() and milliseconds.isdigit()):
                self.fail(
                    f"{part!r} is no latency; write salesforce=150,recurly=100,processors=80.", param, ctx
                )
        return str(value)


@click.command()
@click.option("--salesforce-port", type=_PORT, metavar="P", default=0, help="Default: a free one.")
@click.option("--recurly-port", type=_PORT, metavar="P", default=0, help="Default: a free one.")
@click.option("--processors-port", type=_PORT, metavar="P", default=0, help="Default: a free one.")
@click.option(
    "--latency-ms",
    type=_Latency(),
    metavar="S=MS,…",
    help="Latency of their responses: salesforce=150,recurly=100,processors=80.",
)
def sandbox(salesforce_port: int, recurly_port: int, processors_port: int, latency_ms: str | None) -> None:
    """Only the sandbox vendors, with their control planes. Prints their addresses; Ctrl-C ends them.

    \b
    Example: casewire sandbox --latency-ms salesforce=150,recurly=100
    """
    require_sandbox()
    command = [
        sys.executable,
        "-m",
        "sandbox",
        "--exit-with-parent",
        "--salesforce-port",
        str(salesforce_port),
    ]
    command += ["--recurly-port", str(recurly_port), "--processors-port", str(processors_port)]
    command += ["--latency-ms", latency_ms] if latency_ms else []
    stop = stop_event()
    code = run_child(command, settings.child_environment(), stop, seconds=STOP_SECONDS)
    sys.exit(1 if code else 0)
