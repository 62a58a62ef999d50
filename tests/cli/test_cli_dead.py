"""``casewire dead``: what was given up on, with what to do, and another try."""

from __future__ import annotations

import json

from redis import Redis
from samples import event, ids, one, record, rows, statuses, subject
from sqlalchemy import Engine

from connector import queue
from connector.models.events import Pointer

from .conftest import Run


def queued(redis: Redis) -> set[str]:
    return {job.func_name.rpartition(".")[2] for job in queue.job_queue(redis).jobs}


def test_dead_letters_are_found_with_what_to_do(connected: Run, stocked: Engine) -> None:
    result = connected("dead", "list")
    assert result.exit_code == 1
    account, letter = (line.split("\t") for line in result.stdout.splitlines())
    assert account == ["account", subject("eve"), "NO_FIELD", "Mend it."]
    (number,) = ids(stocked, "n1")
    assert letter == [
        "event",
        str(number),
        "charge_invoice.past_due invoice inv1",
        f"Mend [it]. Then: casewire events replay {number} --apply",
    ]
    found = json.loads(connected("dead", "list", "--json").stdout)
    assert [len(found["accounts"]), len(found["events"])] == [1, 1]


def test_that_there_are_more_dead_letters_is_said(connected: Run, stocked: Engine) -> None:
    assert "more" not in connected("dead", "list", "--limit", "1").stderr
    rows(stocked, "UPDATE event SET status = 'dead'")
    result = connected("dead", "list", "--limit", "1")
    assert len(result.stdout.splitlines()) == 2
    assert "There are more than 1 of a kind. To see them: --limit 10" in result.stderr


def test_a_dead_event_that_was_never_fetched_is_found_by_the_account_it_points_to(
    connected: Run, stocked: Engine
) -> None:
    record(stocked, event("n4", pointers=(Pointer("account", ("acc1", "code-kim")),)))
    rows(stocked, "UPDATE event SET status = 'dead', error = 'No API key.' WHERE event_id = 'n4'")
    assert "account acc1" in connected("dead", "list", "--account", "kim").stdout
    result = connected("dead", "retry", "--account", "kim", "--apply")
    assert "Tried again: 0 accounts and 1 event." in result.stderr
    assert statuses(stocked)["n4"] == "pending"


def test_without_dead_letters_all_is_well(connected: Run, engine: Engine) -> None:
    result = connected("dead", "list")
    assert (result.exit_code, result.stdout) == (0, "")


def test_another_try_is_counted_before_it_is_done(connected: Run, stocked: Engine) -> None:
    before = statuses(stocked)
    result = connected("dead", "retry", "--all")
    assert "1 accounts and 1 events would be tried again. Add --apply" in result.stderr
    assert statuses(stocked) == before


def test_dead_letters_are_tried_again(connected: Run, stocked: Engine, redis: Redis) -> None:
    result = connected("dead", "retry", "--all", "--apply")
    assert "Tried again: 1 account and 1 event." in result.stderr
    assert one(stocked, "SELECT progress FROM run").progress == {"accounts": 1, "events": 1}
    assert statuses(stocked)["n1"] == "pending"
    assert one(stocked, "SELECT status FROM subject WHERE code = 'eve'").status == "due"
    assert queued(redis) == {"refresh", "apply"}


def test_one_account_is_tried_again_without_the_others(connected: Run, stocked: Engine) -> None:
    connected("dead", "retry", "--account", "eve", "--apply")
    assert statuses(stocked)["n1"] == "dead"
    assert one(stocked, "SELECT status FROM subject WHERE code = 'eve'").status == "due"
