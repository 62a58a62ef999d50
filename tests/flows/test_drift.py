"""Drift: none after any story; after a thousand edits by hand exactly what is ours of them; mended, none again."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from sqlalchemy import text

from connector.cli.local_stack import Stack, casewire
from connector.mappers import fields
from flows.edits import Edits, Record, crm, differences, written
from flows.playing import fresh, play, settled, stories, tell, worked

pytestmark = pytest.mark.slow

ACCOUNTS = 200
EDITS = 1_000
SEED = 5
SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "drift.schema.json"


@pytest.fixture(scope="module")
def crowded(standing: Stack) -> Stack:
    """Some hundred accounts that were there before, news of each, and every story."""
    fresh(standing)
    play(standing, "population", accounts=ACCOUNTS, prefix="crowd-")
    crowd = play(standing, "news", accounts=ACCOUNTS, prefix="crowd-")
    worked(standing, crowd["expect"] + tell(standing, stories(standing), beside=8, step_pause_ms=1500))
    return standing


@pytest.fixture
def unwatched(crowded: Stack) -> Stack:
    """Where nobody looks for ten minutes what people did to accounts, and mends it by himself."""
    assert settled(crowded)
    with crowded.engine.begin() as connection:
        connection.execute(text("UPDATE watermark SET at = now() WHERE name = 'linking.watch'"))
    return crowded


def drift(running: Stack, *arguments: str, code: int) -> dict[str, Any]:
    done = casewire(running.environment, "drift", *arguments, "--json")
    assert done.returncode == code, done.stdout[:2000] + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(found)
    return found


def listed(found: dict[str, Any]) -> set[tuple[str, str, str]]:
    """(object, key, field); of a record that is missing no field."""
    return {
        (entry["object"], entry["key"], name)
        for entry in found["drift"]
        for name in ([one["field"] for one in entry["fields"]] or [""])
    }


@pytest.mark.parametrize("way", ["--no-bulk", "--bulk"])
def test_after_every_story_nothing_drifts(unwatched: Stack, way: str) -> None:
    found = drift(unwatched, way, code=0)
    assert (found["drift"], found["unknown"], found["pending"], found["undecided"]) == ([], [], 0, [])
    assert found["accounts"] > ACCOUNTS


def test_a_thousand_edits_by_hand_are_told_apart_and_mended(unwatched: Stack) -> None:
    vendors, was = unwatched.vendors, written(unwatched)
    before = crm(vendors)
    edits = Edits(unwatched, random.Random(SEED), was, before)
    edits.make(EDITS)
    after = crm(vendors)
    expected = differences(was, before, after)
    deleted = {record for record, one in was.items() if one.id not in after}
    assert len(expected) > EDITS // 2
    assert len(edits.agents) > EDITS // 20

    found = drift(unwatched, code=1)
    gone = {(entry["object"], entry["key"]) for entry in found["drift"] if entry["vanished"]}
    assert gone <= {record for record in deleted if record[0] == "Case"}
    expected -= {one for one in expected if ("Case", _value(was, one)) in gone}
    assert listed(found) == expected
    assert drift(unwatched, "--bulk", code=1)["drift"] == found["drift"]
    some = drift(unwatched, "--object", "Billing_Event__c", "--rule", "timeline", code=1)
    assert listed(some) == {one for one in expected if one[0] == "Billing_Event__c"}

    done = drift(unwatched, "--fix", "--apply", "--yes", "5000", "--reason", "a test", code=0)
    assert done["repaired"]["complete"] is True
    assert drift(unwatched, code=0)["drift"] == []
    assert settled(unwatched)
    _all_is_as_before(was, before, crm(vendors), deleted, gone)
    _what_agents_typed_stands(edits, crm(vendors), {was[record].id for record in deleted})


def _all_is_as_before(was: Any, before: Any, now: Any, deleted: set[Record], gone: set[Record]) -> None:
    """What is ours says what it said, under the same ids but for what was made anew; all but the cases that nothing
    needs any more (``gone``): an event of such a case belongs to none now, or to another case."""
    keyed = {(one[:3], row[fields.KEY]): row for one, row in now.items()}
    anew = {was[record].id: keyed.get((was[record].id[:3], record[1]), {}).get("Id") for record in deleted}
    assert {record for record in deleted if anew[was[record].id] is None} == gone
    for (_, key), one in was.items():
        row = keyed.get((one.id[:3], key), {})
        assert row.get("Id") == anew.get(one.id, one.id)
        for name in one.values if row else ():
            was_there = before[one.id][name]
            if name == fields.Event.CASE and was_there in anew and anew[was_there] is None and row[name]:
                assert now[row[name]][fields.KEY] in {
                    kept for object_, kept in was if object_ == fields.Case.OBJECT
                }
            else:
                assert row[name] == anew.get(was_there, was_there), (key, name)


def _what_agents_typed_stands(edits: Edits, now: Any, deleted: set[str]) -> None:
    for (object_, id_, name), value in edits.agents.items():
        if id_ not in deleted:
            assert now[id_][name] == value, (object_, id_, name)


def _value(was: Any, one: tuple[str, str, str]) -> Any:
    """What was last written to a field."""
    return was[one[:2]].values.get(one[2])


def test_an_account_that_was_merged_is_followed(unwatched: Stack) -> None:
    vendors = unwatched.vendors
    loser = next(row for row in vendors.records("Account") if "kettle" in (row[fields.KEY] or ""))
    url = f"records/{fields.Account.OBJECT}"
    (master,) = vendors.control("salesforce", "POST", url, [{"Name": "Typed by hand"}])
    merge = {"object": "Account", "master": master, "losers": [loser["Id"]]}
    vendors.control("salesforce", "POST", "merge", merge)
    code = loser[fields.KEY].rpartition(":")[2]
    found = drift(unwatched, code, code=1)
    account = next(entry for entry in found["drift"] if entry["object"] == "Account")
    assert (account["key"], account["missing"], account["linked"]) == (loser[fields.KEY], True, True)
    drift(unwatched, code, "--fix", "--apply", code=0)
    assert drift(unwatched, code, code=0)["drift"] == []
    kept = next(row for row in vendors.records("Account") if row[fields.KEY] == loser[fields.KEY])
    assert (kept["Id"], kept["Name"]) == (master, "Typed by hand")
