"""The result of a backfill, counted from the ledger in steps, so that a resumed run reports all of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Engine

from connector.ledger import backfill_errors as ledger
from connector.ledger import backfills

STEP: Final = 1_000
FATES: Final = ("created", "updated", "refused")


@dataclass(slots=True)
class Report:
    """``accounts``: how they stand; ``records``: object → fate → how many; ``reasons``: code → an example of what was
    said → how many accounts; ``unreadable``: how many objects could not be read."""

    unreadable: int = 0
    accounts: Counter[str] = field(default_factory=Counter)
    records: dict[str, Counter[str]] = field(default_factory=dict)
    reasons: dict[str, Counter[str]] = field(default_factory=dict)

    @property
    def is_well(self) -> bool:
        """Whether every account could be decided and written, or is still to be, and every object be read."""
        stuck = (self.accounts["failed"], self.accounts["undecided"], self.unreadable)
        return not any(stuck)

    def groups(self) -> list[dict[str, Any]]:
        """Why accounts are not well, the most frequent first."""
        found = [
            {"code": code, "accounts": told.total(), "example": told.most_common(1)[0][0]}
            for code, told in self.reasons.items()
        ]
        return sorted(found, key=lambda one: (-one["accounts"], one["code"]))


def report(engine: Engine, run_id: int) -> Report:
    """Of all its accounts."""
    with engine.connect() as connection:
        found = Report(ledger.count_unreadable(connection, run_id))
    for keys in _steps(engine, run_id):
        with engine.connect() as connection:
            found.accounts += Counter({"found": len(keys)}) + Counter(
                backfills.accounts(connection, run_id, keys)
            )
            for (object_, fate), many in backfills.records(connection, run_id, keys).items():
                found.records.setdefault(object_, Counter())[fate] += many
            lacking = ledger.of_accounts(connection, run_id, keys)
            found.accounts["undecided"] += len(lacking)
            for one in (*backfills.troubles(connection, run_id, keys), *lacking):
                _add_reason(found, one["code"], one["error"])
    return found


def troubles(engine: Engine, run_id: int) -> Iterator[Mapping[str, Any]]:
    """Every account that is not well: account, state, code and error."""
    for keys in _steps(engine, run_id):
        with engine.connect() as connection:
            found = backfills.troubles(connection, run_id, keys)
            found += ledger.of_accounts(connection, run_id, keys)
        yield from sorted(found, key=lambda one: str(one["account"]))


def unreadable(engine: Engine, run_id: int) -> Iterator[Mapping[str, Any]]:
    """Every object that could not be read: object, ref, account (None where nobody knows) and error."""
    after = ("", "")
    while True:
        with engine.connect() as connection:
            found = ledger.unreadable(connection, run_id, after, STEP)
        yield from found
        if len(found) < STEP:
            return
        after = (found[-1]["object"], found[-1]["ref"])


def _add_reason(found: Report, code: str, error: str) -> None:
    """Of each code one example is enough: the texts name records, so there may be as many as accounts."""
    told = found.reasons.setdefault(code, Counter())
    told[next(iter(told), error)] += 1


def _steps(engine: Engine, run_id: int) -> Iterator[list[str]]:
    after = ""
    while True:
        with engine.connect() as connection:
            keys = backfills.walk(connection, run_id, after, STEP)
        if not keys:
            return
        yield keys
        after = keys[-1]
