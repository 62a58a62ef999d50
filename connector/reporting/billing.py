"""The billing report: every case is counted once as it passes, and what is left are the figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from connector.reporting.cases import Case
from connector.reporting.outcomes import Disputes, Recovery, win_rate
from connector.reporting.period import Period
from connector.reporting.table_models import ALL, Section, Value, share
from connector.reporting.turnaround import Handling, Turnaround
from connector.reporting.volume import Flow

PERCENT: Final = ("rate", "share")
"""How the names of figures end that are parts of a whole, from 0 to 1."""
SCHEMA: Final = "casewire/billing-report/1"
LINES: Final = ("section", "of", "currency", "figure", "value")
"""The columns of the long form."""


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of a month. The key figures are the first section, and repeat values of the others."""

    period: Period
    site: str | None
    cases: int
    sections: tuple[Section, ...]

    @property
    def is_empty(self) -> bool:
        """Nothing was open, began or ended, and no answer was due. Two sections have rows even then."""
        return not any(one.rows for one in self.sections if one.name not in ("key_figures", "weeks"))

    def section(self, name: str) -> Section:
        return next(one for one in self.sections if one.name == name)

    def document(self) -> dict[str, Any]:
        """As JSON (``docs/schemas/billing-report.schema.json``): what was asked for, and under the name of each section
        a list of objects, one for each row, by its labels and figures.

        An amount is a string, in the currency of its row. A rate or share is a number from 0 to 1, hours are a number;
        both are null where there is nothing to divide by. Times are ISO, UTC. Names are not taken away or given
        another meaning; new ones may come.
        """
        return {
            "schema": SCHEMA,
            "month": self.period.month,
            "from": self.period.start,
            "until": self.period.as_of,
            "runs": self.period.runs,
            "site": self.site,
            "empty": self.is_empty,
            "cases_read": self.cases,
            **{one.name: [_object(one, row) for row in one.rows] for one in self.sections},
        }

    def lines(self) -> Iterator[tuple[Value, ...]]:
        """As a long table (``LINES``): one line for each figure of each row."""
        for section in self.sections:
            for row in section.rows:
                told = _object(section, row)
                names = [name for name in section.labels if name not in ("currency", "figure")]
                of, currency = ", ".join(str(told[name]) for name in names), told.get("currency", "")
                for figure in section.figures:
                    yield section.name, of, currency, told.get("figure", figure), told[figure]


def _object(section: Section, row: tuple[Value, ...]) -> dict[str, Value]:
    return dict(zip((*section.labels, *section.figures), row, strict=True))


class Counting:
    """Figures on the way. ``watch`` lets the cases pass, so that they need not be kept; ``report`` when all have."""

    def __init__(self, period: Period, site: str | None = None) -> None:
        self.period = period
        self._site, self._cases = site, 0
        self._flow, self._recovery, self._disputes = Flow(period), Recovery(period), Disputes(period)
        self._turnaround, self._handling = Turnaround(period), Handling(period)

    @property
    def _tallies(self) -> tuple[Flow | Recovery | Disputes | Turnaround | Handling, ...]:
        return self._flow, self._recovery, self._disputes, self._turnaround, self._handling

    def watch(self, cases: Iterable[Case]) -> Iterator[Case]:
        for case in cases:
            self._cases += 1
            for tally in self._tallies:
                tally.add(case)
            yield case

    def report(self) -> Report:
        sections = tuple(section for tally in self._tallies for section in tally.sections())
        return Report(self.period, self._site, self._cases, (self._key_figures(), *sections))

    def _key_figures(self) -> Section:
        flow, handling = self._flow.cases.at(ALL), self._handling.kinds.at(ALL)
        disputes = self._disputes.numbers.at(ALL)
        _, refund_median, refund_p90 = self._turnaround.of("refund")
        ended = handling["ended"]
        rows: list[tuple[Value, ...]] = [
            *((name, "", flow[name]) for name in ("opened", "resolved", "closed_by_hand", "open_at_end")),
            *self._recovered(),
            ("dispute_win_rate", "", win_rate(disputes)),
            ("deadlines_missed", "", self._disputes.missed),
            ("refund_median_hours", "", refund_median),
            ("refund_p90_hours", "", refund_p90),
            ("reopen_rate", "", share(handling["reopened"], handling["ended_or_reopened"])),
            ("first_touch_rate", "", share(handling["first_touch"], handling["by_people"])),
            ("by_itself_share", "", share(handling["by_itself"], ended)),
        ]
        return Section("key_figures", "Key figures", ("figure", "currency"), ("value",), tuple(rows))

    def _recovered(self) -> Iterator[tuple[Value, ...]]:
        """Of failed payments: the rate of all, and the money of each currency by itself."""
        sums = self._recovery.kinds
        found = [label for label in sums.labels() if label[0] == "payment_failed"]
        number, lost = (sum(sums.at(*label)[name] for label in found) for name in ("recovered", "lost"))
        yield "recovery_rate", "", share(number, number + lost)
        for label in found:
            money, gone = (Decimal(sums.at(*label)[f"{name}_amount"]) for name in ("recovered", "lost"))
            yield "recovered_amount", str(label[1]), money
            yield "amount_recovery_rate", str(label[1]), share(money, money + gone)
