"""``casewire salesforce`` against the sandbox: a bare org is filled, and what is changed in it afterwards is found."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.metadata.source_tree import Source, default_place, read
from sandbox.control import Control
from sandbox.salesforce import Org, create_app
from sandbox.server import Server, serve

from .conftest import Run

DEFAULT = Path("force-app/main/default")


@pytest.fixture(scope="module")
def source() -> Source:
    return read(default_place())


@pytest.fixture
def server() -> Iterator[Server]:
    with serve(create_app(Org(None), Control())) as running:
        yield running


@pytest.fixture
def casewire(run: Run, server: Server, monkeypatch: pytest.MonkeyPatch) -> Run:
    """``casewire salesforce`` with the login of a bare org; waiting for a deployment takes no time."""
    monkeypatch.setenv("SALESFORCE_LOGIN_URL", server.url)
    monkeypatch.setenv("SALESFORCE_CLIENT_ID", "sandbox")
    monkeypatch.setenv("SALESFORCE_CLIENT_SECRET", "sandbox")
    monkeypatch.setattr("connector.cli.salesforce.deploy_progress.sleep", lambda _: None)
    return lambda *arguments: run("salesforce", *arguments)


def checked(casewire: Run) -> dict[str, Any]:
    result = casewire("check", "--json")
    found: dict[str, Any] = json.loads(result.stdout)
    wrong = found["missing"] or found["different"] or found["not_granted"]
    assert result.exit_code == (1 if wrong else 0)
    assert found["unchecked"] == []
    return found


def told(server: Server, method: str, path: str, body: Any) -> Any:
    answer = requests.request(method, f"{server.url}/__sandbox__/{path}", json=body, timeout=10)
    assert answer.ok, answer.text
    return answer.json()


def rows(server: Server, object_: str, **like: str) -> list[dict[str, Any]]:
    found = told(server, "GET", f"records/{object_}", None)
    return [row for row in found if all(row[name] == value for name, value in like.items())]


def test_a_bare_org_lacks_everything_and_a_deployment_mends_it(casewire: Run, source: Source) -> None:
    before = checked(casewire)
    named = sorted((one["type"], one["name"]) for one in before["missing"])
    assert named == sorted((one.type, one.name) for one in source.components)
    assert before["different"] == []

    deployed = casewire("deploy")
    assert deployed.exit_code == 0, deployed.output
    assert f"{len(source.components)} components deployed." in deployed.stderr

    after = checked(casewire)
    assert (after["missing"], after["different"], after["not_granted"]) == ([], [], [])
    assert after["calls"] <= 30


def test_a_check_only_deployment_leaves_the_org_bare(casewire: Run, source: Source) -> None:
    result = casewire("deploy", "--check-only")
    assert result.exit_code == 0, result.output
    assert len(checked(casewire)["missing"]) == len(source.components)


def own_folder(tmp_path: Path, path: str, old: str, new: str) -> Path:
    """A copy of the folder in which one file says something else."""
    copy = tmp_path / "own"
    shutil.copytree(default_place(), copy)
    file = copy / DEFAULT / path
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    return copy


CHANGES = [
    (
        "objects/Account/fields/Billing_State__c.field-meta.xml",
        "<length>40</length>",
        "<length>30</length>",
        ("CustomField", "Account.Billing_State__c", "length is 30, must be 40"),
    ),
    (
        "objects/Contact/fields/Billing_Key__c.field-meta.xml",
        "<caseSensitive>true</caseSensitive>",
        "<caseSensitive>false</caseSensitive>",
        ("CustomField", "Contact.Billing_Key__c", "takes Acme and ACME for the same, must"),
    ),
    (
        "objects/Case/recordTypes/Billing.recordType-meta.xml",
        "<active>true</active>",
        "<active>false</active>",
        ("RecordType", "Case.Billing", "is not active"),
    ),
    (
        "permissionsets/Casewire_Agent.permissionset-meta.xml",
        "<field>Case.Billing_Rule__c</field>\n        <readable>true</readable>",
        "<field>Case.Billing_Rule__c</field>\n        <readable>false</readable>",
        ("PermissionSet", "Casewire_Agent", "does not grant reading Case.Billing_Rule__c"),
    ),
]


@pytest.mark.parametrize(
    ("path", "old", "new", "finding"), CHANGES, ids=[Path(row[0]).name for row in CHANGES]
)
def test_what_differs_in_the_org_is_named(
    casewire: Run, tmp_path: Path, path: str, old: str, new: str, finding: tuple[str, str, str]
) -> None:
    deployed = casewire("deploy", "--folder", own_folder(tmp_path, path, old, new))
    assert deployed.exit_code == 0, deployed.output
    found = checked(casewire)
    assert [tuple(one.values()) for one in found["different"]] == [finding]
    assert found["missing"] == []


def test_what_casewires_user_may_not_see_or_write_is_named(casewire: Run, server: Server) -> None:
    assert casewire("deploy").exit_code == 0
    told(
        server,
        "PUT",
        "permissions",
        {
            "Billing_Payout__c": {"object": "none"},
            "Case": {"Billing_Amount__c": "read", "Billing_Rule__c": "none"},
        },
    )
    found = checked(casewire)
    refused = {(one["name"], one["text"]) for one in found["not_granted"]}
    assert {
        ("Billing_Payout__c", "cannot be seen"),
        ("Case.Billing_Amount__c", "can be read, but not changed"),
        ("Case.Billing_Rule__c", "cannot be read"),
    } <= refused
    assert (found["missing"], found["different"]) == ([], [])


def test_steps_that_are_done_are_no_longer_told(casewire: Run, server: Server, source: Source) -> None:
    first = casewire("deploy")
    assert "Give the permission set Casewire_Integration" in first.stdout
    assert "Put people into the queues" in first.stdout
    (user,) = rows(server, "User", Username="integration.user@casewire.sandbox")
    sets = [row["Id"] for row in rows(server, "PermissionSet") if row["Name"].startswith("Casewire_")]
    assigned = [{"AssigneeId": user["Id"], "PermissionSetId": id_} for id_ in sets]
    told(server, "POST", "records/PermissionSetAssignment", assigned)
    queues = rows(server, "Group", Type="Queue")
    members = [{"GroupId": queue["Id"], "UserOrGroupId": user["Id"]} for queue in queues]
    told(server, "POST", "records/GroupMember", members)

    again = casewire("deploy")
    assert again.exit_code == 0, again.output
    assert "Still to do" not in again.stdout
    assert "To do by hand" in again.stdout
    assert checked(casewire)["notes"] == []


def test_what_the_org_does_not_take_is_named_and_nothing_is_kept(casewire: Run, tmp_path: Path) -> None:
    copy = own_folder(
        tmp_path,
        "objects/Billing_Event__c/fields/Case__c.field-meta.xml",
        "<referenceTo>Case</referenceTo>",
        "<referenceTo>Gone__c</referenceTo>",
    )
    result = casewire("deploy", "--folder", copy)
    assert result.exit_code == 1
    told_rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert any("Billing_Event__c.Case__c" in row[0] and "Gone__c" in row[2] for row in told_rows)
    assert all(row[3] for row in told_rows)
    assert checked(casewire)["missing"]
