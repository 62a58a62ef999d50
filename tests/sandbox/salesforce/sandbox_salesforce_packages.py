"""Packages of metadata, and the SOAP calls to deploy and read them, as raw as they go over the wire."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from waiting import polled
from werkzeug.test import TestResponse

from sandbox.control import Control
from sandbox.salesforce import Org, create_app
from sandbox.salesforce.deploy.catalog import Component
from sandbox.salesforce.deploy.types import PARTS, TYPES, listed_as
from sandbox.salesforce.markup import METADATA, Node, parse, render
from sandbox.salesforce.metadata import read_folders

PROJECT = Path(__file__).resolve().parents[3] / "salesforce"
_ENVELOPE = (
    '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:m="{0}"><e:Header>'
    "<m:SessionHeader><m:sessionId>{1}</m:sessionId></m:SessionHeader></e:Header>"
    "<e:Body>{2}</e:Body></e:Envelope>"
)
Files = Mapping[str, str | bytes]


def xml(root: str, inner: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{METADATA}">\n{inner}\n</{root}>'


def manifest(**members: list[str]) -> str:
    """By type. Nothing said: everything of every type."""
    listed = members or {name: ["*"] for name, kind in TYPES.items() if not kind.folder_of}
    inner = "".join(
        f"<types>{''.join(f'<members>{name}</members>' for name in names)}<name>{type_}</name></types>"
        for type_, names in listed.items()
    )
    return xml("Package", f"{inner}<version>66.0</version>")


def packed(files: Files) -> bytes:
    """With a manifest of everything, unless they hold one."""
    whole = (
        files if any(name.endswith("package.xml") for name in files) else {"package.xml": manifest(), **files}
    )
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in whole.items():
            archive.writestr(name, text)
    return data.getvalue()


def project_files(*types: str) -> dict[str, str | bytes]:
    """The project's own folder, or these types of it, as the files of a package."""
    found = [c for c in read_folders([PROJECT]) if not types or listed_as(c.type) in types]
    files: dict[str, str | bytes] = {}
    for component in found:
        if not TYPES[component.type].parent:
            files.setdefault(component.file, _file(component, found))
    for component in found:
        files.setdefault(component.file, _file(component, found))
    members: dict[str, list[str]] = {}
    for component in found:
        members.setdefault(listed_as(component.type), []).append(component.full)
    return {"package.xml": manifest(**members), **files}


def _file(component: Component, found: list[Component]) -> str:
    tags = {part.name: tag for tag, part in PARTS.items()}
    if component.type not in (*tags, "CustomObject"):
        return xml(component.node.tag, "".join(map(render, component.node.children)))
    own = [c.node for c in found if c.type == "CustomObject" and c.full == component.object]
    parts = [c for c in found if c.type in tags and c.object == component.object]
    inner = [*(own[0].children if own else ()), *(Node(tags[c.type], "", c.node.children) for c in parts)]
    return xml("CustomObject", "".join(map(render, inner)))


BILLS: Files = {
    "objects/Bill__c.object": xml(
        "CustomObject",
        "<compactLayouts><fullName>Short</fullName><fields>Name</fields><fields>Payee__c</fields><label>Short</label>"
        "</compactLayouts><compactLayoutAssignment>Short</compactLayoutAssignment>"
        "<deploymentStatus>Deployed</deploymentStatus>"
        "<fields><fullName>Account__c</fullName><label>Account</label><referenceTo>Account</referenceTo>"
        "<relationshipName>Bills</relationshipName><type>Lookup</type></fields>"
        "<fields><fullName>Due__c</fullName><label>Due</label><type>Date</type></fields>"
        "<fields><fullName>Late__c</fullName><formula>Due__c &lt; TODAY()</formula><label>Late</label>"
        "<type>Checkbox</type></fields>"
        "<fields><fullName>Payee__c</fullName><label>Payee</label><length>80</length><type>Text</type></fields>"
        "<label>Bill</label><listViews><fullName>All</fullName><columns>NAME</columns><columns>Payee__c</columns>"
        "<filterScope>Everything</filterScope><label>All</label></listViews>"
        "<nameField><label>Bill</label><type>Text</type></nameField><pluralLabel>Bills</pluralLabel>"
        "<searchLayouts><searchResultsAdditionalFields>Payee__c</searchResultsAdditionalFields></searchLayouts>"
        "<sharingModel>ReadWrite</sharingModel>",
    ),
    "objects/Case.object": xml(
        "CustomObject",
        "<businessProcesses><fullName>Help</fullName><isActive>true</isActive><values><fullName>New</fullName>"
        "<default>true</default></values></businessProcesses>"
        "<fields><fullName>Bill__c</fullName><label>Bill</label><referenceTo>Bill__c</referenceTo>"
        "<relationshipName>Cases</relationshipName><type>Lookup</type></fields>"
        "<recordTypes><fullName>Help</fullName><active>true</active><businessProcess>Help</businessProcess>"
        "<label>Help</label></recordTypes>",
    ),
    "layouts/Bill__c-Bill Layout.layout": xml(
        "Layout",
        "<layoutSections><layoutColumns><layoutItems><field>Name</field></layoutItems><layoutItems>"
        "<field>Payee__c</field></layoutItems></layoutColumns><style>OneColumn</style></layoutSections>"
        "<relatedLists><fields>CASES.SUBJECT</fields><relatedList>Case.Bill__c</relatedList></relatedLists>",
    ),
    "layouts/Case-Help Layout.layout": xml(
        "Layout",
        "<layoutSections><layoutColumns><layoutItems><field>Subject</field></layoutItems><layoutItems>"
        "<field>Bill__c</field></layoutItems></layoutColumns><style>OneColumn</style></layoutSections>",
    ),
    "permissionsets/Clerk.permissionset": xml(
        "PermissionSet",
        "<fieldPermissions><editable>true</editable><field>Bill__c.Payee__c</field><readable>true</readable>"
        "</fieldPermissions><label>Clerk</label><objectPermissions><allowCreate>true</allowCreate>"
        "<allowDelete>false</allowDelete><allowEdit>true</allowEdit><allowRead>true</allowRead>"
        "<modifyAllRecords>false</modifyAllRecords><object>Bill__c</object>"
        "<viewAllRecords>false</viewAllRecords></objectPermissions>"
        "<tabSettings><tab>Bill__c</tab><visibility>Visible</visibility></tabSettings>",
    ),
    "queues/Help.queue": xml(
        "Queue", "<name>Help</name><queueSobject><sobjectType>Case</sobjectType></queueSobject>"
    ),
    "reportTypes/Bills.reportType": xml(
        "ReportType",
        "<baseObject>Bill__c</baseObject><category>other</category><deployed>true</deployed><label>Bills</label>"
        "<sections><columns><checkedByDefault>true</checkedByDefault><field>Name</field><table>Bill__c</table>"
        "</columns><columns><checkedByDefault>true</checkedByDefault><field>Payee__c</field><table>Bill__c</table>"
        "</columns><masterLabel>Bills</masterLabel></sections>",
    ),
    "reports/Money-meta.xml": xml("ReportFolder", "<name>Money</name>"),
    "reports/Money/Bills.report": xml(
        "Report",
        "<columns><field>Bill__c$Name</field></columns><format>Tabular</format><name>Bills</name>"
        "<reportType>Bills__c</reportType>",
    ),
    "tabs/Bill__c.tab": xml("CustomTab", "<customObject>true</customObject><motif>Custom1: Heart</motif>"),
}
"""A small package with one of almost everything."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """The Metadata API of an org."""

    http: FlaskClient
    session: str

    def post(self, inner: str, version: str = "66.0", session: str | None = None) -> TestResponse:
        body = _ENVELOPE.format(METADATA, self.session if session is None else session, inner)
        return self.http.post(f"/services/Soap/m/{version}", data=body.encode(), content_type="text/xml")

    def __call__(self, operation: str, inner: str = "") -> list[Node]:
        """The results of a call."""
        answer = self.post(f"<m:{operation}>{inner}</m:{operation}>")
        assert answer.status_code == 200, answer.text
        body = parse(answer.data).children[0].children[0]
        assert body.tag == f"{operation}Response"
        return list(body.children)

    def start(self, data: bytes, **options: Any) -> str:
        told = "".join(f"<m:{name}>{str(value).lower()}</m:{name}>" for name, value in options.items())
        inner = f"<m:ZipFile>{base64.b64encode(data).decode()}</m:ZipFile>"
        return self("deploy", f"{inner}<m:DeployOptions>{told}</m:DeployOptions>")[0].value("id") or ""

    def status(self, deployment: str, details: bool = True) -> Node:
        sent = f"<m:asyncProcessId>{deployment}</m:asyncProcessId>"
        return self(
            "checkDeployStatus", f"{sent}<m:includeDetails>{str(details).lower()}</m:includeDetails>"
        )[0]

    def deploy(self, files: Files, **options: Any) -> Node:
        """To its end."""
        deployment = self.start(packed(files), **options)
        return polled(lambda: self.status(deployment), lambda result: result.value("done") == "true")

    def read(self, type_: str, *names: str) -> list[Node]:
        inner = f"<m:type>{type_}</m:type>" + "".join(f"<m:fullNames>{name}</m:fullNames>" for name in names)
        return list(self("readMetadata", inner)[0].all("records"))

    def listed(self, type_: str, folder: str = "") -> list[str]:
        inner = f"<m:queries><m:folder>{folder}</m:folder><m:type>{type_}</m:type></m:queries>"
        return [node.value("fullName") or "" for node in self("listMetadata", inner)]


def metadata_of(org: Org, control: Control | None = None) -> Metadata:
    app = create_app(org, control or Control())
    return Metadata(app.test_client(), org.sessions.issue(org.org_id, org.user_id))


def failures(result: Node) -> list[tuple[str, str]]:
    """Full name and problem of each component that failed."""
    return [(n.value("fullName") or "", n.value("problem") or "") for n in result.walk("componentFailures")]


def changed(result: Node) -> list[str]:
    found = (n for n in result.walk("componentSuccesses") if n.value("changed") == "true")
    return [n.value("fullName") or "" for n in found]
