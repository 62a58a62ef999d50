"""``casewire sandbox``: Salesforce, Recurly and the processors on this machine, and nothing of Casewire."""

from __future__ import annotations

import subprocess
import sys

import click


@click.command()
@click.option("--salesforce-port", type=int, default=0, help="Default: a free one.")
@click.option("--recurly-port", type=int, default=0, help="Default: a free one.")
@click.option("--processors-port", type=int, default=0, help="Default: a free one.")
@click.option("--latency-ms", help="How slowly they answer: salesforce=150,recurly=100,processors=80.")
def sandbox(salesforce_port: int, recurly_port: int, processors_port: int, latency_ms: str | None) -> None:
    """Only the sandbox vendors, with their control planes. Prints their addresses; Ctrl-C ends them.

    \b
    Example: casewire sandbox --latency-ms salesforce=150,recurly=100
    """
    command = [sys.executable, "-m", "sandbox", "--salesforce-port", str(salesforce_port)]
    command += ["--recurly-port", str(recurly_port), "--processors-port", str(processors_port)]
    command += ["--latency-ms", latency_ms] if latency_ms else []
    process = subprocess.Popen(command)
    try:
        code = process.wait()
    except KeyboardInterrupt:
        code = process.wait()
    sys.exit(0 if code in (0, -2, 130) else 1)
