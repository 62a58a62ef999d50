"""Clients that others wrote, unchanged, over plain HTTP: simple-salesforce, and jsforce on Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceMalformedRequest, SalesforceResourceNotFound

from sandbox.salesforce import Org
from sandbox.server import Server

JSFORCE = Path(__file__).parent / "jsforce"


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


@pytest.mark.slow
def test_jsforce_upserts_200_records_in_one_call_and_reads_them_back(server: Server, tmp_path: Path) -> None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("jsforce needs node and npm")
    for source in JSFORCE.iterdir():
        if source.is_file():
            shutil.copy(source, tmp_path)
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=60000")
    installed = subprocess.run([npm, "ci", *quiet], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    if installed.returncode != 0:
        pytest.skip(f"jsforce could not be installed: {installed.stderr.strip().splitlines()[-1:]}")
    command = [node, "upsert.mjs", server.url]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert (told["created"], told["rows"], told["total"]) == (200, 200, 200)
    assert set(told["externalIds"]) == {"Billing_Key__c", "Legacy_Number__c"}
    assert told["username"] == "integration.user@casewire.sandbox"
    assert told["usage"]["limit"] == 100_000
    calls = requests.get(f"{server.url}/__sandbox__/calls", timeout=5).json()["calls"]
    assert calls["PATCH /services/data/vXX.0/composite/sobjects/Account/Billing_Key__c"] == 1
    assert calls["POST /services/oauth2/token"] == 1
