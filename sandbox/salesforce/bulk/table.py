"""CSV as Bulk API 2.0 reads and writes it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

DELIMITERS: Final = {
    "BACKQUOTE": "`",
    "CARET": "^",
    "COMMA": ",",
    "PIPE": "|",
    "SEMICOLON": ";",
    "TAB": "\t",
}
LINE_ENDINGS: Final = {"LF": "\n", "CRLF": "\r\n"}


class Unusable(Exception):
    """The data of a job cannot be worked at all; the text is the job's ``errorMessage``."""


def read(content: bytes, delimiter: str, line_ending: str) -> tuple[list[str], list[list[str]]]:
    """Header and rows. Raises Unusable for what is not such a table."""
    text = _text(content)
    end = text.find("\n")
    if end >= 0 and (text[end - 1 : end] == "\r") != (line_ending == "CRLF"):
        message = f"LineEnding is invalid on user data. Current LineEnding setting is {line_ending}"
        raise Unusable(f"ClientInputError : {message}")
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=DELIMITERS[delimiter], strict=True)
    try:
        rows = [line for line in lines if line]
    except csv.Error as error:
        raise Unusable(f"InvalidBatch : Records not processed: {error}") from None
    if not rows:
        raise Unusable("InvalidBatch : Records not processed: there is no header")
    for place, row in enumerate(rows):
        if len(row) != len(rows[0]):
            message = f"Row {place} has {len(row)} columns, the header has {len(rows[0])}"
            raise Unusable(f"InvalidBatch : {message}")
    return rows[0], rows[1:]


def write(header: Sequence[str], rows: Iterable[Sequence[str]], delimiter: str, line_ending: str) -> bytes:
    """Every cell in quotes."""
    out = io.StringIO(newline="")
    writer = csv.writer(
        out,
        delimiter=DELIMITERS[delimiter],
        lineterminator=LINE_ENDINGS[line_ending],
        quoting=csv.QUOTE_ALL,
    )
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue().encode()


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise Unusable(f"ClientInputError : The data is not UTF-8: {error.reason}") from None
