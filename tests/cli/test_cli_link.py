"""``casewire link``: a person says which Salesforce account a billing account is, and sees what waits for that."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis
from samples import due, one, subject
from sqlalchemy import Engine

from connector import queue
from connector.ledger import links, subjects
from connector.models.facts import Candidate, Link, LinkState
from sandbox.control import Control
from sandbox.salesforce import Org, create_app
from sandbox.salesforce.desk import Desk
from sandbox.salesforce.metadata import default_metadata
from sandbox.server import serve

from .conftest import Run

BOB = subject("bob")
REVIEW = Link(
    LinkState.REVIEW,
    how="2 accounts fit by billing e-mail of a contact",
    candidates=(
        Candidate("001A", "Rivera [Books]", ("billing e-mail of a contact",)),
        Candidate("001B", "Rivera", ("billing e-mail of a contact",), subject("eve")),
    ),
)


@pytest.fixture(scope="module")
def _org() -> Iterator[tuple[Org, str]]:
    org = Org(default_metadata(), assignment_rule=False)
    with serve(create_app(org, Control())) as server:
        yield org, server.url


@pytest.fixture
def desk(_org: tuple[Org, str], connected: Run, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The org that Casewire is connected to."""
    org, url = _org
    org.reset()
    given = {"SALESFORCE_CLIENT_ID": "sandbox", "SALESFORCE_CLIENT_SECRET": "sandbox", "RECURLY_SITE": "acme"}
    for name, value in {**given, "SALESFORCE_LOGIN_URL": url}.items():
        monkeypatch.setenv(name, value)
    return Desk(org)


def keep(engine: Engine, link: Link) -> None:
    with engine.begin() as connection:
        subjects.mark_due(connection, [due("bob")])
        links.save(connection, {BOB: link})


def kept(engine: Engine) -> Link:
    with engine.connect() as connection:
        return links.load(connection, [BOB])[BOB]


def account(desk: Desk, **values: Any) -> str:
    (id_,) = desk.write("Account", [{"Name": "Rivera [Books]", **values}])
    return id_


def queued(redis: Redis) -> set[str]:
    return {job.func_name.rpartition(".")[2] for job in queue.job_queue(redis).jobs}


def test_an_account_is_linked_by_its_code(connected: Run, desk: Desk, engine: Engine, redis: Redis) -> None:
    keep(engine, REVIEW)
    id_ = account(desk)
    result = connected("link", "bob", id_, "--yes")
    assert (result.exit_code, result.stdout) == (0, "")
    assert f"{BOB} will be linked to Rivera [Books] ({id_})." in result.stderr
    found = kept(engine)
    assert (found.state, found.account_id) == (LinkState.LINKED, id_)
    assert found.how.endswith("with casewire link")
    assert one(engine, "SELECT status FROM subject").status == "due"
    assert "apply" in queued(redis)


def test_or_by_its_whole_key_and_what_it_leaves_is_said(connected: Run, desk: Desk, engine: Engine) -> None:
    old = account(desk, Billing_Key__c=BOB)
    keep(engine, Link(LinkState.LINKED, old))
    result = connected("link", BOB, account(desk), "--yes")
    assert result.exit_code == 0
    assert f"Its billing data are removed from {old}" in result.stderr
    options = one(engine, "SELECT options FROM run").options
    assert options == {"account": BOB, "from": old, "to": kept(engine).account_id}
    again = connected("link", BOB, kept(engine).account_id, "--yes")
    assert (again.exit_code, "already" in again.stderr) == (0, True)


def test_nothing_is_done_unasked(connected: Run, desk: Desk, engine: Engine) -> None:
    keep(engine, REVIEW)
    result = connected("link", "bob", account(desk))
    assert result.exit_code == 2
    assert "Add --yes" in result.stderr
    assert kept(engine) == REVIEW


def test_another_accounts_record_is_refused(connected: Run, desk: Desk, engine: Engine) -> None:
    keep(engine, REVIEW)
    result = connected("link", "bob", account(desk, Billing_Key__c=subject("eve")), "--yes")
    assert result.exit_code == 1
    assert f"is linked to {subject('eve')} already" in result.stderr
    assert kept(engine) == REVIEW


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("bob",), "Name the Salesforce account"),
        (("bob", "003000000000001AAA"), "not the id of a Salesforce account"),
        (("bob", "001000000000001AAA", "--json"), "--json is only for"),
        (("bob", "001000000000001AAA", "--site", "other"), "--site acme"),
    ],
)
def test_wrong_usage_is_said(connected: Run, desk: Desk, arguments: tuple[str, ...], told: str) -> None:
    result = connected("link", *arguments)
    assert result.exit_code == 2
    assert told in result.stderr


def test_what_waits_is_listed_with_its_candidates_and_how_to_decide(connected: Run, engine: Engine) -> None:
    keep(engine, REVIEW)
    result = connected("link", "review")
    assert result.exit_code == 1
    assert f"{BOB}  review since" in result.stdout
    assert "001A  Rivera [Books]  billing e-mail of a contact" in result.stdout
    assert f"001B  Rivera  billing e-mail of a contact; linked to {subject('eve')} already" in result.stdout
    assert "set the account of the review case" in result.stderr


def test_or_as_one_json_document(connected: Run, engine: Engine) -> None:
    keep(engine, REVIEW)
    (found,) = json.loads(connected("link", "review", "--json").stdout)
    assert (found["account"], found["state"], found["why"]) == (BOB, "review", REVIEW.how)
    assert found["candidates"][1] == {
        "id": "001B",
        "name": "Rivera",
        "reasons": ["billing e-mail of a contact"],
        "taken_by": subject("eve"),
    }


def test_nothing_waits(connected: Run, engine: Engine) -> None:
    keep(engine, Link(LinkState.LINKED, "001A"))
    result = connected("link", "review")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "No billing account waits" in result.stderr


def test_status_tells_how_many_wait(connected: Run, engine: Engine) -> None:
    keep(engine, REVIEW)
    assert "1 for a person, 0 wait for a record  → casewire link review" in connected("status").stdout
    assert json.loads(connected("status", "--json").stdout)["not_linked"] == {"review": 1, "waiting": 0}
