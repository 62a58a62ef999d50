"""Three sides that agree, and then differ by hand: each class of discrepancy is found once, and none is invented."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from openpyxl import load_workbook

from connector.cli.local import Stack, casewire
from connector.mappers.fields import Case, Discrepancy
from flows.playing import settled, stories, tell, worked

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "reconcile.schema.json"
LEFT_OUT = frozenset({"refund_fails_at_bank", "gateway_outage"})
"""A refund that fails at the customer's bank, of which Recurly does not hear: that is a discrepancy. And many accounts
at a gateway without a list."""
SINCE = ("--since", "60d")


@pytest.fixture
def agreed(flow: Stack) -> Stack:
    """All stories were told, and what they did not announce is filled in."""
    worked(flow, tell(flow, [name for name in stories(flow) if name not in LEFT_OUT], beside=8))
    casewire(flow.environment, "reconcile", *SINCE, "--apply")
    assert settled(flow)
    return flow


def look(running: Stack, *more: str, code: int) -> dict[str, Any]:
    done = casewire(running.environment, "reconcile", *SINCE, "--json", *more)
    assert done.returncode == code, done.stdout + done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    jsonschema.validate(document, json.loads(SCHEMA.read_text()), jsonschema.Draft202012Validator)
    return document


def classes(document: dict[str, Any]) -> dict[str, int]:
    return {one["class"]: one["open"] for one in document["classes"] if one["open"]}


def book(running: Stack, do: str, charge: dict[str, Any], **changed: str) -> None:
    order = {"do": do, "object": "charge", "source": charge["source"], "id": charge["id"], "set": changed}
    running.vendors.control("processors", "POST", "books", order)


def settled_charges(running: Stack, oldest: timedelta) -> list[dict[str, Any]]:
    """Stripe's, of a time that no settlement delay explains any more."""
    found: list[dict[str, Any]] = running.vendors.control("processors", "GET", "records/charge")
    moments = {one["id"]: datetime.fromisoformat(one["created_at"]) for one in found}
    newest = max(moments.values())
    return sorted(
        (
            one
            for one in found
            if (one["source"], one["status"]) == ("stripe", "succeeded")
            and not one["disputed"]
            and timedelta(days=4) < newest - moments[one["id"]] < oldest
        ),
        key=lambda one: str(one["id"]),
    )


def plant(running: Stack) -> list[dict[str, Any]]:
    """One of each class that a processor's books can make; the charges as they were."""
    gone, amount, currency, status, date = chosen = settled_charges(running, timedelta(days=45))[:5]
    book(running, "remove", gone)
    book(running, "change", amount, amount=str(Decimal(amount["amount"]) + 1))
    book(running, "change", currency, currency="CHF")
    book(running, "change", status, status="returned")
    moved = datetime.fromisoformat(date["created_at"]) - timedelta(days=3)
    book(running, "change", date, created_at=moved.isoformat())
    named = ("amount", "currency", "customer", "created_at")
    book(running, "add", {**gone, "id": "ch_of_nobody"}, **{name: gone[name] for name in named})
    return chosen


def mend(running: Stack, chosen: list[dict[str, Any]]) -> None:
    book(running, "remove", {**chosen[0], "id": "ch_of_nobody"})
    book(
        running,
        "add",
        chosen[0],
        **{name: value for name, value in chosen[0].items() if name not in ("id", "source")},
    )
    for one in chosen[1:]:
        names = ("amount", "currency", "status", "created_at")
        book(running, "change", one, **{name: one[name] for name in names})


def cases(running: Stack) -> dict[str, str]:
    found = (row for row in running.vendors.records("Case") if row[Case.RULE] == "discrepancy")
    return {str(row["Billing_Key__c"]).split(":")[3]: str(row[Case.STATE]) for row in found}


@pytest.mark.slow
def test_what_is_planted_is_found_and_nothing_else(agreed: Stack, tmp_path: Path) -> None:
    assert classes(look(agreed, code=0)) == {}
    chosen = plant(agreed)
    expected = {
        "missing_at_processor": 1,
        "missing_in_recurly": 1,
        "amount": 1,
        "currency": 1,
        "status": 1,
        "date": 1,
    }
    assert classes(look(agreed, code=1)) == expected
    assert cases(agreed) == {}
    first = look(agreed, "--apply", "--reason", "month end", code=1)
    assert first["applied"]["refused"] == 0
    assert cases(agreed) == dict.fromkeys(expected, "open")
    rows = agreed.vendors.records(Discrepancy.OBJECT)
    assert sorted(row[Discrepancy.CLASS] for row in rows) == sorted(expected)
    assert all(row[Discrepancy.CASE] for row in rows)
    assert len([row for row in rows if row[Discrepancy.ACCOUNT]]) == 5
    written = tmp_path / "found.xlsx"
    look(agreed, "--xlsx", str(written), code=1)
    sheet = load_workbook(written)["Discrepancies"]
    states = [row[1] for row in sheet.iter_rows(min_row=2, values_only=True)]
    assert states.count("open") == len(expected)
    mend(agreed, chosen)
    look(agreed, "--apply", code=0)
    assert cases(agreed) == dict.fromkeys(expected, "resolved")
    assert {row[Discrepancy.STATE] for row in agreed.vendors.records(Discrepancy.OBJECT)} == {"cleared"}
