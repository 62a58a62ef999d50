"""``casewire plan`` and ``resync``: show what would change for selected accounts, and write it."""

from __future__ import annotations

import time
from typing import Any, Final

import click

from connector import logs
from connector.cli.account_options import AccountOptions, choice, with_account_options
from connector.cli.audit import REASON, YES, audited_run, confirm
from connector.cli.output.console import err
from connector.cli.output.progress import progress
from connector.cli.resync.apply import Applied, carry_out, print_applied
from connector.cli.resync.plan_output import PlanOutput, shown
from connector.cli.resync.summary import Totals
from connector.container import Container, container_from_environment
from connector.ledger import subject_query
from connector.ledger.subject_query import SubjectFilter
from connector.ledger.subjects import Due
from connector.sync.apply.applier import Applier
from connector.sync.availability import api_budget
from connector.sync.resync.account_fetch import AccountFetcher
from connector.sync.resync.account_selection import Choice, gather
from connector.sync.resync.resync import look

_EMPTY: Final = (
    "The ledger has no accounts to select from. Add --all to read Recurly, or run first: casewire backfill."
)


@click.command()
@with_account_options
@click.option(
    "--json", "json_", is_flag=True, help="One JSON document on stdout (docs/schemas/plan.schema.json)."
)
def plan(json_: bool, **options: Any) -> None:
    """Show what would change in Salesforce for some accounts, field by field. Writes nothing there.

    ACCOUNT is the code of an account, or the full key of a payee, a gateway or an unmatched object; - reads codes from
    stdin. An account must match all options. Its objects are fetched again first. Exit code 1 if an account cannot be
    planned; changes are no failure.

    \b
    Example: casewire plan acme-17
             casewire plan --state past_due --json
    """
    asked = AccountOptions(**options)
    container = _container()
    chosen = choice(container, asked)
    with shown(json_, every=asked.are_named) as output:
        totals = _planned(container, container.applier(), chosen, output)
    if totals.failed:
        raise SystemExit(1)


@click.command()
@with_account_options
@click.option("--apply", "apply_", is_flag=True, help="Write it; without this only the plan is shown.")
@REASON
@YES
@click.option(
    "--json", "json_", is_flag=True, help="One JSON document on stdout (docs/schemas/plan.schema.json)."
)
def resync(apply_: bool, reason: str, yes: int | None, json_: bool, **options: Any) -> None:
    """Fetch accounts again and bring Salesforce up to date. Only shows the plan unless --apply.

    Accounts are selected as for casewire plan. Each is decided again when it is written. More changes than
    admin.confirm_above of the policy need their number typed, or --yes N.

    \b
    Example: casewire resync acme-17 acme-18 --apply --reason "support ticket 4711"
             casewire resync --since 2d --apply --yes 500
    """
    asked = AccountOptions(**options)
    container = _container()
    chosen = choice(container, asked)
    applier = container.applier()
    with shown(json_, every=asked.are_named) as output:
        totals = _planned(container, applier, chosen, output)
        refused = _applied(container, applier, asked, chosen, totals, output, reason, yes) if apply_ else 0
    if totals.changes and not apply_:
        err.print("Nothing was written. Add --apply to do it.")
    if totals.failed or refused:
        raise SystemExit(1)


def _planned(container: Container, applier: Applier, chosen: Choice, output: PlanOutput) -> Totals:
    """Fetch, decide and print the accounts, with totals and the remaining API calls of the org."""
    applier.org()
    with progress("Reading Recurly") as report_progress:
        reader = AccountFetcher(container.engine, container.apis, report_progress, time.sleep)
        wanted = gather(container.engine, reader, chosen)
    _print_selection_scope(container, chosen)
    totals, before = Totals(container.policy.budget), container.salesforce.calls
    with progress("Deciding", len(wanted)) as report_progress:
        for one in look(applier, wanted, reader.troubles, named=chosen.named is not None):
            output.add(one)
            totals.add(one)
            report_progress(totals.accounts)
    container.spending.note()
    output.planned(totals, api_budget.free(container.engine, container.policy.budget))
    if totals.to_do:
        more, left = (
            container.salesforce.calls - before,
            api_budget.left(container.engine, container.policy.budget),
        )
        err.print(f"Reading takes up to {more:,} further calls. Salesforce: {left}.")
    return totals


def _print_selection_scope(container: Container, chosen: Choice) -> None:
    """Print how many accounts of the ledger the selection covers: it misses accounts that were never fetched."""
    if chosen.reads_all:
        return
    with container.engine.connect() as connection:
        count = subject_query.count(connection, SubjectFilter(site=chosen.site, accounts_only=True))
    err.print(f"Selected from the {count:,} accounts in the ledger." if count else _EMPTY)


def _applied(
    container: Container,
    applier: Applier,
    asked: AccountOptions,
    chosen: Choice,
    totals: Totals,
    output: PlanOutput,
    reason: str,
    yes: int | None,
) -> int:
    """Write the plan. Returns the number of refused records."""
    if not totals.to_do:
        err.print("There is nothing to write.")
        return 0
    confirm(totals.changes, container.policy.admin.confirm_above, yes)
    named: tuple[Due, ...] = chosen.named or ()
    with audited_run(container, "resync", reason, asked.audit_options(named)) as cause:
        assert cause.run_id is not None
        done = Applied(cause.run_id)
        try:
            carry_out(container, applier, totals.to_do, cause, done, in_bulk=totals.in_bulk)
        finally:
            output.applied(done)
    print_applied(done, totals.changes)
    return done.refused


def _container() -> Container:
    container = container_from_environment()
    logs.configure(container.settings.casewire_log, quiet=True)
    return container
