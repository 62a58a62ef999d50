"""An account is one record of the CRM, and stays it whatever happens to that record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from samples import make_ready, one, rows, subject
from sqlalchemy import Engine

from connector.errors import Permanent
from connector.ledger import links
from connector.models.facts import Candidate, Facts, Link, LinkState
from connector.models.plan import Change, Parent, Plan
from connector.sync.apply.applier import Applier
from connector.sync.apply.facts_loader import LoadedFacts
from sync.fake_crm import FakeCrm, Org, Trouble
from sync.world import account

from .test_applier import learn, state

BOB = subject("bob")
CONTACT = "recurly:acme:contact:bob"


def decide(facts: Facts) -> Plan:
    """An account, which nobody has named twice, and its contact."""
    assert facts.account is not None
    return Plan(
        facts.subject,
        (
            Change(
                "Account",
                BOB,
                "account",
                "is",
                {"Company__c": facts.account.company},
                on_create={"Name": "x"},
            ),
            Change(
                "Contact",
                CONTACT,
                "account",
                "is",
                {"Email": facts.account.email},
                parents={"AccountId": Parent("Account", BOB)},
                on_create={"LastName": "x"},
            ),
        ),
    )


class Linker:
    """Finds what it was told to find."""

    def __init__(self, *found: Link, answers: bool = True) -> None:
        self.found = list(found)
        self.answers = answers
        self.named: Mapping[str, Any] = {}
        self.lost: set[str] = set()

    def find(self, readings: Sequence[LoadedFacts]) -> Mapping[str, Link]:
        asked = [one.facts for one in readings if one.facts.link is None or one.facts.subject in self.lost]
        self.lost.clear()
        return {facts.subject: self.found.pop(0) for facts in asked}

    def duplicates(self, named: Mapping[str, Mapping[str, Sequence[str]]]) -> Set[str]:
        self.named = named
        return set(named) if self.answers else set()

    def gone(self, subjects: Set[str]) -> None:
        self.lost |= subjects


@pytest.fixture
def crm() -> FakeCrm:
    found = FakeCrm()
    found.records["Account", "theirs"] = {
        "Id": "001A",
        "Name": "Rivera",
        "IsClosed": False,
        "ClosedDate": None,
    }
    found.records["Contact", "hers"] = {
        "Id": "003A",
        "LastName": "Rivera",
        "IsClosed": False,
        "ClosedDate": None,
    }
    return found


def run(engine: Engine, crm: FakeCrm, linker: Linker, times: int = 1) -> None:
    for _ in range(times):
        make_ready(engine, "subject")
        Applier(engine, crm, Org, decide, lambda: datetime.now(UTC), "w", linker).run()


def kept(engine: Engine) -> Link | None:
    with engine.connect() as connection:
        return links.load(connection, [BOB]).get(BOB)


LINKED = Link(LinkState.LINKED, "001A", contact_id="003A", how="e-mail")


def test_a_linked_account_is_written_by_its_id_and_gets_our_key(engine: Engine, crm: FakeCrm) -> None:
    learn(engine, account())
    run(engine, crm, Linker(LINKED))
    assert set(crm.of("Account")) == {BOB}
    assert crm.of("Account")[BOB]["Name"] == "Rivera", "what is written on creation is the agents' own here"
    assert crm.of("Account")[BOB]["Company__c"] == "Rivera Books"
    assert crm.of("Contact")[CONTACT]["Id"] == "003A"
    assert state(engine)[0] == "idle"


def test_an_account_that_is_made_is_linked_to_what_was_made(engine: Engine, crm: FakeCrm) -> None:
    learn(engine, account())
    run(engine, crm, Linker(Link(LinkState.NEW, how="nothing fitted")))
    assert kept(engine) == Link(LinkState.LINKED, f"id-Account-{BOB}", how="nothing fitted")
    learn(engine, account(company="Rivera & Co"))
    run(engine, crm, Linker())
    assert crm.of("Account")[BOB]["Company__c"] == "Rivera & Co"
    assert crm.upserts[-1][1][0]["Id"] == f"id-Account-{BOB}"


def test_an_account_whose_record_was_deleted_is_looked_for_again(engine: Engine, crm: FakeCrm) -> None:
    learn(engine, account())
    linker = Linker(Link(LinkState.NEW), LINKED)
    run(engine, crm, linker)
    del crm.records["Account", BOB]
    learn(engine, account(company="Rivera & Co"))
    run(engine, crm, linker, times=2)
    assert set(crm.of("Account")) == {BOB}
    assert crm.of("Account")[BOB]["Id"] == "001A"
    assert state(engine)[0] == "idle"


def test_one_that_is_said_to_be_gone_again_and_again_is_for_a_person(engine: Engine, crm: FakeCrm) -> None:
    gone = replace(LINKED, account_id="001GONE")
    with engine.begin() as connection:
        links.save(connection, {BOB: gone})
    learn(engine, account())
    run(engine, crm, Linker(*[gone] * 9), times=9)
    assert state(engine)[0] == "dead"


class Strict(FakeCrm):
    """A duplicate rule that blocks; it names what it found only where a row comes alone."""

    def _upsert(self, object_: str, key: str, row: Mapping[str, Any]) -> Any:
        answer = super()._upsert(object_, key, row)
        alone = len(self.upserts) > 1 and self.upserts[-1] == self.upserts[-2]
        if answer.error is None or not alone:
            return answer
        return replace(answer, error=Trouble(answer.error.error, matches=("001A",)))


@pytest.mark.parametrize(("answers", "ends"), [(True, "due"), (False, "dead")])
def test_a_duplicate_rules_refusal_names_what_is_there(engine: Engine, answers: bool, ends: str) -> None:
    strict = Strict()
    strict.refusals["Account", BOB] = Permanent("You're creating a duplicate.", code="DUPLICATES_DETECTED")
    linker = Linker(Link(LinkState.NEW), Link(LinkState.NEW), answers=answers)
    learn(engine, account())
    run(engine, strict, linker)
    assert linker.named == {BOB: {"Account": ("001A",)}}
    if not answers:
        run(engine, strict, linker)
    assert state(engine)[0] == ends


def test_a_record_is_never_two_accounts(engine: Engine) -> None:
    with engine.begin() as connection:
        assert links.save(connection, {BOB: LINKED}) == set()
        assert links.save(connection, {subject("eve"): LINKED}) == {subject("eve")}
        assert links.holders(connection, ["001A"]) == {"001A": BOB}
    assert one(engine, f"SELECT count(*) AS n FROM link WHERE subject = '{subject('eve')}'").n == 0


def test_a_link_is_read_as_it_was_kept(engine: Engine) -> None:
    review = Link(LinkState.REVIEW, candidates=(Candidate("001A", "Rivera", ("e-mail", "name"), "x"),))
    with engine.begin() as connection:
        links.save(connection, {BOB: review})
        assert links.load(connection, [BOB]) == {BOB: review}
        assert links.held(connection) == {BOB: review}
        links.forget(connection, [BOB])
        assert links.held(connection) == {}
    assert rows(engine, "SELECT * FROM link") == []


# ── persons ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_account_that_was_made_as_a_person_stays_one(engine: Engine, crm: FakeCrm) -> None:
    def as_person(changes: Sequence[Change], facts: Facts) -> list[Change]:
        return [replace(changes[0], fields={**changes[0].fields, "Billing_Key__pc": CONTACT})]

    learn(engine, account())
    Applier(engine, crm, Org, decide, lambda: datetime.now(UTC), "w", fit=as_person).run()
    with engine.connect() as connection:
        link = links.load(connection, [BOB])[BOB]
    assert (link.state, link.account_id, link.person) == (LinkState.LINKED, f"id-Account-{BOB}", True)
