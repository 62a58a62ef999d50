"""What is deployed is what the folder holds: nothing lost, nothing changed, the same bytes each time."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from xml.etree.ElementTree import Element, canonicalize, fromstring, tostring

import pytest
from lxml import etree
from salesforce.schema import metadata_schema

from connector.metadata.package_zip import NAMESPACE, archive, manifest, members
from connector.metadata.source_tree import Source, default_place, read

from .project import project

TAG = f"{{{NAMESPACE}}}"


def _alike(element: Element, tag: str) -> str:
    """The element's content as ``tag``, blanks between elements aside."""
    copy = Element(tag)
    copy.extend(element)
    return canonicalize(tostring(copy, "unicode"), strip_text=True)


def test_every_file_is_in_the_archive_with_all_it_says(source: Source) -> None:
    files = members(source)
    left = {name: fromstring(content) for name, content in files.items() if name.startswith("objects/")}
    for one in source.components:
        if not one.part_of:
            assert one.content in files.values()
            continue
        merged = left[f"objects/{one.part_of}.object"]
        if one.type == "CustomObject":
            own = {_alike(child, "x") for child in one.root}
            assert own <= {_alike(child, "x") for child in merged}
            continue
        kind = one.path.split("/")[2]
        (found,) = [e for e in merged.findall(TAG + kind) if e.findtext(TAG + "fullName") == one.own_name]
        assert _alike(found, "x") == _alike(one.root, "x")
        merged.remove(found)
    for name, merged in left.items():
        own = source.named("CustomObject", name.removeprefix("objects/").removesuffix(".object"))
        assert len(merged) == (len(own.root) if own else 0), f"{name} holds what no file says"


def test_the_archive_is_a_sound_zip_with_its_manifest_at_the_root(source: Source) -> None:
    with zipfile.ZipFile(io.BytesIO(archive(source))) as packed:
        assert packed.testzip() is None
        assert packed.namelist() == sorted({"package.xml", *members(source)})
        assert packed.read("package.xml") == manifest(source)
        assert packed.read("objects/Case.object") == members(source)["objects/Case.object"]


def test_the_same_folder_gives_the_same_bytes() -> None:
    assert archive(read(default_place())) == archive(read(default_place()))


def test_packing_leaves_what_was_read_as_it_was(source: Source) -> None:
    before = [tostring(one.root) for one in source.components]
    archive(source)
    assert [tostring(one.root) for one in source.components] == before


def test_the_manifest_is_the_one_of_the_folder(source: Source) -> None:
    kept = (source.place / "manifest/package.xml").read_text()
    assert canonicalize(manifest(source).decode(), strip_text=True) == canonicalize(kept, strip_text=True)


def test_merged_objects_are_what_salesforces_schema_says(source: Source) -> None:
    schema = metadata_schema()
    for name, content in members(source).items():
        if name.startswith("objects/"):
            schema.assertValid(etree.ElementTree(etree.fromstring(content)))


@pytest.fixture
def every_kind(tmp_path: Path) -> Source:
    place = project(
        tmp_path,
        {
            "applications/App.app-meta.xml": "CustomApplication/<label>App</label>",
            "dashboards/Billing.dashboardFolder-meta.xml": "DashboardFolder/<name>Billing</name>",
            "dashboards/Billing/Lead.dashboard-meta.xml": "Dashboard/<title>Lead</title>",
            "email/Mail.emailFolder-meta.xml": "EmailFolder/<name>Mail</name>",
            "flexipages/Page.flexipage-meta.xml": "FlexiPage/<masterLabel>Page</masterLabel>",
            "objects/Case/businessProcesses/P.businessProcess-meta.xml": "BusinessProcess/<fullName>P</fullName>",
            "objects/Case/compactLayouts/C.compactLayout-meta.xml": "CompactLayout/<label>C</label>",
            "objects/Case/fieldSets/S.fieldSet-meta.xml": "FieldSet/<fullName>S</fullName>",
            "objects/Case/listViews/V.listView-meta.xml": "ListView/<fullName>V</fullName>",
            "objects/Case/recordTypes/R.recordType-meta.xml": "RecordType/<fullName>R</fullName>",
            "objects/Case/validationRules/W.validationRule-meta.xml": "ValidationRule/<fullName>W</fullName>",
            "objects/Case/webLinks/L.webLink-meta.xml": "WebLink/<fullName>L</fullName>",
            "reports/Outer.reportFolder-meta.xml": "ReportFolder/<name>Outer</name>",
            "reports/Outer/Inner.reportFolder-meta.xml": "ReportFolder/<name>Inner</name>",
            "reports/Outer/Inner/R.report-meta.xml": "Report/<name>R</name>",
        },
    )
    return read(place)


def test_each_kind_gets_the_name_the_metadata_format_has_for_it(every_kind: Source) -> None:
    """The same names as ``sf project convert source`` gave for this folder (source-deploy-retrieve 12)."""
    assert sorted(members(every_kind)) == [
        "applications/App.app",
        "dashboards/Billing-meta.xml",
        "dashboards/Billing/Lead.dashboard",
        "email/Mail-meta.xml",
        "flexipages/Page.flexipage",
        "objects/Case.object",
        "reports/Outer-meta.xml",
        "reports/Outer/Inner-meta.xml",
        "reports/Outer/Inner/R.report",
    ]


def test_an_objects_parts_stand_in_its_file_by_the_alphabet(every_kind: Source) -> None:
    merged = fromstring(members(every_kind)["objects/Case.object"])
    assert [(e.tag.removeprefix(TAG), e.findtext(TAG + "fullName")) for e in merged] == [
        ("businessProcesses", "P"),
        ("compactLayouts", "C"),
        ("fieldSets", "S"),
        ("listViews", "V"),
        ("recordTypes", "R"),
        ("validationRules", "W"),
        ("webLinks", "L"),
    ]


def test_a_folder_is_listed_with_what_it_holds(every_kind: Source) -> None:
    listed = {
        types.findtext(TAG + "name"): [m.text for m in types.findall(TAG + "members")]
        for types in fromstring(manifest(every_kind)).findall(TAG + "types")
    }
    assert listed["Report"] == ["Outer", "Outer/Inner", "Outer/Inner/R"]
    assert listed["Dashboard"] == ["Billing", "Billing/Lead"]
    assert listed["EmailTemplate"] == ["Mail"]
    assert "ReportFolder" not in listed
    assert fromstring(manifest(every_kind)).findtext(TAG + "version") == "66.0"
