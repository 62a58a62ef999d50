"""An operator says which record an account is; the one it had before is left as if billing had never known it."""

from __future__ import annotations

from typing import Any

import pytest
from samples import one, rows, subject
from sqlalchemy import Engine

from connector.clients.salesforce import RowError, RowResult, Verdict
from connector.errors import Permanent, Transient
from connector.ledger import links, runs, subjects
from connector.ledger.attempts import Cause
from connector.models.facts import Link, LinkState
from connector.sync.linking import manual_link
from connector.sync.linking.candidate_search import CandidateSearch
from connector.sync.linking.manual_link import LinkRequest
from sync.linking.conftest import Casewire, Crm, Start, account, codes, keep, kept, learn

BOB = subject("bob")


@pytest.fixture
def made(engine: Engine, crm: Crm, start: Start) -> Casewire:
    """bob has a record that Casewire made."""
    learn(engine, account(last_name="Rivera"))
    casewire = start()
    casewire.apply(2)
    return casewire


def wish(casewire: Casewire, id_: str, who: str = BOB) -> LinkRequest:
    return manual_link.look(casewire.engine, _search(casewire), who, id_)


def link(casewire: Casewire, wanted: LinkRequest, crm: Any = None, run: int | None = None) -> bool:
    return manual_link.link(
        casewire.engine,
        crm or casewire.crm.client,
        _search(casewire),
        wanted,
        Cause("link", "ann", run),
        casewire._now(),
    )


def _search(casewire: Casewire) -> CandidateSearch:
    return CandidateSearch(casewire.crm.client, casewire.crm.shape)


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


def test_who_did_it_is_on_record_with_what_the_old_records_said(
    made: Casewire, crm: Crm, engine: Engine
) -> None:
    old, contact = crm.rows("Account")[0], crm.rows("Contact")[0]["Id"]
    new = crm.account("Rivera Holding")
    link(made, wish(made, new))
    told = one(engine, "SELECT subject, who, outcome, written FROM attempt WHERE trigger = 'link'")
    assert tuple(told) == (BOB, "ann", "applied", 2)
    on_account, on_contact = rows(engine, "SELECT * FROM change WHERE rule = 'link' ORDER BY id")
    assert (on_account.object, on_account.key, on_account.salesforce_id) == ("Account", BOB, old["Id"])
    assert on_account.reason == f"ann linked the account to {new} instead."
    assert on_account.before["Billing_Key__c"] == BOB
    assert on_account.before["Billing_Account_Code__c"] == "bob"
    assert on_account.before["Billing_State__c"] == "active"
    assert {*on_account.after.values()} <= {None, False}
    assert on_account.before.keys() == on_account.after.keys(), "what was empty is not told of"
    assert (on_contact.object, on_contact.salesforce_id) == ("Contact", contact)
    assert [*on_contact.before] == ["Billing_Key__c"]


def test_what_is_written_to_the_new_record_is_of_the_same_run(
    made: Casewire, crm: Crm, engine: Engine
) -> None:
    with engine.begin() as connection:
        run = runs.begin(connection, "link", "ann", "ticket 1", {})
    link(made, wish(made, crm.account("Rivera Holding")), run=run)
    made.apply(2)
    told = rows(engine, "SELECT trigger, who, run_id, outcome FROM attempt ORDER BY id DESC LIMIT 2")
    assert [tuple(row) for row in told] == [("link", "ann", run, "applied")] * 2


class _Breaks:
    """A Salesforce that is away from the so-manyeth write on: as if the command were killed there."""

    def __init__(self, crm: Any, writes: int) -> None:
        self._crm, self._left = crm, writes

    def update(self, object_: str, rows_: Any) -> Any:
        if not self._left:
            raise ConnectionResetError
        self._left -= 1
        return self._crm.update(object_, rows_)


def _said(crm: Crm, *objects: str) -> list[dict[str, Any]]:
    """What the first record of each says of billing, but for when it was written."""
    told = ("Billing_As_Of__c",)
    return [
        {
            name: value
            for name, value in crm.rows(object_)[0].items()
            if name.startswith("Billing_") and value and name not in told
        }
        for object_ in objects
    ]


def test_one_that_was_linked_elsewhere_meanwhile_is_looked_at_again(
    made: Casewire, crm: Crm, engine: Engine
) -> None:
    wanted = wish(made, crm.account("Rivera Holding"))
    keep(engine, bob=Link(LinkState.LINKED, crm.account("Third")))
    with pytest.raises(Transient, match="look again"):
        link(made, wanted)
    assert codes(crm.rows("Account")) == ["bob"]


@pytest.mark.parametrize("writes", [0, 1])
def test_a_link_that_broke_off_leaves_all_as_it_was_before(
    made: Casewire, crm: Crm, engine: Engine, writes: int
) -> None:
    before = _said(crm, "Account", "Contact")
    wanted = wish(made, crm.account("Rivera Holding"))
    with pytest.raises(ConnectionResetError):
        link(made, wanted, _Breaks(crm.client, writes))
    made.apply(2)
    assert made.state() == "idle"
    assert _said(crm, "Account", "Contact") == before
    assert (kept(engine) or Link(LinkState.NEW)).account_id == wanted.from_id
    assert link(made, wish(made, wanted.record.id)), "and it may be done again"


def test_one_that_a_worker_writes_just_now_is_left_to_it(made: Casewire, crm: Crm, engine: Engine) -> None:
    wanted = wish(made, crm.account("Rivera Holding"))
    with engine.begin() as connection:
        assert subjects.claim(connection, "w:1", 1, [BOB])
    with pytest.raises(Transient, match="try again in a moment"):
        link(made, wanted)
    assert codes(crm.rows("Account")) == ["bob"]


class _Refuses:
    """A Salesforce that lets nobody empty a record."""

    def update(self, object_: str, rows_: Any) -> Any:
        text = "A rule of the org refuses it."
        error = RowError(Verdict.DEAD, "FIELD_CUSTOM_VALIDATION_EXCEPTION", text, text)
        return [RowResult(row["Id"], None, False, error) for row in rows_]


def test_a_record_that_may_not_be_emptied_is_told_of_and_stays(
    made: Casewire, crm: Crm, engine: Engine
) -> None:
    wanted = wish(made, crm.account("Rivera Holding"))
    with pytest.raises(Permanent, match="A rule of the org refuses"):
        link(made, wanted, _Refuses())
    told = one(engine, "SELECT outcome, refused, error FROM attempt WHERE trigger = 'link'")
    assert (told.outcome, told.refused) == ("retry", 1)
    made.apply(2)
    assert (made.state(), (kept(engine) or Link(LinkState.NEW)).account_id) == ("idle", wanted.from_id)


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
    before = _said(crm, "Account", "Contact")
    wanted = wish(made, crm.account("Rivera Holding"))
    keep(engine, eve=Link(LinkState.LINKED, wanted.record.id))
    assert not link(made, wanted)
    made.apply(2)
    assert _said(crm, "Account", "Contact") == before, "the record that it keeps is written again"
    assert len(crm.rows("Contact")) == 1
    with engine.connect() as connection:
        assert links.holders(connection, [wanted.record.id]) == {wanted.record.id: subject("eve")}


def test_a_record_that_is_gone_is_left_without_a_word(made: Casewire, crm: Crm) -> None:
    crm.desk.delete("Account", crm.rows("Account")[0]["Id"])
    new = crm.account("Rivera Holding")
    assert link(made, wish(made, new))
    made.apply(2)
    assert crm.row("Account", new)["Billing_Key__c"] == BOB
    assert (kept(made.engine) or Link(LinkState.NEW)).account_id == new
