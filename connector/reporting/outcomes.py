"""How problems ended in the month: money recovered, disputes decided, answers that were not given in time."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from connector.reporting.cases import Case
from connector.reporting.period import Period
from connector.reporting.table_models import ALL, NOT_TOLD, Counts, Label, Section, Sums, Value, share

_RECOVERY: Final = (
    *("recovered", "lost", "recovery_rate"),
    *("recovered_amount", "lost_amount", "amount_recovery_rate"),
)
_ENDINGS: Final = {"Recovered": "recovered", "Lost": "lost"}
_BY_KIND: Final = frozenset({"payment_failed", "bank_debit"})

_DECISIONS: Final = {
    "Won": "won",
    "Lost": "lost",
    "Accepted": "accepted",
    "Expired": "expired",
    "Withdrawn": "withdrawn",
}
_MONEY_GONE: Final = frozenset({"lost", "accepted", "expired"})
_DISPUTES: Final = (*_DECISIONS.values(), "win_rate", "won_amount", "lost_amount")
_DEADLINES: Final = ("due", "missed", "miss_rate", "missed_amount")


class Recovery:
    """Failed payments and returned debits that ended with or without the money. Currencies are never added up."""

    def __init__(self, period: Period) -> None:
        self._period = period
        self.kinds, self._steps, self._declines, self._reasons = Sums(), Sums(), Sums(), Sums()

    def add(self, case: Case) -> None:
        ending = _ENDINGS.get(case.outcome)
        if case.kind not in _BY_KIND or ending is None or not self._period.holds(case.resolved_at):
            return
        currency, decline = case.currency or NOT_TOLD, case.decline or NOT_TOLD
        _count(self.kinds, (case.kind, currency), ending, case.amount)
        if case.kind == "payment_failed":
            _count(self._steps, (currency, case.dunning_step), ending, case.amount)
            _count(self._declines, (currency, decline), ending, case.amount)
            _count(self._reasons, (case.reason or NOT_TOLD, decline, currency), ending, case.amount)

    def sections(self) -> list[Section]:
        told = (
            ("recovery", "Recovered and lost", ("kind", "currency"), self.kinds),
            ("recovery_by_step", "Recovered by dunning step", ("currency", "dunning_step"), self._steps),
            ("recovery_by_decline", "Recovered by decline", ("currency", "decline"), self._declines),
            (
                "recovery_by_reason",
                "Recovered by decline reason",
                ("reason", "decline", "currency"),
                self._reasons,
            ),
        )
        return [
            Section(name, title, labels, _RECOVERY, sums.rows(_recovery))
            for name, title, labels, sums in told
        ]


def _recovery(sums: Counts) -> tuple[Value, ...]:
    number, money = sums["recovered"], Decimal(sums["recovered_amount"])
    lost, gone = sums["lost"], Decimal(sums["lost_amount"])
    return (number, lost, share(number, number + lost), money, gone, share(money, money + gone))


class Disputes:
    """Decided disputes, and due answers."""

    def __init__(self, period: Period) -> None:
        self._period = period
        self.numbers, self._reasons = Sums(), Sums()
        self._due: dict[str, _Due] = {}

    def add(self, case: Case) -> None:
        if case.kind != "dispute":
            return
        decision = _DECISIONS.get(case.outcome)
        if decision and self._period.holds(case.resolved_at):
            for label in ((_currency(case), case.dispute_reason or NOT_TOLD), (_currency(case), ALL)):
                _count(self._reasons, label, decision, case.amount)
            self.numbers.add((ALL,), decision)
        expired = case.outcome == "Expired"
        if self._period.holds(case.due_at or (case.resolved_at if expired else None)):
            self._due.setdefault(case.problem, _Due(case)).add(case)

    @property
    def missed(self) -> int:
        """How many answers were."""
        return sum(one.is_missed for one in self._due.values())

    def sections(self) -> list[Section]:
        due = Sums()
        for one in self._due.values():
            label = (one.newest.gateway or NOT_TOLD, _currency(one.newest))
            due.add(label, "due")
            due.add(label, "missed", int(one.is_missed))
            due.add(label, "missed_amount", (one.newest.amount or Decimal(0)) * int(one.is_missed))
        return [
            Section(
                "disputes",
                "Disputes decided",
                ("currency", "dispute_reason"),
                _DISPUTES,
                self._reasons.rows(_decided),
            ),
            Section(
                "deadlines",
                "Answers due to disputes",
                ("processor", "currency"),
                _DEADLINES,
                due.rows(_deadline),
            ),
        ]


@dataclass(slots=True)
class _Due:
    """An answer that was due: one for a dispute, however many cases it had."""

    newest: Case
    expired: bool = False

    def add(self, case: Case) -> None:
        self.newest = max(self.newest, case, key=lambda one: one.cycle)
        self.expired = self.expired or case.outcome == "Expired"

    @property
    def is_missed(self) -> bool:
        lasts = self.newest.resolved_at is None and self.newest.dispute_status == "needs_response"
        return self.expired or lasts


def _deadline(sums: Counts) -> tuple[Value, ...]:
    return sums["due"], sums["missed"], share(sums["missed"], sums["due"]), Decimal(sums["missed_amount"])


def _currency(case: Case) -> str:
    return case.currency or NOT_TOLD


def _decided(sums: Counts) -> tuple[Value, ...]:
    counts = tuple(sums[name] for name in _DECISIONS.values())
    gone = sum((Decimal(sums[f"{name}_amount"]) for name in _MONEY_GONE), Decimal(0))
    return (*counts, win_rate(sums), Decimal(sums["won_amount"]), gone)


def win_rate(sums: Counts) -> float | None:
    """Won of all that were decided; one that was called off was not."""
    return share(sums["won"], sums["won"] + sum(sums[name] for name in _MONEY_GONE))


def _count(sums: Sums, label: Label, ending: str, amount: Decimal | None) -> None:
    """One more that ended like this, and what it was about."""
    sums.add(label, ending)
    sums.add(label, f"{ending}_amount", amount or Decimal(0))
