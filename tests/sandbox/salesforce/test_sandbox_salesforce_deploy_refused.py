"""What an org refuses to have deployed: names that lead nowhere, values it does not take, packages out of order."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
import simple_salesforce
from defusedxml import ElementTree
from sandbox_salesforce_packages import (
    Files,
    Metadata,
    failures,
    manifest,
    metadata_of,
    packed,
    project_files,
    xml,
)
from waiting import polled

from sandbox.salesforce import Org
from sandbox.salesforce.deploy import package
from sandbox.salesforce.deploy.vocabulary import ELEMENTS


@pytest.fixture(scope="module")
def project() -> dict[str, str | bytes]:
    return project_files()


@pytest.fixture
def metadata() -> Metadata:
    return metadata_of(Org())


OBJECT = (
    "<deploymentStatus>Deployed</deploymentStatus><label>Bill</label>"
    "<nameField><label>Bill</label><type>Text</type></nameField><pluralLabel>Bills</pluralLabel>"
    "<sharingModel>ReadWrite</sharingModel>"
)


def _field(inner: str, name: str = "X__c") -> Files:
    whole = f"<fields><fullName>{name}</fullName>{inner}</fields>"
    return {"objects/Case.object": xml("CustomObject", whole)}


LABEL = "<label>X</label>"
FIELDS = {
    "a type that is none": (
        LABEL + "<type>Txet</type>",
        "'Txet' is not a valid value for the enum 'FieldType'",
    ),
    "a type the sandbox does not keep": (
        LABEL + "<type>Location</type>",
        "does not keep fields of type Location",
    ),
    "no type": (LABEL, "Required field is missing: type"),
    "no label": ("<type>Checkbox</type>", "Required field is missing: label"),
    "an element that is none": (
        LABEL + "<lenght>5</lenght><type>Text</type>",
        "lenght invalid at this location",
    ),
    "a text without a length": (LABEL + "<type>Text</type>", "Must specify 'length'"),
    "a text too long": (LABEL + "<length>300</length><type>Text</type>", "Length must be between 1 and 255"),
    "a length that is none": (
        LABEL + "<length>long</length><type>Text</type>",
        "'long' is not a valid value",
    ),
    "a long text without lines": (LABEL + "<length>999</length><type>LongTextArea</type>", "'visibleLines'"),
    "a number without decimals": (
        LABEL + "<precision>9</precision><type>Number</type>",
        "Must specify 'scale'",
    ),
    "more decimals than digits": (
        LABEL + "<precision>2</precision><scale>3</scale><type>Number</type>",
        "more decimals than digits",
    ),
    "a checkbox as a key": (LABEL + "<externalId>true</externalId><type>Checkbox</type>", "'externalId'"),
    "a unique date": (LABEL + "<type>Date</type><unique>true</unique>", "Can not specify 'unique'"),
    "a picklist without values": (LABEL + "<type>Picklist</type>", "'valueSet'"),
    "a picklist of a set that is not there": (
        LABEL + "<type>Picklist</type><valueSet><valueSetName>Colours</valueSetName></valueSet>",
        "no GlobalValueSet named Colours found",
    ),
    "a lookup to nothing": (
        LABEL + "<relationshipName>Xs</relationshipName><type>Lookup</type>",
        "'referenceTo'",
    ),
    "a lookup to what is not there": (
        LABEL
        + "<referenceTo>Ghost__c</referenceTo><relationshipName>Xs</relationshipName><type>Lookup</type>",
        "referenceTo value of 'Ghost__c' does not resolve to a valid sObject type",
    ),
    "a formula about nothing": (
        LABEL + "<formula>Ghost__c &gt; 1</formula><type>Checkbox</type>",
        "Field Ghost__c does not exist. Check spelling.",
    ),
    "a formula across to nothing": (
        LABEL + "<formula>Account.Ghost__c</formula><type>Checkbox</type>",
        "Field Account.Ghost__c does not exist",
    ),
}


@pytest.mark.parametrize(("inner", "problem"), FIELDS.values(), ids=FIELDS.keys())
def test_a_field_is_refused(metadata: Metadata, inner: str, problem: str) -> None:
    ((name, told),) = failures(metadata.deploy(_field(inner)))
    assert name == "Case.X__c"
    assert problem in told


@pytest.mark.parametrize("name", ["X y__c", "1x__c", "X____c"])
def test_a_name_that_is_none_is_refused(metadata: Metadata, name: str) -> None:
    told = failures(metadata.deploy(_field(LABEL + "<type>Checkbox</type>", name)))
    assert [problem[:26] for _, problem in told] == ["The custom field API Name "]


def test_the_settings_of_a_standard_field_are_taken_and_change_nothing(metadata: Metadata) -> None:
    assert failures(metadata.deploy(_field("<trackHistory>true</trackHistory>", "Subject"))) == []
    assert failures(metadata.deploy(_field("<trackHistory>true</trackHistory>", "Moon"))) == [
        ("Case.Moon", "Could not resolve standard field's name.")
    ]


def test_fields_of_an_object_that_is_not_there_are_refused(metadata: Metadata) -> None:
    files = {
        "objects/Ghost__c.object": xml(
            "CustomObject", "<fields><fullName>X__c</fullName>" + LABEL + "<type>Date</type></fields>"
        )
    }
    told = failures(metadata.deploy({"package.xml": manifest(CustomField=["Ghost__c.X__c"]), **files}))
    assert told == [("Ghost__c.X__c", "Entity 'Ghost__c' is not available in this organization")]


@pytest.mark.parametrize(
    ("left_out", "problem"),
    [
        ("<label>Bill</label>", "non-empty label"),
        ("<pluralLabel>Bills</pluralLabel>", "non-empty pluralLabel"),
        ("<sharingModel>ReadWrite</sharingModel>", "Required field is missing: sharingModel"),
        ("<deploymentStatus>Deployed</deploymentStatus>", "Required field is missing: deploymentStatus"),
    ],
)
def test_an_object_lacks_something(metadata: Metadata, left_out: str, problem: str) -> None:
    ((name, told),) = failures(
        metadata.deploy({"objects/Bill__c.object": xml("CustomObject", OBJECT.replace(left_out, "", 1))})
    )
    assert (name, problem in told) == ("Bill__c", True)


def test_what_needs_a_failing_component_fails_with_it(metadata: Metadata) -> None:
    """A field of it, a tab, and a list view's column, from one object without its label."""
    broken = OBJECT.replace("<label>Bill</label>", "", 1)
    broken += "<fields><fullName>X__c</fullName><label>X</label><type>Date</type></fields>"
    files = {
        "objects/Bill__c.object": xml("CustomObject", broken),
        "tabs/Bill__c.tab": xml(
            "CustomTab", "<customObject>true</customObject><motif>Custom1: Heart</motif>"
        ),
    }
    assert [name for name, _ in failures(metadata.deploy(files))] == ["Bill__c", "Bill__c.X__c", "Bill__c"]


ROOT = "force-app/"
CASE, FAILED = "objects/Case.object", "reports/Billing/Failed_Payouts.report"
AGENT = "permissionsets/Casewire_Agent.permissionset"
PAYOUT = "objects/Billing_Payout__c.object"
LAYOUT = "layouts/Case-Billing Case Layout.layout"
WRONG = {
    "a lookup of the folder to nowhere": (
        CASE,
        "<referenceTo>Billing_Invoice__c<",
        "<referenceTo>Bill__c<",
        "'Bill__c' does not resolve",
    ),
    "two lookups calling children alike": (
        PAYOUT,
        "</CustomObject>",
        (
            "<fields><fullName>A__c</fullName><label>A</label><referenceTo>Account</referenceTo>"
            "<relationshipName>Billing_Invoices</relationshipName><type>Lookup</type></fields></CustomObject>"
        ),
        "already a Child Relationship named Billing_Invoices",
    ),
    "a list view's column": (CASE, "<columns>CASES.STATUS<", "<columns>Status<", "list view column: Status"),
    "a list view's filter": (
        PAYOUT,
        "<filters><field>Status__c<",
        "<filters><field>State__c<",
        "list view filter field: State__c",
    ),
    "a long text in a compact layout": (
        CASE,
        "<fields>Billing_Reason__c<",
        "<fields>Billing_Summary__c<",
        "compact layout",
    ),
    "a compact layout nobody made": (
        CASE,
        "<compactLayoutAssignment>Billing<",
        "<compactLayoutAssignment>Bill<",
        "no CompactLayout named Case.Bill found",
    ),
    "a process nobody made": (
        CASE,
        "<businessProcess>Billing_Support<",
        "<businessProcess>Support<",
        "no BusinessProcess named Case.Support found",
    ),
    "no process at all": (
        CASE,
        "<businessProcess>Billing_Support</businessProcess>",
        "",
        "Required field is missing: businessProcess",
    ),
    "a status the org does not have": (
        CASE,
        "<fullName>Working<",
        "<fullName>In Progress<",
        "Picklist value: In Progress in picklist: Status not found",
    ),
    "a value a record type cannot offer": (
        CASE,
        "<values><fullName>resolved<",
        "<values><fullName>done<",
        "Picklist value: done in picklist: Billing_State__c not found",
    ),
    "a permission for a field that is not there": (
        AGENT,
        "<field>Case.Billing_Link__c<",
        "<field>Case.Billing_Url__c<",
        "In field: field - no CustomField named Case.Billing_Url__c found",
    ),
    "a permission for an object that is not there": (
        AGENT,
        "<object>Billing_Event__c<",
        "<object>Billing_Evens__c<",
        "In field: object - no CustomObject named Billing_Evens__c found",
    ),
    "a permission for a required field": (
        AGENT,
        "<field>Case.Billing_Link__c<",
        "<field>Case.Status<",
        "You cannot deploy to a required field: Case.Status",
    ),
    "an editable formula": (
        AGENT,
        "<editable>false</editable><field>Case.Billing_Days_Open__c<",
        "<editable>true</editable><field>Case.Billing_Days_Open__c<",
        "is not editable",
    ),
    "editing without reading": (
        AGENT,
        "<allowEdit>false</allowEdit><allowRead>true<",
        "<allowEdit>true</allowEdit><allowRead>false<",
        "depends on permission(s): Read",
    ),
    "a record type that is not there": (
        AGENT,
        "<recordType>Case.Billing<",
        "<recordType>Case.Bill<",
        "no RecordType named Case.Bill found",
    ),
    "a tab that is not there": (
        AGENT,
        "<tab>Billing_Event__c<",
        "<tab>Billing_Evens__c<",
        "no CustomTab named Billing_Evens__c found",
    ),
    "a queue for nothing": (
        "queues/Billing_Triage.queue",
        "<sobjectType>Case<",
        "<sobjectType>Moon__c<",
        "no CustomObject named Moon__c found",
    ),
    "a queue for accounts": (
        "queues/Billing_Triage.queue",
        "<sobjectType>Case<",
        "<sobjectType>Account<",
        "Queues cannot own records of Account",
    ),
    "a field twice on a layout": (
        LAYOUT,
        "<field>Subject<",
        "<field>Status<",
        "Field:Status must not be duplicated",
    ),
    "a field that is not there on a layout": (
        LAYOUT,
        "<field>Subject<",
        "<field>Topic__c<",
        "no CustomField named Case.Topic__c found",
    ),
    "a layout without the name": (
        "layouts/Billing_Event__c-Billing Event Layout.layout",
        "<field>Name</field>",
        "<emptySpace>true</emptySpace>",
        "required layout field: Name",
    ),
    "a related list to nowhere": (
        LAYOUT,
        "<relatedList>Billing_Event__c.Case__c<",
        "<relatedList>Billing_Event__c.Account__c<",
        "Cannot find related list:Billing_Event__c.Account__c",
    ),
    "a report on nothing": (
        FAILED,
        "<reportType>Billing_Payouts__c<",
        "<reportType>Billing_Outs__c<",
        "no ReportType named Billing_Outs found",
    ),
    "a report's column": (
        FAILED,
        "<field>Billing_Payout__c$Payee__c<",
        "<field>Billing_Payout__c$Seller__c<",
        "Invalid column name in report: Billing_Payout__c$Seller__c",
    ),
    "a report's filter": (
        FAILED,
        "<column>Billing_Payout__c$Status__c<",
        "<column>Billing_Payout__c$State__c<",
        "Invalid column name in report: Billing_Payout__c$State__c",
    ),
    "a grouped table": (
        "reports/Billing/Disputes_By_Outcome.report",
        "<format>Summary<",
        "<format>Tabular<",
        "Tabular reports can't have groupings",
    ),
    "a report type about nothing": (
        "reportTypes/Billing_Payouts.reportType",
        "<baseObject>Billing_Payout__c<",
        "<baseObject>Moon__c<",
        "no CustomObject named Moon__c found",
    ),
    "a report type's column": (
        "reportTypes/Billing_Payouts.reportType",
        "<field>Payee__c<",
        "<field>Seller__c<",
        "Could not find field Seller__c",
    ),
    "XML that ends too soon": (FAILED, "</Report>", "", "Error parsing file: no element found"),
    "a root that is another": (
        "queues/Billing_Triage.queue",
        "Queue",
        "Line",
        "Entity type: 'Line' is unknown",
    ),
}


@pytest.mark.parametrize(("file", "right", "wrong", "problem"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_folder_is_refused(
    metadata: Metadata, project: dict[str, str | bytes], file: str, right: str, wrong: str, problem: str
) -> None:
    text = str(project[file])
    assert right in text
    broken = text.replace(right, wrong) if right == "Queue" else text.replace(right, wrong, 1)
    result = metadata.deploy({**project, file: broken})
    assert any(problem in told for _, told in failures(result)), failures(result)
    assert result.value("status") == "Failed"
    assert metadata.listed("CustomField") == []


PAGES = {
    "a page about nothing": (
        "flexipages/P.flexipage",
        "FlexiPage",
        (
            "<masterLabel>P</masterLabel><sobjectType>Moon__c</sobjectType>"
            "<template><name>flexipage:recordHomeTemplateDesktop</name></template><type>RecordPage</type>"
        ),
        "no CustomObject named Moon__c found",
    ),
    "a field on a page": (
        "flexipages/P.flexipage",
        "FlexiPage",
        (
            "<flexiPageRegions><itemInstances><fieldInstance><fieldItem>Record.Moon__c</fieldItem></fieldInstance>"
            "</itemInstances><name>main</name><type>Region</type></flexiPageRegions><masterLabel>P</masterLabel>"
            "<sobjectType>Case</sobjectType><template><name>t</name></template><type>RecordPage</type>"
        ),
        "no CustomField named Case.Moon__c found",
    ),
    "a rule on a page": (
        "flexipages/P.flexipage",
        "FlexiPage",
        (
            "<flexiPageRegions><itemInstances><componentInstance><componentName>c</componentName><visibilityRule>"
            "<criteria><leftValue>{!Record.Moon__c}</leftValue></criteria></visibilityRule></componentInstance>"
            "</itemInstances><name>main</name><type>Region</type></flexiPageRegions><masterLabel>P</masterLabel>"
            "<sobjectType>Case</sobjectType><template><name>t</name></template><type>RecordPage</type>"
        ),
        "no CustomField named Case.Moon__c found",
    ),
    "a related list on a page": (
        "flexipages/P.flexipage",
        "FlexiPage",
        (
            "<flexiPageRegions><itemInstances><componentInstance><componentInstanceProperties>"
            "<name>relatedListApiName</name><value>Moons__r</value></componentInstanceProperties>"
            "<componentName>c</componentName></componentInstance></itemInstances><name>main</name><type>Region</type>"
            "</flexiPageRegions><masterLabel>P</masterLabel><sobjectType>Case</sobjectType>"
            "<template><name>t</name></template><type>RecordPage</type>"
        ),
        "Cannot find related list:Moons__r",
    ),
    "an app's tab": (
        "applications/A.app",
        "CustomApplication",
        "<label>A</label><tabs>Moon__c</tabs>",
        "no CustomTab named Moon__c",
    ),
    "an app's page": (
        "applications/A.app",
        "CustomApplication",
        (
            "<actionOverrides><actionName>View</actionName><content>Moon</content><type>Flexipage</type>"
            "</actionOverrides><label>A</label>"
        ),
        "no FlexiPage named Moon found",
    ),
    "a tab without its object": (
        "tabs/Moon__c.tab",
        "CustomTab",
        "<customObject>true</customObject><motif>Custom1: Heart</motif>",
        "no CustomObject named Moon__c found",
    ),
    "a tab without its motif": (
        "tabs/Case.tab",
        "CustomTab",
        "<customObject>true</customObject>",
        "is missing: motif",
    ),
    "a report without its folder": (
        "reports/Moon/R.report",
        "Report",
        (
            "<columns><field>CASE_NUMBER</field></columns><format>Tabular</format><name>R</name>"
            "<reportType>CaseList</reportType>"
        ),
        "Cannot find folder:Moon",
    ),
    "a rule about nothing": (
        "objects/Case.object",
        "CustomObject",
        (
            "<validationRules><fullName>R</fullName><active>true</active><errorConditionFormula>ISBLANK(Moon__c)"
            "</errorConditionFormula><errorMessage>No.</errorMessage></validationRules>"
        ),
        "Field Moon__c does not exist",
    ),
}


@pytest.mark.parametrize(("file", "root", "inner", "problem"), PAGES.values(), ids=PAGES.keys())
def test_a_page_or_report_is_refused(
    metadata: Metadata, file: str, root: str, inner: str, problem: str
) -> None:
    told = failures(metadata.deploy({file: xml(root, inner)}))
    assert [problem in message for _, message in told] == [True], told


def test_a_dashboard_needs_its_reports(metadata: Metadata, project: dict[str, str | bytes]) -> None:
    inner = (
        "<backgroundEndColor>#FFFFFF</backgroundEndColor><backgroundFadeDirection>Diagonal</backgroundFadeDirection>"
        "<backgroundStartColor>#FFFFFF</backgroundStartColor><dashboardGridLayout><dashboardGridComponents>"
        "<colSpan>1</colSpan><columnIndex>0</columnIndex><dashboardComponent><componentType>Bar</componentType>"
        "<report>Billing/Moon</report></dashboardComponent><rowIndex>0</rowIndex><rowSpan>1</rowSpan>"
        "</dashboardGridComponents><numberOfColumns>1</numberOfColumns><rowHeight>36</rowHeight>"
        "</dashboardGridLayout><textColor>#000000</textColor><title>D</title><titleColor>#000000</titleColor>"
        "<titleSize>12</titleSize>"
    )
    files = {
        "dashboards/Moon-meta.xml": xml("DashboardFolder", "<name>Moon</name>"),
        "dashboards/Moon/D.dashboard": xml("Dashboard", inner),
    }
    assert failures(metadata.deploy(files)) == [
        ("Moon/D", "In field: report - no Report named Billing/Moon found")
    ]


def test_a_professional_org_has_no_record_types(project: dict[str, str | bytes]) -> None:
    told = failures(metadata_of(Org(professional=True)).deploy(project))
    names = [name for name, problem in told if problem == "Not available for deploy for this organization"]
    assert names == ["Case.Billing_Support", "Case.Billing"]


def test_an_object_has_so_many_fields_and_no_more() -> None:
    inner = "".join(
        f"<fields><fullName>F{number}__c</fullName><label>F</label><type>Date</type></fields>"
        for number in range(101)
    )
    told = failures(
        metadata_of(Org(professional=True)).deploy({"objects/Case.object": xml("CustomObject", inner)})
    )
    assert {problem for _, problem in told} == {
        "You have reached the maximum number of 100 custom fields on Case"
    }


# -- the package


def test_a_manifest_is_needed(metadata: Metadata) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("queues/Q.queue", xml("Queue", "<name>Q</name>"))
    deployment = metadata.start(data.getvalue())
    result = polled(lambda: metadata.status(deployment), lambda one: one.value("done") == "true")
    assert failures(result) == [("package.xml", "No package.xml found")]


QUEUE = xml("Queue", "<name>Q</name>")


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (
            {"package.xml": manifest(Queue=["Q", "R"]), "queues/Q.queue": QUEUE},
            ("R", "was not found in zipped directory"),
        ),
        (
            {"package.xml": manifest(Queue=["Q"]), "queues/Q.queue": QUEUE, "queues/R.queue": QUEUE},
            ("R", "Not in package.xml"),
        ),
        (
            {"package.xml": manifest(Moon=["M"])},
            ("package.xml", "Unknown type name 'Moon' specified in package.xml"),
        ),
        ({"package.xml": "<Package"}, ("package.xml", "Error parsing file: unclosed token")),
        ({"package.xml": manifest(), "moons/M.moon": "x"}, ("moons/M.moon", "Unknown directory: moons")),
    ],
)
def test_a_package_must_agree_with_its_manifest(
    metadata: Metadata, files: Files, told: tuple[str, str]
) -> None:
    ((name, problem),) = failures(metadata.deploy(files))
    assert (name, told[1] in problem) == (told[0], True)


def test_missing_files_may_be_allowed(metadata: Metadata) -> None:
    files = {"package.xml": manifest(Queue=["Q", "R"]), "queues/Q.queue": QUEUE}
    assert metadata.deploy(files, allowMissingFiles=True).value("status") == "Succeeded"


def test_a_package_may_lie_in_a_folder(metadata: Metadata) -> None:
    files = {"unpackaged/package.xml": manifest(Queue=["Q"]), "unpackaged/queues/Q.queue": QUEUE}
    result = metadata.deploy(files)
    assert [n.value("fileName") for n in result.walk("componentSuccesses")] == ["unpackaged/queues/Q.queue"]


@pytest.mark.parametrize(
    "name",
    [
        "../queues/Q.queue",
        "/queues/Q.queue",
        "queues/../../Q.queue",
        "queues\\Q.queue",
        "C:/Q.queue",
        "queues/./Q.queue",
        "queues/\x07.queue",
    ],
)
def test_a_path_that_leads_out_of_the_package_is_refused(metadata: Metadata, name: str) -> None:
    result = metadata.deploy({"package.xml": manifest(), name: QUEUE})
    assert (result.value("status"), result.value("errorStatusCode")) == ("Failed", "UNKNOWN_EXCEPTION")
    assert "Invalid file path" in (result.value("errorMessage") or "")


def test_a_zip_bomb_is_not_unpacked(metadata: Metadata, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "MOST_BYTES", 1_000_000)
    bomb = {f"queues/Q{n}.queue": b"\0" * 200_000 for n in range(6)}
    assert len(packed(bomb)) < 10_000
    assert metadata.deploy(bomb).value("errorStatusCode") == "LIMIT_EXCEEDED"
    monkeypatch.setattr(package, "MOST_FILES", 5)
    assert (
        metadata.deploy({f"queues/Q{n}.queue": QUEUE for n in range(6)}).value("errorStatusCode")
        == "LIMIT_EXCEEDED"
    )
    monkeypatch.setattr(package, "LARGEST", 10)
    assert metadata.deploy({"queues/Q.queue": QUEUE}).value("errorStatusCode") == "LIMIT_EXCEEDED"


@pytest.mark.parametrize("data", [b"", b"not a zip", packed({"queues/Q.queue": QUEUE})[:-40]])
def test_what_is_no_zip_fails(metadata: Metadata, data: bytes) -> None:
    deployment = metadata.start(data)
    result = metadata.status(deployment)
    assert (result.value("status"), result.value("errorStatusCode")) == ("Failed", "UNKNOWN_EXCEPTION")


def test_elements_nested_too_deep_are_refused(metadata: Metadata) -> None:
    deep = "<a>" * 200 + "</a>" * 200
    ((_, problem),) = failures(metadata.deploy({"queues/Q.queue": xml("Queue", deep)}))
    assert problem == "Error parsing file: elements are nested too deep"


# -- the vocabulary


def test_the_vocabulary_is_salesforces_own() -> None:
    """Element names, and which must be there, as the WSDL has them that simple-salesforce carries."""
    xsd = "{http://www.w3.org/2001/XMLSchema}"
    wsdl = ElementTree.parse(Path(simple_salesforce.__file__).with_name("metadata.wsdl")).getroot()
    types = {node.get("name"): node for node in wsdl.iter(f"{xsd}complexType")}
    for name, known in ELEMENTS.items():
        declared = {e.get("name"): e.get("minOccurs") != "0" for e in types[name].iter(f"{xsd}element")}
        assert declared == {element: told.required for element, told in known.items()}, name
