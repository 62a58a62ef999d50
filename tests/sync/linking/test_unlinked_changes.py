"""While nobody knows which record an account is, all else is written without it, and follows when it is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from samples import event, record, rows, subject
from sqlalchemy import Engine

from connector.ledger import snapshots
from connector.models.facts import Link, LinkState
from connector.models.plan import Change, Parent
from connector.sync.linking import without_account
from sync.linking.conftest import Casewire, Crm, Start, account, kept, learn, pass_time
from sync.world import facts, invoice

ACCOUNT, INVOICE = Parent("Account", "a"), Parent("Billing_Invoice__c", "i")
CHANGES = (
    Change("Account", "a", "account", "is", {"X__c": 1}),
    Change("Contact", "c", "account", "is", {}, parents={"AccountId": ACCOUNT}),
    Change(
        "Case",
        "k",
        "past due",
        "it is",
        {"Y__c": 2},
        parents={"AccountId": ACCOUNT, "ContactId": Parent("Contact", "c"), "Billing_Invoice__c": INVOICE},
        on_create={"Status": "New", "Other__c": ACCOUNT},
        transition_fields={"Status": "New", "Other__c": ACCOUNT},
    ),
)


@pytest.mark.parametrize("state", [LinkState.REVIEW, LinkState.WAITING])
def test_account_and_contact_are_left_out_with_all_lookups_to_them(state: LinkState) -> None:
    (case,) = without_account(CHANGES, facts(link=Link(state)))
    assert (case.fields, case.parents) == ({"Y__c": 2}, {"Billing_Invoice__c": INVOICE})
    assert (case.on_create, case.transition_fields) == ({"Status": "New"}, {"Status": "New"})


@pytest.mark.parametrize("link", [None, Link(LinkState.NEW), Link(LinkState.LINKED, "001A")])
def test_where_the_record_is_known_nothing_is_left_out(link: Link | None) -> None:
    assert without_account(CHANGES, facts(link=link)) == CHANGES


# ── the whole way ─────────────────────────────────────────────────────────────────────────────────────────────


def told(engine: Engine) -> None:
    """An account with a failed invoice, and an event of it."""
    yesterday = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    learn(engine, account())
    overdue = invoice(dunning_events_sent=1, created_at=yesterday, due_at=yesterday, updated_at=yesterday)
    with engine.begin() as connection:
        snapshots.store(connection, "recurly", "acme", snapshots.clock(connection), [overdue])
    record(engine, event("n1"))
    rows(engine, "UPDATE event SET status = 'fetched', subject = :s", s=subject("bob"))


def lookups(crm: Crm) -> dict[str, Any]:
    """Which account each record of ours hangs on."""
    named = {"Case": "AccountId", "Billing_Invoice__c": "Account__c", "Billing_Event__c": "Account__c"}
    return {
        f"{object_} {row['Billing_Key__c']}": row.get(field)
        for object_, field in named.items()
        for row in crm.rows(object_)
    }


@pytest.fixture
def asked(engine: Engine, crm: Crm, start: Start) -> Casewire:
    """Two accounts fit, and a person is asked."""
    for name in ("One", "Two"):
        crm.account(name, email="bob@rivera.example")
    told(engine)
    casewire = start()
    casewire.apply()
    return casewire


def test_what_is_known_is_written_without_an_account_and_a_person_is_asked(asked: Casewire, crm: Crm) -> None:
    assert set(lookups(crm)) == {
        "Case recurly:acme:account:bob:account_match:1",
        "Case recurly:acme:invoice:1001:past_due:1",
        "Billing_Invoice__c recurly:acme:invoice:1001",
        "Billing_Event__c recurly:acme:event:n1",
    }
    assert set(lookups(crm).values()) == {None}
    assert (len(crm.rows("Account")), len(crm.rows("Contact"))) == (2, 2)
    case = asked.case()
    ids = sorted(row["Id"] for row in crm.rows("Account"))
    assert all(id_ in case["Billing_Candidates__c"] for id_ in ids)
    assert "bob@rivera.example" in case["Billing_Summary__c"]
    assert asked.state() == "idle"


def test_the_account_a_person_sets_on_the_case_gets_everything_and_the_case_is_over(
    asked: Casewire, crm: Crm, engine: Engine
) -> None:
    chosen = next(row["Id"] for row in crm.rows("Account") if row["Name"] == "Two")
    crm.desk.edit("Case", asked.case()["Id"], {"AccountId": chosen})
    assert asked.watch() == 1
    asked.apply(2)
    assert set(lookups(crm).values()) == {chosen}
    assert crm.row("Account", chosen)["Billing_Key__c"] == subject("bob")
    assert crm.row("Account", chosen)["Billing_Linked_By__c"] == "chosen by a person"
    case = asked.case()
    assert (case["Status"], case["Billing_Outcome__c"], case["AccountId"]) == ("Closed", "Linked", chosen)
    assert (len(crm.rows("Account")), len(crm.rows("Contact"))) == (2, 2), "nothing was doubled"
    assert rows(engine, "SELECT * FROM event WHERE status <> 'done'") == []
    assert asked.state() == "idle"
    before = asked.crm.client.calls
    asked.apply()
    assert asked.crm.client.calls == before, "and nothing is left to do"


def test_what_a_person_sets_is_not_overwritten_while_it_is_not_looked_at(
    asked: Casewire, crm: Crm, engine: Engine
) -> None:
    taken = crm.account("Eve's", Billing_Key__c=subject("eve"))
    crm.desk.edit("Case", asked.case()["Id"], {"AccountId": taken})
    learn(engine, account(company="Rivera & Daughters"))
    asked.apply()
    assert asked.case()["AccountId"] == taken
    assert f"linked to {subject('eve')} already" in asked.case()["Billing_Candidates__c"]


def test_a_key_typed_by_hand_is_an_answer_too(asked: Casewire, crm: Crm) -> None:
    chosen = next(row["Id"] for row in crm.rows("Account") if row["Name"] == "One")
    crm.desk.edit("Account", chosen, {"Billing_Key__c": subject("bob")})
    assert asked.watch() == 1
    asked.apply(2)
    assert set(lookups(crm).values()) == {chosen}


def test_an_account_that_waits_is_linked_once_a_record_appears(
    engine: Engine, crm: Crm, start: Start
) -> None:
    told(engine)
    casewire = start(none="wait")
    casewire.apply()
    assert crm.rows("Account") == []
    pass_time(engine)
    casewire.apply()
    assert crm.rows("Account") == []
    id_ = crm.account("Rivera", email="bob@rivera.example")
    pass_time(engine)
    casewire.apply(2)
    assert set(lookups(crm).values()) == {id_}
    assert crm.rows("Case")[0]["Billing_Rule__c"] == "payment_failed", "nobody was asked"


def test_one_whose_candidates_are_gone_is_made_and_its_case_says_so(
    asked: Casewire, crm: Crm, engine: Engine
) -> None:
    for row in crm.rows("Account"):
        crm.desk.delete("Account", row["Id"])
    pass_time(engine)
    asked.apply(2)
    (made,) = crm.rows("Account")
    assert (made["Name"], made["Billing_Linked_By__c"]) == (
        "Rivera Books",
        "made by Casewire: nothing fitted",
    )
    assert set(lookups(crm).values()) == {made["Id"]}
    assert asked.case()["Billing_Outcome__c"] == "Created"
    learn(engine, account(company="Rivera & Daughters"))
    asked.apply()
    assert asked.case()["Billing_Outcome__c"] == "Created"


def test_an_account_that_billing_forgets_asks_nobody_any_more(
    asked: Casewire, crm: Crm, engine: Engine
) -> None:
    rows(engine, "UPDATE snapshot SET gone = true WHERE object = 'account'")
    learn(engine)
    rows(engine, "UPDATE subject SET status = 'due', due_at = now()")
    asked.apply()
    assert (asked.case()["Status"], asked.case()["Billing_Outcome__c"]) == ("Closed", "Account removed")
    assert len(crm.rows("Account")) == 2
    found = kept(engine)
    assert found
    assert found.state is LinkState.REVIEW
