"""Clients that others wrote, unchanged, over plain HTTP: simple-salesforce, and jsforce on Node."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceMalformedRequest,
    SalesforceOperationError,
    SalesforceResourceNotFound,
)

from sandbox.control import Control
from sandbox.salesforce import Org, create_app
from sandbox.server import Server, serve

if TYPE_CHECKING:
    from conftest import Script


class ToSandbox(HTTPAdapter):
    """simple-salesforce builds https addresses only; this sends them to the sandbox."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self._server = server

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        _, _, rest = str(request.url).partition("://")
        request.url = f"{self._server.url}/{rest.partition('/')[2]}"
        return super().send(request, *args, **kwargs)


@pytest.fixture
def client(server: Server) -> Any:
    with requests.Session() as session:
        session.mount("https://", ToSandbox(server))
        yield Salesforce(
            consumer_key="sandbox",
            consumer_secret="sandbox",
            domain="acme.my",
            session=session,
            version="60.0",
        )


def test_simple_salesforce_logs_in_and_works_with_records(client: Any) -> None:
    made = client.Account.create({"Name": "Acme", "Billing_Key__c": "k"})
    assert made["success"]
    assert client.Account.upsert("Billing_Key__c/k", {"Name": "Acme Ltd"}) == 200
    assert client.Account.get_by_custom_id("Billing_Key__c", "k")["Name"] == "Acme Ltd"
    client.Account.update(made["id"], {"Site": "HQ"})
    assert client.query("SELECT Site FROM Account")["records"][0]["Site"] == "HQ"
    assert "Billing_Key__c" in [field["name"] for field in client.Account.describe()["fields"]]
    assert client.limits()["DailyApiRequests"]["Max"] == 100_000
    assert client.api_usage["api-usage"].total == 100_000
    client.Account.delete(made["id"])
    with pytest.raises(SalesforceResourceNotFound):
        client.Account.get(made["id"])
    with pytest.raises(SalesforceMalformedRequest) as refused:
        client.Account.create({})
    assert refused.value.content[0]["errorCode"] == "REQUIRED_FIELD_MISSING"


def test_simple_salesforce_writes_a_collection_and_reads_every_page(client: Any) -> None:
    for start in range(0, 2400, 200):
        records = [
            {"attributes": {"type": "Account"}, "Billing_Key__c": f"k{start + n}", "Name": "N"}
            for n in range(200)
        ]
        body = {"allOrNone": False, "records": records}
        results = client.restful("composite/sobjects/Account/Billing_Key__c", method="PATCH", json=body)
        assert all(result["success"] for result in results)
    assert len(list(client.query_all_iter("SELECT Id FROM Account"))) == 2400


def test_simple_salesforce_logs_in_again_when_its_session_has_gone(client: Any, org: Org) -> None:
    org.sessions.revoke_all()
    assert client.query("SELECT Id FROM Account")["totalSize"] == 0


def test_simple_salesforce_loads_in_bulk_and_reads_what_failed(client: Any) -> None:
    rows = [{"Billing_Key__c": f"k{place}", "Name": f"N{place}"} for place in range(450)]
    rows[7]["Name"] = ""
    (told,) = client.bulk2.Account.upsert(records=rows, external_id_field="Billing_Key__c", wait=0)
    assert (told["numberRecordsProcessed"], told["numberRecordsFailed"]) == (450, 1)
    results = client.bulk2.Account.get_all_ingest_records(told["job_id"])
    assert [row["sf__Created"] for row in results["successfulRecords"]] == ["true"] * 449
    (failed,) = results["failedRecords"]
    assert failed["sf__Error"] == "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --"
    assert failed["Billing_Key__c"] == "k7"
    assert results["unprocessedRecords"] == []


def test_simple_salesforce_is_told_why_a_job_failed(client: Any) -> None:
    rows = [{"Billing_Key__c": "k", "Nothing__c": "x"}]
    with pytest.raises(SalesforceOperationError, match="InvalidBatch : Field name not found : Nothing__c"):
        client.bulk2.Account.upsert(records=rows, external_id_field="Billing_Key__c", wait=0)


def test_simple_salesforce_reads_a_bulk_query_page_by_page(client: Any) -> None:
    rows = [{"Name": f"N{place:03d}"} for place in range(450)]
    client.bulk2.Account.insert(records=rows, wait=0)
    query = "SELECT Name, Owner.Name FROM Account ORDER BY Name"
    pages = list(client.bulk2.Account.query(query, max_records=200, wait=0))
    found = [row for page in pages for row in csv.DictReader(io.StringIO(page))]
    assert len(pages) == 3
    assert [row["Name"] for row in found] == [f"N{place:03d}" for place in range(450)]
    assert {row["Owner.Name"] for row in found} == {"Integration User"}


def test_simple_salesforce_asks_what_was_changed_and_deleted(client: Any, org: Org) -> None:
    kept, gone = (client.Account.create({"Name": name})["id"] for name in "AB")
    client.Account.delete(gone)
    start, end = org.clock() - timedelta(minutes=5), org.clock() + timedelta(minutes=5)
    assert client.Account.updated(start, end)["ids"] == [kept]
    assert [row["id"] for row in client.Account.deleted(start, end)["deletedRecords"]] == [gone]


def _by_password(server: Server, session: requests.Session, **more: str) -> Salesforce:
    session.mount("https://", ToSandbox(server))
    who = {"username": "integration.user@casewire.sandbox", "password": "sandbox", "security_token": "T"}
    return Salesforce(**{**who, "version": "64.0", **more}, session=session)


def test_simple_salesforce_logs_in_by_user_name_and_password(server: Server) -> None:
    with requests.Session() as session:
        client = _by_password(server, session)
        assert client.query("SELECT COUNT() FROM Account")["totalSize"] == 0


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"version": "65.0"}, "INVALID_OPERATION"),
        ({"password": "guess"}, "INVALID_LOGIN"),
        ({"username": "nobody@casewire.sandbox"}, "INVALID_LOGIN"),
        ({"version": "new"}, "UNSUPPORTED_API_VERSION"),
    ],
)
def test_simple_salesforce_is_told_why_it_may_not_log_in(
    server: Server, more: dict[str, str], code: str
) -> None:
    with requests.Session() as session, pytest.raises(SalesforceAuthenticationFailed) as refused:
        _by_password(server, session, **more)
    assert refused.value.code == code


@pytest.mark.slow
def test_jsforce_upserts_200_records_in_one_call_and_reads_them_back(server: Server, jsforce: Script) -> None:
    told = jsforce("upsert.mjs", server.url)
    assert (told["created"], told["rows"], told["total"]) == (200, 200, 200)
    assert set(told["externalIds"]) == {"Billing_Key__c", "Legacy_Number__c"}
    assert told["username"] == "integration.user@casewire.sandbox"
    assert told["usage"]["limit"] == 100_000
    calls = requests.get(f"{server.url}/__sandbox__/calls", timeout=5).json()["calls"]
    assert calls["PATCH /services/data/vXX.0/composite/sobjects/Account/Billing_Key__c"] == 1
    assert calls["POST /services/oauth2/token"] == 1


@pytest.fixture
def now_server(metadata: Path) -> Iterator[Server]:
    """An org on the time of this machine, which jsforce asks about."""
    with serve(create_app(Org(metadata, assignment_rule=False), Control())) as running:
        yield running


@pytest.mark.slow
def test_jsforce_uses_every_part_of_the_api(now_server: Server, jsforce: Script) -> None:
    told = jsforce("everything.mjs", now_server.url)
    _logged_in(told)
    _worked_with_rows(told["rows"])
    assert told["collections"] == {
        "made": 200,
        "changed": 2,
        "children": [True] * 4 + [False],
        "error": "REQUIRED_FIELD_MISSING",
    }
    _queried(told["queries"])
    _loaded(told["bulk"])
    assert told["limits"]["Max"] == told["usage"]["limit"] == 100_000
    calls = requests.get(f"{now_server.url}/__sandbox__/calls", timeout=5).json()["calls"]
    counted = sum(times for call, times in calls.items() if "/services/data/" in call)
    unwaited = 1  # jsforce deletes a failed job, but does not wait for it
    assert counted - unwaited <= told["usage"]["used"] <= counted


def _logged_in(told: dict[str, Any]) -> None:
    assert told["username"] == "integration.user@casewire.sandbox"
    assert told["soap"] == 0
    assert told["tooNew"]["message"].startswith(
        "INVALID_OPERATION: The SOAP Login operation is not available"
    )
    assert told["describe"]["externalIds"] == ["Billing_Key__c", "Legacy_Number__c"]
    assert {"Account", "Case", "Invoice__c"} <= set(told["describe"]["objects"])


def _worked_with_rows(told: dict[str, Any]) -> None:
    assert all(told[step] is True for step in ("made", "changed", "updated", "deleted", "binned"))
    assert (told["read"], told["created"], told["after"]) == ("Acme", False, ["Acme Ltd", "HQ"])
    assert told["gone"]["errorCode"] == "ENTITY_IS_DELETED"
    assert told["invalid"]["errorCode"] == "REQUIRED_FIELD_MISSING"


def _queried(told: dict[str, Any]) -> None:
    assert told["parent"] == ["Customer 0", "Integration User"]
    assert told["sums"] == [["Customer 0", 2], ["Customer 1", 2]]
    assert told["total"] == [200, sum(range(200)), 199]
    assert told["nested"] == [["Contact 0", "Contact 2"], []]
    assert told["deleted"] == [["Acme Ltd", True]]
    assert told["wrong"]["errorCode"] == "INVALID_FIELD"
    assert "ERROR at Row:1:Column:8" in told["wrong"]["message"]


def _loaded(told: dict[str, Any]) -> None:
    assert (told["successful"], told["created"], told["unprocessed"]) == (2994, True, 0)
    codes = {key: error.split(":")[0] for key, error in told["failed"]}
    assert codes == {
        **dict.fromkeys(("bulk:7", "bulk:1007", "bulk:2007"), "REQUIRED_FIELD_MISSING"),
        **dict.fromkeys(("bulk:9", "bulk:1009", "bulk:2009"), "INVALID_FIELD"),
    }
    assert told["again"] == ["false", "false"]
    assert told["wrong"]["message"].endswith("InvalidBatch : Field name not found : Nothing__c")
    assert told["found"] == 2994
    assert told["first"] == {
        "Billing_Key__c": "bulk:0",
        "Name": 'Bulk "0", Ltd',
        "Balance__c": "0.0",
        "Owner.Name": "Integration User",
    }
