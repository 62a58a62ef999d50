"""Mending what was found, some accounts at a time, and what it came to even if it could not go on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from connector.cli.audit import acting
from connector.cli.drift.report import Entry, JsonLinesFile, RepairProgress
from connector.cli.output.console import err, show
from connector.cli.output.progress import progress
from connector.container import Container
from connector.errors import CasewireError, Permanent
from connector.ledger import runs
from connector.ledger.attempts import Cause
from connector.sync.apply.applier import BATCH, Applier
from connector.sync.drift.org_baseline import OrgBaseline
from connector.sync.drift.org_reader import SoqlReader
from connector.sync.drift.repair import RepairRequest, RepairResult, mend

_AWAY: Final = "Salesforce is not available; what is not mended is found again. See: casewire status"


def carry_out(
    container: Container,
    applier: Applier,
    kept: JsonLinesFile,
    reason: str,
    options: Mapping[str, Any],
    mending: RepairProgress,
) -> None:
    """What is held is read anew: what changed since it was found is not overwritten by what it was then. Where it can't
    go on it is said why, and ``mending`` tells how far it came."""
    assert isinstance(applier.known, OrgBaseline)
    known = applier.known
    fresh = replace(applier, known=replace(known, holding=SoqlReader(known.crm, known.owned)))
    try:
        with acting(container, "drift", reason, options) as cause, progress("Mending accounts") as tell:
            mending.run, worked = cause.run_id, 0
            for wanted in batches(kept):
                mending.done.add(mend(fresh, wanted, cause))
                worked += len(wanted.subjects)
                tell(worked, f"{mending.done.written:,} written")
                _note(container, cause, worked, mending.done)
                if mending.done.open:
                    raise Permanent(_AWAY)
            _once_more(fresh, mending.done, cause)
    except CasewireError as error:
        mending.done.open = True
        err.print(show(str(error)))


def _once_more(applier: Applier, done: RepairResult, cause: Cause) -> None:
    """What was given up on may lead to a record whose key was mended only after it."""
    again, done.dead = sorted(done.dead), set()
    for start in range(0, len(again), BATCH):
        done.add(mend(applier, RepairRequest(again[start : start + BATCH]), cause))


def _note(container: Container, cause: Cause, worked: int, done: RepairResult) -> None:
    with container.engine.begin() as connection:
        assert cause.run_id is not None
        runs.progress(connection, cause.run_id, {"accounts": worked, "written": done.written})


def batches(kept: JsonLinesFile) -> Iterator[RepairRequest]:
    """The accounts that drift, some at a time."""
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
        frozenset((entry["object"], entry["key"]) for entry in every if entry["let_go"]),
    )
