"""What people do to records is noticed: the account follows its record, or is looked for anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from samples import rows, subject
from sqlalchemy import Engine

from connector.ledger import watermarks
from connector.models.facts import Link, LinkState
from connector.sync.linking import crm_poll
from sync.linking.conftest import Casewire, Crm, Start, account, codes, keep, kept, learn, policy

LINKED = LinkState.LINKED


@pytest.fixture
def linked(engine: Engine, crm: Crm, start: Start) -> Casewire:
    """bob is linked to a record that was there before."""
    crm.account("Rivera Books", email="bob@rivera.example")
    learn(engine, account())
    casewire = start()
    casewire.apply()
    casewire.watch()
    return casewire


def rivera(crm: Crm, name: str = "Rivera Books") -> str:
    return str(next(row["Id"] for row in crm.rows("Account") if row["Name"] == name))


def test_nothing_is_asked_while_nothing_is_linked(crm: Crm, engine: Engine, start: Start) -> None:
    assert crm.calls(start().watch) == 0
    keep(engine, bob=Link(LinkState.NEW))
    assert crm.calls(start().watch) == 0


def test_a_quiet_look_costs_a_call_for_each_thing_that_may_have_happened(
    crm: Crm, engine: Engine, start: Start
) -> None:
    keep(engine, bob=Link(LINKED, "001000000000001AAA"))
    assert crm.calls(start().watch) == 1
    keep(engine, eve=Link(LinkState.WAITING))
    assert crm.calls(start().watch) == 2
    keep(engine, kim=Link(LinkState.REVIEW))
    assert crm.calls(start().watch) == 3


def test_an_account_follows_the_record_that_its_own_was_merged_into(linked: Casewire, crm: Crm) -> None:
    master = crm.account("Rivera Holding")
    crm.desk.merge("Account", master, [rivera(crm)])
    assert linked.watch() == 1
    assert kept(linked.engine) == Link(
        LINKED, master, contact_id=crm.rows("Contact")[0]["Id"], how="merged into Rivera Holding"
    )
    linked.apply(2)
    assert codes(crm.rows("Account")) == ["bob"]
    assert crm.row("Account", master)["Billing_Account_Code__c"] == "bob", "all of it was written there"
    assert crm.row("Account", master)["Name"] == "Rivera Holding"
    assert (len(crm.rows("Account")), len(crm.rows("Contact"))) == (1, 1)
    assert linked.watch() == 0, "it is noticed once"


def test_it_follows_through_several_merges(linked: Casewire, crm: Crm) -> None:
    first, last = crm.account("First"), crm.account("Last")
    crm.desk.merge("Account", first, [rivera(crm)])
    crm.desk.merge("Account", last, [first])
    assert linked.watch() == 1
    assert replace(kept(linked.engine) or Link(LINKED), contact_id=None) == Link(
        LINKED, last, how="merged into Last"
    )


def test_a_record_that_is_another_accounts_already_is_a_matter_for_a_person(
    linked: Casewire, crm: Crm
) -> None:
    eves = crm.account("Eve's", email="eve@rivera.example")
    learn(linked.engine, account("eve"))
    linked.apply()
    crm.desk.merge("Account", eves, [rivera(crm)])
    assert linked.watch() == 1
    linked.apply(2)
    assert codes(crm.rows("Account")) == ["eve"]
    assert subject("eve") in linked.case()["Billing_Candidates__c"]
    assert (kept(linked.engine) or Link(LINKED)).state is LinkState.REVIEW


def test_two_accounts_whose_records_become_one_do_not_share_it(linked: Casewire, crm: Crm) -> None:
    eves = crm.account("Eve's", email="eve@rivera.example")
    learn(linked.engine, account("eve"))
    linked.apply()
    master = crm.account("Both")
    crm.desk.merge("Account", master, [rivera(crm), eves])
    assert linked.watch() == 2
    linked.apply(2)
    assert codes(crm.rows("Account")) == ["bob"]
    assert linked.case()["Billing_Account_Key__c"] == subject("eve")


def test_one_whose_record_was_deleted_is_looked_for_anew(linked: Casewire, crm: Crm) -> None:
    crm.desk.delete("Account", rivera(crm))
    other = crm.account("Rivera again", email="bob@rivera.example")
    assert linked.watch() == 1
    linked.apply(2)
    assert codes(crm.rows("Account")) == ["bob"]
    assert crm.row("Account", other)["Billing_Account_Code__c"] == "bob"


def test_what_happens_to_records_of_others_is_nobodys_matter(linked: Casewire, crm: Crm) -> None:
    crm.desk.merge("Account", crm.account("One"), [crm.account("Two")])
    crm.desk.delete("Account", crm.account("Three"))
    assert linked.watch() == 0


def test_what_happened_while_nobody_looked_is_seen_the_next_time(linked: Casewire, crm: Crm) -> None:
    rows(linked.engine, "UPDATE watermark SET at = now() - interval '3 days'")
    crm.desk.delete("Account", rivera(crm))
    assert linked.watch() == 1
    with linked.engine.connect() as connection:
        seen = watermarks.load(connection, crm_poll.SEEN)
    assert seen
    assert (datetime.now(UTC) - seen).total_seconds() < 60


# ── person accounts ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_business_that_becomes_a_person_and_back_is_noticed(engine: Engine, persons: Crm) -> None:
    id_ = persons.account("Rivera", email="bob@rivera.example", Billing_Key__c=subject("bob"))
    learn(engine, account())
    keep(engine, bob=Link(LINKED, id_, contact_id="003A", how="e-mail"))
    casewire = Casewire(engine, persons, policy())
    assert casewire.watch() == 0
    persons.desk.convert(id_)
    assert casewire.watch() == 1
    assert kept(engine) == Link(LINKED, id_, person=True, how="e-mail")
    persons.desk.convert(id_)
    assert casewire.watch() == 1
    assert kept(engine) == Link(LINKED, id_, how="e-mail")
