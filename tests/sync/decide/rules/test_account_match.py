"""Where a person is needed to link an account there is a case that says between what, and it ends with the answer."""

from __future__ import annotations

from typing import Any

import pytest

from connector.mappers.fields import Case as F
from connector.models.facts import Candidate, Link, LinkState
from connector.models.plan import Change, Transition
from connector.policy import Policy
from connector.sync.decide.decide import decide
from connector.sync.decide.rules import account_match
from sync.world import NOW, account, at, facts, seen

POLICY = Policy()
CANDIDATES = (
    Candidate("001A", "Rivera Books", ("billing e-mail of a contact", "VAT number in VAT__c")),
    Candidate("001B", "", ("billing e-mail of a contact",), "recurly:acme:account:eve"),
)
ASKED = Link(
    LinkState.REVIEW, how="2 accounts fit by billing e-mail of a contact", candidates=CANDIDATES, since=at(20)
)
LINKED = Link(LinkState.LINKED, "001A", how="chosen by a person", since=at(21))
OPEN = seen("account:bob:account_match:1", "account_match")
RESOLVED = seen(
    "account:bob:account_match:1", "account_match", state="resolved", closed=True, closed_at=at(21)
)


def case(link: Link | None, *cases: Any, **told: Any) -> Change | None:
    known = facts(account(**told), *cases, link=link)
    return next(iter(account_match.changes(known, POLICY)), None)


def test_a_person_is_asked_with_the_candidates_and_why_each_fits() -> None:
    change = case(ASKED)
    assert change
    assert (change.key, change.transition) == ("recurly:acme:account:bob:account_match:1", Transition.OPEN)
    assert change.on_create["Subject"] == "Which Salesforce account is billing account bob?"
    assert change.fields[F.CANDIDATES] == (
        "Rivera Books (001A): billing e-mail of a contact, VAT number in VAT__c\n"
        "no name (001B): billing e-mail of a contact; linked to recurly:acme:account:eve already"
    )
    assert change.fields[F.OPENED_AT] == at(20)
    assert str(change.fields[F.SUMMARY]).startswith(
        "2 accounts fit by billing e-mail of a contact.\n"
        "Billing account bob: Rivera Books, Bob Rivera, bob@example.com.\nCandidates:\nRivera Books (001A)"
    )
    assert "Set the account of this case" in str(change.fields[F.ACTION])


@pytest.mark.parametrize(
    "link", [None, LINKED, Link(LinkState.NEW), Link(LinkState.WAITING), Link(LinkState.LINKED, "001A")]
)
def test_nobody_else_is_asked_about(link: Link | None) -> None:
    assert case(link) is None


def test_while_it_is_open_it_is_only_kept_true() -> None:
    change = case(ASKED, OPEN)
    assert change
    assert change.transition is None
    assert change.transition_fields == {}


@pytest.mark.parametrize(
    ("link", "outcome"),
    [
        (LINKED, "Linked"),
        (Link(LinkState.NEW, how="made by Casewire: nothing fitted"), "Created"),
        (Link(LinkState.LINKED, "001A", how="made by Casewire: nothing fitted"), "Created"),
        (Link(LinkState.WAITING, how="no account fits yet"), "Waiting"),
    ],
)
def test_it_resolves_itself_with_the_answer(link: Link, outcome: str) -> None:
    change = case(link, OPEN)
    assert change
    assert (change.transition, change.fields[F.OUTCOME]) == (Transition.RESOLVE, outcome)
    assert change.fields[F.RESOLVED_AT] == link.since
    assert F.OPENED_AT not in change.fields
    assert F.CANDIDATES not in change.fields, "what it was asked between stays"


def test_afterwards_it_says_the_same() -> None:
    first, again = case(LINKED, OPEN), case(LINKED, RESOLVED)
    assert first
    assert again
    assert (again.fields, again.transition) == (first.fields, None)


def test_a_question_that_comes_up_again_is_a_new_case() -> None:
    known = facts(account(), RESOLVED, link=ASKED)
    old, new = account_match.changes(known, POLICY)
    assert (new.key, new.transition) == ("recurly:acme:account:bob:account_match:2", Transition.OPEN)
    assert (old.key, old.fields) == (RESOLVED.key, {F.STATE: "resolved"})


def test_accounts_without_a_record_are_looked_at_again() -> None:
    for link, again in ((ASKED, True), (Link(LinkState.WAITING), True), (LINKED, False), (None, False)):
        plan = decide(facts(account(), link=link), POLICY)
        looked = plan.look_again_at is not None
        assert looked is again
    waits = decide(
        facts(account(), link=ASKED), Policy.model_validate({"linking": {"look_again_minutes": 5}})
    )
    assert waits.look_again_at
    assert (waits.look_again_at - NOW).total_seconds() == 300


def test_the_record_says_why_it_was_linked() -> None:
    plan = decide(facts(account(), link=LINKED), POLICY)
    change = next(one for one in plan.changes if one.object == "Account")
    assert change.fields["Billing_Linked_By__c"] == "chosen by a person"
