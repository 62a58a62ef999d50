"""``casewire init``: asks, checks each answer at once, writes ``.env`` and ``policy.toml``, and runs the doctor.

Both files are written at the end, the policy before ``.env``, each completely or not at all: ending early changes
nothing. The doctor runs even if a file could not be written.
"""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import click

from connector import settings
from connector.cli.doctor import print_findings
from connector.cli.init import (
    engines,
    env_file,
    policy_defaults,
    policy_file,
    processors,
    recurly,
    salesforce,
)
from connector.cli.init.prompts import Answers, opened
from connector.cli.output.console import out, show
from connector.doctor import Finding, State, examine
from connector.errors import SetupError
from connector.package_data import data_path
from connector.policy import Policy
from connector.settings import Settings

_ENV: Final = Path(".env")
_EXAMPLE: Final = Path(".env.example")
_POLICY: Final = Path("policy.toml")
_HOST: Final = "https://your.host"


@click.command()
@click.option(
    "--answers",
    "file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Lines NAME=value, for scripts; also keys of the policy (statuses.closed=Done) and deploy=yes.",
)
def init(file: Path | None) -> None:
    """Sets Casewire up: asks, checks each answer at once, writes .env and policy.toml, then runs doctor.

    \b
    Takes ten minutes. Present values are offered as answers, and old files are kept as backups. Ctrl-C writes nothing.
    Without a terminal the answers come from --answers or the environment. Exit code 1 if something is left to do.
    Example: casewire init
    """
    settings.load()  # settings without a question must be valid before the questions begin
    answers = opened(file)
    policy = _policy_path(answers)
    _require_writable(Path.cwd(), policy.absolute().parent)
    answered = _asked(answers, policy)
    written = _write(answers, policy, answered)
    _end(answers, written=written)


def _policy_path(answers: Answers) -> Path:
    return Path(answers.given.get("CASEWIRE_POLICY", "") or _POLICY)


def _require_writable(*folders: Path) -> None:
    """Raise SetupError before the first question, instead of after the last answer."""
    for folder in folders:
        if not folder.is_dir():
            raise SetupError(f"There is no folder {folder}: create it, or change CASEWIRE_POLICY.")
        if not os.access(folder, os.W_OK):
            raise SetupError(
                f"Files cannot be written in {folder}: run casewire init in a folder of its user."
            )


def _asked(answers: Answers, policy: Path) -> dict[str, object]:
    """Ask all questions, without writing. Returns the answered keys of the policy."""
    in_force = Policy.load(policy if policy.exists() else None)
    context = salesforce.ask(answers)
    try:
        if context is not None:
            context = salesforce.furnish(answers, context)
        answered = policy_defaults.ask(answers, context, in_force, policy)
    finally:
        if context is not None:
            context.close()
    question = "Address under which vendors reach this machine"
    host = answers.ask("host", question, default=_HOST, problem=_host_problem).rstrip("/")
    recurly.ask(answers, host)
    live = Settings(salesforce_login_url=answers.settings["SALESFORCE_LOGIN_URL"]).live
    processors.ask(answers, host, live=live)
    engines.ask(answers)
    return answered


def _host_problem(address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme in ("http", "https") and parts.hostname and not parts.query and not parts.fragment:
        return ""
    return f"{address!r} is not an address like https://billing.acme.com."


def _write(answers: Answers, policy: Path, answered: dict[str, object]) -> bool:
    """Write both files; False if one failed. The policy is written first, because the settings were checked with it.
    Both texts are built and checked before either is written."""
    example = _EXAMPLE if _EXAMPLE.exists() else data_path(_EXAMPLE.name)
    base = example if not _ENV.exists() and example.exists() else _ENV
    try:
        policy_text = policy_file.checked(policy, answered) if answered else None
        env_text = env_file.updated(
            base.read_text(encoding="utf-8") if base.exists() else "", answers.settings
        )
        if policy_text is not None:
            mode = stat.S_IMODE(policy.stat().st_mode) if policy.exists() else env_file.OPEN
            _print_written(policy, env_file.replace_file(policy, policy_text, mode))
        _print_written(_ENV, env_file.replace_file(_ENV, env_text, env_file.SECRET))
    except (SetupError, OSError) as error:
        out.print(f"[red]Not everything was written: {show(error)}[/red]")
        return False
    environment = settings.child_environment()
    for name, value in answers.settings.items():
        if environment.get(name, value) != value:
            out.print(f"[yellow]{name} is also set in the environment, which wins over .env.[/yellow]")
    return True


def _print_written(path: Path, backup: Path | None) -> None:
    before = f"; the old file is {backup}" if backup else ""
    out.print(show(f"Written: {path}{before}"))


def _end(answers: Answers, *, written: bool) -> None:
    """Run the doctor. Services that are not running yet are no failure here."""
    out.print("\nRunning the doctor …")
    found = [
        replace(one, state=State.SKIPPED, message=f"{one.message} yet", fix="") if one.stopped else one
        for one in examine()
    ]
    print_findings(found)
    left = [one for one in found if one.state is State.FAILED]
    if left or not written:
        out.print(f"\n[bold]Left to do[/bold] ({len(left) + (not written)}), then: casewire doctor")
        if not written:
            out.print("  Write the answers: correct the problem above, then run casewire init again")
        for one in left:
            out.print(f"  {show(_left(one))}")
        raise SystemExit(1)
    tables = "" if not answers.settings["DATABASE_URL"] else "casewire migrate, then "
    out.print(f"\nAll good. Start it: {tables}casewire up")


def _left(one: Finding) -> str:
    return f"{one.area} {one.name}: {one.fix}"
