"""``casewire link``: links a billing account to a Salesforce account, and lists those that wait for a person."""

from __future__ import annotations

import re
from typing import Any

import click

from connector.cli.audit import REASON, audited_run, can_ask, wake
from connector.cli.output.console import as_json, err, out, show
from connector.container import Container, container_from_environment
from connector.errors import Permanent, SetupError
from connector.ledger import links
from connector.mappers import external_ids
from connector.models.facts import Candidate, Link
from connector.queue import Stage
from connector.sync.linking import manual_link
from connector.sync.linking.candidate_search import CandidateSearch
from connector.sync.linking.manual_link import LinkRequest

REVIEW = "review"
_ACCOUNT_ID = re.compile(r"001[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?")
_HOW = (
    "To decide: set the account of the review case in Salesforce, or: casewire link ACCOUNT SALESFORCE_ID. Billing "
    "accounts that wait for a record are linked when one matches."
)


@click.command()
@click.argument("account", metavar="ACCOUNT")
@click.argument("salesforce_id", metavar="SALESFORCE_ID", required=False)
@click.option("--site", help="Which Recurly site, if several are configured.")
@REASON
@click.option("--yes", is_flag=True, help="Do not ask; needed without a terminal.")
@click.option("--json", "json_", is_flag=True, help="With review: one JSON document on stdout.")
def link(
    account: str, salesforce_id: str | None, site: str | None, reason: str, yes: bool, json_: bool
) -> None:
    """Link billing ACCOUNT (its code, or its whole key) to the Salesforce account SALESFORCE_ID.

    Everything that Casewire has written for it moves there. Its former record loses its billing data.

    \b
    casewire link review: lists what waits, with candidates; exit code 1 if anything does
    Example: casewire link acme-17 001Hs00004XyZabIAF
    """
    if salesforce_id is None and account == REVIEW:
        _review(container_from_environment(), json_)
        return
    if salesforce_id is None:
        raise click.UsageError("Name the Salesforce account: casewire link ACCOUNT SALESFORCE_ID.")
    if json_:
        raise click.UsageError("--json is only for: casewire link review.")
    if not _ACCOUNT_ID.fullmatch(salesforce_id):
        raise click.UsageError(f"{salesforce_id!r} is not the id of a Salesforce account (001…).")
    _link(container_from_environment(), account, salesforce_id, site, reason, yes)


def _link(container: Container, account: str, id_: str, site: str | None, reason: str, yes: bool) -> None:
    search = CandidateSearch(container.salesforce, container.shaping.org.shape)
    wish = manual_link.look(container.engine, search, _subject(container, account, site), id_)
    if wish.before is not None and wish.before.account_id == wish.record.id:
        err.print(f"{show(wish.subject)} is linked to {_named(wish)} already.")
        return
    err.print(_meant(wish))
    _consent(yes)
    options = {"account": wish.subject, "from": wish.from_id, "to": wish.record.id}
    with audited_run(container, "link", reason, options) as cause:
        if not manual_link.link(
            container.engine, container.salesforce, search, wish, cause, container.clock()
        ):
            raise Permanent(f"Another billing account was linked to {wish.record.id} meanwhile.")
    err.print(f"{show(wish.subject)} is linked to {_named(wish)}; its billing data are written there now.")
    wake(container, Stage.APPLY)


def _subject(container: Container, account: str, site: str | None) -> str:
    if external_ids.account_of(account)[2]:
        return account
    sites = [one.name for one in container.settings.recurly]
    if not sites:
        raise SetupError("No Recurly site is configured: set RECURLY_SITE.")
    chosen = site or sites[0]
    if chosen not in sites or (site is None and len(sites) > 1):
        raise click.UsageError(f"Choose a site: --site {' or --site '.join(sites)}.")
    return external_ids.subject("recurly", chosen, account)


def _meant(wish: LinkRequest) -> str:
    lines = [f"{show(wish.subject)} will be linked to {_named(wish)}."]
    if wish.from_id:
        lines.append(f"Its billing data are removed from {wish.from_id}.")
    return "\n".join(lines)


def _named(wish: LinkRequest) -> str:
    return f"{show(wish.record.name)} ({wish.record.id})"


def _consent(yes: bool) -> None:
    if yes:
        return
    if not can_ask():
        raise click.UsageError("Nothing was linked. Add --yes to do it without being asked.")
    click.confirm("Link them?", abort=True, err=True)


def _review(container: Container, json_: bool) -> None:
    with container.engine.connect() as connection:
        pending = links.held(connection)
    if json_:
        as_json([_document(subject, one) for subject, one in pending.items()])
    else:
        _print_pending(pending)
    if pending:
        raise SystemExit(1)


def _print_pending(pending: dict[str, Link]) -> None:
    if not pending:
        err.print("No billing account waits to be linked.")
        return
    for subject, one in pending.items():
        out.print(f"[bold]{show(subject)}[/bold]  {one.state} since {show(one.since)}: {show(one.how)}")
        for candidate in one.candidates:
            taken = f"; linked to {candidate.taken_by} already" if candidate.taken_by else ""
            out.print(
                f"  {candidate.id}  {show(candidate.name)}  {show(', '.join(candidate.reasons))}{taken}"
            )
    err.print(_HOW)


def _document(subject: str, one: Link) -> dict[str, Any]:
    return {
        "account": subject,
        "state": one.state,
        "since": one.since,
        "why": one.how,
        "candidates": [_candidate(candidate) for candidate in one.candidates],
    }


def _candidate(one: Candidate) -> dict[str, Any]:
    return {"id": one.id, "name": one.name, "reasons": list(one.reasons), "taken_by": one.taken_by}
