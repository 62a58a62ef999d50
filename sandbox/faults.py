"""What goes wrong on purpose: kinds of faults, and what one strikes."""

from __future__ import annotations

import hashlib
import re
import time
from dataclasses import dataclass
from typing import Any, Final

KINDS: Final = frozenset(
    {
        "unavailable",
        "server_unavailable",
        "rate_limited",
        "daily_limit",
        "concurrent_limit",
        "row_lock",
        "session_expired",
        "timeout",
        "drop_after_commit",
        "validation_rule",
        "duplicate_rule",
        "slow",
    }
)
HOLDING: Final = frozenset({"timeout", "slow"})
"""For these ``seconds`` is how long an answer is held; for the others it is how long the fault lives."""
SHARED: Final = frozenset({"row_lock", "validation_rule", "duplicate_rule"})
"""These may strike a share of the rows instead of all: always the same rows, told apart by their key."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong on purpose.

    ``match``: regular expression (or plain text) looked for in the subject; empty matches everything.
    ``times``: how often it still strikes, None for always. ``seconds``: see ``HOLDING``. ``share``: see ``SHARED``.
    """

    id: int
    kind: str
    match: str = ""
    times: int | None = None
    seconds: float | None = None
    until: float | None = None
    share: float | None = None

    def strikes(self, subject: str, key: str = "") -> bool:
        if self.share is not None and not _within(self.share, key):
            return False
        return self.match in subject or re.search(self.match, subject, re.MULTILINE) is not None

    def told(self) -> dict[str, Any]:
        left = None if self.until is None else max(0.0, round(self.until - time.monotonic(), 3))
        return {
            "id": self.id,
            "kind": self.kind,
            "match": self.match,
            "times": self.times,
            "share": self.share,
            "seconds": self.seconds if left is None else left,
        }


def _within(share: float, key: str) -> bool:
    """Whether a row is of the share; the same key always gives the same answer."""
    digest = hashlib.blake2b(key.encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") < share * 2**32
