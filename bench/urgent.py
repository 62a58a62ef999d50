"""``urgent``: how long a dispute waits for its case behind a backlog, and how much memory a large backlog takes.

The same dispute is measured on an idle system first: its calls there are the time that the vendors take. The backlog
is put into the ledger as the receiver records it, and worked by one worker.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import psutil
from sqlalchemy import text

from bench.priming import LATENCY, populate, prime, slow_down
from bench.progress import say
from bench.report import Row
from connector import queue
from connector.cli.local_stack import SITE, Stack, stack
from connector.ledger.inbox import Inbox, insert
from connector.models.events import Event, Fate, Pointer, Urgency
from connector.models.facts import Kind, ProcessorObject, Status
from connector.queue import Queue, Stage

COMMAND = "python -m bench urgent"
SECONDS_TARGET = 3.0
MEGABYTES_TARGET = 350.0
DEADLINE = 3600.0
ONCE = 2_000
"""Events that are recorded in one commit."""


@dataclass(frozen=True, slots=True)
class Size:
    """Of the backlog. ``disputes``: how many are measured while it is worked; ``pause``: seconds between two."""

    accounts: int
    events: int
    disputes: int
    pause: float


@dataclass(frozen=True, slots=True)
class Waited:
    """One dispute: from its recording until its case is written, and how many events were pending then."""

    seconds: float
    pending: int


def rows(quick: bool) -> list[Row]:
    size = Size(20, 2_000, 2, 0.5) if quick else Size(200, 120_000, 7, 3.0)
    with tempfile.TemporaryDirectory(prefix="casewire-bench-") as directory:
        home = Path(directory)
        with (home / "casewire.log").open("wb") as log, stack(home, log=log) as running:
            codes = populate(running, size.accounts, "urgent")
            prime(running, codes)
            slow_down(running)
            bench = _Bench(running, Inbox(running.engine), _references(running))
            try:
                return bench.measure(size, codes)
            finally:
                bench.inbox.close()


def _references(running: Stack) -> list[str]:
    """What Stripe calls the payments of different accounts: a dispute is joined by it."""
    statement = (
        "SELECT min(data->>'gateway_reference') AS reference FROM snapshot WHERE object = 'payment' "
        "AND data->>'gateway_reference' LIKE 'ch\\_%' GROUP BY subject ORDER BY subject"
    )
    with running.engine.connect() as connection:
        return [row.reference for row in connection.execute(text(statement))]


@dataclass(slots=True)
class _Bench:
    running: Stack
    inbox: Inbox
    references: list[str]
    disputes: int = 0

    def measure(self, size: Size, codes: Sequence[str]) -> list[Row]:
        idle = [self._dispute() for _ in range(3)][1:]  # the first logs in and reads the org's queues
        for server in LATENCY:
            self.running.vendors.control(server, "DELETE", "calls")
        idle.append(self._dispute())
        calls = {s: int(self.running.vendors.control(s, "GET", "calls")["total"]) for s in LATENCY}
        vendors = sum(count * LATENCY[server] for server, count in calls.items()) / 1000
        say(f"urgent, idle: {statistics.median(one.seconds for one in idle):.2f} s, calls {calls}")
        self._backlog(size, codes)
        started = time.monotonic()
        waited = []
        for _ in range(size.disputes):
            time.sleep(size.pause)
            waited.append(self._dispute())
            say(f"urgent: {waited[-1].seconds:.2f} s with {waited[-1].pending:,} events pending")
        peak = self._settled(started)
        say(f"urgent: the backlog was worked in {time.monotonic() - started:.0f} s, {peak:.0f} MB")
        return _rows(size, waited, vendors, peak)

    def _dispute(self) -> Waited:
        self.disputes += 1
        now = datetime.now(UTC)
        id_ = f"dp_urgent{self.disputes}"
        item = ProcessorObject(
            kind=Kind.DISPUTE,
            source="stripe",
            id=id_,
            at=now,
            status=Status.NEEDS_RESPONSE,
            amount=Decimal(10),
            currency="USD",
            due_at=now + timedelta(days=10),
            opened_at=now,
            references=(self.references[self.disputes],),
        )
        pointers = (Pointer(str(Kind.DISPUTE), (id_,)),)
        event = _event("stripe", "", f"evt_{id_}", "charge.dispute.created", Urgency.DISPUTE, pointers)
        pending = self._count("SELECT count(*) FROM event WHERE status = 'pending'")
        started = time.monotonic()
        self.inbox.record([_carrying(event, item)])
        self._wake()
        key = f"stripe:dispute:{id_}:dispute:1"
        while not self._count(
            "SELECT count(*) FROM change WHERE object = 'Case' AND outcome = 'written' AND key = :key",
            key=key,
        ):
            if time.monotonic() - started > DEADLINE:
                raise TimeoutError("no case was written")
            time.sleep(0.01)
        return Waited(time.monotonic() - started, pending)

    def _backlog(self, size: Size, codes: Sequence[str]) -> None:
        """Profile edits: routine events about accounts that are known."""
        made = [
            _event(
                "recurly",
                SITE,
                f"urgent-{number}",
                "account.updated",
                Urgency.ROUTINE,
                (Pointer("account", (f"code-{codes[number % len(codes)]}",)),),
            )
            for number in range(size.events)
        ]
        for start in range(0, len(made), ONCE):
            with self.running.engine.begin() as connection:
                insert(connection, made[start : start + ONCE])
        self._wake()
        say(f"urgent: {size.events:,} events on {size.accounts:,} accounts are pending")

    def _settled(self, started: float) -> float:
        """Wait until all is worked; the most megabytes that a worker had resident."""
        while not self.running.quiet():
            if time.monotonic() - started > DEADLINE:
                raise TimeoutError("the backlog was not worked in time")
            time.sleep(0.5)
        workers = [pid for name, pid in self.running.supervisor.pids().items() if name.startswith("worker")]
        return max(_peak(pid) for pid in workers)

    def _wake(self) -> None:
        redis = queue.connect(self.running.environment["REDIS_URL"])
        Queue(redis).wake(Stage.REFRESH)
        redis.close()

    def _count(self, statement: str, **values: object) -> int:
        with self.running.engine.connect() as connection:
            return int(connection.execute(text(statement), values).scalar_one())


def _event(
    source: str, site: str, id_: str, kind: str, urgency: Urgency, pointers: tuple[Pointer, ...]
) -> Event:
    now = datetime.now(UTC)
    return Event(source, site, id_, kind, Fate.HANDLED, urgency, now, pointers, "{}", "json")


def _carrying(event: Event, item: ProcessorObject) -> Event:
    return Event(
        event.source,
        event.site,
        event.event_id,
        event.kind,
        event.fate,
        event.urgency,
        event.occurred_at,
        event.pointers,
        event.body,
        event.format,
        carried=(item,),
    )


def _peak(pid: int) -> float:
    """The most that a process had resident, in megabytes; where the system does not keep it, what it has now."""
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / 1e6
    return float(psutil.Process(pid).memory_info().rss) / 1e6


def _rows(size: Size, waited: Sequence[Waited], vendors: float, peak: float) -> list[Row]:
    behind = [one for one in waited if one.pending]
    own = [one.seconds - vendors for one in behind]
    median, worst = statistics.median(own), max(own)
    least = min(one.pending for one in behind)
    return [
        Row(
            f"a dispute behind a backlog of {size.events:,} events, one worker: recorded → case written, beyond the "
            "vendor calls that it makes",
            f"{median:.2f} s, at most {worst:.2f} s (of {len(behind)}; {vendors:.2f} s are the vendors'; at least "
            f"{least:,} events pending)",
            "",
            f"≤ {SECONDS_TARGET:.0f} s",
            median <= SECONDS_TARGET,
            COMMAND,
        ),
        Row(
            f"the same backlog, on {size.accounts:,} accounts: the most memory that the worker took",
            f"{peak:.0f} MB",
            "",
            f"< {MEGABYTES_TARGET:.0f} MB",
            peak < MEGABYTES_TARGET,
            COMMAND,
        ),
    ]
