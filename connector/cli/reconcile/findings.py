"""What a reconcile found, as it is shown: to people as tables, to programs as a document, to spreadsheets as sheets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from connector.cli.showing.output import err, out, show, table
from connector.cli.showing.sheets import Table
from connector.facts import Discrepancy, DiscrepancyState, Shown
from connector.mappers.money import format_money
from connector.mappers.records.discrepancy import TITLES, sentence
from connector.sync.missed import Missed
from connector.sync.reconcile import Reconciling
from connector.sync.reconcile.filling import Filled

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
class Found:
    """What came of it. ``missed``: by site; ``filled``: by processor; ``shown``: the first discrepancies; ``applied``:
    records written and refused."""

    missed: dict[str, Missed]
    filled: Filled
    reconciling: Reconciling
    shown: list[Discrepancy]
    applied: tuple[int, int] | None = None

    @property
    def missing(self) -> int:
        return sum(one.count for one in self.missed.values()) + self.filled.count

    @property
    def all(self) -> int:
        return sum(one.open + one.explained for one in self.reconciling.classes.values())


def sheet(found: Iterable[Discrepancy]) -> Table:
    """Each as one line."""
    return Table("Discrepancies", COLUMNS, map(_line, found))


def sheets(reconciling: Reconciling, found: Iterable[Discrepancy]) -> Iterator[Table]:
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


def _values(said: Shown | None) -> tuple[str | None, str | None, str | None]:
    return (said.amount, said.status, said.day) if said else (None, None, None)


def _classes(reconciling: Reconciling) -> list[tuple[object, ...]]:
    return [
        (TITLES[kind], one.open, one.explained, "; ".join(map(format_money, one.totals)))
        for kind, one in reconciling.classes.items()
        if one.open or one.explained
    ]


def show_found(found: Found) -> None:
    reconciling, window = found.reconciling, found.reconciling.window
    for site, looked in found.missed.items():
        out.print(f"Missed deliveries of site {show(site)}: {show(looked)}.")
    _show_filled(found.filled)
    compared = ", ".join(f"{number:,} {kind}s" for kind, number in sorted(reconciling.compared.items()))
    out.print(f"Compared from {show(window.since)} to {show(window.until)}: {compared or 'nothing moved'}.")
    table(_HEADINGS, _classes(reconciling), empty="Recurly, processors and Salesforce agree.")
    for kind in reconciling.classes:
        open_ = (one for one in found.shown if (one.difference, one.state) == (kind, DiscrepancyState.OPEN))
        for one in islice(open_, SAMPLES):
            out.print(f"  {show(TITLES[kind])}: {show(sentence(one))}")
    for line in reconciling.not_compared():
        err.print(f"Not compared: {show(line)}.")
    if found.applied is not None:
        err.print(f"Cases: {found.applied[0]:,} records written, {found.applied[1]:,} refused.")
    elif found.missing or reconciling.open:
        err.print("Nothing was kept. Add --apply to fill in what was missed and to open the cases.")


def _show_filled(filled: Filled) -> None:
    for source, looked in filled.missed.items():
        out.print(f"Missed deliveries of {show(source)}: {show(looked)}.")
        for one in looked.samples[:SAMPLES]:
            out.print(f"  {show(one.object)} {show(one.id)}")
    for source, why in filled.failed.items():
        err.print(f"Not looked through to the end: {show(source)}: {show(why)}")


def document(found: Found) -> dict[str, Any]:
    reconciling, window = found.reconciling, found.reconciling.window
    return {
        "schema": "casewire/reconcile/1",
        "since": window.since,
        "until": window.until,
        "sites": list(window.sites),
        "missed": [{"site": site, **_missed_document(looked)} for site, looked in found.missed.items()],
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


def _missed_document(looked: Missed) -> dict[str, Any]:
    return {
        "looked": looked.looked.total(),
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


def _side(said: Shown | None) -> dict[str, str | None] | None:
    return {"amount": said.amount, "status": said.status, "date": said.day} if said else None


def _applied_document(found: Found) -> dict[str, int] | None:
    if found.applied is None:
        return None
    return {"written": found.applied[0], "refused": found.applied[1]}
