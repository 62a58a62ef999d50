"""The report of a reconcile: tables for people, a document for programs, sheets for spreadsheets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from connector.cli.output.console import err, missing_lines, out, show, table
from connector.cli.output.spreadsheets import Table
from connector.mappers.money import format_money
from connector.mappers.records.discrepancy import TITLES, sentence
from connector.models.facts import Discrepancy, DiscrepancyState, DisplayedRow
from connector.sync.monitoring.gap_detection import SAMPLES as MISSED_SAMPLES
from connector.sync.monitoring.gap_detection import GapReport, SiteGapReport
from connector.sync.reconcile.processor_gaps import ProcessorGapReport
from connector.sync.reconcile.reconciliation import Reconciliation

SAMPLES: Final = 5
"""Discrepancies of each class that are printed."""
MOST: Final = 10_000
"""Discrepancies in one JSON document."""
COLUMNS: Final = (
    *(
        "Class",
        "State",
        "Kind",
        "Site",
        "Processor",
        "Reference",
        "Account",
        "Moved at (UTC)",
        "About",
        "Currency",
    ),
    *("Recurly: amount", "Recurly: status", "Recurly: date"),
    *("Processor: amount", "Processor: status", "Processor: date"),
    *("Salesforce: amount", "Salesforce: status", "Salesforce: date"),
    *("Explained by", "Key", "Link"),
)
_HEADINGS: Final = ("Class", "Not explained", "Explained", "About")


@dataclass(frozen=True, slots=True)
class ReconcileReport:
    """Results. ``gaps``: of the sites; ``filled``: gaps of the processors; ``shown``: the first discrepancies;
    ``run_id``: the run, with ``--apply``; ``applied``: records written and refused."""

    gaps: SiteGapReport
    filled: ProcessorGapReport
    reconciling: Reconciliation
    shown: list[Discrepancy]
    run_id: int | None = None
    applied: tuple[int, int] | None = None

    @property
    def missing(self) -> int:
        return self.gaps.count + self.filled.count

    @property
    def earlier(self) -> int:
        return sum(one.earlier for one in self.gaps.missed.values())

    @property
    def failed(self) -> dict[str, str]:
        """Sites and processors that could not be read completely, with the reason."""
        return {**self.filled.failed, **self.reconciling.failed}

    def progress(self) -> dict[str, Any]:
        """Progress as stored with the run."""
        return {"missing": self.missing, **self.reconciling.progress(self.filled.failed)}

    @property
    def all(self) -> int:
        return sum(one.open + one.explained for one in self.reconciling.classes.values())


def sheet(found: Iterable[Discrepancy]) -> Table:
    """A table with a line for each discrepancy."""
    return Table("Discrepancies", COLUMNS, map(_line, found))


def sheets(reconciling: Reconciliation, found: Iterable[Discrepancy]) -> Iterator[Table]:
    """Sheets. The later ones need the totals, which are complete when the first one is written."""
    yield sheet(found)
    yield Table("Classes", _HEADINGS, _classes(reconciling))
    yield Table("Not compared", ("What",), [(one,) for one in reconciling.not_compared()])


def _line(one: Discrepancy) -> tuple[object, ...]:
    stake = one.stake
    sides = (one.recurly, one.at_processor, one.salesforce)
    return (
        TITLES[one.difference],
        str(one.state),
        str(one.movement),
        one.site,
        one.processor,
        one.reference,
        one.account,
        one.at,
        stake.amount if stake else None,
        stake.currency if stake else None,
        *(value for shown in sides for value in _values(shown)),
        one.why,
        one.key,
        one.link,
    )


def _values(shown: DisplayedRow | None) -> tuple[str | None, str | None, str | None]:
    return (shown.amount, shown.status, shown.day) if shown else (None, None, None)


def _classes(reconciling: Reconciliation) -> list[tuple[object, ...]]:
    return [
        (TITLES[kind], one.open, one.explained, "; ".join(map(format_money, one.totals)))
        for kind, one in reconciling.classes.items()
        if one.open or one.explained
    ]


def show_found(found: ReconcileReport) -> None:
    reconciling, window = found.reconciling, found.reconciling.window
    _show_missed(found)
    compared = ", ".join(f"{number:,} {kind}s" for kind, number in sorted(reconciling.compared.items()))
    out.print(f"Compared from {show(window.since)} to {show(window.until)}: {compared or 'nothing moved'}.")
    agree = "Recurly, processors and Salesforce agree."
    table(
        _HEADINGS,
        _classes(reconciling),
        empty="Nothing differs of what was compared." if found.failed else agree,
    )
    for kind in reconciling.classes:
        open_ = (one for one in found.shown if (one.difference, one.state) == (kind, DiscrepancyState.OPEN))
        for one in islice(open_, SAMPLES):
            out.print(f"  {show(TITLES[kind])}: {show(sentence(one))}")
    for line in reconciling.not_compared():
        err.print(f"Not compared: {show(line)}.")
    if found.applied is not None:
        err.print(f"Cases: {found.applied[0]:,} records written, {found.applied[1]:,} refused.")
    elif found.missing or found.earlier or reconciling.open:
        err.print("Nothing was stored. Add --apply to fill in missed deliveries and to open cases.")


def _show_missed(found: ReconcileReport) -> None:
    """For each site and processor: "0 missing of 18,204", the missed changes, or why it could not be read."""
    for site in sorted({*found.gaps.missed, *found.gaps.failed}):
        _print_gaps(f"site {site}", found.gaps.missed.get(site), found.gaps.failed.get(site), found.run_id)
    for source, gaps in found.filled.missed.items():
        _print_gaps(source, gaps, found.filled.failed.get(source), found.run_id)


def _print_gaps(who: str, gaps: GapReport | None, failed: str | None, run_id: int | None) -> None:
    parts = [str(gaps)] if gaps and (gaps.scanned or not failed) else []
    if gaps and gaps.earlier:
        then = "stored" if run_id else "--apply stores them"
        parts.append(
            f"{gaps.earlier:,} that changed before Casewire was installed: {then}; no delivery was missed"
        )
    if failed:
        parts.append(f"not read{' completely' if parts else ''}: {failed.rstrip('.')}")
    out.print(f"Missed deliveries of {show(who)}: {show('; '.join(parts))}.")
    rest = f"casewire runs show {run_id}" if run_id else f"--json shows {MISSED_SAMPLES}, --apply keeps all"
    for line in missing_lines(gaps.samples, gaps.count, rest) if gaps else ():
        out.print(f"  {line}")


def document(found: ReconcileReport) -> dict[str, Any]:
    reconciling, window = found.reconciling, found.reconciling.window
    return {
        "schema": "casewire/reconcile/1",
        "since": window.since,
        "until": window.until,
        "sites": list(window.sites),
        "missed": [
            {"site": site, "earlier": gaps.earlier, **_missed_document(gaps)}
            for site, gaps in found.gaps.missed.items()
        ],
        "missed_at_processors": [
            {
                "processor": source,
                **_missed_document(gaps),
                "failed": found.filled.failed.get(source),
            }
            for source, gaps in found.filled.missed.items()
        ],
        "compared": dict(sorted(reconciling.compared.items())),
        "not_compared": reconciling.not_compared(),
        "failed": [{"name": name, "reason": reason} for name, reason in sorted(found.failed.items())],
        "classes": [
            {
                "class": str(kind),
                "open": one.open,
                "explained": one.explained,
                "amounts": [{"amount": m.amount, "currency": m.currency} for m in one.totals],
            }
            for kind, one in reconciling.classes.items()
        ],
        "discrepancies": [_discrepancy_document(one) for one in found.shown],
        "left_out": found.all - len(found.shown),
        "applied": _applied_document(found),
    }


def _missed_document(gaps: GapReport) -> dict[str, Any]:
    return {
        "scanned": gaps.scanned.total(),
        "missing": gaps.count,
        "samples": [
            {"object": one.object, "id": one.id, "subject": one.subject, "version": one.version}
            for one in gaps.samples
        ],
    }


def _discrepancy_document(one: Discrepancy) -> dict[str, Any]:
    return {
        "key": one.key,
        "class": str(one.difference),
        "state": str(one.state),
        "why": one.why,
        "kind": str(one.movement),
        "site": one.site,
        "processor": one.processor,
        "reference": one.reference,
        "account": one.account,
        "at": one.at,
        "about": {"amount": one.stake.amount, "currency": one.stake.currency} if one.stake else None,
        "recurly": _side(one.recurly),
        "at_processor": _side(one.at_processor),
        "salesforce": _side(one.salesforce),
        "link": one.link,
    }


def _side(shown: DisplayedRow | None) -> dict[str, str | None] | None:
    return {"amount": shown.amount, "status": shown.status, "date": shown.day} if shown else None


def _applied_document(found: ReconcileReport) -> dict[str, int] | None:
    if found.applied is None:
        return None
    return {"written": found.applied[0], "refused": found.applied[1]}
