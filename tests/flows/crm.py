"""What the CRM holds, in a form that can be compared between two runs: ids, clocks and counters taken out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from bench.records import NAMED, SET_BY_ORG
from bench.records import differences as record_differences
from connector.cli.local_stack import Stack, Vendors
from connector.mappers import fields
from connector.mappers.fields import Case, Event

Record = tuple[str, str]
Rows = dict[Record, dict[str, Any]]

DATED_BY_THE_TELLING = ("Updated", "Saved", "No longer needed")
"""Outcomes whose day is that of the delivery: what ended such a case has no time of its own at Recurly."""


def contents(vendors: Vendors) -> Rows:
    """Every record of ours by object and key. What was an id says whom it points to."""
    found = {object_: vendors.records(object_) for object_ in fields.ORDER}
    names = _names(vendors, found)
    rows: Rows = {}
    for object_, records in found.items():
        for record in records:
            key = (object_, record[fields.KEY])
            assert key not in rows, f"{key} is there twice"
            rows[key] = {
                name: names.get(value, undated(value, *DATED_BY_THE_TELLING))
                if isinstance(value, str)
                else value
                for name, value in record.items()
                if name not in SET_BY_ORG
            }
    return rows


def comparable(running: Stack) -> Rows:
    """All but one account: if it is forgotten before anybody asks for it, it was never known. What is there of it
    depends on the moment of the question, and nothing can change that. So does one thing that time brings about: which
    accounts had a case before their incident was seen.
    """
    forgotten = {one["account_code"] for one in running.sent() if one["kind"] == "account.closed"}
    assert len(forgotten) == 1
    rows = contents(running.vendors)
    early = {f"{object_} {key}" for (object_, key), row in rows.items() if _was_held_back(row)}
    return {
        record: _without(row, early)
        for record, row in rows.items()
        if " ".join(record) not in early and not any(code in f"{record}{row}" for code in forgotten)
    }


def _was_held_back(row: Mapping[str, Any]) -> bool:
    """A case that is over, of an account that an incident touched."""
    is_over = row.get(Case.STATE) == "resolved"
    return is_over and row[Case.RULE] == "payment_failed" and ":incident:" in str(row[Case.PARENT])


def _without(row: dict[str, Any], early: set[str]) -> dict[str, Any]:
    """The same record; a timeline row that points to one of these cases points to none."""
    return {name: None if name == Event.CASE and value in early else value for name, value in row.items()}


def undated(text: str, *outcomes: str) -> str:
    """Without the day of one of these outcomes, for what is told before midnight here and after it there."""
    day = rf"^({'|'.join(outcomes)}) on \d{{4}}-\d\d-\d\d"
    return re.sub(day, r"\1", text)


def _names(vendors: Vendors, found: Mapping[str, Iterable[Mapping[str, Any]]]) -> dict[str, str]:
    names = {row["Id"]: f"{object_} {row[fields.KEY]}" for object_, rows in found.items() for row in rows}
    for object_, field in NAMED.items():
        names |= {row["Id"]: f"{object_} {row[field]}" for row in vendors.records(object_)}
    return names


def differences(one: Rows, other: Rows) -> list[str]:
    """Sentences about what is not the same, field by field; none when all is."""
    first, second = ({" ".join(record): row for record, row in rows.items()} for rows in (one, other))
    return record_differences(first, second)


def cases(vendors: Vendors, account: str) -> list[dict[str, Any]]:
    """The cases of an account, by its code."""
    key = f"recurly:sandbox:account:{account}"
    found = (row for row in vendors.records("Case") if row[fields.Case.ACCOUNT_KEY] == key)
    return sorted(found, key=lambda row: str(row[fields.KEY]))


def account(vendors: Vendors, code: str) -> dict[str, Any] | None:
    key = f"recurly:sandbox:account:{code}"
    return next((row for row in vendors.records("Account") if row[fields.KEY] == key), None)
