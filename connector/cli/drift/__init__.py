"""``casewire drift``: finds records in Salesforce that differ from what they should contain, and repairs them."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Final

import click

from connector import logs
from connector.cli.account_options import AccountOptions, choice
from connector.cli.audit import REASON, YES, confirm
from connector.cli.drift import report
from connector.cli.drift.repair import repair_drift
from connector.cli.drift.report import DriftReport, JsonLinesFile, RepairProgress, Tally
from connector.cli.output.console import err, show
from connector.cli.output.progress import progress
from connector.cli.output.spreadsheets import NewFile, apart
from connector.container import Container, container_from_environment
from connector.ledger import subject_query
from connector.ledger.subject_query import STATES, SubjectFilter
from connector.mappers import fields
from connector.retry import RetryPolicy
from connector.sync.apply.applier import Applier
from connector.sync.decide.registry import RULES
from connector.sync.decide.rules import timeline
from connector.sync.drift.detector import scan_drift
from connector.sync.drift.org_baseline import DriftFilter, OrgBaseline
from connector.sync.drift.org_reader import BulkReader, OrgReader, SoqlReader, load
from connector.sync.drift.owned_fields import Owned

IN_BULK_FROM: Final = 10_000
"""At this many accounts or more, objects are read completely with Bulk API 2.0."""
WAIT: Final = time.sleep
_UNKNOWN_ACCOUNT: Final = "The ledger does not know it. If Recurly does: casewire resync CODE --apply"
_RULES: Final = sorted({*(rule.name for rule in RULES), timeline.NAME})


@click.command()
@click.argument("accounts", nargs=-1, metavar="[ACCOUNT]...")
@click.option("--rule", type=click.Choice(_RULES), help="Only records of this rule.")
@click.option("--object", "object_", type=click.Choice(fields.ORDER), help="Only records of this object.")
@click.option("--site", help="Only this Recurly site; needed for codes where several are configured.")
@click.option(
    "--state",
    type=click.Choice(STATES),
    help="Only with an invoice past due, or an open dispute (or chargeback).",
)
@click.option(
    "--bulk/--no-bulk",
    default=None,
    help=f"Read with Bulk API 2.0; default: for {IN_BULK_FROM:,} accounts or more.",
)
@click.option("--fix", is_flag=True, help="Show the changes that would repair it.")
@click.option("--apply", "apply_", is_flag=True, help="With --fix: write them.")
@REASON
@YES
@click.option("--csv", "csv_", type=NewFile(), help="Write a line for each field to this file.")
@click.option("--xlsx", type=NewFile(), help="The same for Excel, with the groups.")
@click.option(
    "--json", "json_", is_flag=True, help="One JSON document on stdout (docs/schemas/drift.schema.json)."
)
def drift(**options: Any) -> None:
    """Find records in Salesforce that differ from what Casewire wrote, by rule and field. Exit code 1 if there is any.

    Only fields that Casewire owns are compared, none that agents may change. Accounts with waiting work are left out
    and counted. Records with a key that Casewire does not know, and records of its objects without a key, are listed
    and never changed: exit code 1, too. --fix --apply repairs drift. More records than admin.confirm_above of the
    policy need their number typed, or --yes N.

    \b
    Example: casewire drift --xlsx drift.xlsx
             casewire drift --rule payment_failed --fix --apply --reason "edited by an import"
    """
    asked = _Asked(**options)
    container = container_from_environment()
    logs.configure(container.settings.casewire_log, quiet=True)
    with _file() as drift, _file() as orphans:
        _run(container, asked, DriftReport(Tally(), JsonLinesFile(drift), JsonLinesFile(orphans)))


def _file() -> AbstractContextManager[IO[str]]:
    return tempfile.TemporaryFile("w+", encoding="utf-8")


@dataclass(frozen=True, slots=True)
class _Asked:
    """Options of the command."""

    accounts: tuple[str, ...]
    rule: str | None
    object_: str | None
    site: str | None
    state: str | None
    bulk: bool | None
    fix: bool
    apply_: bool
    reason: str
    yes: int | None
    csv_: Path | None
    xlsx: Path | None
    json_: bool

    def __post_init__(self) -> None:
        if self.apply_ and not self.fix:
            raise click.UsageError("--apply repairs what is found: use --fix --apply.")
        apart(self.csv_, self.xlsx)

    @property
    def only(self) -> DriftFilter:
        return DriftFilter(self.object_, self.rule)

    def which(self, container: Container) -> SubjectFilter:
        if not self.accounts:
            return SubjectFilter(site=self._checked_site(container), state=self.state)
        named = choice(
            container, AccountOptions(self.accounts, None, None, False, None, self.state, self.site)
        ).named
        keys = [one.key for one in named or ()]
        return SubjectFilter(keys=keys, site=self.site, state=self.state)

    def _checked_site(self, container: Container) -> str | None:
        sites = [one.name for one in container.settings.recurly]
        if self.site is not None and self.site not in sites:
            raise click.UsageError(f"There is no site {self.site!r}; there is: {', '.join(sites) or 'none'}.")
        return self.site

    def audit_options(self) -> dict[str, Any]:
        """The options as the audit trail records them."""
        options = {"accounts": list(self.accounts), "rule": self.rule, "object": self.object_}
        return {
            name: value
            for name, value in {**options, "site": self.site, "state": self.state}.items()
            if value
        }


def _run(container: Container, asked: _Asked, found: DriftReport) -> None:
    """Print what was found before asking and repairing. The JSON document is printed even if the repair fails."""
    which, tally, repair = asked.which(container), found.tally, RepairProgress()
    tally.undecided |= _unknown_accounts(container, which)
    with _applier(container, asked, which) as applier:
        _detect(applier, which, found)
        _print_report(asked, found)
        try:
            if asked.apply_ and tally.records:
                confirm(tally.records, container.policy.admin.confirm_above, asked.yes, "records to repair")
                repair_drift(container, applier, found.drift, asked.reason, asked.audit_options(), repair)
        finally:
            if asked.json_:
                report.as_json(found, repair)
    _end(asked, tally, repair)


def _unknown_accounts(container: Container, which: SubjectFilter) -> dict[str, str]:
    """Named accounts that the ledger does not know."""
    if not which.keys:
        return {}
    with container.engine.connect() as connection:
        existing = subject_query.walk(connection, SubjectFilter(keys=which.keys), "", len(which.keys))
    return dict.fromkeys(set(which.keys) - {one.key for one in existing}, _UNKNOWN_ACCOUNT)


@contextmanager
def _applier(container: Container, asked: _Asked, which: SubjectFilter) -> Iterator[Applier]:
    """An applier whose baseline is what Salesforce contains."""
    owned = Owned.of(container.shaping.org.shape, [one for one, _ in container.shaping.mapping.fields])
    soql = SoqlReader(container.salesforce, owned)
    with container.engine.connect() as connection:
        many = subject_query.count(connection, which) >= IN_BULK_FROM
    if not (many if asked.bulk is None else asked.bulk):
        yield _drift_applier(container, owned, soql, asked.only)
        return
    connecting = container.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    with connecting as connection:
        objects = [name for name in fields.ORDER if name in owned.names and asked.object_ in (None, name)]
        with progress("Reading Salesforce, objects", len(objects)) as report_progress:
            read: list[str] = []

            def note(object_: str, records: int) -> None:
                read.append(object_)
                report_progress(len(read), f"{object_}: {records:,} records")

            began = load(connection, container.salesforce, owned, objects, WAIT, note, _retry_policy())
        yield _drift_applier(container, owned, BulkReader(connection, soql, began), asked.only)


def _drift_applier(container: Container, owned: Owned, reader: OrgReader, only: DriftFilter) -> Applier:
    return replace(
        container.applier(), known=OrgBaseline(container.engine, container.salesforce, owned, reader, only)
    )


def _retry_policy() -> RetryPolicy:
    """Starts as after a success: Salesforce has just answered with the schema of the org."""
    patience = RetryPolicy(WAIT, lambda why: err.print(show(why)))
    patience.done()
    return patience


def _detect(applier: Applier, which: SubjectFilter, found: DriftReport) -> None:
    assert isinstance(applier.known, OrgBaseline)
    read_only, tally = replace(applier, known=replace(applier.known, scanning=True)), found.tally
    with applier.engine.connect() as connection:
        total = subject_query.count(connection, which)
    with progress("Comparing accounts", total) as report_progress:
        for scan in scan_drift(read_only, which, _retry_policy()):
            found.add(scan)
            report_progress(tally.accounts + tally.pending, f"{tally.records:,} found")


def _print_report(asked: _Asked, found: DriftReport) -> None:
    if asked.csv_:
        report.as_csv(asked.csv_, found)
    if asked.xlsx:
        report.as_xlsx(asked.xlsx, found)
    if not (asked.csv_ or asked.xlsx or asked.json_):
        report.as_text(found, fix=asked.fix)
    for line in report.summary(found.tally):
        err.print(line, markup=False)


def _end(asked: _Asked, tally: Tally, repair: RepairProgress) -> None:
    if repair.run is not None:
        for line in report.repair_summary(repair.done):
            err.print(line, markup=False)
    elif asked.fix and tally.records:
        err.print("Nothing was written. Add --apply to do it.")
    whole = repair.done.is_whole if repair.run is not None else not tally.records
    if tally.undecided or tally.unknown or not whole:
        raise SystemExit(1)
