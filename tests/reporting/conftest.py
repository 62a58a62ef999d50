"""Cases of a report, and what is told of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from connector.reporting import Case, Counting, Period, Report

LATER = datetime(2027, 1, 1, tzinfo=UTC)
Rows = dict[Any, dict[str, Any]]


def at(day: int, hour: int = 0, month: int = 10) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def counted(cases: Iterable[Case], now: datetime = LATER, month: str = "2026-10") -> Report:
    counting = Counting(Period.of(month, now))
    assert sum(1 for _ in counting.watch(cases)) >= 0
    return counting.report()


def rows(report: Report, section: str) -> Rows:
    """A section's rows as figures by their label, or their labels."""
    told = report.section(section)
    labels = len(told.labels)
    return {
        (row[0] if labels == 1 else row[:labels]): dict(zip(told.figures, row[labels:], strict=True))
        for row in told.rows
    }


def key_figures(report: Report) -> dict[Any, Any]:
    return {
        (name if not currency else (name, currency)): value
        for name, currency, value in report.section("key_figures").rows
    }


@pytest.fixture
def case() -> Callable[..., Case]:
    """A case with its own key: of kind payment_failed, USD 100.00, in a queue. ``over``: when its problem ended, upon
    which it was closed; ``by_hand``: when a person closed it before."""
    number = count(1)

    def made(opened: datetime, over: datetime | None = None, outcome: str = "Recovered", **more: Any) -> Case:
        by_hand = more.pop("by_hand", None)
        if isinstance(more.get("amount"), str):
            more["amount"] = Decimal(more["amount"])
        told: dict[str, Any] = {
            "kind": "payment_failed",
            "amount": Decimal("100.00"),
            "currency": "USD",
        } | more
        return Case(
            key=f"recurly:acme:invoice:{next(number)}:past_due:1",
            opened_at=opened,
            resolved_at=over,
            closed_at=by_hand or (over + timedelta(minutes=2) if over else None),
            outcome=outcome if over else "",
            **told,
        )

    return made
