"""An org that is locked, full and shared with others: the records come out the same, and people keep their part."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from sqlalchemy import text

from connector.cli.local_stack import SITE, Stack, casewire
from connector.ledger import snapshots, subjects
from connector.ledger.subjects import Due
from connector.mappers import external_ids
from connector.models.events import Urgency
from connector.models.facts import Account
from flows.crm import Rows, cases, comparable, differences
from flows.playing import calls, fault, faults_struck, fresh, play, scalar, stories, tell, wait_for, worked

NOTED = {"Account": "Description", "Case": "Description"}
"""Fields that are people's own."""
LOCKED_WRITES = 60


@pytest.mark.slow
def test_locks_limits_and_lost_answers_change_nothing_in_the_end(standing: Stack, calm: Rows) -> None:
    """Every tenth row is locked for its first writes, the day's limit is reached twice, answers are lost after the
    commit, and people work in the org meanwhile."""
    fresh(standing)
    names = stories(standing)
    expectations = tell(standing, names[::3], beside=4)
    wait_for(lambda: standing.vendors.records("Case"), "the first cases are there")
    fault(standing, "salesforce", "row_lock", share=0.1, times=LOCKED_WRITES)
    fault(standing, "salesforce", "drop_after_commit", match="composite/sobjects", times=4)
    noted = _noted(standing)
    for some in (names[1::3], names[2::3]):
        fault(standing, "salesforce", "daily_limit", times=1)
        expectations += tell(standing, some, beside=4, shuffle=True)
        _a_day_passes(standing)
    worked(standing, expectations)
    faults_struck(standing)
    left = comparable(standing)
    assert {record: left[record][NOTED[record[0]]] for record in noted if record in left} == {
        record: note for record, note in noted.items() if record in left
    }
    assert "\n".join(differences(_without_notes(calm), _without_notes(left))) == ""


def _noted(running: Stack) -> dict[tuple[str, str], str]:
    """A person writes a note on every account and case there is."""
    noted = {}
    for object_, field in NOTED.items():
        for row in running.vendors.records(object_):
            note = f"called on {row['CreatedDate']}"
            running.vendors.control("salesforce", "PATCH", f"records/{object_}/{row['Id']}", {field: note})
            noted[object_, row["Billing_Key__c"]] = note
    return noted


def _without_notes(rows: Rows) -> Rows:
    """Nor who changed a record last."""
    return {
        record: {
            name: value
            for name, value in row.items()
            if name not in (NOTED.get(record[0]), "LastModifiedById")
        }
        for record, row in rows.items()
    }


def _a_day_passes(running: Stack) -> None:
    """The day's limit was reached and nobody asks any more; the next day there are calls again."""
    opened = "SELECT count(*) FROM circuit WHERE code = 'REQUEST_LIMIT_EXCEEDED'"
    wait_for(lambda: scalar(running, opened), "the circuit of Salesforce opens")
    with running.engine.begin() as connection:
        connection.execute(text("DELETE FROM circuit"))


# ── a small budget ────────────────────────────────────────────────────────────────────────────────────────────

ALLOWED = 5_000
RESERVE = ALLOWED // 5
EDITS = 6_000


def test_disputes_get_through_and_the_reserve_is_left_to_people(flow: Stack) -> None:
    told = disputed_with_little_left(flow, EDITS, calls_left=300)
    assert told["left"] >= RESERVE
    assert told["edits_waiting"] > 0
    status = json.loads(casewire(flow.environment, "status", "--json").stdout)
    assert status["budgets"]["salesforce"].endswith("profile edits wait")


def disputed_with_little_left(running: Stack, edits: int, calls_left: int) -> dict[str, Any]:
    """So many accounts were edited, so many calls are left above the reserve, and a chargeback comes: how it ends."""
    used = ALLOWED - RESERVE - calls_left
    running.vendors.control("salesforce", "PUT", "limits", {"api_limit": ALLOWED, "api_used": used})
    edited(running, edits)
    began = wait_for(lambda: running.vendors.records("Account"), "the edits are being written")
    told = play(running, "chargeback_won")
    started = time.monotonic()
    code = told["accounts"][0]
    wait_for(lambda: cases(running.vendors, code), "the dispute has its case", seconds=60.0)
    arrived = time.monotonic() - started
    wait_for(lambda: _nothing_moves(running), "all that the budget allows is written", seconds=600.0)
    limits = running.vendors.control("salesforce", "PUT", "limits", {})
    waiting = scalar(running, "SELECT count(*) FROM subject WHERE status = 'due'")
    return {
        "left": limits["api_limit"] - limits["api_used"],
        "edits_waiting": waiting,
        "seconds": arrived,
        "written_first": len(began),
    }


def edited(running: Stack, count: int) -> None:
    """The ledger knows so many accounts, and every one was edited."""
    for start in range(0, count, 5_000):
        codes = [f"edit-{number}" for number in range(start, min(start + 5_000, count))]
        known = [
            Account(id=code, code=code, state="active", email=f"{code}@example.com", last_name=code)
            for code in codes
        ]
        due = [
            Due(external_ids.subject("recurly", SITE, code), "recurly", SITE, code, Urgency.ROUTINE)
            for code in codes
        ]
        with running.engine.begin() as connection:
            snapshots.store(connection, "recurly", SITE, snapshots.clock(connection), known)
            subjects.mark_due(connection, due)
            subjects.decide_history(connection, [], [], done=[one.key for one in due])


def _nothing_moves(running: Stack) -> bool:
    """Nobody works: what is due may not be done."""
    if scalar(running, "SELECT count(*) FROM subject WHERE lease IS NOT NULL"):
        return False
    before = calls(running, "salesforce", "vXX.0")
    time.sleep(2.0)
    idle = not scalar(running, "SELECT count(*) FROM subject WHERE lease IS NOT NULL")
    return idle and calls(running, "salesforce", "vXX.0") == before
