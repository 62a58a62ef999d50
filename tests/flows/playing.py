"""Starting a stack, telling stories to it, breaking it, and waiting for what must become true."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from connector.cli.demo.verification import Verification, judge
from connector.cli.local_stack import Stack, stack
from connector.ledger.schema import metadata
from connector.queue import Queue
from connector.retry import wait_until

SEED = 11
AT = (datetime.now(UTC) - timedelta(minutes=30)).replace(microsecond=0).isoformat()
"""When every story ends: one moment for the whole session, so that its tellings can be compared."""

PATIENCE = 90.0
CROWDS = ("population", "news", "burst")
OUTAGE = {"gateway_outage": {"count": 40}}
"""How many accounts the stories of many are told with here: more would only take longer."""


@contextmanager
def started(
    home: Path,
    *,
    workers: int = 1,
    sandbox: tuple[str, ...] = (),
    changes: Mapping[str, str] | None = None,
) -> Iterator[Stack]:
    """A stack that says nothing; its log is ``casewire.log`` in its home."""
    home.mkdir(parents=True, exist_ok=True)
    settings = {"CASEWIRE_SWEEP_SECONDS": "0.5", "CASEWIRE_WEB_THREADS": "8", **(changes or {})}
    with (
        (home / "casewire.log").open("wb") as log,
        stack(home, workers=workers, sandbox=sandbox, changes=settings, log=log) as running,
    ):
        yield running


def fresh(running: Stack) -> None:
    """Vendors and ledger as on the first day. What is under way ends first."""
    _EXPECTED_FAULTS.clear()
    for server in ("salesforce", "recurly", "processors"):
        running.vendors.control(server, "DELETE", "faults")
    with running.engine.begin() as connection:
        connection.execute(text("DELETE FROM circuit"))
        connection.execute(text("UPDATE event SET status = 'done' WHERE status = 'pending'"))
        connection.execute(text("UPDATE subject SET status = 'idle', history = 'done'"))
    assert settled(running)
    with running.engine.begin() as connection:
        connection.execute(text("UPDATE watermark SET at = now() WHERE name LIKE 'turn:%'"))
    wait_for(lambda: at_rest(running), "every worker has put down what it was doing")
    for server in ("recurly", "salesforce"):
        running.vendors.control(server, "POST", "reset")
    tables = ", ".join(table.name for table in metadata.sorted_tables)
    with running.engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {tables}"))


def at_rest(running: Stack) -> bool:
    """Whether no job waits, and none is at what only one may do at a time: reading a change feed leaves no other trace
    until it ends."""
    held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    with Redis.from_url(running.environment["REDIS_URL"]) as redis:
        for _ in range(2):
            if Queue(redis).depth() or scalar(running, held):
                return False
            time.sleep(0.1)
    return True


def settled(running: Stack, seconds: float = 2 * PATIENCE) -> bool:
    """Whether all that was sent is received and worked in time, PostgreSQL being away now and then."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            return running.settle(deadline - time.monotonic())
        except OperationalError:
            time.sleep(0.2)
    return False


def stories(running: Stack) -> list[str]:
    """The names of all stories, crowd scenes left out."""
    found = running.vendors.control("recurly", "GET", "scenarios")
    return [story["name"] for story in found if story["name"] not in CROWDS]


def play(running: Stack, name: str, **how: Any) -> dict[str, Any]:
    """One story, or a crowd scene."""
    order = {"seed": SEED, "at": AT, **OUTAGE.get(name, {}), **how}
    played: dict[str, Any] = running.vendors.control("recurly", "POST", f"scenarios/{name}", order)
    return played


def cue(running: Stack, times: int = 1) -> None:
    """So many pauses of a story end now. It pauses after each of its steps, the last too."""
    for _ in range(times):
        running.vendors.control("recurly", "POST", "cue")


def tell(running: Stack, names: Sequence[str], *, beside: int = 1, **how: Any) -> list[dict[str, Any]]:
    """Stories, ``beside`` of them side by side; what each should leave in the CRM."""
    with ThreadPoolExecutor(beside) as pool:
        played = list(pool.map(lambda name: play(running, name, **how), names))
    return [expectation for one in played for expectation in one["expect"]]


def verdict(running: Stack, expectations: Sequence[Mapping[str, Any]] = ()) -> Verification:
    return judge(running.engine, running.vendors.records, running.sent(), expectations)


def worked(running: Stack, expectations: Sequence[Mapping[str, Any]]) -> None:
    """All was received and worked, nothing is lost or doubled, and what the stories promise is there."""
    assert settled(running)
    found = verdict(running, expectations)
    assert (found.lost, found.doubled, found.different) == ([], [], [])


_EXPECTED_FAULTS: set[tuple[str, str]] = set()


def fault(running: Stack, server: str, kind: str, **how: Any) -> None:
    """A vendor fails from now on. The test fails unless the fault strikes: see ``faults_struck``."""
    running.vendors.control(server, "POST", "faults", {"kind": kind, **how})
    _EXPECTED_FAULTS.add((server, kind))


def faults_struck(running: Stack) -> None:
    """Every fault that was set since ``fresh`` has struck: otherwise the test has shown nothing."""
    expected = set(_EXPECTED_FAULTS)
    _EXPECTED_FAULTS.clear()
    assert {fault for fault in expected if not _has_struck(running, fault)} == set(), (
        "faults that never struck"
    )


def mended(running: Stack, server: str) -> None:
    """The vendor works again, once its faults have struck: on a busy machine it may not have been called yet."""
    faults = [fault for fault in _EXPECTED_FAULTS if fault[0] == server]
    wait_until(lambda: all(_has_struck(running, one) for one in faults), seconds=PATIENCE, interval=0.1)
    running.vendors.control(server, "DELETE", "faults")


def _has_struck(running: Stack, fault: tuple[str, str]) -> bool:
    server, kind = fault
    return bool(running.vendors.control(server, "GET", "calls")["faults"].get(kind))


def calls(running: Stack, server: str, *words: str) -> int:
    """How many requests a vendor got whose method and route hold all these words."""
    counts: dict[str, int] = running.vendors.control(server, "GET", "calls")["calls"]
    return sum(number for route, number in counts.items() if all(word in route for word in words))


def parts(running: Stack) -> dict[str, int]:
    """Every process that can be killed, by a name: web, scheduler, workers and the engines."""
    found = dict(running.supervisor.pids())
    with suppress(OSError, ValueError):
        found["postgresql"] = int((running.home / "postgres" / "postmaster.pid").read_text().splitlines()[0])
    with suppress(RedisError), Redis.from_url(running.environment["REDIS_URL"]) as redis:
        found["valkey"] = int(redis.info("server")["process_id"])
    return found


def kill(running: Stack, *wanted: str, chance: random.Random | None = None) -> str:
    """``kill -9`` of one part whose name begins with one of these; its name, or nothing where it is down."""
    found = {name: pid for name, pid in parts(running).items() if name.startswith(wanted)}
    if not found:
        return ""
    name = (chance or random.Random(0)).choice(sorted(found))
    with suppress(ProcessLookupError):
        os.kill(found[name], signal.SIGKILL)
    return name


@contextmanager
def killing(running: Stack, *wanted: str, seed: int, at_most: int = 8) -> Iterator[list[str]]:
    """Kills one of these parts every now and then, until left; what was killed."""
    chance, over = random.Random(seed), threading.Event()
    killed: list[str] = []

    def go_on() -> None:
        while not over.wait(chance.uniform(0.3, 1.2)) and len(killed) < at_most:
            if name := kill(running, *wanted, chance=chance):
                killed.append(name)

    killer = threading.Thread(target=go_on, name="killer")
    killer.start()
    try:
        yield killed
    finally:
        over.set()
        killer.join()


def scalar(running: Stack, sql: str) -> Any:
    with running.engine.connect() as connection:
        return connection.execute(text(sql)).scalar_one()


def wait_for(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """What the condition answers once that is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds:.0f} s: {what}")
