"""``python -m bench [receive|slow|burst|idle|urgent|claim|filters|backfill ...] [--quick]``: measure, write RESULTS.md.

Without names all are measured; only then, and without --quick, is RESULTS.md written. ``backfill --accounts N``
measures a population of another size, and writes a section of its own. Exit code 1 if a target was not reached.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench import backfill, burst, claim, filters, idle, receive, urgent
from bench.machine import machine
from bench.progress import say
from bench.report import LARGE, Row, page, section, table, with_section

BENCHES: Mapping[str, Callable[[bool], list[Row]]] = {
    "receive": receive.rows,
    "slow": receive.slow_rows,
    "burst": burst.rows,
    "idle": idle.rows,
    "urgent": urgent.rows,
    "claim": claim.rows,
    "filters": filters.rows,
    "backfill": backfill.rows,
}
RESULTS = Path(__file__).parent / "RESULTS.md"


def main(argv: Sequence[str] | None = None) -> int:
    parser = _parser()
    asked = parser.parse_args(argv)
    names = asked.names or [name for name in BENCHES if name != "slow"]  # receive has its row
    if unknown := set(names) - set(BENCHES):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    started = datetime.now(UTC)
    if asked.accounts is not None:
        if names != ["backfill"]:
            parser.error("--accounts is for backfill alone: python -m bench backfill --accounts 100000")
        return _large(asked.accounts, started)
    rows: list[Row] = []
    for name in BENCHES:
        if name in names:
            say(f"── {name}")
            rows += BENCHES[name](asked.quick)
    print(table(rows))
    if not asked.names and not asked.quick:
        large = section(RESULTS.read_text(), LARGE)
        told = page(rows, machine(), started.date().isoformat())
        _write(with_section(told, LARGE, large) if large else told)
    return _verdict(rows)


def _large(accounts: int, started: datetime) -> int:
    """A backfill of another size than the usual one."""
    rows = backfill.measured(accounts)
    print(table(rows))
    facts = ", ".join(f"{name} {value}" for name, value in machine().items())
    told = f"{started.date().isoformat()}: {facts}.\n\n{table(rows)}"
    _write(with_section(RESULTS.read_text(), LARGE, told))
    return _verdict(rows)


def _write(told: str) -> None:
    RESULTS.write_text(told)
    say(f"written: bench/{RESULTS.name}")


def _verdict(rows: Sequence[Row]) -> int:
    return 0 if all(row.reached is not False for row in rows) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Casewire's benchmarks.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHES))
    parser.add_argument("--quick", action="store_true", help="small and rough: to see whether it runs")
    parser.add_argument("--accounts", type=int, metavar="N", help="for backfill: of another size")
    return parser


if __name__ == "__main__":
    sys.exit(main())
