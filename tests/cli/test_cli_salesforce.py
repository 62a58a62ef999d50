"""``casewire salesforce``: asks before it changes an org, tells what the org refused, and finds what was changed."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from metadata.fake_org import FakeOrg
from metadata.project import project

from connector.cli import casewire
from connector.clients.salesforce import Deployment, Problem
from connector.errors import Permanent

from .conftest import Run

ME = "me@example.com"
FILES = {
    "queues/First.queue-meta.xml": "Queue/",
    "queues/Second.queue-meta.xml": "Queue/",
    "objects/Case/fields/A__c.field-meta.xml": "CustomField/<type>Text</type><length>9</length>",
}
DONE = Deployment("0Af1", "Succeeded", True, 3, 3, 0, ())
STEPS = (Deployment("0Af1", "InProgress", False, 3, 1, 0, ()),) * 2


@dataclass
class Client(FakeOrg):
    """An org that takes a deployment as it was told to."""

    outcome: Deployment | Permanent = DONE
    sent: list[tuple[bytes, bool]] = field(default_factory=list)
    user_id: str = "005"
    username: str = ME
    calls: int = 7
    closed: bool = False

    def identity(self) -> Client:
        return self

    def deploy(
        self, packed: bytes, *, check_only: bool, on_progress: Callable[[Deployment], None], **_: Any
    ) -> Deployment:
        self.sent.append((packed, check_only))
        if isinstance(self.outcome, Permanent):
            raise self.outcome
        for step in (*STEPS, self.outcome):
            on_progress(step)
        return self.outcome

    def close(self) -> None:
        self.closed = True


def organization(sandbox: bool) -> list[dict[str, Any]]:
    return [{"Id": "00D1", "Name": "Acme", "OrganizationType": "Enterprise Edition", "IsSandbox": sandbox}]


FIELD = {
    "name": "A__c",
    "type": "string",
    "length": 9,
    "label": "A",
    "calculated": False,
    "unique": False,
    "externalId": False,
    "nillable": True,
}


@pytest.fixture
def client(alone: None, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A sandbox org with all that FILES says."""
    made = Client(
        rows={"FROM Organization": organization(sandbox=True)},
        described={"Case": {"label": "Case", "fields": [dict(FIELD)]}},
        lists={"Queue": ["First", "Second"], "CustomField": ["Case.A__c"]},
    )
    monkeypatch.setattr("connector.cli.salesforce._client", lambda: made)
    return made


@pytest.fixture
def run_with(alone: None) -> Callable[..., Result]:
    """Run ``casewire`` with what is typed and these arguments."""
    return lambda typed, *arguments: CliRunner().invoke(casewire, list(map(str, arguments)), input=typed)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "own"
    place.mkdir()
    return project(place, FILES)


# ── deploy ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_deployment_says_where_and_what_and_what_is_left(run: Run, client: Client, folder: Path) -> None:
    result = run("salesforce", "deploy", "--folder", folder)
    assert result.exit_code == 0, result.output
    assert "Acme (00D1; sandbox, not production), logged in as me@example.com" in result.stderr
    assert f"3 components of {folder}: 1 CustomField, 2 Queue" in result.stderr
    assert result.stderr.count("InProgress: 1 of 3 components") == 1
    assert "3 components deployed." in result.stderr
    assert "Put people into the queues First, Second" in result.stdout
    assert "casewire salesforce check" in result.stdout
    assert client.closed
    ((packed, check_only),) = client.sent
    assert not check_only
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert "queues/First.queue" in archive.namelist()


def test_check_only_keeps_nothing_and_asks_nothing(run: Run, client: Client, folder: Path) -> None:
    client.rows = {"FROM Organization": organization(sandbox=False)}
    result = run("salesforce", "deploy", "--check-only", "--folder", folder)
    assert result.exit_code == 0, result.output
    assert client.sent[0][1] is True
    assert result.stdout == ""
    assert "3 components would be deployed; nothing was changed." in result.stderr


def test_a_production_org_wants_a_word_where_nobody_can_be_asked(
    run: Run, client: Client, folder: Path
) -> None:
    client.rows = {"FROM Organization": organization(sandbox=False)}
    result = run("salesforce", "deploy", "--folder", folder)
    assert result.exit_code == 2
    assert "Acme is a production org: add --yes" in result.output
    assert client.sent == []
    assert run("salesforce", "deploy", "--folder", folder, "--yes").exit_code == 0
    assert len(client.sent) == 1


@pytest.mark.parametrize(("answer", "code", "sent"), [("n\n", 1, 0), ("\n", 1, 0), ("y\n", 0, 1)])
def test_on_a_terminal_it_asks(
    run_with: Callable[..., Any],
    client: Client,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    code: int,
    sent: int,
) -> None:
    monkeypatch.setattr("connector.cli.salesforce.can_ask", lambda: True)
    result = run_with(answer, "salesforce", "deploy", "--folder", folder)
    assert result.exit_code == code
    assert "Deploy to Acme? [y/N]" in result.stderr
    assert len(client.sent) == sent


def test_what_the_org_refused_is_a_table_with_what_to_do(run: Run, client: Client, folder: Path) -> None:
    said = "Picklist value: Working in picklist: Status not found"
    client.outcome = Deployment(
        "0Af1",
        "Failed",
        False,
        3,
        1,
        2,
        (
            Problem("CustomField", "Case.A__c", "objects/Case.object", said, 12, 9),
            Problem("", "", "package.xml", "Something nobody has heard of"),
        ),
    )
    result = run("salesforce", "deploy", "--folder", folder)
    assert result.exit_code == 1
    first, second = (line.split("\t") for line in result.stdout.splitlines())
    assert first[:3] == ["CustomField Case.A__c", "objects/Case.object:12:9", said]
    assert "policy.toml" in first[3]
    assert second[:2] == ["package.xml", "package.xml"]
    assert "Nothing was deployed (Failed): 2 of 3 components failed." in result.stderr


def test_a_login_that_may_not_deploy_is_told_who_can(run: Run, client: Client, folder: Path) -> None:
    client.outcome = Permanent("It needs ModifyMetadata.", code="INSUFFICIENT_ACCESS")
    result = run("salesforce", "deploy", "--folder", folder)
    assert result.exit_code == 1
    (line,) = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    for part in (
        f"in {folder}",
        "sf project deploy start",
        "SALESFORCE_USERNAME",
        "Modify Metadata",
        "It needs ModifyMetadata.",
    ):
        assert part in line


def test_another_refusal_is_told_as_it_is(run: Run, client: Client, folder: Path) -> None:
    client.outcome = Permanent("The zip is too large.", code="LIMIT_EXCEEDED")
    result = run("salesforce", "deploy", "--folder", folder)
    assert result.exit_code == 1
    assert "Error: The zip is too large." in result.output


@pytest.mark.parametrize("command", ["deploy", "check"])
def test_a_folder_that_is_none_is_one_line(run: Run, client: Client, tmp_path: Path, command: str) -> None:
    result = run("salesforce", command, "--folder", tmp_path)
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert line == f"Error: {tmp_path} holds no sfdx-project.json: name a folder like salesforce/."


@pytest.mark.parametrize("command", ["deploy", "check"])
def test_without_a_login_the_setting_is_named(run: Run, command: str) -> None:
    result = run("salesforce", command)
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert "SALESFORCE_LOGIN_URL" in line


# ── check ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_org_that_is_right_is_exit_code_0(run: Run, client: Client, folder: Path) -> None:
    result = run("salesforce", "check", "--folder", folder)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert "The org has everything that Casewire needs." in result.stderr
    assert "7 calls" in result.stderr


def test_what_is_missing_is_grouped_and_what_differs_is_named(run: Run, client: Client, folder: Path) -> None:
    client.lists = {"CustomField": ["Case.A__c"]}
    client.described = {"Case": {"label": "Case", "fields": [{**FIELD, "length": 5}]}}
    result = run("salesforce", "check", "--folder", folder)
    assert result.exit_code == 1
    assert [line.split("\t") for line in result.stdout.splitlines()] == [
        ["missing", "Queue", "", "2 are not in the org: First, Second"],
        ["different", "CustomField", "Case.A__c", "length is 5, must be 9"],
    ]
    assert "2 missing, 1 different. To fix it: casewire salesforce deploy" in result.stderr


def test_the_document_holds_every_finding(run: Run, client: Client, folder: Path) -> None:
    client.lists = "INSUFFICIENT_ACCESS"
    client.rows = {**client.rows, "FROM Group": [{"DeveloperName": "First"}]}
    result = run("salesforce", "check", "--folder", folder, "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["org"] == {"id": "00D1", "name": "Acme", "production": False, "user": ME}
    assert found["missing"] == [{"type": "Queue", "name": "Second", "text": "is not in the org"}]
    assert found["different"] == found["not_granted"] == found["notes"] == []
    assert found["calls"] == 7


def test_what_could_not_be_looked_at_is_said(run: Run, client: Client, folder: Path) -> None:
    (folder / "force-app/main/default/tabs").mkdir()
    (folder / "force-app/main/default/tabs/T.tab-meta.xml").write_text(
        '<CustomTab xmlns="http://soap.sforce.com/2006/04/metadata"/>'
    )
    client.lists = "INSUFFICIENT_ACCESS"
    client.rows = {**client.rows, "FROM Group": [{"DeveloperName": "First"}, {"DeveloperName": "Second"}]}
    result = run("salesforce", "check", "--folder", folder)
    assert result.exit_code == 0
    assert "Not checked: CustomTab: this user may not use the Metadata API" in result.stderr
    assert "Everything that was checked is right." in result.stderr
