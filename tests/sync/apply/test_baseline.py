"""What a record of the CRM is thought to say before it is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from connector.ledger.attempts import Mirrored
from connector.ledger.subjects import Claimed
from connector.models.events import Urgency
from connector.models.facts import Link, LinkState
from connector.models.plan import Change, Plan
from connector.sync.apply.baseline import MirrorBaseline, unfitted
from connector.sync.apply.facts_loader import LoadedFacts
from connector.sync.apply.outcomes import Decision
from sync.fake_crm import FakeCrm, Org
from sync.world import NOW, SUBJECT, facts

ACCOUNT = ("Account", SUBJECT)
WANTED = {"Name": "Rivera Books", "Billing_Balance__c": 5}


def written(id_: str, linked: str) -> Mapping[str, Any]:
    """What is sent for an account that was last written to the record ``id_`` and is linked to ``linked``."""
    about = facts(link=Link(LinkState.LINKED, linked, how="chosen"))
    reading = LoadedFacts(about, NOW, (), {ACCOUNT: Mirrored(id_, {"Name": "Rivera Books"})})
    subject = Claimed(SUBJECT, "recurly", "acme", "bob", Urgency.ROUTINE, 1, 1)
    plan = Plan(SUBJECT, (Change(*ACCOUNT, rule="account", reason="why", fields=WANTED),))
    ((row,),) = MirrorBaseline(FakeCrm()).rows([Decision(subject, reading, plan)], unfitted, Org())
    assert (row.exists, row.id) == (True, linked)
    return row.after


@pytest.mark.parametrize("linked", ["001000000000001AAA", "001000000000001"])
def test_only_what_differs_from_what_was_last_written_is_sent(linked: str) -> None:
    assert set(written("001000000000001AAA", linked)) == {"Billing_Balance__c"}


def test_a_record_that_it_is_linked_to_since_is_written_whole() -> None:
    assert set(written("001000000000001AAA", "001000000000002AAA")) == set(WANTED)


@pytest.mark.parametrize(("object_", "exists"), [("Billing_Invoice__c", True), ("Case", False)])
def test_what_was_written_is_there_but_a_case_only_if_salesforce_has_it(object_: str, exists: bool) -> None:
    """Agents delete cases; those that are there were read with the facts."""
    record = (object_, f"{SUBJECT}:1")
    reading = LoadedFacts(facts(), NOW, (), {record: Mirrored("500000000000001AAA", {"Name": "x"})})
    subject = Claimed(SUBJECT, "recurly", "acme", "bob", Urgency.ROUTINE, 1, 1)
    plan = Plan(SUBJECT, (Change(*record, rule="any", reason="why", fields={"Name": "y"}),))
    ((row,),) = MirrorBaseline(FakeCrm()).rows([Decision(subject, reading, plan)], unfitted, Org())
    assert row.exists is exists
