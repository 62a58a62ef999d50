"""Totals of a plan: accounts and changes, by object and by rule, and the API calls that writing needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.ledger.subjects import Due
from connector.mappers import fields
from connector.policy import Budget
from connector.sync.apply.call_estimate import CallEstimator
from connector.sync.resync.resync import AT_ONCE, PlanPreview

CREATED, UPDATED = "create", "update"


@dataclass(slots=True)
class Totals:
    """Totals, added account by account. ``to_do``: the subjects to apply."""

    budget: Budget
    accounts: int = 0
    changed: int = 0
    failed: int = 0
    gone: int = 0
    to_do: list[Due] = field(default_factory=list)
    objects: dict[str, Counter[str]] = field(default_factory=dict)
    rules: Counter[str] = field(default_factory=Counter)
    _few: CallEstimator = field(init=False)
    _many: CallEstimator = field(init=False)

    def __post_init__(self) -> None:
        self._few, self._many = CallEstimator(AT_ONCE), CallEstimator(self.budget.bulk_at_most, bulk=True)

    def add(self, one: PlanPreview) -> None:
        self.accounts += 1
        self.changed += bool(one.changes)
        self.failed += bool(one.trouble)
        self.gone += one.gone and not one.changes
        if one.is_to_do:
            self.to_do.append(one.subject)
            self._few.add(one.changes)
            self._many.add(one.changes)
        for row in one.changes:
            counts = self.objects.setdefault(row.change.object, Counter())
            counts[UPDATED if row.exists else CREATED] += 1
            counts.update([str(row.change.transition)] if row.change.transition else [])
            self.rules[row.change.rule] += 1

    @property
    def changes(self) -> int:
        """Records that would be written."""
        return self.rules.total()

    @property
    def up_to_date(self) -> int:
        return self.accounts - self.changed - self.failed - self.gone

    @property
    def in_bulk(self) -> bool:
        """Whether the plan is large enough for Bulk API 2.0."""
        return len(self.to_do) > self.budget.bulk_from

    def calls(self) -> dict[str, int]:
        """Object → API calls to write it, if nothing is refused."""
        return (self._many if self.in_bulk else self._few).by_object()

    def document(self, free: int | None) -> dict[str, Any]:
        """As JSON (docs/schemas). ``free``: API calls that may be used for this."""
        calls = self.calls()
        total = sum(calls.values())
        return {
            "totals": {
                "accounts": self.accounts,
                "changed": self.changed,
                "up_to_date": self.up_to_date,
                "gone": self.gone,
                "failed": self.failed,
                "changes": self.changes,
                "objects": {name: _document(counts) for name, counts in self._by_object()},
                "rules": dict(sorted(self.rules.items())),
            },
            "calls": {"total": total, "objects": calls, "fit": None if free is None else total <= free},
        }

    def lines(self) -> Iterator[str]:
        """For people."""
        gone = f"{self.gone:,} gone at Recurly, " if self.gone else ""
        yield (
            f"{_many(self.accounts, 'account')}: {self.changed:,} to change, {self.up_to_date:,} up to date, {gone}"
            f"{self.failed:,} failed. {_many(self.changes, 'change')}."
        )
        for name, counts in self._by_object():
            yield f"  {name}: {_words(_ordered(counts))}"
        if self.rules:
            yield f"  by rule: {_words(dict(sorted(self.rules.items())))}"
        calls = self.calls()
        if calls:
            way = ", by Bulk API 2.0 where it is cheaper" if self.in_bulk else ""
            yield f"Writing takes {_many(sum(calls.values()), 'call')} to Salesforce{way}: {_words(calls)}."

    def _by_object(self) -> Iterator[tuple[str, Counter[str]]]:
        yield from ((name, self.objects[name]) for name in fields.ORDER if name in self.objects)


def _document(counts: Counter[str]) -> dict[str, Any]:
    return {CREATED: counts[CREATED], UPDATED: counts[UPDATED], "transitions": _transitions(counts)}


def _ordered(counts: Counter[str]) -> dict[str, int]:
    written = {name: counts[name] for name in (CREATED, UPDATED) if counts[name]}
    return written | _transitions(counts)


def _transitions(counts: Counter[str]) -> dict[str, int]:
    return {name: many for name, many in sorted(counts.items()) if name not in (CREATED, UPDATED)}


def _words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {many:,}" for name, many in counts.items())


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
