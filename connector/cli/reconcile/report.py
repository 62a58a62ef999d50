"""What a reconcile found, as it is shown: to people as tables, to programs as a document, to spreadsheets as sheets."""

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
"""Of each class, on a terminal."""
MOST: Final = 10_000
"""In one JSON document."""
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
    """What came of it. ``looked``: at the sites; ``filled``: from the processors; ``shown``: the first discrepancies;
    ``run_id``: where it is kept; ``applied``: records written and refused."""

    looked: SiteGapReport
    filled: ProcessorGapReport
    reconciling: Reconciliation
    shown: list[Discrepancy]
    run_id: int | None = None
    applied: tuple[int, int] | None = None

    @property
    def missing(self) -> int:
        return self.looked.count + self.filled.count

    @property
    def earlier(self) -> int:
        return sum(one.earlier for one in self.looked.missed.values())

    @property
    def failed(self) -> dict[str, str]:
        """Who is set up and could not be asked, or not to the end, with why."""
        return {**self.filled.failed, **self.reconciling.failed}

    def progress(self) -> dict[str, Any]:
        """For the run."""
        return {"missing": self.missing, **self.reconciling.progress(self.filled.failed)}

    @property
    def all(self) -> int:
        return sum(one.open + one.explained for one in self.reconciling.classes.values())


def sheet(found: Iterable[Discrepancy]) -> Table:
    """Each as one line."""
    return Table("Discrepancies", COLUMNS, map(_line, found))


def sheets(reconciling: Reconciliation, found: Iterable[Discrepancy]) -> Iterator[Table]:
    """What comes last is known only when the first is written."""
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
        *(value for said in sides for value in _values(said)),
        one.why,
        one.key,
        one.link,
    )


def _values(said: DisplayedRow | None) -> tuple[str | None, str | None, str | None]:
    return (said.amount, said.status, said.day) if said else (None, None, None)


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
        err.print("Nothing was kept. Add --apply to fill in what was missed and to open the cases.")


def _show_missed(found: ReconcileReport) -> None:
    """Of each site and each processor "0 missing of 18,204", or the list, or why it could not be looked through."""
    for site in sorted({*found.looked.missed, *found.looked.failed}):
        _show_look(f"site {site}", found.looked.missed.get(site), found.looked.failed.get(site), found.run_id)
    for source, looked in found.filled.missed.items():
        _show_look(source, looked, found.filled.failed.get(source), found.run_id)


def _show_look(who: str, looked: GapReport | None, failed: str | None, run_id: int | None) -> None:
    told = [str(looked)] if looked and (looked.compared or not failed) else []
    if looked and looked.earlier:
        then = "brought in" if run_id else "--apply brings in"
        told.append(
            f"{looked.earlier:,} that changed before Casewire knew it: {then}, and no delivery was missed"
        )
    if failed:
        told.append(f"not looked through{' to the end' if told else ''}: {failed.rstrip('.')}")
    out.print(f"Missed deliveries of {show(who)}: {show('; '.join(told))}.")
    rest = f"casewire runs show {run_id}" if run_id else f"--json shows {MISSED_SAMPLES}, --apply keeps all"
    for line in missing_lines(looked.samples, looked.count, rest) if looked else ():
        out.print(f"  {line}")


def document(found: ReconcileReport) -> dict[str, Any]:
    reconciling, window = found.reconciling, found.reconciling.window
    return {
        "schema": "casewire/reconcile/1",
        "since": window.since,
        "until": window.until,
        "sites": list(window.sites),
        "missed": [
            {"site": site, "earlier": looked.earlier, **_missed_document(looked)}
            for site, looked in found.looked.missed.items()
        ],
        "missed_at_processors": [
            {
                "processor": source,
                **_missed_document(looked),
                "failed": found.filled.failed.get(source),
            }
            for source, looked in found.filled.missed.items()
        ],
        "compared": dict(sorted(reconciling.compared.items())),
        "not_compared": reconciling.not_compared(),
        "failed": [{"who": who, "why": why} for who, why in sorted(found.failed.items())],
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


def _missed_document(looked: GapReport) -> dict[str, Any]:
    return {
        "looked": looked.compared.total(),
        "missing": looked.count,
        "samples": [
            {"object": one.object, "id": one.id, "subject": one.subject, "version": one.version}
            for one in looked.samples
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


def _side(said: DisplayedRow | None) -> dict[str, str | None] | None:
    return {"amount": said.amount, "status": said.status, "date": said.day} if said else None


def _applied_document(found: ReconcileReport) -> dict[str, int] | None:
    if found.applied is None:
        return None
    return {"written": found.applied[0], "refused": found.applied[1]}
