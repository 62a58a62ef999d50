"""``casewire plan`` and ``resync``: what would change for chosen accounts, and doing it."""

from __future__ import annotations

import time
from typing import Any, Final

import click

from connector import logs
from connector.cli.account_options import AccountOptions, choice, choosing
from connector.cli.audit import REASON, YES, acting, confirm
from connector.cli.output.console import err
from connector.cli.output.progress import progress
from connector.cli.resync.apply import Applied, carry_out, say
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
    "The ledger knows no account to choose from. Add --all: it reads Recurly. Or first: casewire backfill."
)


@click.command()
@choosing
@click.option(
    "--json", "json_", is_flag=True, help="One JSON document on stdout (docs/schemas/plan.schema.json)."
)
def plan(json_: bool, **options: Any) -> None:
    """What would change in Salesforce for some accounts, field by field. Writes nothing there.

    ACCOUNT is an account's code, or the whole key of a payee, a gateway or an object that waits for its account;
    - reads codes from stdin. All that is said must hold. The facts are fetched anew first. Exit code 1 if an
    account cannot be planned for; changes are no failure.

    \b
    Example: casewire plan acme-17
             casewire plan --state past_due --json
    """
    asked = AccountOptions(**options)
    container = _quiet_wiring()
    chosen = choice(container, asked)
    with shown(json_, every=asked.are_named) as told:
        totals = _planned(container, container.applier(), chosen, told)
    if totals.failed:
        raise SystemExit(1)


@click.command()
@choosing
@click.option("--apply", "apply_", is_flag=True, help="Do it; without this only the plan is shown.")
@REASON
@YES
@click.option(
    "--json", "json_", is_flag=True, help="One JSON document on stdout (docs/schemas/plan.schema.json)."
)
def resync(apply_: bool, reason: str, yes: int | None, json_: bool, **options: Any) -> None:
    """Fetch accounts anew and bring Salesforce up to date. Stops at the plan unless --apply.

    ACCOUNT and the options that choose are those of casewire plan. What is written is decided anew at that moment.
    More changes than admin.confirm_above of the policy are done only if their number is typed, or with --yes N.

    \b
    Example: casewire resync acme-17 acme-18 --apply --reason "support ticket 4711"
             casewire resync --since 2d --apply --yes 500
    """
    asked = AccountOptions(**options)
    container = _quiet_wiring()
    chosen = choice(container, asked)
    applier = container.applier()
    with shown(json_, every=asked.are_named) as told:
        totals = _planned(container, applier, chosen, told)
        refused = _applied(container, applier, asked, chosen, totals, told, reason, yes) if apply_ else 0
    if totals.changes and not apply_:
        err.print("Nothing was written. Add --apply to do it.")
    if totals.failed or refused:
        raise SystemExit(1)


def _planned(container: Container, applier: Applier, chosen: Choice, told: PlanOutput) -> Totals:
    """Fetched, decided and shown; what it comes to, and of the org's calls what is left."""
    applier.org()
    with progress("Reading Recurly") as tell:
        reader = AccountFetcher(container.engine, container.apis, tell, time.sleep)
        wanted = gather(container.engine, reader, chosen)
    _say_from(container, chosen)
    totals, before = Totals(container.policy.budget), container.salesforce.calls
    with progress("Deciding", len(wanted)) as tell:
        for one in look(applier, wanted, reader.troubles, named=chosen.named is not None):
            told.add(one)
            totals.add(one)
            tell(totals.accounts)
    container.spending.note()
    told.planned(totals, api_budget.free(container.engine, container.policy.budget))
    if totals.to_do:
        more, left = (
            container.salesforce.calls - before,
            api_budget.left(container.engine, container.policy.budget),
        )
        err.print(f"Reading for it takes up to {more:,} calls more. Salesforce: {left}.")
    return totals


def _say_from(container: Container, chosen: Choice) -> None:
    """What nobody has fetched is not among what the ledger chooses from."""
    if chosen.reads_all:
        return
    with container.engine.connect() as connection:
        known = subject_query.count(connection, SubjectFilter(site=chosen.site, accounts_only=True))
    err.print(f"Chosen from the {known:,} accounts the ledger knows." if known else _EMPTY)


def _applied(
    container: Container,
    applier: Applier,
    asked: AccountOptions,
    chosen: Choice,
    totals: Totals,
    told: PlanOutput,
    reason: str,
    yes: int | None,
) -> int:
    """How many records were refused."""
    if not totals.to_do:
        err.print("There is nothing to write.")
        return 0
    confirm(totals.changes, container.policy.admin.confirm_above, yes)
    named: tuple[Due, ...] = chosen.named or ()
    with acting(container, "resync", reason, asked.kept(named)) as cause:
        assert cause.run_id is not None
        done = Applied(cause.run_id)
        try:
            carry_out(container, applier, totals.to_do, cause, done, in_bulk=totals.in_bulk)
        finally:
            told.applied(done)
    say(done, totals.changes)
    return done.refused


def _quiet_wiring() -> Container:
    container = container_from_environment()
    logs.configure(container.settings.casewire_log, quiet=True)
    return container
