"""An operator says which record an account is; the one it had before is left as if billing had never known it."""

from __future__ import annotations

from typing import Any

import pytest
from samples import one, subject
from sqlalchemy import Engine

from connector.errors import Permanent
from connector.facts import Link, LinkState
from connector.ledger import links
from connector.ledger.attempts import Cause
from connector.sync.linking import by_hand
from connector.sync.linking.by_hand import Wish
from connector.sync.linking.searching import Search
from sync.linking.conftest import Casewire, Crm, Start, account, codes, keep, kept, learn

BOB = subject("bob")


@pytest.fixture
def made(engine: Engine, crm: Crm, start: Start) -> Casewire:
    """bob has a record that Casewire made."""
    learn(engine, account(last_name="Rivera"))
    casewire = start()
    casewire.apply(2)
    return casewire


def wish(casewire: Casewire, id_: str, who: str = BOB) -> Wish:
    return by_hand.look(casewire.engine, _search(casewire), who, id_)


def link(casewire: Casewire, wanted: Wish) -> bool:
    crm = casewire.crm.client
    return by_hand.link(
        casewire.engine, crm, _search(casewire), wanted, Cause("link", "ann"), casewire._now()
    )


def _search(casewire: Casewire) -> Search:
    return Search(casewire.crm.client, casewire.crm.shape)


def test_everything_moves_to_the_record_that_was_chosen(made: Casewire, crm: Crm) -> None:
    old = crm.rows("Account")[0]["Id"]
    new = crm.account("Rivera Holding")
    contact = crm.contact(new, "bob@rivera.example")
    wanted = wish(made, new)
    assert wanted.from_id == old
    assert link(made, wanted)
    made.apply(2)
    assert made.state() == "idle"
    now = crm.row("Account", new)
    assert (now["Billing_Key__c"], now["Billing_Account_Code__c"]) == (BOB, "bob")
    assert now["Billing_Linked_By__c"] == "chosen by ann with casewire link"
    left: dict[str, Any] = crm.row("Account", old)
    told = {name: value for name, value in left.items() if name.startswith("Billing_") and value}
    assert told == {}, "the old one says nothing of billing"
    assert left["Name"] == "Rivera Books"
    keyed = [row["Id"] for row in crm.rows("Contact") if row["Billing_Key__c"]]
    assert keyed == [contact]


def test_who_did_it_is_on_record(made: Casewire, crm: Crm, engine: Engine) -> None:
    link(made, wish(made, crm.account("Rivera Holding")))
    told = one(engine, "SELECT subject, who, outcome FROM attempt WHERE trigger = 'link'")
    assert tuple(told) == (BOB, "ann", "unchanged")


def test_one_that_waits_for_a_person_has_its_answer(engine: Engine, crm: Crm, start: Start) -> None:
    for name in ("One", "Two"):
        crm.account(name, email="bob@rivera.example")
    learn(engine, account())
    casewire = start()
    casewire.apply()
    chosen = crm.rows("Account")[1]["Id"]
    link(casewire, wish(casewire, chosen[:15]))
    casewire.apply(2)
    assert casewire.case()["Billing_Outcome__c"] == "Linked"
    assert casewire.case()["AccountId"] == chosen
    assert codes(crm.rows("Account")) == ["bob"]
    assert len(crm.rows("Contact")) == 2


def test_another_accounts_record_is_refused_by_name(made: Casewire, crm: Crm, engine: Engine) -> None:
    eves = crm.account("Eve's", Billing_Key__c=subject("eve"))
    with pytest.raises(Permanent, match=f"linked to {subject('eve')} already"):
        wish(made, eves)
    kims = crm.account("Kim's")
    keep(engine, kim=Link(LinkState.LINKED, kims))
    with pytest.raises(Permanent, match=subject("kim")):
        wish(made, kims)


def test_what_is_not_there_is_said(made: Casewire, crm: Crm) -> None:
    with pytest.raises(Permanent, match="Salesforce has no account 001000000000001AAA"):
        wish(made, "001000000000001AAA")
    with pytest.raises(Permanent, match=f"knows no account {subject('nobody')}"):
        wish(made, crm.account(), subject("nobody"))


def test_one_that_was_taken_meanwhile_stays_with_who_took_it(
    made: Casewire, crm: Crm, engine: Engine
) -> None:
    wanted = wish(made, crm.account("Rivera Holding"))
    keep(engine, eve=Link(LinkState.LINKED, wanted.record.id))
    assert not link(made, wanted)
    with engine.connect() as connection:
        assert links.holders(connection, [wanted.record.id]) == {wanted.record.id: subject("eve")}


def test_a_record_that_is_gone_is_left_without_a_word(made: Casewire, crm: Crm) -> None:
    crm.desk.delete("Account", crm.rows("Account")[0]["Id"])
    new = crm.account("Rivera Holding")
    assert link(made, wish(made, new))
    made.apply(2)
    assert crm.row("Account", new)["Billing_Key__c"] == BOB
    assert (kept(made.engine) or Link(LinkState.NEW)).account_id == new
