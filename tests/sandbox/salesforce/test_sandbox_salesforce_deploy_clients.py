"""Deploying and reading metadata with a client that others wrote: simple-salesforce, over plain HTTP."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from sandbox_salesforce_packages import manifest, packed, project_files
from simple_salesforce import Salesforce
from waiting import polled

from sandbox.control import Control
from sandbox.salesforce import Org, create_app
from sandbox.server import Server, serve


class _ToSandbox(HTTPAdapter):
    """simple-salesforce builds https addresses only; this sends them to the sandbox."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self._server = server

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        request.url = f"{self._server.url}/{str(request.url).split('/', 3)[3]}"
        return super().send(request, *args, **kwargs)


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    org = Org()
    with serve(create_app(org, Control())) as server, requests.Session() as session:
        session.mount("https://", _ToSandbox(server))
        client = Salesforce(
            session_id=org.sessions.issue(org.org_id, org.user_id),
            instance="acme.my.salesforce.com",
            session=session,
            version="63.0",
        )
        with client.mdapi._client.transport.session as soap:
            soap.mount("https://", _ToSandbox(server))
            yield client


def _deploy(client: Any, data: bytes, **options: Any) -> tuple[Any, ...]:
    made = client.deploy(io.BytesIO(data), sandbox=False, **options)
    assert made["state"] == "Queued"
    told = polled(
        lambda: client.checkDeployStatus(made["asyncId"]),
        lambda status: status["state"] not in ("Pending", "InProgress"),
    )
    return told["state"], told["deployment_detail"]


def test_simple_salesforce_deploys_the_folder_and_reads_it_back(client: Any) -> None:
    state, detail = _deploy(client, packed(project_files()))
    assert (state, detail["failed_count"], detail["errors"]) == ("Succeeded", "0", [])
    assert detail["deployed_count"] == detail["total_count"]

    event = client.mdapi.CustomObject.read(["Billing_Event__c"])
    fields = {field.fullName: field for field in event.fields}
    assert (fields["Billing_Key__c"].type, fields["Billing_Key__c"].unique) == ("Text", True)
    queue, agent = (
        client.mdapi.Queue.read(["Billing_Triage"]),
        client.mdapi.PermissionSet.read(["Casewire_Agent"]),
    )
    assert queue.queueSobject[0].sobjectType == "Case"
    assert "Case.Billing_Key__c" in [granted.field for granted in agent.fieldPermissions]
    assert client.mdapi.Report.read(["Billing/Failed_Payouts"]).reportType == "Billing_Payouts__c"

    query = client.mdapi.ListMetadataQuery(type="RecordType")
    assert [found.fullName for found in client.mdapi.list_metadata([query])] == ["Case.Billing"]
    described = client.mdapi.describe_metadata()
    assert "PermissionSet" in [found.xmlName for found in described.metadataObjects]


def test_simple_salesforce_is_told_of_failures(client: Any) -> None:
    files = {
        "package.xml": manifest(Queue=["Q"]),
        "queues/Q.queue": '<Queue xmlns="http://soap.sforce.com/2006/04/metadata"/>',
    }
    state, detail = _deploy(client, packed(files), checkOnly=True, testLevel="NoTestRun")
    assert (state, detail["failed_count"]) == ("Failed", "1")
    assert detail["errors"] == [
        {
            "type": "Queue",
            "file": "queues/Q.queue",
            "status": "Error",
            "message": "Required field is missing: name",
        }
    ]


def test_a_bare_sandbox_has_nothing_of_ours() -> None:
    command = [sys.executable, "-m", "sandbox", "--bare", "--exit-with-parent"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdin
        assert running.stdout
        url = json.loads(running.stdout.readline())["salesforce"]
        grant = {"grant_type": "client_credentials", "client_id": "sandbox", "client_secret": "sandbox"}
        token = requests.post(f"{url}/services/oauth2/token", data=grant, timeout=30).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        found = {
            name: requests.get(
                f"{url}/services/data/v66.0/sobjects/{name}", headers=headers, timeout=30
            ).status_code
            for name in ("Account", "Billing_Event__c")
        }
        running.stdin.close()
    assert found == {"Account": 200, "Billing_Event__c": 404}
