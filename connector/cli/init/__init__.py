"""``casewire init``: asks, checks each answer at once, writes ``.env`` and ``policy.toml``, and looks at all of it.

Both files are written at the very end, each whole or not at all: whoever gives up before leaves nothing behind.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from connector import settings
from connector.cli.doctor import tell
from connector.cli.init import engines, env_file, files, fitting, policy_file, processors, recurly, salesforce
from connector.cli.init.answers import Answers, opened
from connector.cli.showing.output import out, show
from connector.doctor import Finding, State, examine
from connector.policy import Policy
from connector.settings import Settings

_ENV: Final = Path(".env")
_EXAMPLE: Final = Path(".env.example")
_POLICY: Final = Path("policy.toml")
_HOST: Final = "https://your.host"
_STARTED: Final = frozenset({"workers", "scheduler"})


@click.command()
@click.option(
    "--answers",
    "file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Lines NAME=value, for scripts; also keys of the policy (statuses.closed=Done) and deploy=yes.",
)
def init(file: Path | None) -> None:
    """Sets Casewire up: asks, checks each answer at once, writes .env and policy.toml, then looks at all of it.

    \b
    Takes ten minutes. What was there before is offered as the answer, and kept as a backup. Ctrl-C writes nothing.
    Without a terminal the answers come from --answers or the environment. Exit code 1 if something is left to do.
    Example: casewire init
    """
    answers = opened(file)
    env, policy = _EXAMPLE if not _ENV.exists() and _EXAMPLE.exists() else _ENV, _policy_path(answers)
    told = _asked(answers, policy)
    _write_env(answers, env)
    _write_policy(policy, told)
    _end(answers)


def _policy_path(answers: Answers) -> Path:
    return Path(answers.given.get("CASEWIRE_POLICY", "") or _POLICY)


def _asked(answers: Answers, policy: Path) -> dict[str, object]:
    """Everything, and nothing written yet; what of the policy was answered."""
    in_force = Policy.load(policy if policy.exists() else None)
    look = salesforce.ask(answers)
    try:
        if look is not None:
            look = salesforce.furnish(answers, look)
        told = fitting.ask(answers, look, in_force)
    finally:
        if look is not None:
            look.close()
    host = answers.ask("host", "Address under which vendors reach this machine", default=_HOST).rstrip("/")
    recurly.ask(answers, host)
    live = Settings(salesforce_login_url=answers.settings["SALESFORCE_LOGIN_URL"]).live
    processors.ask(answers, host, live=live)
    engines.ask(answers)
    return told


def _write_env(answers: Answers, base: Path) -> None:
    text = env_file.updated(base.read_text(encoding="utf-8") if base.exists() else "", answers.settings)
    _say_written(_ENV, files.replace(_ENV, text, files.SECRET))
    held = settings.child_environment()
    for name, value in answers.settings.items():
        if held.get(name, value) != value:
            out.print(f"[yellow]{name} is also set in the environment, which wins over .env.[/yellow]")


def _write_policy(path: Path, told: dict[str, object]) -> None:
    if not told:
        return
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    _say_written(path, files.replace(path, policy_file.updated(old, told), files.OPEN, Policy.load))


def _say_written(path: Path, backup: Path | None) -> None:
    before = f"; what was there before is in {backup}" if backup else ""
    out.print(show(f"Written: {path}{before}"))


def _end(answers: Answers) -> None:
    """All of it is looked at. That nothing runs yet is no mistake."""
    out.print("\nLooking at all of it …")
    found = [one for one in examine() if one.state is not State.FAILED or one.name not in _STARTED]
    tell(found)
    left = [one for one in found if one.state is State.FAILED]
    if left:
        out.print(f"\n[bold]Left to do[/bold] ({len(left)}), then: casewire doctor")
        for one in left:
            out.print(f"  {show(_left(one))}")
        raise SystemExit(1)
    tables = "" if not answers.settings["DATABASE_URL"] else "casewire migrate, then "
    out.print(f"\nAll good. Start it: {tables}casewire up")


def _left(one: Finding) -> str:
    return f"{one.area} {one.name}: {one.mend}"
