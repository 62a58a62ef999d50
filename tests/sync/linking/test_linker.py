"""Which record an account is linked to: by the first key that fits, and never by a guess."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from samples import SITE, SOURCE, subject
from sqlalchemy import Engine
from structlog.testing import capture_logs

from connector.clients.salesforce import Org
from connector.errors import SetupError
from connector.ledger import links, snapshots
from connector.models.facts import Link, LinkState, SubjectKind
from connector.sync.linking import Linker
from sandbox.salesforce.access import permissions
from sync.linking.conftest import Crm, Find, account, keep, kept, reading, settings
from sync.world import seen

BOB = account()
CODE = {"by": "field", "field": "AccountNumber", "value": "account_code"}
NEW, LINKED, REVIEW, WAITING = LinkState.NEW, LinkState.LINKED, LinkState.REVIEW, LinkState.WAITING


# ── one candidate ─────────────────────────────────────────────────────────────────────────────────────────────


def test_an_account_is_linked_by_the_billing_e_mail_of_its_contact(
    crm: Crm, find: Find, engine: Engine
) -> None:
    id_ = crm.account("Somebody")
    contact = crm.contact(id_, "BOB@rivera.example")
    found = find(crm, BOB)["bob"]
    assert found == Link(LINKED, id_, contact_id=contact, how="billing e-mail of a contact")
    assert kept(engine) == found
    assert found.since


def test_of_two_contacts_with_that_e_mail_the_older_one_is_the_billing_contact(crm: Crm, find: Find) -> None:
    id_ = crm.account("Somebody")
    older = crm.contact(id_, "bob@rivera.example")
    crm.contact(id_, "bob@rivera.example", FirstName="Bob")
    assert find(crm, BOB)["bob"].contact_id == older


def test_a_contact_that_is_another_billing_accounts_is_left_alone(crm: Crm, find: Find) -> None:
    id_ = crm.account("Somebody")
    crm.contact(id_, "bob@rivera.example", Billing_Key__c="recurly:acme:contact:eve")
    assert find(crm, BOB)["bob"] == Link(LINKED, id_, how="billing e-mail of a contact")


def test_a_second_contact_is_not_given_a_key_that_one_has(crm: Crm, find: Find) -> None:
    id_, elsewhere = crm.account("Somebody", email="bob@rivera.example"), crm.account("Elsewhere")
    crm.contact(elsewhere, "old@rivera.example", Billing_Key__c="recurly:acme:contact:bob")
    found = find(crm, BOB)["bob"]
    assert (found.account_id, found.contact_id) == (id_, None)


@pytest.mark.parametrize(
    "website", ["https://www.rivera.example/about", "rivera.example", "shop.rivera.example"]
)
def test_an_account_is_linked_by_domain_and_name(crm: Crm, find: Find, website: str) -> None:
    crm.account("Rivera Toys", Website=website)
    id_ = crm.account("RIVERA BOOKS, Inc.", Website=website)
    crm.account("Rivera Books", Website="https://notrivera.example")
    assert find(crm, BOB)["bob"] == Link(LINKED, id_, how="e-mail domain and name")


def test_a_domain_of_free_mail_says_nothing(crm: Crm, find: Find) -> None:
    crm.account("Rivera Books", Website="gmail.com")
    assert find(crm, account(email="bob@gmail.com"))["bob"].state is NEW


@pytest.mark.parametrize(
    ("value", "typed", "told"),
    [
        ("account_code", "BOB", {}),
        ("vat_number", " DE 1", {"vat_number": "DE 1"}),
        ("company", "rivera books", {}),
        ("email", "Bob@rivera.example", {}),
        ("custom:crm number", "A-7", {"custom_fields": (("crm number", "A-7"),)}),
    ],
)
def test_an_account_is_linked_by_a_field_that_holds_what_billing_tells(
    crm: Crm, find: Find, value: str, typed: str, told: dict[str, Any]
) -> None:
    id_ = crm.account("Somebody", AccountNumber=typed.strip())
    key = {"by": "field", "field": "AccountNumber", "value": value}
    found = find(crm, account(**told), keys=[key])["bob"]
    assert (found.state, found.account_id) == (LINKED, id_)
    assert found.how.endswith(" in AccountNumber")


def test_what_billing_does_not_tell_is_not_looked_for(crm: Crm, find: Find) -> None:
    crm.account("Somebody")
    keys = [{"by": "field", "field": "AccountNumber", "value": value} for value in ("vat_number", "custom:x")]
    assert find(crm, BOB, keys=keys)["bob"].state is NEW


def _family(engine: Engine) -> Any:
    child = account("kid", parent_account_id="id-bob")
    with engine.begin() as connection:
        snapshots.store(connection, SOURCE, SITE, snapshots.clock(connection), [BOB])
    return child


def test_an_account_is_linked_by_the_code_of_its_parent(crm: Crm, find: Find, engine: Engine) -> None:
    id_ = crm.account("Somebody", AccountNumber="bob")
    key = {"by": "field", "field": "AccountNumber", "value": "parent_code"}
    assert find(crm, _family(engine), keys=[key])["kid"].account_id == id_


def test_an_account_is_linked_by_its_name_below_the_record_of_its_parent(
    crm: Crm, find: Find, engine: Engine
) -> None:
    above = crm.account("Rivera Group")
    crm.account("Rivera Toys", ParentId=above)
    id_ = crm.account("Rivera Books Inc", ParentId=above)
    keep(engine, bob=Link(LINKED, above))
    assert find(crm, _family(engine), keys=[{"by": "parent"}])["kid"].account_id == id_


def test_the_first_key_that_fits_decides(crm: Crm, find: Find) -> None:
    crm.account("Somebody", email="bob@rivera.example")
    id_ = crm.account("Another", AccountNumber="bob")
    assert find(crm, BOB, keys=[CODE, {"by": "email"}])["bob"].account_id == id_


def test_one_that_has_our_key_is_the_one_whatever_else_fits(crm: Crm, find: Find) -> None:
    crm.account("Somebody", email="bob@rivera.example")
    id_ = crm.account("Typed by hand", Billing_Key__c=subject("bob"))
    assert find(crm, BOB)["bob"] == Link(LINKED, id_, how="its Billing Key")


def test_why_it_was_linked_is_remembered_by_the_record(crm: Crm, find: Find) -> None:
    crm.account("Ours", Billing_Key__c=subject("bob"), Billing_Linked_By__c="VAT number in VAT__c")
    assert find(crm, BOB)["bob"].how == "VAT number in VAT__c"


# ── none, several, taken ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("none", "state"), [("create", NEW), ("wait", WAITING), ("ask", REVIEW)])
def test_where_nothing_fits_the_policy_says_what_to_do(
    crm: Crm, find: Find, none: str, state: LinkState
) -> None:
    crm.account("Somebody else", email="eve@rivera.example")
    found = find(crm, BOB, none=none)["bob"]
    assert (found.state, found.account_id, found.candidates) == (state, None, ())


def test_several_are_for_a_person_with_every_reason_each_fits(crm: Crm, find: Find) -> None:
    one = crm.account("Rivera Books", email="bob@rivera.example", Website="rivera.example")
    two = crm.account("Rivera, Bob", email="bob@rivera.example", AccountNumber="bob")
    found = find(crm, BOB, keys=[{"by": "email"}, {"by": "domain_and_name"}, CODE])["bob"]
    assert (found.state, found.how) == (REVIEW, "2 accounts fit by billing e-mail of a contact")
    assert [(c.id, c.name, c.reasons, c.taken_by) for c in found.candidates] == [
        (one, "Rivera Books", ("billing e-mail of a contact", "e-mail domain and name"), None),
        (two, "Rivera, Bob", ("billing e-mail of a contact", "account code in AccountNumber"), None),
    ]


def test_a_record_that_says_it_is_another_billing_accounts_is_taken(crm: Crm, find: Find) -> None:
    id_ = crm.account(email="bob@rivera.example", Billing_Key__c=subject("eve"))
    found = find(crm, BOB)["bob"]
    assert found.state is REVIEW
    assert [(c.id, c.taken_by) for c in found.candidates] == [(id_, subject("eve"))]


def test_a_record_that_was_found_for_another_is_taken_before_anything_is_written(
    crm: Crm, find: Find, engine: Engine
) -> None:
    id_ = crm.account(email="bob@rivera.example")
    keep(engine, eve=Link(LINKED, id_))
    assert find(crm, BOB)["bob"].candidates[0].taken_by == subject("eve")
    assert find(crm, BOB, taken="create")["bob"].state is NEW


def test_a_record_that_casewire_made_for_another_account_is_no_candidate(crm: Crm, find: Find) -> None:
    """Two billing accounts with one e-mail in an org that had neither: each gets a record."""
    made = {"Billing_Key__c": subject("eve"), "Billing_Linked_By__c": "made by Casewire: nothing fitted"}
    crm.account(email="bob@rivera.example", Website="rivera.example", **made)
    assert find(crm, BOB)["bob"].state is NEW


def test_of_two_that_fit_one_that_is_taken_does_not_stand_in_the_way(crm: Crm, find: Find) -> None:
    crm.account(email="bob@rivera.example", Billing_Key__c=subject("eve"))
    id_ = crm.account("Rivera Toys", email="bob@rivera.example")
    assert find(crm, BOB)["bob"].account_id == id_


def test_two_accounts_of_one_batch_that_fit_one_record_do_not_share_it(crm: Crm, find: Find) -> None:
    id_ = crm.account(email="both@rivera.example")
    found = find(
        crm, account("eve", email="both@rivera.example"), account("bob", email="both@rivera.example")
    )
    assert (found["bob"].state, found["bob"].account_id) == (LINKED, id_)
    assert (found["eve"].state, found["eve"].candidates[0].taken_by) == (REVIEW, subject("bob"))


def test_who_loses_the_race_to_another_worker_is_asked_about(
    crm: Crm, find: Find, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = crm.account(email="bob@rivera.example")
    save = links.save

    def meanwhile(*args: Any) -> set[str]:
        monkeypatch.setattr(links, "save", save)
        keep(engine, eve=Link(LINKED, id_))
        return save(*args)

    monkeypatch.setattr(links, "save", meanwhile)
    found = find(crm, BOB)["bob"]
    assert (found.state, found.candidates[0].taken_by) == (REVIEW, subject("eve"))


# ── a person's answer ─────────────────────────────────────────────────────────────────────────────────────────


def _answered(engine: Engine, crm: Crm, chosen: str, **case: Any) -> Link:
    """``chosen``: the account that somebody set on the review case."""
    link = kept(engine)
    cases = (seen("account:bob:account_match:1", "account_match", account_id=chosen, **case),)
    linker = Linker(engine, crm.client, settings(), lambda: crm.shape)
    return linker.find([reading(BOB, link, cases=cases)])[subject("bob")]


def test_the_account_a_person_sets_on_the_case_is_the_one(crm: Crm, find: Find, engine: Engine) -> None:
    for name in ("One", "Two"):
        crm.account(name, email="bob@rivera.example")
    find(crm, BOB)
    other = crm.account("A third one")
    assert _answered(engine, crm, other) == Link(LINKED, other, how="chosen by a person")


def test_an_answer_of_another_question_does_not_count(crm: Crm, find: Find, engine: Engine) -> None:
    ids = [crm.account(name, email="bob@rivera.example") for name in ("One", "Two")]
    find(crm, BOB)
    assert _answered(engine, crm, ids[0], state="resolved").state is REVIEW


def test_one_that_is_taken_can_not_be_chosen_and_that_is_said(crm: Crm, find: Find, engine: Engine) -> None:
    for name in ("One", "Two"):
        crm.account(name, email="bob@rivera.example")
    find(crm, BOB)
    taken = crm.account("Eve's", Billing_Key__c=subject("eve"))
    found = _answered(engine, crm, taken)
    assert (found.state, found.how) == (REVIEW, "its account is another billing account's already")
    assert [(c.id, c.taken_by) for c in found.candidates] == [(taken, subject("eve"))]


# ── who is looked for, and what it costs ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "told", [{"link": Link(LINKED, "001A")}, {"account": None}, {"gone": True}, {"about": SubjectKind.PAYEE}]
)
def test_nobody_else_is_looked_for(crm: Crm, engine: Engine, told: dict[str, Any]) -> None:
    read = reading(BOB)
    linker = Linker(engine, crm.client, settings(), lambda: crm.shape)
    about = replace(read, facts=replace(read.facts, **told))
    assert crm.calls(lambda: linker.find([about])) == 0
    assert linker.find([about]) == {}


@pytest.mark.parametrize("state", [NEW, REVIEW, WAITING])
def test_one_without_a_record_is_looked_for_again(
    crm: Crm, find: Find, engine: Engine, state: LinkState
) -> None:
    keep(engine, bob=Link(state))
    id_ = crm.account(email="bob@rivera.example")
    assert find(crm, BOB)["bob"].account_id == id_


def test_two_hundred_cost_a_handful_of_calls(crm: Crm, find: Find) -> None:
    many = [
        account(f"customer-{n:04}", email=f"customer-{n:04}@shop{n}.example", company=f"Shop {n}")
        for n in range(200)
    ]
    for n in range(0, 200, 2):
        crm.account(
            f"Shop {n}",
            email=f"customer-{n:04}@shop{n}.example" if n % 4 else None,
            Website=f"shop{n}.example",
        )
    assert crm.calls(lambda: find(crm, *many)) <= 8
    assert crm.calls(lambda: find(crm, *many[:1])) <= 5


def test_switched_off_only_our_own_key_is_looked_for(crm: Crm, find: Find) -> None:
    crm.account(email="bob@rivera.example")
    ours = crm.account("Ours", Billing_Key__c=subject("eve"))
    found = find(crm, BOB, account("eve"), enabled=False)
    assert (found["bob"].state, found["eve"].account_id) == (NEW, ours)
    assert crm.calls(lambda: find(crm, account("kim"), enabled=False)) == 1


@pytest.mark.parametrize(
    ("field", "told"), [("Recurly_Code__c", "is not in the org"), ("AnnualRevenue", "is currency")]
)
def test_a_field_that_can_not_be_searched_is_named_before_anything_is_asked(
    crm: Crm, find: Find, field: str, told: str
) -> None:
    with pytest.raises(SetupError, match=f"Account.{field}, .*{told}"):
        find(crm, BOB, keys=[{"by": "field", "field": field, "value": "account_code"}])


def test_a_standard_field_that_is_hidden_stops_nothing(crm: Crm, engine: Engine) -> None:
    """What the integration user may not see is not asked for: the query would be refused whole."""
    id_ = crm.account(email="bob@rivera.example")
    hidden = {"Account": {"Website": "none", "Billing_Linked_By__c": "none"}}
    crm.org.permit(permissions(crm.org.schema, hidden))
    shape = Org.load(crm.client).shape
    linker = Linker(engine, crm.client, settings(), lambda: shape)
    with capture_logs() as lines:
        assert linker.find([reading(BOB)])[subject("bob")].account_id == id_
        eve = account("eve", email="eve@other.example")
        assert linker.find([reading(eve)])[subject("eve")].state is NEW
    told = [(line["key"], line["field"]) for line in lines if line["event"] == "linking_key_hidden"]
    assert told == [("domain_and_name", "Account.Website")], "said once"


# ── person accounts ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_person_account_is_found_by_its_e_mail(persons: Crm, find: Find) -> None:
    (id_,) = persons.desk.write("Account", [{"LastName": "Rivera", "PersonEmail": "bob@rivera.example"}])
    found = find(persons, account(company=None))["bob"]
    assert (found.state, found.account_id, found.person, found.contact_id) == (LINKED, id_, True, None)


def test_a_business_account_stays_one_in_an_org_with_persons(persons: Crm, find: Find) -> None:
    id_ = persons.account("Rivera Books", email="bob@rivera.example")
    found = find(persons, BOB)["bob"]
    assert (found.account_id, found.person) == (id_, False)
    assert found.contact_id
