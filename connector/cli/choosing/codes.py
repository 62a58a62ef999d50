"""Account codes from a file or from stdin: one a line, or the first column of a CSV."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from typing import IO, Final

import click

from connector.cli.showing.output import err, show

LONGEST: Final = 255
"""Characters of a code, or of a whole key."""
LONGEST_LINE: Final = 100_000
_HEADINGS: Final = frozenset({"account", "account_code", "account code", "code"})


def read(name: str) -> list[str]:
    """The codes in this file, ``-`` for stdin. Blank lines and what begins with # are left out, and a heading on the
    first line. UsageError says what is wrong, and where."""
    if name == "-" and sys.stdin is None:
        raise click.UsageError("stdin is closed; name accounts, or a file.")
    try:
        with click.open_file(name, encoding="utf-8-sig") as file:
            found = list(_codes(file, name))
    except UnicodeDecodeError:
        raise click.UsageError(
            f"{_named(name)} is not text in UTF-8; write one account code a line."
        ) from None
    except OSError as error:
        raise click.UsageError(f"{name} cannot be read: {error.strerror or error}.") from None
    if not found:
        raise click.UsageError(f"{_named(name)} names no account; write one account code a line.")
    return found


def code(text: str, where: str) -> str:
    """The same code without what stands around it. UsageError where it can be none."""
    found = text.strip()
    if not found or len(found) > LONGEST or not found.isprintable():
        raise click.UsageError(f"{where} is no account code: it has 1 to {LONGEST} printable characters.")
    return found


def _codes(file: IO[str], name: str) -> Iterator[str]:
    for number, line in enumerate(_lines(file, name), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        first = _first_column(text)
        if number == 1 and first.lower() in _HEADINGS:
            err.print(f"The first line of {show(_named(name))}, {show(first)}, is taken for a heading.")
            continue
        yield code(first, f"Line {number} of {_named(name)}")


def _lines(file: IO[str], name: str) -> Iterator[str]:
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE:
            raise click.UsageError(
                f"Line {number} of {_named(name)} is too long; write one account code a line."
            )
        yield line


def _first_column(text: str) -> str:
    try:
        return next(csv.reader([text]), [""])[0].strip()
    except csv.Error:
        return text


def _named(name: str) -> str:
    return "stdin" if name == "-" else name
