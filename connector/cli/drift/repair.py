"""Repairs drift in batches of accounts, and keeps the result if the repair stops early."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from connector.cli.audit import audited_run
from connector.cli.drift.report import Entry, JsonLinesFile, RepairProgress
from connector.cli.output.console import err, show
from connector.cli.output.progress import progress
from connector.container import Container
from connector.errors import CasewireError, Permanent
from connector.ledger import runs
from connector.ledger.attempts import Cause
from connector.retry import Pauses
from connector.sync.apply.applier import BATCH, Applier
from connector.sync.drift.org_baseline import OrgBaseline
from connector.sync.drift.org_reader import SoqlReader
from connector.sync.drift.repair import RepairRequest, RepairResult, repair_accounts

PAUSES: Final = (2.0, 10.0)
"""Seconds between two tries to repair accounts that a worker has leased."""
_AWAY: Final = (
    "Salesforce is not available; a later drift finds what is not repaired yet. See: casewire status"
)


def repair_drift(
    container: Container,
    applier: Applier,
    kept: JsonLinesFile,
    reason: str,
    options: Mapping[str, Any],
    repair: RepairProgress,
) -> None:
    """Read the records again, so that changes since the scan are not overwritten, and repair them. If it has to stop,
    the reason is printed, and ``repair`` has the progress."""
    assert isinstance(applier.known, OrgBaseline)
    baseline = applier.known
    fresh = replace(applier, known=replace(baseline, reader=SoqlReader(baseline.crm, baseline.owned)))
    try:
        with (
            audited_run(container, "drift", reason, options) as cause,
            progress("Repairing accounts") as report_progress,
        ):
            repair.run, worked = cause.run_id, 0
            for wanted in batches(kept):
                repair.done.add(repair_accounts(fresh, wanted, cause))
                worked += len(wanted.subjects)
                report_progress(worked, f"{repair.done.written:,} written")
                _note(container, cause, worked, repair.done)
                if repair.done.open:
                    raise Permanent(_AWAY)
            _retry(fresh, repair.done, cause)
    except CasewireError as error:
        repair.done.open = True
        err.print(show(str(error)))


def _retry(applier: Applier, done: RepairResult, cause: Cause) -> None:
    """Try dead accounts once more: one can depend on a record whose key was repaired after it. Then try accounts that a
    worker had leased, with pauses: a worker writes what differs from the mirror, which is not the drift."""

    def repair(again: set[str]) -> None:
        keys = sorted(again)
        for start in range(0, len(keys), BATCH):
            done.add(repair_accounts(applier, RepairRequest(keys[start : start + BATCH]), cause))

    def repair_left() -> bool | None:
        again, done.left = done.left, set()
        repair(again)
        return done.open or not done.left or None

    again, done.dead = done.dead, set()
    repair(again)
    Pauses(PAUSES).until_result(repair_left)


def _note(container: Container, cause: Cause, worked: int, done: RepairResult) -> None:
    with container.engine.begin() as connection:
        assert cause.run_id is not None
        runs.progress(connection, cause.run_id, {"accounts": worked, "written": done.written})


def batches(kept: JsonLinesFile) -> Iterator[RepairRequest]:
    """The accounts that drift, in batches."""
    entries: dict[str, list[Entry]] = {}
    for entry in kept:
        if len(entries) == BATCH and entry["account"] not in entries:
            yield _wanted(entries)
            entries = {}
        entries.setdefault(entry["account"], []).append(entry)
    if entries:
        yield _wanted(entries)


def _wanted(entries: dict[str, list[Entry]]) -> RepairRequest:
    every = [entry for some in entries.values() for entry in some]
    return RepairRequest(
        list(entries),
        frozenset(entry["account"] for entry in every if entry["linked"]),
        frozenset((entry["object"], entry["key"]) for entry in every if entry["vanished"]),
    )
