"""What the schema cannot see: whether a name points to something, and Salesforce's limits on fields.

Each check is a function from the folder to complaints; ``complaints`` runs them all.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

from lxml import etree

from . import standard
from .apps import apps
from .dashboards import dashboards
from .filters import list_views
from .folder import NAMESPACE, Component, Folder, text, texts
from .names import Complaints, absent, not_a_value, objects, unknown_columns, unknown_fields
from .pages import pages
from .reports import report_types, reports

LABEL_LIMIT = 40
DESCRIPTION_LIMIT = 1000
HELP_LIMIT = 510
EXTERNAL_ID_LIMIT = 25
COMPACT_LIMIT = 10


def complaints(folder: Folder) -> list[str]:
    return [complaint for check in CHECKS for complaint in check(folder)]


def own_names(folder: Folder) -> Complaints:
    """fullName repeats the file name; labels fit."""
    for c in folder.components:
        if c.text("fullName") and c.text("fullName") != c.own_name:
            yield f"{c.name}: fullName is {c.text('fullName')}"
        if len(c.text("label")) > LABEL_LIMIT:
            yield f"{c.name}: label over {LABEL_LIMIT} characters"


def fields(folder: Folder) -> Complaints:
    for c in folder.of("CustomField"):
        if c.object not in objects(folder):
            yield f"{c.name}: no such object"
        if not c.text("label") or not c.text("description"):
            yield f"{c.name}: no label or no description"
        if len(c.text("description")) > DESCRIPTION_LIMIT or len(c.text("inlineHelpText")) > HELP_LIMIT:
            yield f"{c.name}: description or help too long"
        if c.text("required") == "true":
            yield f"{c.name}: required, so an upsert could fail on it"
        if c.text("type") == "Text" and not 1 <= int(c.text("length")) <= 255:
            yield f"{c.name}: a text field holds 1 to 255 characters"
        yield from unknown_fields(folder, c, re.findall(r"\b\w+__c\b", c.text("formula")), c.object)


def lookups(folder: Folder) -> Complaints:
    found = [c for c in folder.of("CustomField") if c.text("type") == "Lookup"]
    for c in found:
        if c.text("referenceTo") not in objects(folder):
            yield f"{c.name}: looks up {c.text('referenceTo')}, which does not exist"
    names = Counter((c.text("referenceTo"), c.text("relationshipName")) for c in found)
    for (target, name), count in names.items():
        if count > 1 or not name:
            yield f"{target}: {count} relationships are named {name!r}"


def external_ids(folder: Folder) -> Complaints:
    found = [c for c in folder.of("CustomField") if c.text("externalId") == "true"]
    for object_, count in Counter(c.object for c in found).items():
        if count > EXTERNAL_ID_LIMIT:
            yield f"{object_}: {count} external ids"


def compact_layouts(folder: Folder) -> Complaints:
    for c in folder.of("CompactLayout"):
        yield from unknown_fields(folder, c, c.all("fields"), c.object)
        if len(c.all("fields")) > COMPACT_LIMIT:
            yield f"{c.name}: more than {COMPACT_LIMIT} fields"
        for name in c.all("fields"):
            field = folder.field(f"{c.object}.{name}")
            if field is not None and field.text("type") == "LongTextArea":
                yield f"{c.name}: {name} is a long text, which a compact layout cannot show"
    for c in [*folder.of("CustomObject"), *folder.of("RecordType")]:
        assigned = f"{c.object}.{c.text('compactLayoutAssignment')}"
        if assigned not in folder.names("CompactLayout"):
            yield f"{c.name}: compact layout {assigned} does not exist"


def layouts(folder: Folder) -> Complaints:
    for c in folder.of("Layout"):
        object_ = c.name.split("-")[0]
        placed = c.deep("field")
        yield from unknown_fields(folder, c, placed, object_)
        yield from (f"{c.name}: {f} is placed twice" for f, n in Counter(placed).items() if n > 1)
        for related in c.each("relatedLists"):
            yield from _related_list(folder, c, object_, related)


def _related_list(folder: Folder, layout: Component, object_: str, related: etree._Element) -> Complaints:
    name = text(related, "relatedList")
    if name in standard.RELATED_LISTS:
        return
    lookup = folder.field(name)
    if lookup is None or lookup.text("referenceTo") != object_:
        yield f"{layout.name}: related list {name} leads nowhere"
        return
    shown = [*texts(related, "fields"), *texts(related, "sortField")]
    yield from unknown_columns(folder, layout, shown, lookup.object)


def search_layouts(folder: Folder) -> Complaints:
    for c in folder.of("CustomObject"):
        for search in c.each("searchLayouts"):
            yield from unknown_fields(folder, c, [child.text or "" for child in search], c.object)


def custom_objects(folder: Folder) -> Complaints:
    """Salesforce wants the three API switches alike; a name the connector writes must be a text."""
    for c in folder.of("CustomObject"):
        switches = {c.text(s) for s in ("enableBulkApi", "enableSharing", "enableStreamingApi")}
        if len(switches) > 1:
            yield f"{c.name}: enableBulkApi, enableSharing and enableStreamingApi differ"
        if "Text" not in [text(n, "type") for n in c.each("nameField")]:
            yield f"{c.name}: its name is not a text"
    for c in folder.of("CustomTab"):
        if c.name not in folder.names("CustomObject"):
            yield f"{c.name}: a tab without its object"


def permission_sets(folder: Folder) -> Complaints:
    for c in folder.of("PermissionSet"):
        for granted in c.each("fieldPermissions"):
            yield from _field_permission(folder, c, granted_field=text(granted, "field"))
        yield from _formulas_edited(folder, c)
        yield from absent(c, c.deep("object"), objects(folder), "object")
        yield from absent(c, c.deep("recordType"), folder.names("RecordType"), "record type")
        yield from absent(c, c.deep("tab"), folder.names("CustomTab"), "tab")
        yield from absent(c, c.deep("application"), folder.names("CustomApplication"), "app")
        for power in ("allowDelete", "modifyAllRecords", "viewAllRecords"):
            if "true" in c.deep(power):
                yield f"{c.name}: grants {power}"


def _field_permission(folder: Folder, set_: Component, granted_field: str) -> Complaints:
    object_, _, name = granted_field.partition(".")
    yield from unknown_fields(folder, set_, [name], object_)
    if granted_field in standard.NOT_PERMISSIONABLE or name == "Name":
        yield f"{set_.name}: {granted_field} cannot be granted"


def _formulas_edited(folder: Folder, set_: Component) -> Complaints:
    edited = [text(g, "field") for g in set_.each("fieldPermissions") if text(g, "editable") == "true"]
    for name in edited:
        field = folder.field(name)
        if field is not None and field.text("formula"):
            yield f"{set_.name}: {name} is a formula and cannot be edited"


def record_types(folder: Folder) -> Complaints:
    for c in folder.of("RecordType"):
        process = f"{c.object}.{c.text('businessProcess')}"
        if process not in folder.names("BusinessProcess"):
            yield f"{c.name}: process {process} does not exist"
        for picklist in c.each("picklistValues"):
            yield from _picklist_of_record_type(folder, c, picklist)
    for c in folder.of("BusinessProcess"):
        yield from absent(c, _value_names(c.root), standard.CASE_STATUS, "status")


def _picklist_of_record_type(folder: Folder, of: Component, picklist: etree._Element) -> Complaints:
    name = text(picklist, "picklist")
    if name == "Priority":
        yield from absent(of, _value_names(picklist), standard.CASE_PRIORITY, "priority")
        return
    yield from unknown_fields(folder, of, [name], of.object)
    yield from not_a_value(folder, of, f"{of.object}.{name}", _value_names(picklist))


def _value_names(element: etree._Element) -> set[str]:
    return {text(value, "fullName") for value in element.findall(NAMESPACE + "values")}


def queues(folder: Folder) -> Complaints:
    for c in folder.of("Queue"):
        if c.deep("sobjectType") != ["Case"]:
            yield f"{c.name}: a queue for {c.deep('sobjectType')}, not for cases"


CHECKS: tuple[Callable[[Folder], Complaints], ...] = (
    own_names,
    fields,
    lookups,
    external_ids,
    list_views,
    compact_layouts,
    layouts,
    search_layouts,
    custom_objects,
    permission_sets,
    record_types,
    queues,
    report_types,
    reports,
    dashboards,
    pages,
    apps,
)
