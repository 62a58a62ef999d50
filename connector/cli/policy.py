"""``casewire policy``: validates and prints the policy."""

from __future__ import annotations

from pathlib import Path

import click
import tomli_w

from connector.cli.output.console import err
from connector.container import container_from_environment
from connector.policy import Policy
from connector.sync.org_schema import mapping


@click.group()
def policy() -> None:
    """Thresholds, queues, priorities and texts (policy.toml): check, show.

    \b
    Example: casewire policy check
    """


@policy.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
def check(file: Path | None) -> None:
    """Validate the policy. Names the key and the line of each mistake.

    \b
    Example: casewire policy check policy.toml
    """
    path = file or container_from_environment().policy_path
    mapping.checked(Policy.load(path))
    err.print(f"{path or 'The default policy'} is good.")


@policy.command()
def show() -> None:
    """The policy in force, defaults included, as TOML that can be saved as policy.toml.

    \b
    Example: casewire policy show > policy.toml
    """
    in_force = container_from_environment().policy.model_dump(mode="json", exclude_none=True, by_alias=True)
    settings = {name: value for name, value in in_force.items() if value not in ([], {})}
    click.echo(tomli_w.dumps(settings, multiline_strings=True), nl=False)
