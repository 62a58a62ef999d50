"""The records of two runs are compared without what differs by its nature: ids, days and digests of a body."""

from __future__ import annotations

from datetime import date
from typing import Any

from bench.records import NAMED, Records, differences, normalized
from connector.mappers.fields import KEY, ORDER


def run(today: str, ids: str, digest: str, state: str = "open") -> Records:
    """The records of one run: an account, its invoice, and an event that its source gave no id."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in (*ORDER, *NAMED)}
    found["Account"] = [{"Id": f"001{ids}", KEY: "recurly:a", "Name": "Ann", "LastModifiedDate": today}]
    found["Billing_Invoice__c"] = [
        {"Id": f"a02{ids}", KEY: "recurly:i", "Account__c": f"001{ids}", "Due__c": today, "State__c": state}
    ]
    found["Billing_Event__c"] = [
        {"Id": f"a04{ids}", KEY: f"adyen:sha256-{digest * 64}", "What__c": f"since {today} 00:40 UTC"}
    ]
    return normalized(found, date.fromisoformat(today))


def test_two_runs_of_the_same_stories_do_not_differ() -> None:
    first = run("2026-11-30", "1", "a")
    assert first["Billing_Invoice__c recurly:i"] == {
        KEY: "recurly:i",
        "Account__c": "Account recurly:a",
        "Due__c": "day +0",
        "State__c": "open",
    }
    assert differences(first, run("2026-12-01", "2", "b")) == []


def test_each_field_and_each_record_that_differs_is_named() -> None:
    before, after = run("2026-11-30", "1", "a"), run("2026-11-30", "1", "a", state="paid")
    del after["Account recurly:a"]
    assert differences(before, after) == [
        "Account recurly:a is only in the first",
        "Billing_Invoice__c recurly:i: State__c is 'open' and 'paid'",
    ]
