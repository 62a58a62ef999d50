"""``make mutants``: how many of the listed faults the tests notice; exit status 1 below 95 %."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.mutants.lists import MUTANTS
from bench.mutants.model import ROOT, Mutant, StaleMutant
from bench.mutants.runner import BROKEN, NOTICED, SURVIVED, check_baseline, run

TARGET = 0.95


def main() -> int:
    asked = _arguments()
    if stale := _stale(MUTANTS):
        print(*stale, sep="\n")
        print(f"{len(stale)} of {len(MUTANTS)} entries must be brought up to date.")
        return 2
    chosen = [one for one in MUTANTS if not asked.only or any(part in one.id for part in asked.only)]
    equivalent = [one for one in chosen if one.equivalent]
    chosen = [one for one in chosen if not one.equivalent]
    if asked.sample:
        chosen = _sample(chosen, asked.sample, asked.seed)
    if asked.list or asked.check:
        if asked.list:
            print(*(one.description() for one in chosen), sep="\n")
        print(f"{len(chosen)} mutants, {len(equivalent)} equivalent")
        return 0
    os.nice(10)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    return _run(chosen, equivalent, asked)


def _stop(number: int, _: object) -> None:
    """Ends the servers and the tests that were started, also where a shell has the process ignore SIGINT."""
    raise SystemExit(128 + number)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument(
        "--only", action="append", metavar="PART", help="mutants whose id contains this; repeatable"
    )
    parser.add_argument("--sample", type=int, metavar="N", help="N of them, chosen at random")
    parser.add_argument("--seed", type=int, default=1, help="chooses the sample (default: 1)")
    parser.add_argument("--jobs", type=int, default=1, help="how many at a time (default: 1)")
    parser.add_argument(
        "--limit", type=float, default=900, help="seconds for the tests of one mutant (default: 900)"
    )
    parser.add_argument(
        "--results", type=Path, default=ROOT / ".mutants.jsonl", help="where results are kept"
    )
    parser.add_argument("--resume", action="store_true", help="skip what the results file says was noticed")
    parser.add_argument(
        "--no-baseline", action="store_true", help="do not run the tests without a fault first"
    )
    parser.add_argument("--check", action="store_true", help="only check that every entry fits the source")
    parser.add_argument("--list", action="store_true", help="only print the mutants")
    return parser.parse_args()


def _stale(listed: Sequence[Mutant]) -> list[str]:
    """What of the list no longer fits the source: each entry applies, changes something, and is there once."""
    found = []
    seen: set[str] = set()
    for one in listed:
        try:
            if one.applied_to((ROOT / one.file).read_text()) == (ROOT / one.file).read_text():
                found.append(f"{one.id}: changes nothing")
        except (StaleMutant, FileNotFoundError) as error:
            found.append(str(error))
        if one.id in seen:
            found.append(f"{one.id}: listed twice: {one.old!r}")
        if not one.tests:
            found.append(f"{one.id}: no tests should notice it")
        found += [
            f"{one.id}: there is no {path}" for path in one.tests if not (ROOT / path.split("::")[0]).exists()
        ]
        seen.add(one.id)
    return found


def _sample(chosen: Sequence[Mutant], count: int, seed: int) -> list[Mutant]:
    """By a digest of the id: an entry that is added or removed does not change the rest of the sample."""
    return sorted(chosen, key=lambda one: hashlib.sha256(f"{seed}:{one.id}".encode()).digest())[:count]


def _run(chosen: Sequence[Mutant], equivalent: Sequence[Mutant], asked: argparse.Namespace) -> int:
    known = _noticed_before(asked.results) if asked.resume else {}
    if not asked.resume:
        asked.results.unlink(missing_ok=True)
    left = [one for one in chosen if one.id not in known]
    states = {one.id: NOTICED for one in chosen if one.id in known}
    with tempfile.TemporaryDirectory(prefix="casewire-mutants-") as home:
        tests = sorted({path for one in left for path in one.tests})
        if left and not asked.no_baseline and not check_baseline(tests, Path(home)):
            print("The tests fail without any fault.")
            return 2
        for number, result in enumerate(run(left, Path(home), asked.jobs, asked.limit), 1):
            states[result.mutant.id] = result.state
            print(
                f"{number}/{len(left)} {result.state:8} {result.seconds:5.1f} s {result.mutant.id} {result.by}",
                flush=True,
            )
            with asked.results.open("a") as kept:
                kept.write(
                    json.dumps({"id": result.mutant.id, "state": result.state, "by": result.by}) + "\n"
                )
    return _report(chosen, equivalent, states)


def _noticed_before(results: Path) -> dict[str, str]:
    if not results.exists():
        return {}
    kept = [json.loads(line) for line in results.read_text().splitlines()]
    return {one["id"]: one["by"] for one in kept if one["state"] == NOTICED}


def _report(chosen: Sequence[Mutant], equivalent: Sequence[Mutant], states: dict[str, str]) -> int:
    for state, title in ((SURVIVED, "Not noticed"), (BROKEN, "Could not be tested")):
        found = [one for one in chosen if states.get(one.id) == state]
        if found:
            print(f"\n{title}:", *(one.description() for one in found), sep="\n")
    if equivalent:
        print(
            "\nEquivalent, not run:",
            *(f"{one.description()}\n    {one.equivalent}" for one in equivalent),
            sep="\n",
        )
    noticed = sum(state == NOTICED for state in states.values())
    rate = noticed / len(chosen) if chosen else 1.0
    print(f"\n{noticed} of {len(chosen)} mutants noticed: {rate:.1%} (target {TARGET:.0%})")
    return 0 if rate >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
