"""Drift in an org of another shape: person accounts, several currencies, a mapped field, a field that it lacks."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from connector.cli.local_stack import Stack
from connector.mappers import fields
from flows.playing import started, tell, worked
from flows.test_drift import drift, listed
from sandbox.salesforce.metadata import default_metadata

pytestmark = pytest.mark.slow

STORIES = ("renewal_fails_then_recovers", "chargeback_won", "yen_and_dinar")
POLICY = """
[orgs]
person_accounts = "always"
missing = "leave_out"

[[mapping]]
object = "Account"
field = "AccountNumber"
from = "account.code"
"""
LACKS = "force-app/main/default/objects/Billing_Invoice__c/fields/Origin__c.field-meta.xml"


@pytest.fixture
def shaped(home: Path, tmp_path: Path) -> Iterator[Stack]:
    """In which some stories have been told."""
    metadata, policy = tmp_path / "salesforce", tmp_path / "policy.toml"
    whole = default_metadata()
    assert whole is not None
    shutil.copytree(whole, metadata)
    (metadata / LACKS).unlink()
    policy.write_text(POLICY)
    sandbox = ("--org", "person_accounts,multi_currency", "--metadata", str(metadata))
    with started(home, sandbox=sandbox, changes={"CASEWIRE_POLICY": str(policy)}) as running:
        worked(running, tell(running, STORIES, beside=3))
        yield running


def edited(running: Stack, object_: str, **values: object) -> tuple[str, str, str]:
    """Somebody types over one field of a record: what drifts."""
    record = next(row for row in running.vendors.records(object_) if row[fields.KEY])
    (name,) = values
    url = f"{running.vendors.salesforce}/__sandbox__/records/{object_}/{record['Id']}"
    assert requests.patch(url, json=values, timeout=60).status_code == 200
    return object_, record[fields.KEY], name


def test_nothing_drifts_in_it_but_what_was_typed(shaped: Stack) -> None:
    for way in ("--no-bulk", "--bulk"):
        found = drift(shaped, way, code=0)
        assert (found["drift"], found["unknown"], found["pending"], found["undecided"]) == ([], [], 0, [])
        assert found["accounts"] > 2
    typed = {
        edited(shaped, "Account", AccountNumber="typed"),
        edited(shaped, "Account", PersonEmail="typed@example.com"),
        edited(shaped, "Billing_Invoice__c", CurrencyIsoCode="KWD"),
        edited(shaped, "Billing_Payment__c", CurrencyIsoCode="KWD"),
    }
    edited(shaped, "Account", Description="an agent's own")
    found = drift(shaped, "--no-bulk", code=1)
    assert listed(found) == typed
    assert drift(shaped, "--bulk", code=1) == found
    assert drift(shaped, "--fix", "--apply", code=0)["repaired"]["complete"] is True
    assert drift(shaped, code=0)["drift"] == []
