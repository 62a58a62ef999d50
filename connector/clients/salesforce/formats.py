"""The texts that Salesforce reads and writes: JSON, CSV of the Bulk API, SOQL with many keys, XML of SOAP.

Amounts are written digit by digit from their Decimal: through a float 0.1 + 0.2 would arrive as
0.30000000000000004. Key order is kept: Salesforce wants ``attributes`` first in a nested record.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote_plus
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from simple_salesforce.format import format_soql

Row = Mapping[str, Any]
"""The values of one record to write."""
CLEARED: Final = "#N/A"
"""In CSV an empty cell leaves a field as it is and this clears it. So text is always quoted, and empty text, which
clears a field in JSON, is written as this
(https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/datafiles_prepare_csv.htm)."""
BYTES_IN_A_JOB: Final = 90_000_000
"""Salesforce accepts 150 MB after base64 encoding: 100 MB of CSV. This leaves a margin."""
LONGEST_URI: Final = 14_000
"""Salesforce answers 414 or 431 at about 16,000 bytes of address and headers."""
_ENVELOPE: Final = "{http://schemas.xmlsoap.org/soap/envelope/}"


def to_json(value: object) -> str:
    """JSON text. TypeError for floats, ValueError for naive times: neither is exact."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_text(str(key))}:{to_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return "[" + ",".join(map(to_json, value)) + "]"
    return _scalar(value)


def _scalar(value: object) -> str:
    if value is None:
        return "null"
    text = plain(value)
    return _text(text) if isinstance(value, str | date) else text


def plain(value: object) -> str:
    """A value's text without quotes, the same in JSON and CSV."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be written to Salesforce")


def timestamp(moment: datetime) -> str:
    """``2026-05-01T07:25:37.000Z``: UTC, to the millisecond, which is what a Date/Time field keeps."""
    if moment.tzinfo is None:
        raise ValueError("a time without its zone cannot be written to Salesforce")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _number(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError(f"{value} is not an amount")
    return f"{value:f}"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def fits_csv(row: Row) -> bool:
    """False if a text is ``#N/A`` itself, which clears a field in CSV."""
    return CLEARED not in _values(row).values()


def csv_files(
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


def read_csv(content: bytes) -> list[dict[str, str]]:
    """A result file, row by row."""
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def _columns(rows: Sequence[Row], key_field: str) -> list[str]:
    names = {name for row in rows for name in _values(row)}
    return [key_field, *sorted(names - {key_field})]


def _values(row: Row) -> dict[str, object]:
    """Flat: a parent's key is the column ``Account.Billing_Key__c``."""
    values: dict[str, object] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            values |= {f"{name}.{inner}": key for inner, key in value.items() if inner != "attributes"}
        else:
            values[name] = value
    return values


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


def key_queries(prefix: str, field: str, keys: Iterable[str], suffix: str = "") -> Iterator[str]:
    """``{prefix} WHERE {field} IN (…) {suffix}``, in as many queries as all keys need, each key once."""
    head, tail = f"{prefix} WHERE {field} IN (", f") {suffix}".rstrip()
    room = LONGEST_URI - _uri_size(head + tail)
    chunk: list[str] = []
    used = 0
    for literal in dict.fromkeys(format_soql("{}", key) for key in keys):
        size = _uri_size(literal + ",")
        if chunk and used + size > room:
            yield head + ",".join(chunk) + tail
            chunk, used = [], 0
        chunk.append(literal)
        used += size
    if chunk:
        yield head + ",".join(chunk) + tail


def _uri_size(text: str) -> int:
    return len(quote_plus(text))


def soap_fault(content: bytes) -> Mapping[str, str] | None:
    """The fault of a SOAP response in the shape of a REST error, if it has one."""
    envelope = _element(content)
    fault = envelope.find(f"{_ENVELOPE}Body/{_ENVELOPE}Fault") if envelope is not None else None
    if fault is None:
        return None
    code = fault.findtext("{*}faultcode", "").rpartition(":")[2]
    message = fault.findtext("{*}faultstring", "")
    return {"errorCode": code, "message": message.removeprefix(f"{code}:").strip()}


def soap_body(content: bytes) -> Element | None:
    """The content of a SOAP envelope."""
    envelope = _element(content)
    body = envelope.find(f"{_ENVELOPE}Body") if envelope is not None else None
    return next(iter(body), None) if body is not None else None


def _element(content: bytes) -> Element | None:
    """None for content that is not XML, or that has a document type or entities."""
    try:
        return fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError):
        return None
