"""What is particular to an org is read once, in few calls, whatever its shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from clients.scripted import Asked, Reply
from connector.clients.salesforce import Org, SalesforceClient, SalesforceConfig
from connector.errors import Permanent, SetupError
from connector.mappers import fields
from connector.mappers.org_schema import CaseStatus
from connector.policy import Policy
from connector.sync.org_schema.adaptation import OrgAdapter
from sandbox import salesforce as sandbox
from sandbox.control import Control
from sandbox.salesforce.metadata import default_metadata
from sandbox.server import serve

from .rig import Rig, fault


def field(name: str, **more: Any) -> dict[str, Any]:
    usable = {"createable": True, "updateable": True, "externalId": False, "unique": False, "type": "string"}
    return {"name": name, **usable, **more}


PICKED = [{"value": "High", "active": True}, {"value": "Old", "active": False}]
DESCRIBED = {
    "Account": [field(fields.KEY, externalId=True, unique=True), field("IsPersonAccount", createable=False)],
    "Case": [
        field("Priority", type="picklist", restrictedPicklist=True, picklistValues=PICKED),
        field("AccountId", type="reference", updateable=False, referenceTo=["Account"]),
        field("CaseNumber", createable=False, updateable=False),
        field("Amount__c", type="double", precision=18, scale=3, length=0),
        field("Count__c", type="int", digits=8, precision=0),
        field("Subject", length=255),
        field("Notes__c", type="textarea", htmlFormatted=True),
        field("Link__c", htmlFormatted=True),
    ],
    "Contact": [field(fields.KEY)],
}
RECORD_TYPES = [
    {"developerName": "Billing", "recordTypeId": "012A", "available": True, "master": False},
    {"developerName": "Hidden", "recordTypeId": "012B", "available": False, "master": False},
    {"developerName": "Master", "recordTypeId": "012C", "available": True, "master": True},
]
ROWS: dict[str, list[dict[str, Any]]] = {
    "FROM QueueSobject": [{"QueueId": "00G1"}],
    "FROM Group": [
        {"Id": "00G1", "DeveloperName": "Billing_Collections"},
        {"Id": "00G2", "DeveloperName": "Leads_Only"},
    ],
    "FROM CaseStatus": [
        {"ApiName": "Offen", "IsClosed": False, "IsDefault": True},
        {"ApiName": "Erledigt", "IsClosed": True, "IsDefault": False},
    ],
}


def answers(asked: Asked) -> Reply:
    if asked.path.endswith("/describe"):
        name = asked.path.split("/")[-2]
        if name not in DESCRIBED:
            return fault(404, "NOT_FOUND", "The requested resource does not exist")
        return Reply({"name": name, "fields": DESCRIBED[name], "recordTypeInfos": RECORD_TYPES})
    rows: list[dict[str, Any]] = next(rows for mark, rows in ROWS.items() if mark in asked.query["q"])
    return Reply({"totalSize": len(rows), "done": True, "records": rows})


def test_queues_and_record_types_are_known_by_name(salesforce: Rig) -> None:
    org = Org.load(salesforce(answers))
    assert org.queue("Billing_Collections") == "00G1"
    assert (org.record_type("Billing"), org.record_type("Account.Billing")) == ("012A", "012A")
    assert (org.shape.queues, org.shape.record_types) == (
        {"Billing_Collections"},
        {"Case.Billing", "Account.Billing"},
    )


def test_a_queue_that_cannot_own_cases_and_an_unusable_record_type_are_none(salesforce: Rig) -> None:
    org = Org.load(salesforce(answers))
    assert (org.queue("Leads_Only"), org.queue("Nobody")) == (None, None)
    assert (org.record_type("Hidden"), org.record_type("Master"), org.record_type("Account.Hidden")) == (
        None,
    ) * 3


def test_statuses_come_in_the_orgs_order(salesforce: Rig) -> None:
    assert Org.load(salesforce(answers)).shape.statuses == (
        CaseStatus("Offen", False, True),
        CaseStatus("Erledigt", True, False),
    )


def test_a_field_is_known_as_the_describe_tells_it(salesforce: Rig) -> None:
    shape = Org.load(salesforce(answers)).shape
    case = shape.objects["Case"]
    assert (case["Priority"].values, case["Priority"].restricted) == ({"High"}, True)
    assert (case["AccountId"].writable, case["AccountId"].targets) == (True, {"Account"})
    assert case["CaseNumber"].writable is False
    assert (case["Amount__c"].digits, case["Amount__c"].scale, case["Count__c"].digits) == (15, 3, 8)
    assert (case["Subject"].length, case["Subject"].digits) == (255, None)
    assert (case["Notes__c"].rich, case["Link__c"].rich) == (True, False)
    keys = [shape.objects[name][fields.KEY].is_key for name in ("Account", "Contact")]
    assert keys == [True, False]


def test_what_is_not_there_is_no_object(salesforce: Rig) -> None:
    shape = Org.load(salesforce(answers)).shape
    assert set(shape.objects) == {"Account", "Case", "Contact"}
    assert (shape.person_accounts, shape.currencies) == (True, None)


def test_a_describe_for_each_object_and_three_queries(salesforce: Rig) -> None:
    Org.load(salesforce(answers), also=["Region__c"])
    asked = [one.path.split("/")[-2] for one in salesforce.asked if one.path.endswith("/describe")]
    assert sorted(asked) == sorted([*fields.ORDER, "Region__c"])
    assert len(salesforce.asked) == len(asked) + 3


def test_other_trouble_while_looking_is_not_taken_for_a_missing_object(salesforce: Rig) -> None:
    with pytest.raises(Permanent, match="permission set"):
        Org.load(salesforce(lambda asked: fault(403, "INSUFFICIENT_ACCESS_OR_READONLY")))


# ── orgs of every shape ───────────────────────────────────────────────────────────────────────────────────────

Load = Callable[..., tuple[Org, Callable[..., tuple[OrgAdapter, list[str]]]]]


@pytest.fixture
def load() -> Iterator[Load]:
    """``load(person_accounts=True)``: a sandbox of this shape as it is read, and how it is fitted to a policy.
    ``permissions``: what the integration user may do there."""
    ends: list[Callable[[], object]] = []

    def read(*, permissions: Any = None, **shape: bool) -> Any:
        served = serve(sandbox.create_app(sandbox.Org(default_metadata(), **shape), Control()))
        url = served.__enter__().url
        ends.append(lambda: served.__exit__(None, None, None))
        if permissions:
            requests.put(f"{url}/__sandbox__/permissions", json=permissions, timeout=10).raise_for_status()
        client = SalesforceClient(SalesforceConfig(url, "sandbox", client_secret="sandbox"))
        ends.append(client.close)
        org = Org.load(client)

        def fitted(**policy: Any) -> tuple[OrgAdapter, list[str]]:
            told: list[str] = []
            return OrgAdapter.of(Policy.model_validate(policy), org, told.append), told

        return org, fitted

    yield read
    for end in reversed(ends):
        end()


def test_an_org_with_our_folder_lacks_nothing(load: Load) -> None:
    org, fitted = load()
    shaping, told = fitted()
    assert told == []
    assert (org.shape.person_accounts, org.shape.currencies) == (False, None)
    assert shaping.policy.statuses == Policy().statuses


def test_an_org_with_person_accounts(load: Load) -> None:
    org, fitted = load(person_accounts=True)
    assert org.shape.person_accounts
    assert org.record_type("Account.PersonAccount")
    assert fitted(orgs={"person_record_type": "PersonAccount"})[1] == []


def test_an_org_with_several_currencies(load: Load) -> None:
    org, fitted = load(multi_currency=True)
    assert org.shape.currencies == {"USD", "EUR", "GBP", "JPY", "KWD"}
    assert org.shape.writable("Billing_Invoice__c", "CurrencyIsoCode")
    assert fitted()[1] == []


def test_an_org_without_record_types(load: Load) -> None:
    org, fitted = load(professional=True)
    assert org.record_type("Billing") is None
    assert org.queue("Billing_Collections")
    assert fitted()[1] == []


def test_an_org_with_statuses_of_its_own(load: Load) -> None:
    _, fitted = load(other_statuses=True)
    statuses = fitted()[0].policy.statuses
    assert (statuses.open, statuses.reopened, statuses.closed) == ("Offen", "Offen", "Erledigt")
    with pytest.raises(SetupError, match="Erledigt, Abgelehnt"):
        fitted(statuses={"closed": "Closed"})


def test_what_the_user_may_not_write_is_named_or_left_out(load: Load) -> None:
    permissions = {
        "Account": {"Billing_MRR__c": "read", "Billing_Plan__c": "none"},
        "Billing_Payout__c": {"object": "none"},
    }
    _, fitted = load(permissions=permissions)
    with pytest.raises(SetupError, match=r"Account: Billing_MRR__c, Billing_Plan__c; Billing_Payout__c: "):
        fitted()
    _, told = fitted(orgs={"missing": "leave_out"})
    left_out = "left out, as the org lacks it or it may not be written:"
    assert f"{left_out} Account: Billing_MRR__c, Billing_Plan__c" in told
    assert f"{left_out} Billing_Payout__c" in told
