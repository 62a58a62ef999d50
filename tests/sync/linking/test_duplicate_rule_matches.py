"""A duplicate rule of the org says which record an account is, where the policy lets it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

import pytest
from samples import subject
from sqlalchemy import Engine

from connector.models.facts import Link, LinkState
from connector.sync.linking import Linker
from sandbox.salesforce.rulebook import duplicate_rule
from sync.linking.conftest import Crm, Start, account, codes, keep, kept, learn, settings

BOB = subject("bob")


def answer(engine: Engine, crm: Crm, named: Mapping[str, Sequence[str]], **policy: Any) -> Set[str]:
    return Linker(engine, crm.client, settings(**policy), lambda: crm.shape).duplicates({BOB: named})


def test_the_one_record_it_names_is_linked(crm: Crm, engine: Engine) -> None:
    keep(engine, bob=Link(LinkState.NEW))
    id_ = crm.account()
    assert answer(engine, crm, {"Account": [id_, "00Q000000000001AAA"]}) == {BOB}, "a lead is no account"
    assert kept(engine) == Link(LinkState.LINKED, id_, how="named by a duplicate rule")


def test_of_several_a_person_is_asked(crm: Crm, engine: Engine) -> None:
    keep(engine, bob=Link(LinkState.NEW))
    ids = [crm.account("One"), crm.account("Two")]
    assert answer(engine, crm, {"Account": ids}) == {BOB}
    found = kept(engine)
    assert found
    assert (found.state, [c.id for c in found.candidates]) == (LinkState.REVIEW, ids)


def test_one_that_is_taken_is_no_answer_but_a_question(crm: Crm, engine: Engine) -> None:
    id_ = crm.account(Billing_Key__c=subject("eve"))
    assert answer(engine, crm, {"Account": [id_]}) == {BOB}
    found = kept(engine)
    assert found
    assert (found.state, found.candidates[0].taken_by) == (LinkState.REVIEW, subject("eve"))


def test_a_person_is_asked_in_any_case_if_the_policy_says_so(crm: Crm, engine: Engine) -> None:
    assert answer(engine, crm, {"Account": [crm.account()]}, duplicates="ask") == {BOB}
    assert (kept(engine) or Link(LinkState.NEW)).state is LinkState.REVIEW


@pytest.mark.parametrize("policy", [{"duplicates": "refuse"}, {"enabled": False}])
def test_where_the_policy_refuses_nothing_is_answered(
    crm: Crm, engine: Engine, policy: dict[str, Any]
) -> None:
    id_ = crm.account()
    assert crm.calls(lambda: answer(engine, crm, {"Account": [id_]}, **policy)) == 0
    assert kept(engine) is None


def test_a_contact_it_names_on_the_account_is_the_billing_contact(crm: Crm, engine: Engine) -> None:
    id_ = crm.account()
    contact = crm.contact(id_, "other@rivera.example")
    keep(engine, bob=Link(LinkState.LINKED, id_, how="e-mail"))
    assert answer(engine, crm, {"Contact": [contact]}) == {BOB}
    assert kept(engine) == Link(LinkState.LINKED, id_, contact_id=contact, how="e-mail")
    assert answer(engine, crm, {"Contact": [contact]}) == set(), "the second time that is no answer"


def test_a_contact_of_another_account_is_no_answer(crm: Crm, engine: Engine) -> None:
    keep(engine, bob=Link(LinkState.LINKED, crm.account()))
    elsewhere = crm.contact(crm.account("Elsewhere"), "other@rivera.example")
    assert answer(engine, crm, {"Contact": [elsewhere]}) == set()


def test_a_record_that_is_gone_is_no_answer(crm: Crm, engine: Engine) -> None:
    assert answer(engine, crm, {"Account": ["001000000000001AAA"]}) == set()


def test_an_account_that_a_rule_refuses_to_make_ends_on_the_record_it_names(
    crm: Crm, engine: Engine, start: Start
) -> None:
    """The whole way: refused, told what is there, linked, written."""
    rule = {"object": "Account", "fields": ["Name"], "action": "block"}
    crm.org.add_duplicate_rule(duplicate_rule(crm.org.schema, rule))
    id_ = crm.account("Rivera Books")
    learn(engine, account())
    casewire = start()
    casewire.apply(3)
    assert (casewire.state(), codes(crm.rows("Account"))) == ("idle", ["bob"])
    assert crm.row("Account", id_)["Billing_Linked_By__c"] == "named by a duplicate rule"
