"""What people had typed into the demo's CRM, what is said of it in the end, and its settings for every command."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from connector import settings
from connector.cli import demo
from connector.cli.demo.seed_records import (
    BY_EMAIL,
    BY_NAME,
    PROSPECTS,
    TWICE,
    SeedRecords,
    create_seed_records,
)
from connector.cli.demo.verification import judge, linked
from connector.cli.local_stack import Vendors, sandbox_settings, vendors
from connector.ledger import links
from connector.models.facts import Link, LinkState
from connector.models.linking import MADE

POPULATION = {"accounts": demo.POPULATION, "seed": 3}
TYPED = BY_EMAIL + BY_NAME + 2 * TWICE + PROSPECTS


@pytest.fixture(scope="module")
def sandboxed() -> Iterator[Vendors]:
    with vendors() as running:
        yield running


@pytest.fixture
def populated(sandboxed: Vendors) -> Vendors:
    """Customers in billing, and nothing in the CRM."""
    for server in ("salesforce", "recurly"):
        sandboxed.control(server, "POST", "reset")
    sandboxed.control("recurly", "POST", "scenarios/population", POPULATION)
    return sandboxed


def _of(typed: SeedRecords, how: str) -> list[dict[str, Any]]:
    return [one for one in typed.expectations if one["fields"].get("Billing_Linked_By__c") == how]


def test_half_of_the_customers_are_in_the_crm_as_people_type_them(populated: Vendors) -> None:
    before = populated.control("salesforce", "GET", "calls")["total"]
    typed = create_seed_records(populated, 1)
    accounts = {row["Id"]: row for row in populated.records("Account")}
    assert typed.accounts == len(accounts) == TYPED
    assert not any(row["Billing_Key__c"] for row in accounts.values())
    by_name = _of(typed, "e-mail domain and name")
    assert len(by_name) == BY_NAME
    assert all(accounts[one["fields"]["Id"]]["Website"] for one in by_name)
    people = populated.records("Contact")
    assert len(people) == BY_EMAIL + 2 * TWICE
    assert {row["Email"] for row in people if row["Email"] == row["Email"].upper()}
    made = demo.POPULATION - BY_EMAIL - BY_NAME - TWICE
    assert len(_of(typed, "made by Casewire: nothing fitted")) == made
    assert populated.control("salesforce", "GET", "calls")["total"] == before


def test_the_seed_says_which(populated: Vendors) -> None:
    def who(seed: int) -> set[str]:
        populated.control("salesforce", "POST", "reset")
        found = _of(create_seed_records(populated, seed), "billing e-mail of a contact")
        return {one["match"]["Billing_Key__c"] for one in found}

    assert who(1) == who(1)
    assert who(1) != who(2)


def _as_it_should_be(populated: Vendors, typed: SeedRecords) -> Mapping[str, Link]:
    """What Casewire would have done, done by hand; the links that the ledger would have."""
    kept: dict[str, Link] = {}
    for one in typed.expectations:
        key, fields = one["match"].get("Billing_Key__c"), dict(one["fields"])
        if one["object"] == "Account" and "Billing_Linked_By__c" in fields:
            assert one["count"] == 1
            how, id_ = fields["Billing_Linked_By__c"], fields.pop("Id", None)
            if id_ is None:
                (id_,) = populated.control("salesforce", "POST", "records/Account", [{"Name": "Made"}])
            _edit(populated, "Account", id_, {"Billing_Key__c": key, **fields})
            kept[key] = Link(LinkState.LINKED, id_, how=how)
        elif one["object"] == "Contact":
            _edit(populated, "Contact", fields["Id"], {"Billing_Key__c": fields["Billing_Key__c"]})
        elif one["object"] == "Case":
            told = "\n".join(fields["Billing_Candidates__c"])
            row = {**one["match"], "Billing_Candidates__c": told}
            populated.control("salesforce", "POST", "records/Case", [row])
            kept[one["match"]["Billing_Account_Key__c"]] = Link(LinkState.REVIEW, how="2 accounts fit")
    return kept


def _edit(populated: Vendors, object_: str, id_: str, fields: Mapping[str, Any]) -> None:
    populated.control("salesforce", "PATCH", f"records/{object_}/{id_}", fields)


@pytest.fixture
def met(populated: Vendors, engine: Engine) -> SeedRecords:
    """All is as it should be."""
    typed = create_seed_records(populated, 1)
    with engine.begin() as connection:
        links.save(connection, _as_it_should_be(populated, typed))
    return typed


def test_all_linked_made_or_asked_about_is_good(populated: Vendors, engine: Engine, met: SeedRecords) -> None:
    found = judge(engine, populated.records, [], met.expectations, met.accounts)
    assert (found.good, found.doubled, found.different) == (True, [], [])
    made = demo.POPULATION - BY_EMAIL - BY_NAME - TWICE
    numbers = {"linked": BY_EMAIL + BY_NAME, "made": made, "asked": TWICE, "without": 0}
    assert linked(engine) == numbers


def test_a_second_account_of_a_customer_is_doubled(
    populated: Vendors, engine: Engine, met: SeedRecords
) -> None:
    populated.control("salesforce", "POST", "records/Account", [{"Name": "Once more"}])
    found = judge(engine, populated.records, [], met.expectations, met.accounts)
    assert len(found.doubled) == 1


def test_another_record_than_the_one_that_was_there_is_different(
    populated: Vendors, engine: Engine, met: SeedRecords
) -> None:
    one = _of(met, "billing e-mail of a contact")[0]
    key, id_ = one["match"]["Billing_Key__c"], one["fields"]["Id"]
    _edit(populated, "Account", id_, {"Billing_Key__c": None})
    fields = {"Name": "Made", "Billing_Key__c": key, "Billing_Linked_By__c": f"{MADE}: nothing fitted"}
    populated.control("salesforce", "POST", "records/Account", [fields])
    found = judge(engine, populated.records, [], met.expectations, met.accounts)
    assert any(id_ in sentence for sentence in found.different)
    assert found.doubled


def test_a_review_case_without_one_of_its_candidates_is_different(
    populated: Vendors, engine: Engine, met: SeedRecords
) -> None:
    (case,) = populated.records("Case")
    first = case["Billing_Candidates__c"].splitlines()[0]
    _edit(populated, "Case", case["Id"], {"Billing_Candidates__c": first})
    found = judge(engine, populated.records, [], met.expectations, met.accounts)
    (sentence,) = found.different
    assert "Billing_Candidates__c" in sentence


@pytest.mark.parametrize(("how", "good"), [("chosen by a person", True), ("e-mail domain and name", False)])
def test_only_a_person_may_say_which_of_two_it_is(
    populated: Vendors, engine: Engine, met: SeedRecords, how: str, good: bool
) -> None:
    (case,) = populated.records("Case")
    id_ = case["Billing_Candidates__c"].splitlines()[0]
    chosen = {"Billing_Key__c": case["Billing_Account_Key__c"], "Billing_Linked_By__c": how}
    _edit(populated, "Account", id_, chosen)
    assert judge(engine, populated.records, [], met.expectations, met.accounts).good == good


def test_every_command_finds_the_demo_by_the_env_of_its_folder(
    alone: None, populated: Vendors, tmp_path: Path
) -> None:
    given = {**os.environ, "DATABASE_URL": "postgresql://u@127.0.0.1:5/x", "CASEWIRE_KEPT": "1"}
    given |= sandbox_settings(populated, "a-secret")
    demo._write_env_file(given, tmp_path)
    file = tmp_path / ".env"
    assert file.stat().st_mode & 0o077 == 0
    assert "CASEWIRE_KEPT" not in file.read_text()
    found = settings.load()
    assert found.database_url == given["DATABASE_URL"]
    (org,) = populated.records("Organization")
    assert found.salesforce_org_id == org["Id"]
    assert [site.name for site in found.recurly] == ["sandbox"]
