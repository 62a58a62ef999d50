"""What a run is doing, on stderr; the result goes to stdout."""

from __future__ import annotations

import sys


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
