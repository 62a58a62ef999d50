"""Metadata: deployed by REST with progress and each component's problem; listed and read by SOAP."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from email import message_from_bytes
from typing import Any
from xml.etree import ElementTree

import pytest

from clients.scripted import DROP, Asked, Reply, Script
from connector.clients.salesforce import Deployment, Problem, SalesforceClient
from connector.clients.salesforce.metadata import NAMESPACE
from connector.errors import Permanent, Transient, Unavailable

from .rig import API, SESSION_REFUSED, XML, Rig, envelope, fault, one_by_one, soap_fault

DEPLOY = f"{API}/metadata/deployRequest"
SOAP_PATH = "/services/Soap/m/66.0"
ID = "0Af000000000001AAA"
HTML = {"Content-Type": "text/html"}


def archive() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as zipped:
        zipped.writestr("package.xml", "<Package/>")
    return held.getvalue()


def state(status: str, deployed: int = 0, *, done: bool = False, **more: Any) -> Reply:
    told = {
        "id": ID,
        "status": status,
        "done": done,
        "success": status == "Succeeded",
        "numberComponentsTotal": 3,
        "numberComponentsDeployed": deployed,
        "numberComponentErrors": 0,
        "details": {"componentFailures": [], "componentSuccesses": [], "runTestResult": None},
        **more,
    }
    return Reply({"id": ID, "deployResult": told})


def deploying(*states: Reply) -> Script:
    polls = one_by_one(*states)
    return lambda asked: state("Pending") if asked.method == "POST" else polls(asked)


def deployed(client: SalesforceClient, **more: Any) -> Deployment:
    return client.deploy(archive(), **{"wait": lambda _: None, **more})


# --- deploy --------------------------------------------------------------------------------------------------


def parts(asked: Asked) -> dict[str, tuple[str, bytes]]:
    head = f"Content-Type: {asked.headers['content-type']}\r\n\r\n".encode()
    message = message_from_bytes(head + asked.body)
    told = {}
    for part in message.walk():
        if not part.is_multipart():
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            name = str(part.get_param("name", header="content-disposition"))
            told[name] = (part.get_content_type(), payload)
    return told


@pytest.mark.parametrize("check_only", [False, True])
def test_an_archive_is_sent_with_its_options(salesforce: Rig, check_only: bool) -> None:
    done = deployed(salesforce(deploying(state("Succeeded", 3, done=True))), check_only=check_only)
    assert done == Deployment(ID, "Succeeded", True, 3, 3, 0, ())
    sent, looked = salesforce.asked
    assert (sent.method, sent.path) == ("POST", DEPLOY)
    told = parts(sent)
    assert told["file"] == ("application/zip", archive())
    content_type, options = told["json"]
    assert content_type == "application/json"
    on = "true" if check_only else "false"
    assert (
        options
        == f'{{"deployOptions":{{"checkOnly":{on},"rollbackOnError":true,"singlePackage":true}}}}'.encode()
    )
    assert (looked.path, looked.query) == (f"{DEPLOY}/{ID}", {"includeDetails": "true"})


def test_progress_is_told_at_every_look(salesforce: Rig) -> None:
    seen: list[tuple[str, int]] = []
    waits: list[float] = []
    client = salesforce(deploying(state("Pending"), state("InProgress", 1), state("Succeeded", 3, done=True)))
    deployed(client, wait=waits.append, on_progress=lambda told: seen.append((told.status, told.deployed)))
    assert seen == [("Pending", 0), ("InProgress", 1), ("Succeeded", 3)]
    assert waits == [2.0, 3.0, 4.5]


def test_the_problem_of_each_component_is_told(salesforce: Rig) -> None:
    failures = [
        {
            "componentType": "CustomField",
            "fullName": "Account.Billing_Key__c",
            "fileName": "objects/Account.object",
            "problem": "Text length must be at most 255",
            "problemType": "Error",
            "lineNumber": 12,
            "columnNumber": 7,
        },
        {
            "componentType": "",
            "fullName": "package.xml",
            "fileName": "package.xml",
            "problem": "No such member",
        },
    ]
    tests = {"failures": [{"name": "CaseTest", "methodName": "saves", "message": "expected 1"}]}
    details = {"componentFailures": failures, "runTestResult": tests}
    end = state("Failed", 1, done=True, numberComponentErrors=2, details=details, errorMessage="Rolled back")
    done = deployed(salesforce(deploying(end)))
    assert (done.status, done.succeeded, done.failed) == ("Failed", False, 2)
    assert done.problems == (
        Problem("", "", "", "Rolled back"),
        Problem(
            "CustomField",
            "Account.Billing_Key__c",
            "objects/Account.object",
            "Text length must be at most 255",
            12,
            7,
        ),
        Problem("", "package.xml", "package.xml", "No such member"),
        Problem("ApexTest", "CaseTest.saves", "", "expected 1"),
    )


def test_a_session_that_expires_while_deploying_is_renewed(salesforce: Rig) -> None:
    client = salesforce(deploying(SESSION_REFUSED, state("Succeeded", 3, done=True)))
    assert deployed(client).succeeded
    assert salesforce.logins.count == 2


def test_a_lost_answer_to_the_archive_sends_the_same_again(salesforce: Rig) -> None:
    client = salesforce(one_by_one(DROP, state("Pending"), state("Succeeded", 3, done=True)))
    assert deployed(client).succeeded
    first, second = salesforce.asked[:2]
    assert (first.body, first.headers) == (second.body, second.headers)


def test_a_look_that_fails_is_not_the_end(salesforce: Rig) -> None:
    down = Reply("<html>maintenance</html>", 503, HTML)
    assert deployed(salesforce(deploying(down, down, state("Succeeded", 3, done=True)))).succeeded


def test_five_looks_that_fail_are(salesforce: Rig) -> None:
    with pytest.raises(Unavailable):
        deployed(salesforce(deploying(Reply("<html>maintenance</html>", 503, HTML))))
    assert len(salesforce.asked) == 6


def test_a_deployment_that_takes_too_long_goes_on_without_us(salesforce: Rig) -> None:
    with pytest.raises(Transient, match=ID):
        deployed(salesforce(deploying(state("InProgress"))), within=60)


def test_a_user_who_may_not_deploy_is_told_what_to_give_him(salesforce: Rig) -> None:
    refused = fault(403, "INSUFFICIENT_ACCESS", "You need ModifyMetadata")
    with pytest.raises(Permanent, match="Modify Metadata"):
        deployed(salesforce(lambda asked: refused))


# --- list and read -------------------------------------------------------------------------------------------


def asked_texts(asked: Asked, name: str) -> list[str | None]:
    return [element.text for element in ElementTree.fromstring(asked.body).iter(f"{NAMESPACE}{name}")]


def org_of(components: dict[str, Sequence[str]]) -> Script:
    """Lists by type, reads by name, and tells nothing of what it lacks."""

    def script(asked: Asked) -> Reply:
        types = asked_texts(asked, "type")
        if b"<listMetadata>" in asked.body:
            held = [(type_, name) for type_ in types for name in components.get(str(type_), ())]
            told = "".join(
                f"<result><fullName>{name}</fullName><type>{t}</type></result>" for t, name in held
            )
            return envelope(f"<listMetadataResponse>{told}</listMetadataResponse>")
        held = [(str(types[0]), str(name)) for name in asked_texts(asked, "fullNames")]
        told = "".join(
            f'<records xsi:type="{t}"><fullName>{name}</fullName><label>L {name}</label></records>'
            if name in components.get(t, ())
            else '<records xsi:nil="true"/>'
            for t, name in held
        )
        return envelope(f"<readMetadataResponse><result>{told}</result></readMetadataResponse>")

    return script


def test_types_are_listed_three_a_call_in_order(salesforce: Rig) -> None:
    held = {"CustomObject": ["B__c", "A__c"], "Report": ["Billing/R1"], "Queue": [], "Layout": ["L"]}
    client = salesforce(org_of(held))
    wanted = {"CustomObject": None, "Queue": None, "Layout": None, "Report": "Billing"}
    assert client.list_metadata(wanted) == {
        "CustomObject": ["A__c", "B__c"],
        "Queue": [],
        "Layout": ["L"],
        "Report": ["Billing/R1"],
    }
    assert [asked_texts(asked, "type") for asked in salesforce.asked] == [
        ["CustomObject", "Queue", "Layout"],
        ["Report"],
    ]
    assert [asked_texts(asked, "folder") for asked in salesforce.asked] == [[], ["Billing"]]
    assert asked_texts(salesforce.asked[0], "asOfVersion") == ["66.0"]


def test_components_are_read_ten_a_call_and_what_is_lacking_is_left_out(salesforce: Rig) -> None:
    names = [f"F{n}__c & <co>" for n in range(23)]
    escaped = [name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for name in names]
    script = org_of({"CustomField": names[:-1]})

    def quoting(asked: Asked) -> Reply:
        told = str(script(asked).body)
        for name, quoted in zip(names, escaped, strict=True):
            told = told.replace(name, quoted)
        return Reply(told, headers=XML)

    found = salesforce(quoting).read_metadata("CustomField", names)
    assert list(found) == names[:-1]
    assert found[names[0]].findtext(f"{NAMESPACE}label") == f"L {names[0]}"
    assert [len(asked_texts(asked, "fullNames")) for asked in salesforce.asked] == [10, 10, 3]


def test_the_session_goes_within_and_is_renewed_once(salesforce: Rig) -> None:
    client = salesforce(org_of({"Queue": ["Billing"]}))
    client.list_metadata({"Queue": None})
    salesforce.logins.valid.clear()
    assert client.list_metadata({"Queue": None}) == {"Queue": ["Billing"]}
    first, refused, repeated = salesforce.asked
    sessions = [asked_texts(asked, "sessionId") for asked in (first, refused, repeated)]
    assert sessions == [["session-1"], ["session-1"], ["session-2"]]
    assert (first.method, first.path) == ("POST", SOAP_PATH)
    assert (first.headers["soapaction"], first.headers["content-type"]) == ('""', "text/xml; charset=UTF-8")
    assert "authorization" not in first.headers
    assert client.calls == 3


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (soap_fault("INVALID_TYPE", "Unknown type Quue"), Permanent, "Unknown type Quue"),
        (soap_fault("INSUFFICIENT_ACCESS", "no"), Permanent, "Modify Metadata"),
        (soap_fault("UNKNOWN_EXCEPTION", "ErrorId 1"), Transient, "unexpected"),
        (soap_fault("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."), Unavailable, "API limit"),
        (soap_fault("INVALID_SESSION_ID", "no"), Unavailable, "API Enabled"),
        (Reply("<html>maintenance</html>", 503, HTML), Unavailable, "503"),
        (Reply("<html>hello", 200, HTML), Transient, "not SOAP"),
        (envelope(""), Transient, "not SOAP"),
    ],
)
def test_what_salesforce_says_instead_is_told(
    salesforce: Rig, reply: Reply, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        salesforce(lambda asked: reply).list_metadata({"Queue": None})


def test_xml_with_entities_is_not_read(salesforce: Rig) -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbb">]>' + str(envelope("<a>&b;</a>").body).partition("?>")[2]
    with pytest.raises(Transient, match="not SOAP"):
        salesforce(lambda asked: Reply(bomb, headers=XML)).read_metadata("Queue", ["a"])
