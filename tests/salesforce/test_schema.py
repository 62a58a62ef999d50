"""Every file is what Salesforce's own schema says it may be, and the schema can tell when one is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lxml import etree

from .folder import PROJECT, files
from .schema import metadata_schema


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    return metadata_schema()


def _errors(schema: etree.XMLSchema, document: etree._ElementTree) -> list[str]:
    schema.validate(document)
    return [f"line {error.line}: {error.message}" for error in schema.error_log]  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(PROJECT)))
def test_a_file_is_valid(schema: etree.XMLSchema, path: Path) -> None:
    assert _errors(schema, etree.parse(str(path))) == []


def test_there_are_files_to_look_at() -> None:
    assert len(files()) > 150


FIELD = PROJECT / "force-app/main/default/objects/Account/fields/Billing_Key__c.field-meta.xml"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("<length>255</length>", "<lenght>255</lenght>"),
        ("<type>Text</type>", "<type>Txet</type>"),
        ("<unique>true</unique>", "<unique>yes</unique>"),
        ("<length>255</length>", "<length>long</length>"),
        ("CustomField", "CustomFeild"),
        (
            "    <type>Text</type>\n    <unique>true</unique>",
            "    <unique>true</unique>\n    <type>Text</type>",
        ),
    ],
    ids=["misspelt element", "unknown type", "not a boolean", "not a number", "unknown root", "out of order"],
)
def test_a_wrong_file_is_refused(schema: etree.XMLSchema, right: str, wrong: str) -> None:
    sample = FIELD.read_text()
    assert right in sample
    broken = etree.fromstring(sample.replace(right, wrong).encode())
    assert _errors(schema, etree.ElementTree(broken))


def test_the_project_file_names_the_folder_and_the_version_of_the_manifest() -> None:
    project = json.loads((PROJECT / "sfdx-project.json").read_text())
    manifest = etree.parse(str(PROJECT / "manifest/package.xml")).getroot()
    assert [package["path"] for package in project["packageDirectories"]] == ["force-app"]
    assert project["sourceApiVersion"] == manifest.findtext("{*}version")
