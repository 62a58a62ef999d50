"""``casewire reconcile``: finds missed deliveries, and payments that Recurly, processors and Salesforce report
differently."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click

from connector import logs
from connector.cli.audit import REASON, audited_run
from connector.cli.output.console import Time, as_json, err, show
from connector.cli.output.progress import progress
from connector.cli.output.spreadsheets import NewFile, write_csv, write_xlsx
from connector.cli.reconcile.report import MOST, ReconcileReport, document, sheet, sheets, show_found
from connector.container import Container, container_from_environment
from connector.errors import Permanent, SetupError
from connector.ledger import locks, runs
from connector.ledger.attempts import Cause
from connector.ledger.locks import Lock
from connector.models.facts import Discrepancy
from connector.retry import RetryPolicy
from connector.sync.monitoring import gap_detection
from connector.sync.monitoring.gap_detection import GapReport, SiteGapReport, detect_at_each_site
from connector.sync.reconcile.adapters import RECURLY
from connector.sync.reconcile.processor_gaps import fill
from connector.sync.reconcile.reconciliation import COMMAND, Reconciliation, WindowChoice, reach
from connector.sync.refresh.object_fetcher import SourceApi

LOCK_POLL_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class ReconcileOptions:
    """Options of the command."""

    since: datetime | None
    until: datetime
    sites: tuple[str, ...]
    processors: frozenset[str] | None
    now: datetime

    def options(self) -> dict[str, Any]:
        return {
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat(),
            "sites": list(self.sites),
            "processors": sorted(self.processors) if self.processors is not None else None,
        }


@dataclass(frozen=True, slots=True)
class OutputFiles:
    """Files for the discrepancies."""

    csv: Path | None
    xlsx: Path | None


@click.command()
@click.option(
    "--since", type=Time(past=True), help="Payments and refunds since then; default: as every night."
)
@click.option("--until", type=Time(), help="Until then; default: now.")
@click.option("--site", help="Only this Recurly site.")
@click.option(
    "--source", "sources", multiple=True, help="Only payments through this processor; may be repeated."
)
@click.option(
    "--apply", "apply_", is_flag=True, help="Fill in what was missed, and open or resolve the cases."
)
@REASON
@click.option("--json", "json_", is_flag=True, help="One JSON document on stdout (docs/schemas).")
@click.option("--csv", "csv_", type=NewFile(), help="Every discrepancy as one line.")
@click.option("--xlsx", type=NewFile(), help="The same for Excel.")
def reconcile(
    since: datetime | None,
    until: datetime | None,
    site: str | None,
    sources: tuple[str, ...],
    apply_: bool,
    reason: str,
    json_: bool,
    csv_: Path | None,
    xlsx: Path | None,
) -> None:
    """Find missed deliveries, and compare Recurly, the processors and Salesforce payment by payment.

    Missed deliveries are changes at Recurly, and disputes and refunds that a processor lists (of all sites), without a
    delivery.

    Payments of the last weeks are compared ([reconcile] days), and open discrepancies until they are cleared; with
    --since further back, as far as the ledger reaches.

    Without --apply nothing is stored or written. Exit code 1: a delivery was missed, a settlement delay does not
    explain a discrepancy, a configured site or processor could not be read, or Salesforce refused a record of a case.

    \b
    Example: casewire reconcile --since 2026-11-01 --apply --reason "month end"
    """
    container = container_from_environment()
    logs.configure(container.settings.casewire_log, quiet=True)
    if csv_ and xlsx:
        raise click.UsageError("Use --csv or --xlsx, not both: one reconcile writes one file.")
    asked = _asked(container, since, until, site, sources)
    files = OutputFiles(csv_, xlsx)
    with ExitStack() as stack:
        cause = (
            stack.enter_context(audited_run(container, COMMAND, reason, asked.options())) if apply_ else None
        )
        found = _found(container, asked, files, cause)
    as_json(document(found)) if json_ else show_found(found)
    refused = found.applied is not None and found.applied[1]
    if found.missing or found.reconciling.open or found.failed or refused:
        raise SystemExit(1)


def _asked(
    container: Container,
    since: datetime | None,
    until: datetime | None,
    site: str | None,
    sources: tuple[str, ...],
) -> ReconcileOptions:
    sites = tuple(sorted(one.name for one in container.settings.recurly))
    if not sites:
        raise SetupError("No Recurly site is configured: set RECURLY_SITE and RECURLY_API_KEY.")
    if site is not None and site not in sites:
        raise click.UsageError(f"There is no site {site!r}: --site {' or --site '.join(sites)}.")
    unknown = sorted(set(sources) - set(container.books))
    if unknown:
        able = ", ".join(sorted(container.books)) or "none; set the API key of one"
        raise click.UsageError(f"{unknown[0]!r} has no lists. Processors that have: {able}.")
    now = container.clock()
    if since is not None and since >= (until or now):
        raise click.UsageError("--since must be before --until, and before now.")
    return ReconcileOptions(
        since,
        min(until or now, now),
        (site,) if site else sites,
        frozenset(sources) if sources else None,
        now,
    )


def _found(
    container: Container, asked: ReconcileOptions, files: OutputFiles, cause: Cause | None
) -> ReconcileReport:
    run_id = cause.run_id if cause else None
    policy = container.policy.reconcile
    with _fill_lock(container) if cause else nullcontext():
        site_gaps = _detect_site_gaps(container, asked, run_id)
        choice = _window_choice(container, asked, site_gaps)
        window = choice.window(asked.until, asked.sites, asked.processors)
        filled = fill(
            container.sides, choice.lists(window), asked.now, grace=_grace(container), run_id=run_id
        )
    with progress("Comparing") as report_progress:
        reconciling = Reconciliation(
            container.sides,
            policy.compare,
            window,
            asked.now,
            run_id,
            lambda done, of: report_progress(done, total=of),
            choice,
        )
        shown = _written(reconciling, files)
    found = ReconcileReport(site_gaps, filled, reconciling, shown, run_id)
    if cause is None:
        return found
    with container.engine.begin() as connection:
        runs.progress(connection, cause.run_id or 0, found.progress())
    return replace(found, applied=_applied(container, reconciling, cause))


def _window_choice(container: Container, asked: ReconcileOptions, site_gaps: SiteGapReport) -> WindowChoice:
    """The window, read after the gaps were filled, so that it includes what was filled in."""
    policy = container.policy.reconcile
    with container.engine.connect() as connection:
        return reach(
            connection,
            policy.compare,
            policy.days,
            asked.sites,
            asked.now,
            asked.until,
            failed=site_gaps.failed,
            since=asked.since,
            others=[site for site in container.sides.sites if site not in asked.sites],
        )


@contextmanager
def _fill_lock(container: Container) -> Iterator[None]:
    """Waits for the lock under which missed changes are filled in."""
    printed = False

    def wait() -> None:
        nonlocal printed
        if not printed:
            err.print("Another process fills in missed deliveries; waiting for it. See: casewire runs list")
        printed = True
        time.sleep(LOCK_POLL_SECONDS)

    with locks.turn(container.engine, Lock.FILLING, wait):
        yield


def _grace(container: Container) -> timedelta:
    return timedelta(minutes=container.policy.reconcile.grace_minutes)


def _detect_site_gaps(container: Container, asked: ReconcileOptions, run_id: int | None) -> SiteGapReport:
    """Changes at each site without a delivery. A site without an API is left out."""

    def detect(site: tuple[str, str], api: SourceApi) -> GapReport:
        return gap_detection.detect_gaps(
            container.engine,
            site,
            api,
            asked.now,
            since=asked.since,
            fill=run_id is not None,
            run_id=run_id,
            grace=_grace(container),
            patience=RetryPolicy(time.sleep, lambda why: err.print(show(why))),
        )

    able = ((RECURLY, site) for site in asked.sites if (RECURLY, site) in container.apis)
    return detect_at_each_site({site: container.apis[site] for site in able}, detect, {})


def _applied(container: Container, reconciling: Reconciliation, cause: Cause) -> tuple[int, int]:
    """Apply the cases of the discrepancy classes. Returns records written and refused."""
    due = [one.key for one in reconciling.due]
    if not due:
        return 0, 0
    outcome = container.applier().run(only=due, limit=len(due), cause=cause)
    if outcome.open:
        raise Permanent("Salesforce is not available; the cases stay due. See: casewire status")
    return outcome.written, outcome.refused


def _written(reconciling: Reconciliation, files: OutputFiles) -> list[Discrepancy]:
    """Consume all findings, and write them to a file if one is given. Returns the first ones."""
    first: list[Discrepancy] = []
    found = _noted(reconciling.findings(), first)
    if files.csv:
        write_csv(files.csv, sheet(found))
    elif files.xlsx:
        write_xlsx(files.xlsx, sheets(reconciling, found))
    else:
        deque(found, maxlen=0)
    return first


def _noted(found: Iterable[Discrepancy], first: list[Discrepancy]) -> Iterator[Discrepancy]:
    for one in found:
        if len(first) < MOST:
            first.append(one)
        yield one
