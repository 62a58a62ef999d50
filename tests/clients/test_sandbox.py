"""The clients against the sandbox: the same promises where somebody else wrote the other side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from connector.clients.recurly import RecurlyClient, RecurlyConfig
from connector.clients.salesforce import (
    Org,
    SalesforceClient,
    SalesforceConfig,
    Verdict,
    parent,
)
from connector.errors import SetupError, Transient, Unavailable
from connector.mappers import fields
from connector.mappers.field_limits import required_fields
from connector.models import facts
from connector.policy import Policy
from connector.sync.org_schema.adaptation import OrgAdapter
from connector.sync.org_schema.missing_fields import lacking
from sandbox import recurly as sandbox_recurly
from sandbox import salesforce as sandbox_salesforce
from sandbox.control import Control
from sandbox.salesforce.metadata import default_metadata
from sandbox.server import Server, serve

KEY = fields.KEY


@dataclass(frozen=True)
class Vendor:
    """A sandbox server and its control plane."""

    server: Server
    control: Control

    def records(self, name: str) -> list[dict[str, Any]]:
        answer = requests.get(f"{self.server.url}/__sandbox__/records/{name}", timeout=10)
        told: list[dict[str, Any]] = answer.json()
        return told


# --- Salesforce ---------------------------------------------------------------------------------------------


@pytest.fixture
def crm() -> Iterator[Vendor]:
    metadata = default_metadata()
    assert metadata is not None
    control = Control()
    with serve(sandbox_salesforce.create_app(sandbox_salesforce.Org(metadata), control)) as server:
        yield Vendor(server, control)


@pytest.fixture
def salesforce_client(crm: Vendor) -> Iterator[SalesforceClient]:
    config = SalesforceConfig(crm.server.url, "sandbox", client_secret="sandbox", timeout=2.0)
    client = SalesforceClient(config, sleep=lambda _: None, pause=lambda: 0.0)
    yield client
    client.close()


def accounts(count: int) -> list[dict[str, Any]]:
    return [{KEY: f"recurly:acme:account:{n}", "Name": f"Customer {n}"} for n in range(count)]


def test_rows_are_created_then_updated_by_key(salesforce_client: SalesforceClient, crm: Vendor) -> None:
    first = salesforce_client.upsert("Account", KEY, accounts(250))
    second = salesforce_client.upsert("Account", KEY, accounts(250))
    assert {result.created for result in first} == {True}
    assert {result.created for result in second} == {False}
    assert [result.id for result in first] == [result.id for result in second]
    assert len(crm.records("Account")) == 250
    assert (salesforce_client.logins, salesforce_client.calls) == (1, 4)


def test_values_and_parents_arrive_as_they_were_sent(salesforce_client: SalesforceClient) -> None:
    salesforce_client.upsert("Account", KEY, accounts(1))
    moment = datetime(2026, 5, 1, 7, 25, 37, tzinfo=UTC)
    key = "recurly:acme:invoice:1:past_due:1"
    case = {
        KEY: key,
        "Subject": 'Überfällig: "INV\'1"',
        "Account": parent("Account", KEY, "recurly:acme:account:0"),
        "Billing_Amount__c": Decimal("1234567.891"),
        "Billing_Opened_At__c": moment,
    }
    assert salesforce_client.upsert("Case", KEY, [case])[0].error is None
    (row,) = salesforce_client.query_keys(
        "SELECT Subject, Billing_Amount__c, Billing_Opened_At__c, Account.Name FROM Case", KEY, [key]
    )
    assert row["Subject"] == case["Subject"]
    assert row["Billing_Amount__c"] == case["Billing_Amount__c"]
    assert datetime.fromisoformat(row["Billing_Opened_At__c"]) == moment
    assert row["Account"]["Name"] == "Customer 0"


def test_an_update_never_runs_the_assignment_rules(salesforce_client: SalesforceClient) -> None:
    org = Org.load(salesforce_client)
    queue = org.queue("Billing_Collections")
    case = {KEY: "k", "Subject": "s", "OwnerId": queue}
    salesforce_client.upsert("Case", KEY, [case])
    salesforce_client.upsert("Case", KEY, [{KEY: "k", "Subject": "changed"}])
    (row,) = salesforce_client.query_keys("SELECT OwnerId FROM Case", KEY, ["k"])
    assert queue is not None
    assert row["OwnerId"] == queue


def test_everything_we_write_is_there_once_the_metadata_is(salesforce_client: SalesforceClient) -> None:
    org = Org.load(salesforce_client)
    assert lacking(org.shape, required_fields()) == {}
    assert org.record_type("Billing")


def test_a_signed_assertion_logs_in() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding = serialization.Encoding.PEM
    public = key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    org = sandbox_salesforce.Org(jwt_public_key=public.decode())
    user = str(org.records("User")[0]["Username"])
    with serve(sandbox_salesforce.create_app(org, Control())) as server:
        config = SalesforceConfig(server.url, "sandbox", username=user, jwt_key=private.decode())
        client = SalesforceClient(config)
        assert client.query("SELECT Id FROM Account") == []
        assert client.org_id.startswith("00D")
        client.close()


def test_a_bare_org_says_what_it_lacks() -> None:
    with serve(sandbox_salesforce.create_app(sandbox_salesforce.Org(), Control())) as server:
        client = SalesforceClient(SalesforceConfig(server.url, "sandbox", client_secret="sandbox"))
        with pytest.raises(
            SetupError, match=r"Account: Billing_Account_Code__c.*Billing_Event__c: .*Deploy salesforce/"
        ):
            OrgAdapter.of(Policy(), Org.load(client), print)
        client.close()


def test_an_expired_session_costs_one_login_and_no_row(
    salesforce_client: SalesforceClient, crm: Vendor
) -> None:
    salesforce_client.upsert("Account", KEY, accounts(1))
    crm.control.add_fault("session_expired", times=1)
    assert salesforce_client.upsert("Account", KEY, accounts(2))[1].error is None
    assert salesforce_client.logins == 2


def test_an_answer_lost_after_the_commit_doubles_nothing(
    salesforce_client: SalesforceClient, crm: Vendor
) -> None:
    crm.control.add_fault("drop_after_commit", match="composite/sobjects", times=1)
    done = salesforce_client.upsert("Account", KEY, accounts(3))
    assert [result.error for result in done] == [None] * 3
    assert len(crm.records("Account")) == 3


def test_a_locked_row_and_a_refused_row_leave_the_others_alone(
    salesforce_client: SalesforceClient, crm: Vendor
) -> None:
    crm.control.add_fault("row_lock", match="account:1$", times=1)
    crm.control.add_fault("validation_rule", match="account:2$", times=1)
    verdicts = [
        result.error and result.error.verdict
        for result in salesforce_client.upsert("Account", KEY, accounts(4))
    ]
    assert verdicts == [None, Verdict.RETRY, Verdict.DEAD, None]


def test_a_duplicate_rule_names_the_record_that_is_there(
    salesforce_client: SalesforceClient, crm: Vendor
) -> None:
    there = salesforce_client.upsert("Account", KEY, [{KEY: "a", "Name": "Twin"}])[0].id
    crm.control.add_fault("duplicate_rule", times=1)
    error = salesforce_client.upsert("Account", KEY, [{KEY: "b", "Name": "Twin"}])[0].error
    assert error is not None
    assert error.verdict is Verdict.DEAD
    assert error.code == "DUPLICATES_DETECTED"
    assert error.matches in ((there,), ())


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("unavailable", Unavailable), ("daily_limit", Unavailable), ("concurrent_limit", Transient)],
)
def test_trouble_with_the_whole_org_is_raised(
    salesforce_client: SalesforceClient, crm: Vendor, fault: str, kind: type[Exception]
) -> None:
    salesforce_client.upsert("Account", KEY, accounts(1))
    crm.control.add_fault(fault)
    with pytest.raises(kind) as told:
        salesforce_client.upsert("Account", KEY, accounts(1))
    assert type(told.value) is kind


def test_a_field_that_was_not_deployed_is_named(salesforce_client: SalesforceClient) -> None:
    done = salesforce_client.upsert("Account", KEY, [{**row, "Nowhere__c": 1} for row in accounts(5)])
    assert all(result.error and result.error.verdict is Verdict.DEAD for result in done)
    assert all(result.error and "Nowhere__c" in result.error.text for result in done)


# --- Recurly ------------------------------------------------------------------------------------------------


@pytest.fixture
def billing() -> Iterator[Vendor]:
    site, control = sandbox_recurly.Site(), Control()
    with serve(sandbox_recurly.create_app(site, control)) as server:
        url = f"{server.url}/__sandbox__/scenarios/renewal_fails_then_recovers"
        assert requests.post(url, json={"count": 3}, timeout=10).ok
        yield Vendor(server, control)
    site.close()


@pytest.fixture
def recurly_client(billing: Vendor) -> Iterator[RecurlyClient]:
    client = RecurlyClient(RecurlyConfig("sandbox", "sandbox", api_url=billing.server.url, timeout=2.0))
    yield client
    client.close()


@pytest.mark.parametrize(
    ("kind", "stored"), [("account", "account"), ("subscription", "subscription"), ("payment", "transaction")]
)
def test_all_of_a_kind_are_one_call(
    recurly_client: RecurlyClient, billing: Vendor, kind: str, stored: str
) -> None:
    ids = [row["id"] for row in billing.records(stored)]
    fetched = recurly_client.fetch(kind, [(id_,) for id_ in ids])
    assert {item.id for item in fetched.found} == set(ids)
    assert (fetched.gone, fetched.failed) == ((), ())
    assert recurly_client.calls == 1


def test_every_form_of_reference_finds_the_same_object(
    recurly_client: RecurlyClient, billing: Vendor
) -> None:
    invoice = billing.records("invoice")[0]
    forms = [(invoice["id"],), (f"number-{invoice['number']}",)]
    for refs in forms:
        found = recurly_client.fetch("invoice", [refs]).found
        assert [item.id for item in found if isinstance(item, facts.Invoice)] == [invoice["id"]]
    payment = billing.records("transaction")[0]
    assert recurly_client.fetch("payment", [(f"uuid-{payment['uuid']}",)]).found[0].id == payment["id"]


def test_a_history_holds_all_of_one_account_and_nothing_of_another(
    recurly_client: RecurlyClient, billing: Vendor
) -> None:
    code = billing.records("account")[0]["code"]
    fetched = recurly_client.history(code)
    assert fetched.failed == ()
    owners = {item.code if isinstance(item, facts.Account) else item.account_code for item in fetched.found}
    assert owners == {code}
    for kind, stored in ((facts.Invoice, "invoice"), (facts.Payment, "transaction")):
        theirs = {row["id"] for row in billing.records(stored) if row["account"]["code"] == code}
        assert {item.id for item in fetched.found if isinstance(item, kind)} == theirs


def test_what_recurly_does_not_have_is_gone(recurly_client: RecurlyClient) -> None:
    assert recurly_client.history("nobody").gone == (facts.DeletedObject("account", "code-nobody"),)
    assert recurly_client.fetch("payment", [("uuid-0",)]).gone == (facts.DeletedObject("payment", "uuid-0"),)


def test_a_wrong_key_names_the_variable(billing: Vendor) -> None:
    client = RecurlyClient(RecurlyConfig("sandbox", "wrong", api_url=billing.server.url))
    with pytest.raises(Unavailable, match="RECURLY_API_KEY"):
        client.check()
    client.close()


def test_the_rate_limit_is_kept_before_recurly_refuses(billing: Vendor) -> None:
    requests.put(
        f"{billing.server.url}/__sandbox__/rate_limit", json={"limit": 20, "seconds": 600}, timeout=10
    )
    client = RecurlyClient(RecurlyConfig("sandbox", "sandbox", api_url=billing.server.url))
    client.check()
    with pytest.raises(Unavailable, match="no calls left"):
        list(iter(client.check, "never"))
    assert 12 <= client.calls < 20
    client.close()


@pytest.mark.parametrize("fault", ["unavailable", "rate_limited"])
def test_trouble_with_the_whole_site_is_raised(
    recurly_client: RecurlyClient, billing: Vendor, fault: str
) -> None:
    billing.control.add_fault(fault)
    with pytest.raises(Unavailable):
        recurly_client.fetch("account", [("code-a",), ("code-b",)])
