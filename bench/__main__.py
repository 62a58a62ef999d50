"""``python -m bench [receive|burst|idle|claim ...] [--quick]``: measure, print, and write RESULTS.md.

Without names all are measured; only then, and without --quick, is RESULTS.md written. Exit code 1 if a target
was not reached.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench import burst, claim, idle, receive
from bench.machine import machine
from bench.progress import say
from bench.report import Row, page, table

BENCHES: Mapping[str, Callable[[bool], list[Row]]] = {
    "receive": receive.rows,
    "burst": burst.rows,
    "idle": idle.rows,
    "claim": claim.rows,
}
RESULTS = Path(__file__).parent / "RESULTS.md"


def main(argv: Sequence[str] | None = None) -> int:
    parser = _parser()
    asked = parser.parse_args(argv)
    names = asked.names or list(BENCHES)
    if unknown := set(names) - set(BENCHES):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    started = datetime.now(UTC)
    rows: list[Row] = []
    for name in BENCHES:
        if name in names:
            say(f"── {name}")
            rows += BENCHES[name](asked.quick)
    print(table(rows))
    if set(names) == set(BENCHES) and not asked.quick:
        RESULTS.write_text(page(rows, machine(), started.date().isoformat()))
        say(f"written: bench/{RESULTS.name}")
    return 0 if all(row.reached is not False for row in rows) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Casewire's benchmarks.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHES))
    parser.add_argument("--quick", action="store_true", help="small and rough: to see whether it runs")
    return parser


if __name__ == "__main__":
    sys.exit(main())
