"""A deployment changes the org: its objects and fields, its rows of set-up, and what is read back of it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from sandbox_salesforce_packages import Metadata, changed, failures, metadata_of, packed, project_files, xml
from waiting import polled

from sandbox.control import Control
from sandbox.salesforce import Org, default_metadata
from sandbox.salesforce.markup import parse

if TYPE_CHECKING:
    from conftest import Api

KEY = (
    "<fields><fullName>Key__c</fullName><externalId>true</externalId><label>Key</label><length>80</length>"
    "<type>Text</type><unique>true</unique></fields>"
)
PAID = (
    "<fields><fullName>Paid__c</fullName><defaultValue>false</defaultValue><label>Paid</label>"
    "<type>Checkbox</type></fields>"
)
BILL = (
    "<deploymentStatus>Deployed</deploymentStatus><fields><fullName>Account__c</fullName><label>Account</label>"
    "<referenceTo>Account</referenceTo><relationshipName>Bills</relationshipName><type>Lookup</type></fields>"
    "<label>Bill</label><nameField><label>Bill</label><type>Text</type></nameField><pluralLabel>Bills</pluralLabel>"
    "<sharingModel>ReadWrite</sharingModel>"
)
ACCOUNT = {"objects/Account.object": xml("CustomObject", KEY)}


@pytest.fixture
def bare() -> Org:
    return Org()


@pytest.fixture
def metadata(bare: Org) -> Metadata:
    return metadata_of(bare)


@pytest.fixture
def rest(bare: Org, connect: Callable[[Org], Api]) -> Api:
    return connect(bare)


def test_nothing_of_ours_is_in_a_bare_org_until_it_is_deployed(metadata: Metadata, rest: Api) -> None:
    assert rest("GET", "sobjects/Billing_Event__c/describe").status_code == 404
    result = metadata.deploy(project_files())
    assert failures(result) == []
    assert result.value("status") == "Succeeded"
    fields = rest("GET", "sobjects/Billing_Event__c/describe").get_json()["fields"]
    assert "Billing_Key__c" in [field["name"] for field in fields]


def test_what_was_deployed_is_what_an_org_started_with_the_folder_has(bare: Org, metadata: Metadata) -> None:
    metadata.deploy(project_files())
    started = Org(default_metadata())
    assert bare.schema.objects == started.schema.objects
    assert {c.name: c.node for c in bare.catalog} == {c.name: c.node for c in started.catalog}
    for name in ("Group", "QueueSobject", "RecordType", "BusinessProcess", "FieldPermissions", "Report"):
        assert len(bare.records(name)) == len(started.records(name)) > 0


def test_the_same_again_changes_nothing(metadata: Metadata) -> None:
    first, second = metadata.deploy(project_files()), metadata.deploy(project_files())
    assert len(changed(first)) == len(list(second.walk("componentSuccesses"))) > 200
    assert changed(second) == []
    assert {n.value("created") for n in second.walk("componentSuccesses")} == {"false"}


def test_what_an_org_was_started_with_is_not_new_to_it() -> None:
    result = metadata_of(Org(default_metadata())).deploy(project_files())
    assert (failures(result), changed(result)) == ([], [])


def test_a_change_is_told_as_one_and_keeps_the_id(metadata: Metadata) -> None:
    first = metadata.deploy(ACCOUNT)
    longer = KEY.replace("<length>80<", "<length>120<") + PAID
    second = metadata.deploy({"objects/Account.object": xml("CustomObject", longer)})
    ids = [
        {n.value("fullName"): (n.value("id"), n.value("created")) for n in result.walk("componentSuccesses")}
        for result in (first, second)
    ]
    assert ids[0]["Account.Key__c"][1] == "true"
    assert ids[1]["Account.Key__c"] == (ids[0]["Account.Key__c"][0], "false")
    assert ids[1]["Account.Paid__c"][1] == "true"
    assert changed(second) == ["Account.Key__c", "Account.Paid__c"]


def test_new_fields_can_be_written_and_queried_at_once_and_rows_stay(metadata: Metadata, rest: Api) -> None:
    account = rest.create("Account", Name="Acme")
    metadata.deploy(ACCOUNT)
    assert rest("PATCH", "sobjects/Account/Key__c/k1", {"Name": "New"}).status_code == 201
    metadata.deploy({"objects/Account.object": xml("CustomObject", KEY + PAID)})
    assert rest.rows("SELECT Name, Key__c, Paid__c FROM Account ORDER BY Name") == [
        {"Name": "Acme", "Key__c": None, "Paid__c": False},
        {"Name": "New", "Key__c": "k1", "Paid__c": False},
    ]
    assert rest("PATCH", "sobjects/Account/Key__c/k1", {"Name": "Newer"}).status_code == 200
    metadata.deploy({"objects/Bill__c.object": xml("CustomObject", BILL)})
    rest.create("Bill__c", Name="B1", Account__c=account)
    assert rest.rows("SELECT Name, Account__r.Name FROM Bill__c")[0]["Account__r"]["Name"] == "Acme"
    assert (
        rest.query("SELECT Id, (SELECT Id FROM Bills__r) FROM Account")["records"][0]["Bills__r"]["totalSize"]
        == 1
    )


def test_a_picklist_may_take_its_values_from_a_global_set(metadata: Metadata, rest: Api) -> None:
    values = "<customValue><fullName>red</fullName><default>true</default><label>Red</label></customValue>"
    field = (
        "<fields><fullName>Colour__c</fullName><label>Colour</label><type>Picklist</type>"
        "<valueSet><restricted>true</restricted><valueSetName>Colours</valueSetName></valueSet></fields>"
    )
    files = {
        "globalValueSets/Colours.globalValueSet": xml(
            "GlobalValueSet", f"{values}<masterLabel>Colours</masterLabel><sorted>false</sorted>"
        ),
        "objects/Account.object": xml("CustomObject", field),
    }
    assert failures(metadata.deploy(files)) == []
    fields = rest("GET", "sobjects/Account/describe").get_json()["fields"]
    colour = next(known for known in fields if known["name"] == "Colour__c")
    assert [(value["value"], value["defaultValue"]) for value in colour["picklistValues"]] == [("red", True)]
    assert rest("POST", "sobjects/Account", {"Name": "N", "Colour__c": "blue"}).status_code == 400


def test_objects_keep_their_ids_prefix_when_others_come(bare: Org, metadata: Metadata) -> None:
    metadata.deploy({"objects/Bill__c.object": xml("CustomObject", BILL)})
    before = bare.schema.objects["Bill__c"].prefix
    other = BILL.replace("Bills", "Apples").replace("Bill", "Apple")
    metadata.deploy({"objects/Apple__c.object": xml("CustomObject", other)})
    assert bare.schema.objects["Bill__c"].prefix == before != bare.schema.objects["Apple__c"].prefix


def test_progress_is_seen_by_asking(metadata: Metadata) -> None:
    deployment = metadata.start(packed(project_files()))
    seen = []

    def ask() -> str | None:
        told = metadata.status(deployment, details=False)
        seen.append((told.value("status"), int(told.value("numberComponentsDeployed") or 0)))
        assert told.first("details") is None
        return told.value("status")

    polled(ask, lambda status: status not in ("Pending", "InProgress"))
    total = int(metadata.status(deployment).value("numberComponentsTotal") or 0)
    assert [status for status, _ in seen] == ["InProgress", "InProgress", "InProgress", "Succeeded"]
    assert 0 == seen[0][1] < seen[1][1] < seen[2][1] < seen[3][1] == total > 200


def test_a_later_deployment_waits_for_those_before_it(bare: Org, metadata: Metadata) -> None:
    first = metadata.start(packed(ACCOUNT))
    assert "Key__c" not in bare.schema.objects["Account"].fields
    metadata.deploy({"objects/Account.object": xml("CustomObject", PAID)})
    assert {"Key__c", "Paid__c"} <= set(bare.schema.objects["Account"].fields)
    assert metadata.status(first).value("status") == "Succeeded"


def test_a_check_changes_nothing(bare: Org, metadata: Metadata) -> None:
    result = metadata.deploy(ACCOUNT, checkOnly=True)
    assert (result.value("status"), result.value("checkOnly"), changed(result)) == (
        "Succeeded",
        "true",
        ["Account.Key__c"],
    )
    assert "Key__c" not in bare.schema.objects["Account"].fields
    assert metadata.listed("CustomField") == []


BROKEN = {"objects/Account.object": xml("CustomObject", KEY + PAID.replace("Checkbox", "Chequebox"))}


@pytest.mark.parametrize(
    ("rollback", "status", "kept"), [(True, "Failed", False), (False, "SucceededPartial", True)]
)
def test_a_failure_undoes_all_or_only_itself(
    bare: Org, metadata: Metadata, rollback: bool, status: str, kept: bool
) -> None:
    result = metadata.deploy(BROKEN, rollbackOnError=rollback)
    assert (result.value("status"), result.value("success")) == (status, "false")
    assert (result.value("numberComponentErrors"), failures(result)[0][0]) == ("1", "Account.Paid__c")
    assert ("Key__c" in bare.schema.objects["Account"].fields) is kept


def test_roll_back_is_the_default(bare: Org, metadata: Metadata) -> None:
    metadata.deploy(BROKEN)
    assert "Key__c" not in bare.schema.objects["Account"].fields


def test_a_failure_tells_where(metadata: Metadata) -> None:
    failed = next(iter(metadata.deploy(BROKEN).walk("componentFailures")))
    told = {child.tag: child.text for child in failed.children}
    assert told["fileName"] == "objects/Account.object"
    assert (told["componentType"], told["problemType"], told["success"]) == ("CustomField", "Error", "false")
    line = str(BROKEN["objects/Account.object"]).splitlines()[int(told["lineNumber"]) - 1]
    assert line[int(told["columnNumber"]) - 1 :].startswith("<type>Chequebox")


def test_a_deployment_can_be_canceled_until_it_is_done(bare: Org, metadata: Metadata) -> None:
    deployment = metadata.start(packed(ACCOUNT))
    metadata.status(deployment)
    told = metadata("cancelDeploy", f"<m:String>{deployment}</m:String>")[0]
    assert (told.value("done"), told.value("id")) == ("true", deployment)
    result = metadata.status(deployment)
    assert (result.value("status"), result.value("canceledByName")) == ("Canceled", "Integration User")
    assert "Key__c" not in bare.schema.objects["Account"].fields
    done = metadata.deploy(ACCOUNT).value("id")
    metadata("cancelDeploy", f"<m:String>{done}</m:String>")
    assert metadata.status(str(done)).value("status") == "Succeeded"


# -- rows of set-up


def test_permission_sets_tell_what_they_grant(metadata: Metadata, rest: Api) -> None:
    metadata.deploy(project_files())
    granted = rest.rows(
        "SELECT Field, PermissionsEdit, PermissionsRead FROM FieldPermissions "
        "WHERE Parent.Name = 'Casewire_Integration' AND Field = 'Account.Billing_Key__c'"
    )
    assert granted == [{"Field": "Account.Billing_Key__c", "PermissionsEdit": True, "PermissionsRead": True}]
    objects = rest.rows(
        "SELECT PermissionsCreate, PermissionsDelete FROM ObjectPermissions "
        "WHERE Parent.Name = 'Casewire_Integration' AND SobjectType = 'Case'"
    )
    assert objects == [{"PermissionsCreate": True, "PermissionsDelete": False}]
    assert rest.rows("SELECT PermissionsApiEnabled FROM PermissionSet WHERE Name = 'Casewire_Agent'")


def test_nobody_has_a_permission_set_until_it_is_assigned(bare: Org, metadata: Metadata, rest: Api) -> None:
    metadata.deploy(project_files())
    assert rest.rows("SELECT Id FROM PermissionSetAssignment") == []
    made = rest.rows("SELECT Id FROM PermissionSet WHERE Name = 'Casewire_Integration'")[0]["Id"]
    rest.create("PermissionSetAssignment", PermissionSetId=made, AssigneeId=bare.user_id)
    told = rest.rows("SELECT PermissionSet.Name, Assignee.Username FROM PermissionSetAssignment")
    assert told[0]["PermissionSet"]["Name"] == "Casewire_Integration"
    assert told[0]["Assignee"]["Username"] == "integration.user@casewire.sandbox"


def test_the_integration_user_of_an_org_made_with_the_folder_has_its_permission_set(
    connect: Callable[[Org], Api],
) -> None:
    org = Org(default_metadata())
    rows = connect(org).rows("SELECT PermissionSet.Name, AssigneeId FROM PermissionSetAssignment")
    assert [(row["PermissionSet"]["Name"], row["AssigneeId"]) for row in rows] == [
        ("Casewire_Integration", org.user_id)
    ]


def test_queues_record_types_and_reports_are_rows_with_the_ids_of_their_components(
    metadata: Metadata, rest: Api
) -> None:
    result = metadata.deploy(project_files())
    ids = {
        (n.value("componentType"), n.value("fullName")): n.value("id")
        for n in result.walk("componentSuccesses")
    }
    queue = rest.rows("SELECT Id FROM Group WHERE DeveloperName = 'Billing_Triage' AND Type = 'Queue'")
    assert queue == [{"Id": ids["Queue", "Billing_Triage"]}]
    kinds = rest.rows("SELECT Id, BusinessProcess.Name FROM RecordType WHERE DeveloperName = 'Billing'")
    assert kinds[0]["Id"] == ids["RecordType", "Case.Billing"]
    assert kinds[0]["BusinessProcess"]["Name"] == "Billing_Support"
    reports = rest.rows("SELECT Id, FolderName FROM Report WHERE DeveloperName = 'Failed_Payouts'")
    assert reports == [{"Id": ids["Report", "Billing/Failed_Payouts"], "FolderName": "Billing"}]
    views = rest.rows(
        "SELECT Name FROM ListView WHERE SobjectType = 'Case' AND DeveloperName = 'Hard_Declines'"
    )
    assert [view["Name"] for view in views] == ["Hard declines"]


def test_a_case_can_be_given_to_a_queue_that_was_just_deployed(metadata: Metadata, rest: Api) -> None:
    queue = {
        "queues/Help.queue": xml(
            "Queue", "<name>Help</name><queueSobject><sobjectType>Case</sobjectType></queueSobject>"
        )
    }
    metadata.deploy(queue)
    owner = rest.rows("SELECT Id FROM Group WHERE DeveloperName = 'Help'")[0]["Id"]
    made = rest(
        "POST", "sobjects/Case", {"Subject": "S", "OwnerId": owner}, headers={"Sforce-Auto-Assign": "FALSE"}
    )
    assert made.status_code == 201
    metadata.deploy({"queues/Help.queue": xml("Queue", "<name>Help desk</name>")})
    assert rest.rows("SELECT Id, Name FROM Group WHERE DeveloperName = 'Help'") == [
        {"Id": owner, "Name": "Help desk"}
    ]
    assert rest.rows("SELECT Id FROM QueueSobject") == []


def test_a_reset_keeps_what_was_deployed(bare: Org, metadata: Metadata, rest: Api) -> None:
    metadata.deploy(project_files())
    rest.create("Account", Name="Acme")
    bare.reset()
    assert rest.query("SELECT Id FROM Account")["totalSize"] == 0
    assert len(rest.rows("SELECT Id FROM Group WHERE Type = 'Queue'")) == len(metadata.listed("Queue")) > 0


# -- reading


def test_what_is_read_is_what_was_deployed(metadata: Metadata) -> None:
    metadata.deploy(project_files())
    (event,) = metadata.read("CustomObject", "Billing_Event__c")
    assert (event.children[0].tag, event.value("fullName")) == ("fullName", "Billing_Event__c")
    own = {node.value("fullName") for node in event.all("fields")}
    assert own == {
        name.split(".")[1] for name in metadata.listed("CustomField") if name.startswith("Billing_Event__c.")
    }
    (key,) = metadata.read("CustomField", "Billing_Event__c.Billing_Key__c")
    assert (key.value("type"), key.value("length"), key.value("unique")) == ("Text", "255", "true")
    (queue, nothing) = metadata.read("Queue", "Billing_Triage", "No_Such")
    assert queue.value("fullName") == "Billing_Triage"
    assert nothing.children == ()
    (account,) = metadata.read("CustomObject", "Account")
    assert account.value("label") == "Account"


def test_components_are_listed_by_type_and_folder(metadata: Metadata) -> None:
    metadata.deploy(project_files())
    assert "Billing/Failed_Payouts" in metadata.listed("Report", "Billing")
    assert metadata.listed("Report") == []
    assert metadata.listed("ReportFolder") == ["Billing"]
    assert {"Account", "Case", "Billing_Event__c"} <= set(metadata.listed("CustomObject"))
    assert metadata.listed("PermissionSet") == ["Casewire_Agent", "Casewire_Integration"]


def test_the_types_are_described(metadata: Metadata) -> None:
    (told,) = metadata("describeMetadata", "<m:asOfVersion>66.0</m:asOfVersion>")
    types = {node.value("xmlName"): node for node in told.all("metadataObjects")}
    assert "CustomField" in [node.text for node in types["CustomObject"].all("childXmlNames")]
    assert (types["Report"].value("inFolder"), types["Queue"].value("suffix")) == ("true", "queue")
    assert "CustomField" not in types


# -- the envelope


def test_a_session_that_is_none_is_a_fault(metadata: Metadata) -> None:
    answer = metadata.post("<m:describeMetadata/>", session="00D!no")
    assert answer.status_code == 500
    assert answer.content_type == "text/xml;charset=UTF-8"
    fault = parse(answer.data).children[0].children[0]
    assert fault.value("faultcode") == "sf:INVALID_SESSION_ID"
    assert (fault.value("faultstring") or "").startswith("INVALID_SESSION_ID: Invalid Session ID")


@pytest.mark.parametrize(
    ("inner", "version", "code"),
    [
        ("<m:flyToTheMoon/>", "66.0", "soapenv:Client"),
        ("<m:describeMetadata/>", "12.0", "sf:UNSUPPORTED_API_VERSION"),
        ("<m:deploy><m:ZipFile>&#1;</m:ZipFile></m:deploy>", "66.0", "soapenv:Client"),
        ("<m:deploy><m:ZipFile>***</m:ZipFile></m:deploy>", "66.0", "soapenv:Client"),
        (
            "<m:checkDeployStatus><m:asyncProcessId>0Af</m:asyncProcessId></m:checkDeployStatus>",
            "66.0",
            "sf:INVALID_CROSS_REFERENCE_KEY",
        ),
        (
            "<m:listMetadata><m:queries><m:type>Moon</m:type></m:queries></m:listMetadata>",
            "66.0",
            "sf:INVALID_TYPE",
        ),
        (
            "<m:readMetadata><m:type>Queue</m:type>"
            + "<m:fullNames>Q</m:fullNames>" * 11
            + "</m:readMetadata>",
            "66.0",
            "sf:LIMIT_EXCEEDED",
        ),
        (
            "<m:listMetadata>" + "<m:queries><m:type>Queue</m:type></m:queries>" * 4 + "</m:listMetadata>",
            "66.0",
            "sf:LIMIT_EXCEEDED",
        ),
        ("", "66.0", "soapenv:Client"),
    ],
)
def test_what_cannot_be_answered_is_a_fault(metadata: Metadata, inner: str, version: str, code: str) -> None:
    answer = metadata.post(inner, version)
    assert answer.status_code == 500
    assert parse(answer.data).children[0].children[0].value("faultcode") == code


def test_entities_are_not_expanded(metadata: Metadata) -> None:
    body = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'
    answer = metadata.http.post("/services/Soap/m/66.0", data=body)
    assert "forbidden" in (parse(answer.data).children[0].children[0].value("faultstring") or "")


def test_metadata_calls_count_and_can_be_made_to_fail() -> None:
    control = Control()
    org = Org()
    metadata = metadata_of(org, control)
    metadata("describeMetadata")
    assert (org.api_used, control.calls()["POST /services/Soap/m/66.0"]) == (1, 1)
    control.add_fault("daily_limit", times=1)
    assert "sf:REQUEST_LIMIT_EXCEEDED" in metadata.post("<m:describeMetadata/>").text
    control.add_fault("server_unavailable", times=1)
    assert "sf:SERVER_UNAVAILABLE" in metadata.post("<m:describeMetadata/>").text
    control.add_fault("concurrent_limit", times=1)
    assert "ConcurrentRequests" in metadata.post("<m:describeMetadata/>").text
    control.add_fault("session_expired", times=1)
    assert "sf:INVALID_SESSION_ID" in metadata.post("<m:describeMetadata/>").text


# -- over REST


def _sent(
    rest: Api, files: dict[str, str | bytes], options: object = None, part: str = "json"
) -> dict[str, object]:
    parts = {
        part: (io.BytesIO(json.dumps({"deployOptions": options or {}}).encode()), None, "application/json"),
        "file": (io.BytesIO(packed(files)), "package.zip", "application/zip"),
    }
    answer = rest("POST", "metadata/deployRequest", data=parts, content_type="multipart/form-data")
    assert answer.status_code == 201, answer.text
    told: dict[str, object] = answer.get_json()
    return told


@pytest.mark.parametrize("part", ["json", "entity_content"])
def test_rest_deploys_with_the_same_engine(bare: Org, rest: Api, part: str) -> None:
    made = _sent(rest, ACCOUNT, {"checkOnly": False, "rollbackOnError": True}, part)
    assert made["deployOptions"]["rollbackOnError"] is True  # type: ignore[index]
    status = f"metadata/deployRequest/{made['id']}?includeDetails=true"
    result = polled(lambda: rest("GET", status).get_json()["deployResult"], lambda one: bool(one["done"]))
    assert (result["status"], result["numberComponentsTotal"]) == ("Succeeded", 2)
    assert {s["fullName"] for s in result["details"]["componentSuccesses"]} == {"Account", "Account.Key__c"}
    assert "Key__c" in bare.schema.objects["Account"].fields


def test_rest_cancels_and_knows_no_others(bare: Org, rest: Api) -> None:
    made = _sent(rest, ACCOUNT)
    cancel = {"deployResult": {"status": "Canceling"}}
    told = rest("PATCH", f"metadata/deployRequest/{made['id']}", cancel)
    assert (told.status_code, told.get_json()["deployResult"]["status"]) == (202, "Canceled")
    assert rest("PATCH", f"metadata/deployRequest/{made['id']}", {"deployResult": {}}).status_code == 400
    assert rest("GET", "metadata/deployRequest/0Af").status_code == 404
    assert rest("POST", "metadata/deployRequest", data=b"x", content_type="text/plain").status_code == 400
