"""The same stories in orgs of other shapes: the same records, but for what the shape itself is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from connector.cli.local_stack import Stack, casewire
from connector.mappers.fields import PERSON_KEY, Account, Case, Contact
from flows.crm import Rows, contents, differences
from flows.playing import fresh, started, tell, worked

STORIES = (
    "renewal_fails_then_recovers",
    "renewal_fails_hard",
    "chargeback_won",
    "refund_meets_dispute",
    "payout_bounces_then_paid",
    "customer_cancels",
    "yen_and_dinar",
)
OF_THE_SHAPE = {"CurrencyIsoCode", "RecordTypeId", "IsPersonAccount", "PersonContactId"}
"""What a shape adds to a record, or takes away."""
STATUSES = {"New": "Offen", "Closed": "Erledigt"}


@pytest.fixture(scope="module")
def plain(standing: Stack) -> Rows:
    """What the stories leave in an org without any of it."""
    fresh(standing)
    worked(standing, tell(standing, STORIES, beside=4))
    return contents(standing.vendors)


@contextmanager
def told(home: Path, shape: str, policy: str = "") -> Iterator[Stack]:
    """A Casewire beside an org of this shape, in which the stories have been told."""
    home.mkdir(parents=True, exist_ok=True)
    path = home / "policy.toml"
    path.write_text(policy)
    with started(home, sandbox=("--org", shape), changes={"CASEWIRE_POLICY": str(path)}) as running:
        worked(running, tell(running, STORIES, beside=4))
        yield running


def likened(rows: Rows, plain: Rows) -> Rows:
    """What the rows say of what the plain org's say, but for what is the shape's own."""
    return {
        record: {n: v for n, v in row.items() if n in _told(plain.get(record, {}))}
        for record, row in rows.items()
    }


def _told(row: Mapping[str, Any]) -> set[str]:
    """How urgent a case was that is over, and who had it, depends on the hour it escalated at."""
    over = {Case.OWNER, Case.PRIORITY} if row.get(Case.STATE) == "resolved" else set()
    return set(row) - OF_THE_SHAPE - over


def compared(plain: Rows, running: Stack) -> list[str]:
    return differences(likened(plain, plain), likened(contents(running.vendors), plain))


def nameless(rows: Rows) -> Rows:
    """A person is called by its own name, not by its company's."""
    return {
        record: {name: value for name, value in row.items() if (record[0], name) != ("Account", Account.NAME)}
        for record, row in rows.items()
    }


@pytest.mark.slow
def test_in_an_org_with_person_accounts(plain: Rows, home: Path) -> None:
    with told(home, "person_accounts", '[orgs]\nperson_accounts = "always"\n') as running:
        assert compared(nameless(plain), running) == []
        accounts = running.vendors.records("Account")
        assert accounts
        assert all(row["IsPersonAccount"] for row in accounts)
        contacts = {row["Id"]: row for row in running.vendors.records("Contact")}
        for row in accounts:
            contact = contacts[row["PersonContactId"]]
            assert row[PERSON_KEY] == contact["Billing_Key__c"]
            assert row["PersonEmail"] == contact[Contact.EMAIL]
        of_cases = {row[Case.CONTACT] for row in running.vendors.records("Case") if row[Case.ACCOUNT]}
        assert of_cases <= contacts.keys()
        assert len(contacts) == len(accounts)


@pytest.mark.slow
def test_in_an_org_with_several_currencies(plain: Rows, home: Path) -> None:
    with told(home, "multi_currency") as running:
        assert compared(plain, running) == []
        invoices = running.vendors.records("Billing_Invoice__c")
        currencies = {row["Currency_Code__c"] for row in invoices}
        assert {"USD", "JPY", "KWD"} <= currencies
        for object_ in ("Billing_Subscription__c", "Billing_Invoice__c", "Billing_Payment__c"):
            for row in running.vendors.records(object_):
                assert row["CurrencyIsoCode"] == row["Currency_Code__c"]


@pytest.mark.slow
def test_in_a_bare_org_without_record_types(plain: Rows, home: Path) -> None:
    with told(home, "professional") as running:
        assert compared(plain, running) == []
        queues = {row["Id"] for row in running.vendors.records("Group")}
        assert all(row[Case.OWNER] in queues for row in running.vendors.records("Case"))


@pytest.mark.slow
def test_in_an_org_with_statuses_of_its_own(plain: Rows, home: Path) -> None:
    german = {
        record: {**row, Case.STATUS: STATUSES[row[Case.STATUS]]}
        for record, row in plain.items()
        if record[0] == "Case"
    }
    with told(home, "other_statuses") as running:
        assert compared({**plain, **german}, running) == []
        cases = running.vendors.records("Case")
        assert {row[Case.STATUS] for row in cases} == {"Offen", "Erledigt"}
        assert all(row["IsClosed"] is (row[Case.STATUS] == "Erledigt") for row in cases)
        status = casewire(running.environment, "status", "--json")
        assert '"left_out": []' in status.stdout
