"""Ids as Recurly's look, the same for the same seed, whatever else the site holds.

Invoice numbers are the exception on a real site: one sequence for all. Here each play of a story counts in
a range drawn from its seed, so that a story tells the same numbers whatever was played before.
"""

from __future__ import annotations

import hashlib
import random
from typing import Final

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_RANGES: Final = 900_000
_RANGE: Final = 1_000
PER_ACCOUNT: Final = 20
"""Invoice numbers between one account's first and the next one's."""


def draw(*parts: object) -> random.Random:
    """A source of chance that depends on nothing but what it is given (``hash()`` changes by process)."""
    return random.Random("|".join(str(part) for part in parts))


def first_number(*parts: object) -> int:
    """Where the invoice numbers of one play of a story begin."""
    digest = hashlib.sha256("|".join(str(part) for part in parts).encode()).digest()
    return 1_000 + int.from_bytes(digest[:8], "big") % _RANGES * _RANGE


class Ids:
    """The ids of one account and all that belongs to it."""

    def __init__(self, chance: random.Random, first_invoice: int) -> None:
        self._chance = chance
        self._next_number = first_invoice

    def id(self) -> str:
        """Twelve base-36 characters with a letter in front: ``ra93x2i8g69t``."""
        return self._chance.choice("qrstuv") + "".join(self._chance.choices(_DIGITS, k=11))

    def uuid(self) -> str:
        return f"{self._chance.getrandbits(128):032x}"

    def short(self, length: int = 4) -> str:
        return "".join(self._chance.choices(_DIGITS, k=length))

    def digits(self, length: int) -> str:
        """A number of this length, without a zero in front."""
        return str(self._chance.randrange(10 ** (length - 1), 10**length))

    def number(self) -> int:
        self._next_number += 1
        return self._next_number - 1
