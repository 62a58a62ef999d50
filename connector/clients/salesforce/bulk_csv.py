"""Rows as Bulk API 2.0 reads and tells them: CSV.

An empty cell leaves a field as it is and ``#N/A`` clears it, so text is always quoted and empty text, which JSON
would clear a field with, is ``#N/A`` here
(https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/datafiles_prepare_csv.htm).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from connector.clients.salesforce.encoding import plain
from connector.clients.salesforce.row_results import Row

CLEARED: Final = "#N/A"
BYTES_IN_A_JOB: Final = 90_000_000
"""Salesforce takes 150 MB after it has coded them in base64: 100 MB, with room to spare."""


def sayable(row: Row) -> bool:
    """Not if a text is ``#N/A`` itself, which CSV cannot say."""
    return CLEARED not in _values(row).values()


def files(
    rows: Sequence[Row], key_field: str, limit: int = BYTES_IN_A_JOB
) -> Iterator[tuple[list[Row], bytes]]:
    """CSV files of at most about ``limit`` bytes, each with its rows. The columns do not depend on the rows' order;
    rows of one parent lie together, so that batches, which run side by side, do not wait for its lock."""
    columns = _columns(rows, key_field)
    head = _line([_quoted(column) for column in columns])
    part: list[Row] = []
    lines, size = [head], len(head)
    for row in sorted(rows, key=_parents):
        line = _line(_cells(row, columns))
        if part and size + len(line) > limit:
            yield part, b"".join(lines)
            part, lines, size = [], [head], len(head)
        part.append(row)
        lines.append(line)
        size += len(line)
    if part:
        yield part, b"".join(lines)


def read(told: bytes) -> list[dict[str, str]]:
    """A result file, row by row."""
    return list(csv.DictReader(io.StringIO(told.decode("utf-8-sig"), newline="")))


def _columns(rows: Sequence[Row], key_field: str) -> list[str]:
    names = {name for row in rows for name in _values(row)}
    return [key_field, *sorted(names - {key_field})]


def _values(row: Row) -> dict[str, object]:
    """Flat: a parent's key is the column ``Account.Billing_Key__c``."""
    told: dict[str, object] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            told |= {f"{name}.{inner}": key for inner, key in value.items() if inner != "attributes"}
        else:
            told[name] = value
    return told


def _parents(row: Row) -> list[str]:
    keys = (value for value in row.values() if isinstance(value, Mapping))
    return [str(key) for parent in keys for inner, key in sorted(parent.items()) if inner != "attributes"]


def _cells(row: Row, columns: Sequence[str]) -> list[str]:
    values = _values(row)
    return [_cell(values[column]) if column in values else "" for column in columns]


def _cell(value: object) -> str:
    if value is None or value == "":
        return CLEARED
    text = plain(value)
    return _quoted(text) if isinstance(value, str) else text


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _line(cells: Sequence[str]) -> bytes:
    return (",".join(cells) + "\n").encode()
