"""``casewire report``: monthly figures for the people who are responsible for billing."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import click

from connector import logs
from connector.cli.output.console import as_json, err, table
from connector.cli.output.spreadsheets import NewFile, Table, apart, write_csv
from connector.cli.report.workbook import write_book
from connector.container import Container, container_from_environment
from connector.ledger import attempts
from connector.mappers import phrases
from connector.reporting import LINES, PERCENT, Case, Counting, Period, Report
from connector.reporting.case_query import cases, lacking, soql


@click.group()
def report() -> None:
    """Reports for the people who are responsible for billing.

    \b
    Example: casewire report billing --month 2026-10
    """


@report.command()
@click.option(
    "--month",
    metavar="YYYY-MM",
    help="Which month, in the time zone of the site (policy); default: last month.",
)
@click.option("--site", help="Only accounts of this Recurly site.")
@click.option(
    "--xlsx",
    type=NewFile(),
    help="For Excel: figures with charts, their definitions, and every counted case.",
)
@click.option(
    "--csv", "csv_", type=NewFile(), help="A line for each figure: section, of, currency, figure, value."
)
@click.option("--json", "json_", is_flag=True, help="One JSON document on stdout.")
def billing(month: str | None, site: str | None, xlsx: Path | None, csv_: Path | None, json_: bool) -> None:
    """Cases, recovered money, disputes and turnaround of a month, each figure with its definition.

    Reads Salesforce and the ledger; changes nothing. Without --xlsx, --csv or --json: the key figures.

    \b
    Example: casewire report billing --month 2026-10 --xlsx billing.xlsx
    """
    apart(csv_, xlsx)
    container = container_from_environment()
    logs.configure(container.settings.casewire_log, quiet=True)
    _require_configured_site(container, site)
    counting = Counting(_period(container, month, site), site)
    passing = counting.watch(_cases(container, counting.period, site))
    if xlsx:
        write_book(xlsx, passing, counting)
    else:
        deque(passing, maxlen=0)
    _print_report(counting.report(), xlsx, csv_, json_)


def _period(container: Container, month: str | None, site: str | None) -> Period:
    now, zone = container.clock(), container.policy.zone_of(site)
    try:
        return Period.last(now, zone) if month is None else Period.of(month, now, zone)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--month") from None


def _require_configured_site(container: Container, site: str | None) -> None:
    sites = [one.name for one in container.settings.recurly]
    if site is not None and site not in sites:
        named = f"--site {' or --site '.join(sites)}" if sites else "no site is configured (RECURLY_SITE)"
        raise click.BadParameter(f"there is no site {site!r}; use {named}.", param_hint="--site")


def _cases(container: Container, period: Period, site: str | None) -> Iterator[Case]:
    """A stream of cases: pages of Salesforce are read while they are counted."""
    with container.engine.connect() as connection:
        transitions = attempts.written_transitions(connection, period.since)
    us, shape = container.salesforce.identity().user_id, container.shaping.org.shape
    for name in lacking(shape):
        err.print(f"The org has no field {name}: figures that need it are empty.", markup=False)
    rows = container.salesforce.query_iter(soql(period.since, shape))
    return cases(rows, transitions, us, site)


def _print_report(made: Report, xlsx: Path | None, csv_: Path | None, json_: bool) -> None:
    if csv_:
        write_csv(csv_, Table("Billing", LINES, made.lines()))
    for path in filter(None, (xlsx, csv_)):
        err.print(f"Wrote {path}.", markup=False)
    if json_:
        as_json(made.document())
    elif not xlsx and not csv_:
        _show(made)
    err.print(f"{phrases.count(made.cases, 'case')} read for {made.period.month}.")
    if made.is_empty:
        err.print("Nothing happened in that month: no case was open, opened or ended.")


def _show(made: Report) -> None:
    rows = made.section("key_figures").rows
    table(
        ("figure", "currency", "value"),
        [(phrases.plain(str(name)), currency, _value(str(name), value)) for name, currency, value in rows],
        empty="",
    )


def _value(name: str, value: object) -> object:
    """A rate in percent; a dash for a rate without a divisor."""
    if value is None:
        return "–"
    return f"{value:.1%}" if name.endswith(PERCENT) and isinstance(value, float) else value
