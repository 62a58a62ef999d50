"""``casewire events show``: the whole story as a person, or a program, reads it."""

from __future__ import annotations

import json

from samples import due, event, ids, one, record, rows, subject
from sqlalchemy import Engine

from connector.ledger import event_history, runs, subjects

from .conftest import Run
from .test_cli_runs import AT, attempted, change


def known(engine: Engine) -> int:
    """An event of bob's account, settled by an attempt that resolved a case."""
    record(engine, event("n1"))
    rows(engine, "UPDATE event SET subject = :s, received_at = :at", s=subject(), at=AT)
    attempted(engine, None, "applied", change("c1"))
    settled = one(engine, "SELECT id FROM attempt").id
    rows(engine, "UPDATE event SET status = 'done', attempt_id = :id", id=settled)
    return ids(engine, "n1")[0]


def test_what_was_done_by_hand_since_is_told(connected: Run, engine: Engine) -> None:
    number = known(engine)
    with engine.begin() as connection:
        run = runs.begin(connection, "resync", "lead", "ticket [4711]", {})
    attempted(engine, run, "unchanged")
    told = connected("events", "show", number).stdout
    assert "in 1 delivery" in told
    assert "(webhook) applied" in told
    assert "written  Case 500A  c1 [resolve]" in told
    by_hand = f"by run     2026-11-20 12:00:00 resync by lead, run {run}, unchanged, 0 written: ticket [4711]"
    assert by_hand in told
    (found,) = json.loads(connected("events", "show", number, "--json").stdout)["by_runs"]
    assert (found["run_id"], found["who"]) == (run, "lead")


def test_what_workers_wrote_besides_is_told_record_by_record(connected: Run, engine: Engine) -> None:
    number = known(engine)
    for _ in range(event_history.MOST + 2):
        attempted(engine, None, "retry", change("c[2]", salesforce_id="500B"), error="It is [locked].")
    told = connected("events", "show", number).stdout
    assert "later      2026-11-20 12:00:00 attempt " in told
    assert "(webhook) retry: It is [locked]." in told
    assert told.count("written  Case 500B  c[2] [resolve]") == event_history.MOST
    assert "… and 2 more since" in told
    document = json.loads(connected("events", "show", number, "--json").stdout)
    assert (len(document["later"]), document["later_left_out"]) == (event_history.MOST, 2)
    assert document["later"][0]["changes"][0]["before"] == {"Status": "New", "Billing_Amount__c": "49"}


def test_an_account_that_was_given_up_on_or_waits_says_so_with_what_to_do(
    connected: Run, engine: Engine
) -> None:
    number = known(engine)
    with engine.begin() as connection:
        subjects.mark_due(connection, [due("bob")])
    assert "due since" in connected("events", "show", number).stdout
    rows(engine, "UPDATE subject SET tries = 3, error = 'It is [locked].'")
    assert ", tried 3 times: It is [locked]." in connected("events", "show", number).stdout
    rows(engine, "UPDATE subject SET status = 'dead', error = 'Mend [it].'")
    retry = f"casewire dead retry --account {subject()} --apply"
    assert f"dead letter: Mend [it]. Then: {retry}" in connected("events", "show", number).stdout
    standing = json.loads(connected("events", "show", number, "--json").stdout)["subject_status"]
    assert (standing["status"], standing["error"]) == ("dead", "Mend [it].")


def test_a_dead_event_says_how_it_is_worked_again(connected: Run, engine: Engine) -> None:
    number = known(engine)
    rows(engine, "UPDATE event SET status = 'dead', error = 'Mend it.'")
    replay = f"then       casewire events replay {number} --apply"
    assert replay in connected("events", "show", number).stdout
    rows(engine, "UPDATE event SET pointers = '[]'")
    assert f"casewire events bury {number} --reason" in connected("events", "show", number).stdout
