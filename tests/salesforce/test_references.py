"""Every name in the folder points to something, Salesforce's limits are kept, and the checks can tell."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lxml import etree

from .folder import Component, Folder, edited, read
from .references import complaints


@pytest.fixture(scope="module")
def folder() -> Folder:
    return read()


def test_nothing_to_complain_about(folder: Folder) -> None:
    assert complaints(folder) == []


FIELDS = "objects/Case/fields/"
WRONG = {
    "a lookup to nowhere": (
        FIELDS + "Billing_Invoice__c.field-meta.xml",
        "<referenceTo>Billing_Invoice__c<",
        "<referenceTo>Bill__c<",
        "looks up Bill__c",
    ),
    "a relationship name used twice": (
        "objects/Billing_Invoice__c/fields/Account__c.field-meta.xml",
        "<relationshipName>Billing_Invoices<",
        "<relationshipName>Billing_Payments<",
        "relationships are named 'Billing_Payments'",
    ),
    "a key too long": (
        FIELDS + "Billing_Key__c.field-meta.xml",
        "<length>255<",
        "<length>300<",
        "1 to 255 characters",
    ),
    "a required field": (
        FIELDS + "Billing_Link__c.field-meta.xml",
        "<required>false<",
        "<required>true<",
        "required",
    ),
    "a formula about a field that is not there": (
        FIELDS + "Billing_Days_Open__c.field-meta.xml",
        "DATEVALUE(Billing_Opened_At__c)",
        "DATEVALUE(Opened__c)",
        "Case.Opened__c does not exist",
    ),
    "a file under another name": (
        FIELDS + "Billing_Link__c.field-meta.xml",
        "<fullName>Billing_Link__c<",
        "<fullName>Link__c<",
        "fullName is Link__c",
    ),
    "a long label": (
        FIELDS + "Billing_Link__c.field-meta.xml",
        "<label>Open",
        "<label>Open this record and all that belongs to it",
        "label over 40",
    ),
    "a column that is not there": (
        "objects/Case/listViews/Hard_Declines.listView-meta.xml",
        "<columns>Billing_Reason__c<",
        "<columns>Reason__c<",
        "column Case.Reason__c",
    ),
    "a standard field by the wrong name in a list view": (
        "objects/Case/listViews/Hard_Declines.listView-meta.xml",
        "<columns>CASES.STATUS<",
        "<columns>Status<",
        "column Case.Status",
    ),
    "a filter on a value nobody writes": (
        "objects/Case/listViews/Hard_Declines.listView-meta.xml",
        "<value>payment_failed<",
        "<value>payment_fail<",
        "Billing_Rule__c value payment_fail",
    ),
    "a long text in a compact layout": (
        "objects/Case/compactLayouts/Billing.compactLayout-meta.xml",
        "<fields>Billing_Reason__c<",
        "<fields>Billing_Summary__c<",
        "a long text",
    ),
    "a compact layout nobody made": (
        "objects/Case/recordTypes/Billing.recordType-meta.xml",
        "<compactLayoutAssignment>Billing<",
        "<compactLayoutAssignment>Bill<",
        "compact layout Case.Bill ",
    ),
    "a process nobody made": (
        "objects/Case/recordTypes/Billing.recordType-meta.xml",
        "<businessProcess>Billing_Support<",
        "<businessProcess>Support<",
        "process Case.Support",
    ),
    "a value a record type cannot offer": (
        "objects/Case/recordTypes/Billing.recordType-meta.xml",
        "<fullName>resolved<",
        "<fullName>done<",
        "Billing_State__c value done",
    ),
    "a status no new org has": (
        "objects/Case/businessProcesses/Billing_Support.businessProcess-meta.xml",
        "<fullName>Working<",
        "<fullName>In Progress<",
        "status In Progress",
    ),
    "a queue for another object": (
        "queues/Billing_Triage.queue-meta.xml",
        "<sobjectType>Case<",
        "<sobjectType>Lead<",
        "not for cases",
    ),
    "a field twice on a layout": (
        "layouts/Billing_Event__c-Billing Event Layout.layout-meta.xml",
        "<field>Kind__c<",
        "<field>Source__c<",
        "placed twice",
    ),
    "a related list that leads nowhere": (
        "layouts/Case-Billing Case Layout.layout-meta.xml",
        "<relatedList>Billing_Event__c.Case__c<",
        "<relatedList>Billing_Event__c.Account__c<",
        "leads nowhere",
    ),
    "a permission for a field that is not there": (
        "permissionsets/Casewire_Agent.permissionset-meta.xml",
        "<field>Case.Billing_Link__c<",
        "<field>Case.Billing_Url__c<",
        "Case.Billing_Url__c",
    ),
    "a permission for a required field": (
        "permissionsets/Casewire_Integration.permissionset-meta.xml",
        "<field>Case.Subject<",
        "<field>Case.Status<",
        "cannot be granted",
    ),
    "an editable formula": (
        "permissionsets/Casewire_Integration.permissionset-meta.xml",
        "<field>Case.Billing_Link__c<",
        "<field>Case.Billing_Days_Open__c<",
        "is a formula",
    ),
    "a filter on a status nobody writes": (
        "objects/Billing_Refund__c/listViews/Failed_Refunds.listView-meta.xml",
        "<value>failed<",
        "<value>fail<",
        "Status__c value fail",
    ),
    "a filter on a word of another object": (
        "objects/Billing_Payout__c/listViews/Pending_Payouts.listView-meta.xml",
        "<value>pending<",
        "<value>needs_response<",
        "Status__c value needs_response",
    ),
    "a filter the field's type does not take": (
        "objects/Case/listViews/Fraud_Warnings.listView-meta.xml",
        "<operation>equals<",
        "<operation>contains<",
        "cannot be compared by contains",
    ),
    "a filter on a long text": (
        "objects/Case/listViews/Not_Joined_To_An_Account.listView-meta.xml",
        "<field>Billing_Account_Key__c<",
        "<field>Billing_Summary__c<",
        "is a LongTextArea",
    ),
    "a filter on a time that is none": (
        "objects/Billing_Dispute__c/listViews/Evidence_Due_This_Week.listView-meta.xml",
        "<value>THIS_WEEK<",
        "<value>SOON<",
        "never SOON",
    ),
    "a filter on a number that is none": (
        "objects/Account/listViews/Past_Due_Accounts.listView-meta.xml",
        "<value>0<",
        "<value>nothing<",
        "never nothing",
    ),
    "a column twice": (
        "objects/Billing_Payout__c/listViews/Failed_Payouts.listView-meta.xml",
        "<columns>Reason_Code__c<",
        "<columns>Reason__c<",
        "column Reason__c stands twice",
    ),
    "a right to delete": (
        "permissionsets/Casewire_Integration.permissionset-meta.xml",
        "<allowDelete>false<",
        "<allowDelete>true<",
        "grants allowDelete",
    ),
    "a record type that is not there": (
        "permissionsets/Casewire_Agent.permissionset-meta.xml",
        "<recordType>Case.Billing<",
        "<recordType>Case.Bill<",
        "record type Case.Bill ",
    ),
    "an object half switched on": (
        "objects/Billing_Event__c/Billing_Event__c.object-meta.xml",
        "<enableBulkApi>true<",
        "<enableBulkApi>false<",
        "differ",
    ),
    "a search layout with a field that is not there": (
        "objects/Billing_Event__c/Billing_Event__c.object-meta.xml",
        "<lookupDialogsAdditionalFields>Kind__c<",
        "<lookupDialogsAdditionalFields>Sort__c<",
        "Billing_Event__c.Sort__c",
    ),
}


@pytest.mark.parametrize(("file", "right", "wrong", "complaint"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_folder_is_complained_about(
    folder: Folder, file: str, right: str, wrong: str, complaint: str
) -> None:
    broken = edited(folder, file, right, wrong)
    assert any(complaint in found for found in complaints(broken))


def test_too_many_external_ids_are_complained_about(folder: Folder) -> None:
    broken = Folder(tuple(_indexed(c) if c.type == "CustomField" else c for c in folder.components))
    assert any("external ids" in found for found in complaints(broken))


def _indexed(field: Component) -> Component:
    before = etree.tostring(field.root)
    return replace(field, root=etree.fromstring(before.replace(b"<externalId>false<", b"<externalId>true<")))
