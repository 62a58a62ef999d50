"""Account codes from a file or from stdin: one a line, or the first column of a CSV, as any spreadsheet saves it:
with commas, semicolons or tabs, in UTF-8 or UTF-16, with or without a byte order mark and a heading."""

from __future__ import annotations

import codecs
import csv
import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from typing import IO, Any, Final

import click

from connector.cli.output.console import err, show

LONGEST: Final = 255
"""Characters of a code, or of a whole key."""
LONGEST_LINE: Final = 100_000
_HEADINGS: Final = frozenset(
    {"account", "account_code", "account code", "accountcode", "billing_account_code__c", "code"}
)
_DELIMITERS: Final = ("\t", ";", ",")
_SAMPLE: Final = 1_000
"""Lines by which the delimiter is recognised."""


def read(name: str) -> list[str]:
    """The codes in this file, ``-`` for stdin, without blank lines, lines that begin with # and a heading on the first
    line. UsageError names the cause and the line."""
    if name == "-" and sys.stdin is None:
        raise click.UsageError("stdin is closed; name accounts, or a file.")
    try:
        with _opened(name) as file:
            found = list(_codes(file, name))
    except UnicodeDecodeError:
        raise click.UsageError(
            f"{_named(name)} is not text in UTF-8; save it as CSV UTF-8, or write one account code a line."
        ) from None
    except OSError as error:
        raise click.UsageError(f"{name} cannot be read: {error.strerror or error}.") from None
    if not found:
        raise click.UsageError(f"{_named(name)} names no account; write one account code a line.")
    return found


def code(text: str, where: str) -> str:
    """The code without surrounding blanks. UsageError if it cannot be a code."""
    found = text.strip()
    if not found or len(found) > LONGEST or not found.isprintable():
        raise click.UsageError(f"{where} is no account code: it has 1 to {LONGEST} printable characters.")
    return found


def _codes(file: IO[str], name: str) -> Iterator[str]:
    lines = _lines(file, name)
    first = list(islice(lines, _SAMPLE))
    delimiter = _delimiter(first)
    if first and first[0].strip().lower() == f"sep={delimiter}":  # a hint that Excel writes and reads
        first[0] = "\n"
    rows = csv.reader(chain(first, lines), delimiter=delimiter, skipinitialspace=True)
    is_first = True
    try:
        for row in rows:
            cell = row[0].strip() if row else ""
            if not any(map(str.strip, row)) or cell.startswith("#"):
                continue
            if is_first and _is_heading(cell):
                err.print(f"The first line of {show(_named(name))}, {show(cell)}, is treated as a heading.")
            else:
                yield code(cell, f"Line {rows.line_num} of {_named(name)}")
            is_first = False
    except csv.Error as error:
        raise click.UsageError(
            f"Line {rows.line_num} of {_named(name)} is not CSV: {error}; write one account code a line."
        ) from None


def _delimiter(lines: Sequence[str]) -> str:
    """The delimiter of the columns: from Excel's ``sep=`` hint or the heading, else a tab or semicolon that splits
    every line into the same number of cells. A code may contain any of them, so one on only some lines is no
    delimiter."""
    rows = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not rows:
        return ","
    head = rows[0].strip().lower()
    for one in _DELIMITERS:
        if head == f"sep={one}" or (one in head and _is_heading(_cells([rows[0]], one)[0][0])):
            return one
    for one in _DELIMITERS[:-1]:
        widths = {len(row) for row in _cells(rows, one)}
        if len(widths) == 1 and widths.pop() > 1:
            return one
    return _DELIMITERS[-1]


def _cells(lines: Iterable[str], delimiter: str) -> list[list[str]]:
    try:
        return [row for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True) if row]
    except csv.Error:
        return [[""]]


def _is_heading(cell: str) -> bool:
    return cell.strip().lower() in _HEADINGS


@contextmanager
def _opened(name: str) -> Iterator[IO[str]]:
    """As text: UTF-8, with or without a byte order mark, or UTF-16 with one, which Excel calls Unicode text."""
    with click.open_file(name, "rb") as opened:
        file: Any = opened
        buffered = file if hasattr(file, "peek") else io.BufferedReader(file)
        utf16 = buffered.peek(2)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        text = io.TextIOWrapper(buffered, encoding="utf-16" if utf16 else "utf-8-sig", newline="")
        try:
            yield text
        finally:
            text.detach()  # stdin stays open


def _lines(file: IO[str], name: str) -> Iterator[str]:
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE:
            raise click.UsageError(
                f"Line {number} of {_named(name)} is too long; write one account code a line."
            )
        yield line


def _named(name: str) -> str:
    return "stdin" if name == "-" else name
