"""The kinds of metadata an org keeps: what ``describeMetadata`` tells of them, and where a package has them.

One line for each: name, folder, suffix, prefix of its ids. An indented one is part of the object above it and
named ``Object.Name``; there the folder is also the element it has in the object's file. ``*`` marks types whose
components lie in folders of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_TABLE: Final = """
CustomObject       objects            object             01I
    CustomField        fields             field              00N
    BusinessProcess    businessProcesses  businessProcess    019
    CompactLayout      compactLayouts     compactLayout      0AH
    FieldSet           fieldSets          fieldSet           0IX
    Index              indexes            index              08K
    ListView           listViews          listView           00B
    RecordType         recordTypes        recordType         012
    SharingReason      sharingReasons     sharingReason      0Fl
    ValidationRule     validationRules    validationRule     03d
    WebLink            webLinks           webLink            00b
CustomApplication  applications       app                02u
CustomPermission   customPermissions  customPermission   0CP
CustomTab          tabs               tab                01r
Dashboard*         dashboards         dashboard          01Z
FlexiPage          flexipages         flexipage          0M0
GlobalValueSet     globalValueSets    globalValueSet     0Nt
Layout             layouts            layout             00h
PermissionSet      permissionsets     permissionset      0PS
Queue              queues             queue              00G
QuickAction        quickActions       quickAction        09D
Report*            reports            report             00O
ReportType         reportTypes        reportType         070
"""


@dataclass(frozen=True, slots=True)
class MetadataType:
    """``parent``: the type it is part of. ``in_folder``: its components lie in folders, which are components too."""

    name: str
    directory: str
    suffix: str
    prefix: str
    parent: str | None = None
    in_folder: bool = False
    folder_of: str | None = None


def _read() -> dict[str, MetadataType]:
    made: dict[str, MetadataType] = {}
    parent = ""
    for line in filter(str.strip, _TABLE.splitlines()):
        name, directory, suffix, prefix = line.split()
        child, folder = line.startswith(" "), name.endswith("*")
        name = name.rstrip("*")
        parent = parent if child else name
        made[name] = MetadataType(name, directory, suffix, prefix, parent if child else None, folder)
        if folder:
            own = f"{suffix}Folder"
            made[f"{name}Folder"] = MetadataType(f"{name}Folder", directory, own, "00l", folder_of=name)
    return made


TYPES: Final = _read()
BY_DIRECTORY: Final = {
    kind.directory: kind for kind in TYPES.values() if kind.parent is None and kind.folder_of is None
}
PARTS: Final = {kind.directory: kind for kind in TYPES.values() if kind.parent}
"""The parts of an object by the name of their element."""


def listed_as(name: str) -> str:
    """The type a package lists it under: a folder of reports stands among the reports."""
    return TYPES[name].folder_of or name
