"""``casewire salesforce``: what Casewire needs in the org, put there (``deploy``) and looked after (``check``)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import click

from connector.cli.audit import can_ask
from connector.cli.output.console import as_json, err, out, show, table
from connector.cli.salesforce.deploy_progress import put, told
from connector.clients.salesforce import SalesforceClient
from connector.container import container_from_environment
from connector.metadata.manual_steps import Step, people, steps
from connector.metadata.org_diff import Finding, Kind, compare
from connector.metadata.org_reader import Target, look, target
from connector.metadata.permissions import INTEGRATION
from connector.metadata.source_tree import Source, default_place, read

_FOLDER: Final = click.option(
    "--folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Your own copy of salesforce/; without it the one Casewire came with.",
)


@click.group()
def salesforce() -> None:
    """Fields, queues, permission sets, pages and reports in the org (salesforce/): deploy, check.

    \b
    Example: casewire salesforce check
    """


@salesforce.command()
@click.option("--check-only", is_flag=True, help="Salesforce checks everything and keeps nothing.")
@_FOLDER
@click.option(
    "--yes", is_flag=True, help="Do not ask; needed for a production org where nobody can be asked."
)
def deploy(check_only: bool, folder: Path | None, yes: bool) -> None:
    """Put the folder salesforce/ into the org, all of it or nothing. Says first which org, and asks.

    \b
    Nothing in the org is deleted. Exit code 1 if Salesforce does not take it.
    Example: casewire salesforce deploy --check-only
    """
    source = read(folder or default_place())
    client = _client()
    try:
        org = target(client)
        err.print(f"{show(org)}\n{_contents(source)}")
        _consent(org, check_only, yes)
        outcome = put(client, source, check_only=check_only)
        told(outcome, check_only=check_only)
        if not check_only:
            _tell_steps(steps(source, people(client, source, org.user)))
    finally:
        client.close()


def _client() -> SalesforceClient:
    """With a login of its own: an org can be set up before there is a ledger or a queue."""
    return SalesforceClient(container_from_environment().salesforce_config())


def _contents(source: Source) -> str:
    counts = Counter(one.type for one in source.components)
    told = ", ".join(f"{count} {type_}" for type_, count in sorted(counts.items()))
    return f"{len(source.components)} components of {source.place}: {told}"


def _consent(org: Target, check_only: bool, yes: bool) -> None:
    if check_only or yes:
        return
    if can_ask():
        click.confirm(f"Deploy to {org.name}?", abort=True, err=True)
    elif org.production:
        raise click.UsageError(f"{org.name} is a production org: add --yes to deploy without being asked.")


def _tell_steps(left: Sequence[Step]) -> None:
    for checked, title in (
        (True, "Still to do"),
        (False, "To do by hand; Casewire cannot see whether it is done"),
    ):
        chosen = [step for step in left if step.checked is checked]
        if chosen:
            out.print(f"\n[bold]{title}[/bold]")
        for step in chosen:
            out.print(f"  {show(step.title)}\n    [dim]{show(step.how)}[/dim]")
    out.print("\nThen: casewire salesforce check")


@salesforce.command()
@click.option("--json", "json_", is_flag=True, help="One JSON document on stdout.")
@_FOLDER
def check(json_: bool, folder: Path | None) -> None:
    """Hold the org against the folder salesforce/: what is missing, different, or not granted. Changes nothing.

    \b
    Looks as the user Casewire logs in as. Exit code 1 if anything is not as it must be.
    Example: casewire salesforce check --json
    """
    source = read(folder or default_place())
    client = _client()
    try:
        org = target(client)
        seen = look(client, source, org.user, org.user_id)
        findings = compare(source, seen)
        if json_:
            as_json(_document(org, findings, seen.not_looked_at, client.calls))
        else:
            _tell(org, findings, seen.not_looked_at, client.calls)
    finally:
        client.close()
    if any(one.kind is not Kind.NOTE for one in findings):
        raise SystemExit(1)


def _document(
    org: Target, findings: Sequence[Finding], not_looked_at: Sequence[str], calls: int
) -> dict[str, Any]:
    def of(kind: Kind) -> list[dict[str, str]]:
        return [{"type": f.type, "name": f.name, "text": f.text} for f in findings if f.kind is kind]

    return {
        "org": {"id": org.id, "name": org.name, "production": org.production, "user": org.user},
        "missing": of(Kind.MISSING),
        "different": of(Kind.DIFFERENT),
        "not_granted": of(Kind.NOT_GRANTED),
        "notes": of(Kind.NOTE),
        "not_looked_at": list(not_looked_at),
        "calls": calls,
    }


def _tell(org: Target, findings: Sequence[Finding], not_looked_at: Sequence[str], calls: int) -> None:
    err.print(show(org))
    if findings:
        table(("", "type", "name", "what"), _rows(findings), empty="")
    for sentence in not_looked_at:
        err.print(f"Not looked at: {show(sentence)}")
    counts = Counter(one.kind for one in findings)
    wrong = [f"{counts[kind]} {kind}" for kind in Kind if kind is not Kind.NOTE and counts[kind]]
    if wrong:
        err.print(f"{', '.join(wrong)}. {_mend(set(counts))}")
    elif not_looked_at:
        err.print("All that was looked at is right.")
    else:
        err.print("The org has all that Casewire needs.")
    err.print(f"{calls} calls")


def _mend(found: set[Kind]) -> str:
    """Rights are given by hand: deploying does not assign a permission set."""
    rights = (
        f"Assign the permission set {INTEGRATION} to the user Casewire logs in as (Setup › Permission Sets)."
    )
    deploy_it = "To mend it: casewire salesforce deploy."
    if not found & {Kind.MISSING, Kind.DIFFERENT}:
        return rights
    return f"{deploy_it} Then: {rights}" if Kind.NOT_GRANTED in found else deploy_it


def _rows(findings: Sequence[Finding]) -> Iterator[tuple[str, str, str, str]]:
    """What is missing in a row for each type, fields for each object; everything else one by one."""
    for (kind, type_, object_, text), group in groupby(findings, _group):
        names = [one.name for one in group]
        if kind is Kind.MISSING and len(names) > 1:
            own = ", ".join(name.removeprefix(f"{object_}.") for name in names)
            yield kind, type_, object_, f"{len(names)} {text.replace('is not', 'are not', 1)}: {own}"
        else:
            yield from ((kind, type_, name, text) for name in names)


def _group(one: Finding) -> tuple[Kind, str, str, str]:
    object_ = one.name.partition(".")[0] if one.type == "CustomField" else ""
    return one.kind, one.type, object_, one.text
