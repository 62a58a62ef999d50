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
    """The result of a run. ``accounts``: number by state; ``records``: object → fate → number; ``reasons``: error code
    → example text → number of accounts; ``unreadable``: number of objects that could not be read."""

    unreadable: int = 0
    accounts: Counter[str] = field(default_factory=Counter)
    records: dict[str, Counter[str]] = field(default_factory=dict)
    reasons: dict[str, Counter[str]] = field(default_factory=dict)

    @property
    def is_well(self) -> bool:
        """Whether no account failed or is undecided, and every object was read. Accounts that are still to be written
        do not count."""
        stuck = (self.accounts["failed"], self.accounts["undecided"], self.unreadable)
        return not any(stuck)

    def groups(self) -> list[dict[str, Any]]:
        """The errors of accounts by code, the most frequent first."""
        found = [
            {"code": code, "accounts": examples.total(), "example": examples.most_common(1)[0][0]}
            for code, examples in self.reasons.items()
        ]
        return sorted(found, key=lambda one: (-one["accounts"], one["code"]))


def report(engine: Engine, run_id: int) -> Report:
    """Build the report of all accounts of a run."""
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
    """Yield every account with an error: account, state, code and error."""
    for keys in _steps(engine, run_id):
        with engine.connect() as connection:
            found = backfills.troubles(connection, run_id, keys)
            found += ledger.of_accounts(connection, run_id, keys)
        yield from sorted(found, key=lambda one: str(one["account"]))


def unreadable(engine: Engine, run_id: int) -> Iterator[Mapping[str, Any]]:
    """Yield every object that could not be read: object, ref, account (None if unknown) and error."""
    after = ("", "")
    while True:
        with engine.connect() as connection:
            found = ledger.unreadable(connection, run_id, after, STEP)
        yield from found
        if len(found) < STEP:
            return
        after = (found[-1]["object"], found[-1]["ref"])


def _add_reason(found: Report, code: str, error: str) -> None:
    """Count an error. One example of each code is enough: the texts name records, so each may be different."""
    examples = found.reasons.setdefault(code, Counter())
    examples[next(iter(examples), error)] += 1


def _steps(engine: Engine, run_id: int) -> Iterator[list[str]]:
    after = ""
    while True:
        with engine.connect() as connection:
            keys = backfills.walk(connection, run_id, after, STEP)
        if not keys:
            return
        yield keys
        after = keys[-1]
