"""A billing site, a CRM and a ledger, and a backfill between them that can be stopped anywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from samples import SITE, SOURCE
from sqlalchemy import Engine

from connector.ledger import links, runs
from connector.ledger.attempts import Cause
from connector.models.facts import BillingObject, Facts, Link, LinkState
from connector.models.linking import MADE
from connector.models.plan import Change, Plan
from connector.retry import RetryPolicy
from connector.sync.apply.applier import Applier
from connector.sync.apply.facts_loader import LoadedFacts
from connector.sync.backfill import (
    Backfill,
    BackfillLock,
    BackfillOptions,
    BulkWriteLock,
    Checkpoint,
    Phase,
    Unit,
)
from sync.fake_api import FakeApi
from sync.fake_crm import FakeCrm, Org
from sync.world import account, at, invoice

HERE = (SOURCE, SITE)


def decide(facts: Facts) -> Plan:
    """An account and its invoices."""
    if facts.account is None:
        return Plan(facts.subject)
    if facts.account.company == "broken":
        raise KeyError("currency")
    told = f"{facts.account.company}, {len(facts.invoices)} invoices"
    return Plan(facts.subject, (Change("Account", facts.subject, "account", "is", {"Name": told}),))


def people(many: int, **changed: Any) -> list[BillingObject]:
    """Accounts with an invoice each; a minute between any two changes."""
    found: list[BillingObject] = []
    for n in range(many):
        moment = at(1 + n % 20, n // 20)
        found.append(account(id=f"a{n:03}", code=f"c{n:03}", updated_at=moment, **changed))
        found.append(invoice(id=f"i{n:03}", number=str(n), account_code=f"c{n:03}", updated_at=moment))
    return found


@dataclass(frozen=True)
class Newcomers:
    """Nobody has a record in the CRM."""

    engine: Engine

    def find(self, readings: Sequence[LoadedFacts]) -> dict[str, Link]:
        found = {
            one.facts.subject: Link(LinkState.NEW, how=MADE) for one in readings if one.facts.link is None
        }
        with self.engine.begin() as connection:
            links.save(connection, found)
        return found

    def duplicates(self, named: Mapping[str, Mapping[str, Sequence[str]]]) -> set[str]:
        return set()

    def gone(self, subjects: Set[str]) -> None:
        raise AssertionError(subjects)


@dataclass
class Counted(FakeApi):
    """The same that tells how much there is."""

    def count(self, kind: str, since: datetime | None) -> int:
        return sum(one.object == kind for one in self.objects)


@dataclass
class Place:
    """``naps``: what was waited. ``said``: what the operator was told. ``told``: how far it was, each time."""

    engine: Engine
    api: Counted
    crm: FakeCrm = field(default_factory=FakeCrm)
    naps: list[float] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    told: list[tuple[Phase, int, int]] = field(default_factory=list)
    on_nap: Callable[[], None] = lambda: None
    on_tell: Callable[[Phase, int], None] = lambda phase, done: None
    agree: Callable[[int, Unit], None] = lambda count, unit: None
    run_id: int = 0

    def begin(self, asked: BackfillOptions | None = None) -> int:
        document = (asked or BackfillOptions((HERE,))).document()
        with self.engine.begin() as connection:
            self.run_id = runs.begin(connection, "backfill", "lead", "moving in", document)
        return self.run_id

    def backfill(self, *, writes: bool = True, within: float = 600.0) -> Backfill:
        """What ``casewire backfill --resume`` makes for this run."""
        with self.engine.connect() as connection:
            run = runs.named(connection, self.run_id)
        assert run is not None
        turn = BackfillLock(self.engine)
        turn.acquire()
        return Backfill(
            engine=self.engine,
            sources={HERE: _Source(self.api)},
            applier=Applier(
                self.engine, self.crm, Org, decide, lambda: datetime.now(UTC), "cli", Newcomers(self.engine)
            ),
            options=BackfillOptions.of(run.options, SOURCE),
            cause=Cause("backfill", "lead", self.run_id),
            lock=turn,
            bulk_lock=BulkWriteLock(self.engine, 2_000, self.nap, self.said.append),
            retry_policy=RetryPolicy(self.nap, self.said.append, within),
            report_progress=self.tell,
            spent=lambda: {"recurly": len(self.api.calls), "salesforce": len(self.crm.upserts)},
            writes=writes,
            confirm=self.agree,
            sleep=self.nap,
            batch_size=4,
        )

    def run(self, *, writes: bool = True, within: float = 600.0) -> Checkpoint:
        work = self.backfill(writes=writes, within=within)
        try:
            return work.run()
        finally:
            work.lock.release()

    def nap(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.on_nap()

    def tell(self, phase: Phase, done: int, total: int) -> None:
        self.told.append((phase, done, total))
        self.on_tell(phase, done)

    def names(self) -> dict[str, str]:
        """Account → what the CRM calls it."""
        return {key: str(row["Name"]) for (_, key), row in self.crm.records.items()}


@dataclass(frozen=True)
class _Source:
    """``FakeApi.calls`` is a list; a client counts."""

    api: Counted

    @property
    def calls(self) -> int:
        return len(self.api.calls)

    def count(self, kind: str, since: datetime | None) -> int:
        return self.api.count(kind, since)

    def fetch(self, kind: str, refs_list: Sequence[tuple[str, ...]]) -> Any:
        return self.api.fetch(kind, refs_list)

    def history(self, code: str) -> Any:
        return self.api.history(code)

    def changed(self, kind: str, since: datetime | None) -> Any:
        return self.api.changed(kind, since)
