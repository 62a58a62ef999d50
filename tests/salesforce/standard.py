"""The standard names this metadata leans on: an org has them and the folder does not, so they stand here."""

from __future__ import annotations

from typing import Final

OBJECTS: Final = frozenset({"Account", "Contact", "Case"})

FIELDS: Final = {
    "Account": frozenset({"Name", "ParentId", "Website"}),
    "Contact": frozenset({"AccountId", "FirstName", "LastName", "Email", "Phone"}),
    "Case": frozenset(
        {
            "AccountId",
            "CaseNumber",
            "ContactId",
            "Description",
            "Origin",
            "OwnerId",
            "ParentId",
            "Priority",
            "RecordTypeId",
            "Status",
            "Subject",
        }
    ),
}
"""Of each standard object; every object also has ``ANY_OBJECT``, a custom one also ``Name``."""

ANY_OBJECT: Final = frozenset({"CreatedById", "LastModifiedById"})

NOT_PERMISSIONABLE: Final = frozenset(
    {
        "Account.Id",
        "Account.IsPersonAccount",
        "Account.Name",
        "Case.ClosedDate",
        "Case.Id",
        "Case.IsClosed",
        "Contact.CreatedDate",
        "Contact.FirstName",
        "Contact.Id",
        "Contact.LastName",
        "Case.OwnerId",
        "Case.RecordTypeId",
        "Case.Status",
    }
)
"""Written or read, but not to be named in a permission set: required, part of a name or kept by Salesforce
(``permissionable`` is false in the describe), or granted otherwise (record types)."""

COLUMNS: Final = {
    "Account": frozenset({"ACCOUNT.NAME", "CORE.USERS.ALIAS"}),
    "Case": frozenset(
        {
            "ACCOUNT.NAME",
            "CASES.CASE_NUMBER",
            "CASES.PRIORITY",
            "CASES.STATUS",
            "CASES.SUBJECT",
            "CORE.USERS.ALIAS",
        }
    ),
}
"""List views and related lists call standard fields by names of their own."""

CUSTOM_OBJECT_COLUMNS: Final = frozenset({"NAME"})

REPORT_COLUMNS: Final = {
    "Case": frozenset(
        {"Account", "CaseNumber", "ClosedDate", "CreatedDate", "Owner", "Priority", "Status", "Subject"}
    ),
}
CUSTOM_OBJECT_REPORT_COLUMNS: Final = frozenset({"Name", "CreatedDate"})
"""Report types call a standard lookup by its relationship: Owner, not OwnerId."""

PARENTS: Final = {"Case.Account": "Account"}
CHILDREN: Final = {"Account.Cases": "Case", "Case.CaseComments": "CaseComment"}
"""Where a standard relationship leads, up and down."""

TABS: Final = frozenset({"standard-Account", "standard-Case", "standard-Dashboard", "standard-report"})
"""Salesforce's own tabs, by the names an app calls them."""

RELATED_LISTS: Final = frozenset({"RelatedActivityList", "RelatedCommentsList", "RelatedHistoryList"})

CASE_STATUS: Final = frozenset({"New", "Working", "Escalated", "Closed"})
CASE_PRIORITY: Final = frozenset({"High", "Medium", "Low"})
"""What a new org has. An org that renamed them must adapt the process (see the folder's README)."""


def report_columns(object_: str) -> frozenset[str]:
    """The standard columns our report types offer of this object."""
    return REPORT_COLUMNS.get(object_, CUSTOM_OBJECT_REPORT_COLUMNS)
