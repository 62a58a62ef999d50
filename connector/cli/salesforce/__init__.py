"""``casewire salesforce``: deploys what Casewire needs into the org, and compares the org with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import click

from connector.cli.audit import can_ask
from connector.cli.output.console import as_json, err, out, show, table
from connector.cli.salesforce.deploy_progress import print_outcome, put
from connector.clients.salesforce import SalesforceClient
from connector.container import container_from_environment
from connector.metadata.manual_steps import Step, people, steps
from connector.metadata.org_diff import Finding, Kind, compare
from connector.metadata.org_reader import Target, read_org, target
from connector.metadata.permissions import INTEGRATION
from connector.metadata.source_tree import Source, default_place, read

_FOLDER: Final = click.option(
    "--folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Your own copy of salesforce/; default: the one of this Casewire.",
)


@click.group()
def salesforce() -> None:
    """Fields, queues, permission sets, pages and reports in the org (salesforce/): deploy, check.

    \b
    Example: casewire salesforce check
    """


@salesforce.command()
@click.option("--check-only", is_flag=True, help="Salesforce validates everything and changes nothing.")
@_FOLDER
@click.option("--yes", is_flag=True, help="Do not ask; needed for a production org without a terminal.")
def deploy(check_only: bool, folder: Path | None, yes: bool) -> None:
    """Deploy the folder salesforce/ into the org, all of it or nothing. Prints the org first, and asks.

    \b
    Nothing in the org is deleted. Exit code 1 if Salesforce refuses it.
    Example: casewire salesforce deploy --check-only
    """
    source = read(folder or default_place())
    client = _client()
    try:
        org = target(client)
        err.print(f"{show(org)}\n{_contents(source)}")
        _consent(org, check_only, yes)
        outcome = put(client, source, check_only=check_only)
        print_outcome(outcome, check_only=check_only)
        if not check_only:
            _print_steps(steps(source, people(client, source, org.user)))
    finally:
        client.close()


def _client() -> SalesforceClient:
    """A client with its own login: an org can be set up before there is a ledger or a queue."""
    return SalesforceClient(container_from_environment().salesforce_config())


def _contents(source: Source) -> str:
    counts = Counter(one.type for one in source.components)
    listed = ", ".join(f"{count} {type_}" for type_, count in sorted(counts.items()))
    return f"{len(source.components)} components of {source.place}: {listed}"


def _consent(org: Target, check_only: bool, yes: bool) -> None:
    if check_only or yes:
        return
    if can_ask():
        click.confirm(f"Deploy to {org.name}?", abort=True, err=True)
    elif org.production:
        raise click.UsageError(f"{org.name} is a production org: add --yes to deploy without being asked.")


def _print_steps(left: Sequence[Step]) -> None:
    for checked, title in (
        (True, "Still to do"),
        (False, "To do by hand; Casewire cannot check whether it is done"),
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
    """Compare the org with the folder salesforce/: what is missing, different, or not granted. Changes nothing.

    \b
    Reads as the user Casewire logs in as. Exit code 1 if anything is missing, different or not granted.
    Example: casewire salesforce check --json
    """
    source = read(folder or default_place())
    client = _client()
    try:
        org = target(client)
        seen = read_org(client, source, org.user, org.user_id)
        findings = compare(source, seen)
        if json_:
            as_json(_document(org, findings, seen.unchecked, client.calls))
        else:
            _print_findings(org, findings, seen.unchecked, client.calls)
    finally:
        client.close()
    if any(one.kind is not Kind.NOTE for one in findings):
        raise SystemExit(1)


def _document(
    org: Target, findings: Sequence[Finding], unchecked: Sequence[str], calls: int
) -> dict[str, Any]:
    def of(kind: Kind) -> list[dict[str, str]]:
        return [{"type": f.type, "name": f.name, "text": f.text} for f in findings if f.kind is kind]

    return {
        "org": {"id": org.id, "name": org.name, "production": org.production, "user": org.user},
        "missing": of(Kind.MISSING),
        "different": of(Kind.DIFFERENT),
        "not_granted": of(Kind.NOT_GRANTED),
        "notes": of(Kind.NOTE),
        "unchecked": list(unchecked),
        "calls": calls,
    }


def _print_findings(org: Target, findings: Sequence[Finding], unchecked: Sequence[str], calls: int) -> None:
    err.print(show(org))
    if findings:
        table(("", "type", "name", "what"), _rows(findings), empty="")
    for sentence in unchecked:
        err.print(f"Not checked: {show(sentence)}")
    counts = Counter(one.kind for one in findings)
    wrong = [f"{counts[kind]} {kind}" for kind in Kind if kind is not Kind.NOTE and counts[kind]]
    if wrong:
        err.print(f"{', '.join(wrong)}. {_advice(set(counts))}")
    elif unchecked:
        err.print("Everything that was checked is right.")
    else:
        err.print("The org has everything that Casewire needs.")
    err.print(f"{calls} calls")


def _advice(found: set[Kind]) -> str:
    """Advice. Rights are assigned by hand: deploying does not assign a permission set."""
    rights = (
        f"Assign the permission set {INTEGRATION} to the user Casewire logs in as (Setup › Permission Sets)."
    )
    deploy_it = "To fix it: casewire salesforce deploy."
    if not found & {Kind.MISSING, Kind.DIFFERENT}:
        return rights
    return f"{deploy_it} Then: {rights}" if Kind.NOT_GRANTED in found else deploy_it


def _rows(findings: Sequence[Finding]) -> Iterator[tuple[str, str, str, str]]:
    """Missing parts grouped in a row for each type, fields for each object; other findings one by one."""
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
