"""A small org of its own for each test: what the sandbox promises must not hang on the project's metadata."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sandbox.control import Control
from sandbox.salesforce import Org, create_app
from sandbox.server import Server, serve

NOW = datetime(2026, 5, 1, 7, 25, 37, tzinfo=UTC)
JSFORCE = Path(__file__).parent / "jsforce"
FIXTURES = Path(__file__).resolve().parents[3] / "../shared/fixtures/salesforce"

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<{0} xmlns="http://soap.sforce.com/2006/04/metadata">{1}</{0}>'
)
_KEY = "<type>Text</type><length>255</length><unique>true</unique><externalId>true</externalId>"
_FIELDS = {
    "Account": {
        "Billing_Key__c": _KEY + "<caseSensitive>true</caseSensitive>",
        "Legacy_Number__c": "<type>Text</type><length>20</length><externalId>true</externalId>",
        "Balance__c": "<type>Number</type><precision>8</precision><scale>2</scale>",
        "Overdue__c": "<type>Checkbox</type><defaultValue>false</defaultValue>",
        "State__c": "<type>Picklist</type><valueSet><restricted>true</restricted><valueSetDefinition>"
        "<value><fullName>active</fullName><label>Active</label></value>"
        "<value><fullName>closed</fullName><label>Closed</label></value></valueSetDefinition></valueSet>",
        "Days__c": "<type>Number</type><precision>5</precision><scale>0</scale><formula>1 + 1</formula>",
        "Since__c": "<type>Date</type>",
        "Seen_At__c": "<type>DateTime</type>",
        "Home__c": "<type>Url</type>",
        "Mail__c": "<type>Email</type>",
        "Notes__c": "<type>LongTextArea</type><length>32768</length><visibleLines>3</visibleLines>",
        "Share__c": "<type>Percent</type><precision>5</precision><scale>2</scale>",
    },
    "Case": {
        "Billing_Key__c": _KEY,
        "Amount__c": "<type>Currency</type><precision>18</precision><scale>2</scale>",
    },
    "Invoice__c": {
        "Billing_Key__c": _KEY,
        "Account__c": "<type>Lookup</type><referenceTo>Account</referenceTo>"
        "<relationshipName>Invoices</relationshipName>",
        "Serial__c": "<type>AutoNumber</type><displayFormat>I-{0000}</displayFormat>",
    },
    "Line__c": {
        "Invoice__c": "<type>MasterDetail</type><referenceTo>Invoice__c</referenceTo>"
        "<relationshipName>Lines</relationshipName>"
    },
}


def write_metadata(folder: Path) -> Path:
    """SFDX source in the shape of a project's ``main/default``."""
    for name, fields in _FIELDS.items():
        place = folder / "objects" / name
        (place / "fields").mkdir(parents=True)
        for field, inner in fields.items():
            label = field.removesuffix("__c").replace("_", " ")
            text = _HEAD.format("CustomField", f"<fullName>{field}</fullName><label>{label}</label>{inner}")
            (place / "fields" / f"{field}.field-meta.xml").write_text(text)
        if name.endswith("__c"):
            inner = f"<label>{name[:-3]}</label><pluralLabel>{name[:-3]}s</pluralLabel>"
            inner += "<nameField><label>Name</label><type>Text</type></nameField>"
            (place / f"{name}.object-meta.xml").write_text(_HEAD.format("CustomObject", inner))
    types = folder / "objects" / "Case" / "recordTypes"
    types.mkdir()
    inner = "<fullName>Billing</fullName><active>true</active><businessProcess>B</businessProcess>"
    inner += "<label>Billing</label>"
    (types / "Billing.recordType-meta.xml").write_text(_HEAD.format("RecordType", inner))
    (folder / "queues").mkdir()
    inner = "<name>Billing Disputes</name><queueSobject><sobjectType>Case</sobjectType></queueSobject>"
    (folder / "queues" / "Billing_Disputes.queue-meta.xml").write_text(_HEAD.format("Queue", inner))
    return folder


@pytest.fixture(scope="session")
def metadata(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_metadata(tmp_path_factory.mktemp("metadata"))


@pytest.fixture
def control() -> Control:
    return Control()


@pytest.fixture
def org(metadata: Path) -> Org:
    return Org(metadata, assignment_rule=False, clock=lambda: NOW)


@pytest.fixture
def app(org: Org, control: Control) -> Flask:
    return create_app(org, control)


@pytest.fixture
def server(app: Flask) -> Iterator[Server]:
    with serve(app) as running:
        yield running


@dataclass(frozen=True, slots=True)
class Api:
    """Calls on the REST API of an org, logged in."""

    http: FlaskClient
    token: str
    version: str = "v60.0"

    def __call__(self, method: str, path: str, json: Any = None, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        address = path if path.startswith("/") else f"/services/data/{self.version}/{path}"
        return self.http.open(address, method=method, json=json, headers=headers, **options)

    def query(self, soql: str) -> Any:
        return self("GET", "query", query_string={"q": soql}).get_json()

    def rows(self, soql: str) -> list[dict[str, Any]]:
        records: list[dict[str, Any]] = self.query(soql)["records"]
        return [{name: value for name, value in row.items() if name != "attributes"} for row in records]

    def upsert(self, kind: str, *rows: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
        records = [{"attributes": {"type": kind}, **row} for row in rows]
        body = {"allOrNone": options.pop("all_or_none", False), "records": records}
        answer: list[dict[str, Any]] = self(
            "PATCH", f"composite/sobjects/{kind}/Billing_Key__c", body, **options
        ).get_json()
        return answer

    def create(self, kind: str, **values: Any) -> str:
        record_id: str = self("POST", f"sobjects/{kind}", values).get_json()["id"]
        return record_id


@pytest.fixture
def api(app: Flask, org: Org) -> Api:
    return Api(app.test_client(), org.sessions.issue(org.org_id, org.user_id))


@pytest.fixture
def connect(control: Control) -> Callable[[Org], Api]:
    """The API of an org set up otherwise than the usual one."""
    return lambda org: Api(
        create_app(org, control).test_client(), org.sessions.issue(org.org_id, org.user_id)
    )


Script = Callable[[str, str], dict[str, Any]]
"""Runs a script of ``jsforce/`` against an address; gives the JSON it prints."""


@pytest.fixture(scope="session")
def jsforce(tmp_path_factory: pytest.TempPathFactory) -> Script:
    """jsforce, installed once from its lock file; skips where node, npm or the registry is not to be had."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("jsforce needs node and npm")
    folder = tmp_path_factory.mktemp("jsforce")
    for source in JSFORCE.iterdir():
        if source.is_file():
            shutil.copy(source, folder)
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=60000")
    installed = subprocess.run([npm, "ci", *quiet], cwd=folder, capture_output=True, text=True, timeout=300)
    if installed.returncode != 0:
        pytest.skip(f"jsforce could not be installed: {installed.stderr.strip().splitlines()[-1:]}")

    def run(script: str, url: str) -> dict[str, Any]:
        ran = subprocess.run([node, script, url], cwd=folder, capture_output=True, text=True, timeout=120)
        assert ran.returncode == 0, ran.stderr
        told: dict[str, Any] = json.loads(ran.stdout)
        return told

    return run


@pytest.fixture
def recorded() -> Path:
    if not FIXTURES.is_dir():
        pytest.skip("the recorded Salesforce answers are not next to this checkout")
    return FIXTURES
