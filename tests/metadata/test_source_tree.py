"""The folder is read by its shape: every file becomes a component, and what is not one is named."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from connector.errors import SetupError
from connector.metadata.source_tree import Source, default_place, read

from .project import SOURCE, project


def test_every_file_becomes_one_component(source: Source) -> None:
    files = {path.relative_to(source.place / SOURCE).as_posix() for path in source.place.rglob("*-meta.xml")}
    assert {one.path for one in source.components} == files
    assert len({(one.type, one.name) for one in source.components}) == len(files) > 200


def test_names_are_those_of_a_manifest(tmp_path: Path) -> None:
    place = project(
        tmp_path,
        {
            "objects/Case/fields/A__c.field-meta.xml": "CustomField/",
            "objects/Thing__c/Thing__c.object-meta.xml": "CustomObject/",
            "reports/Billing.reportFolder-meta.xml": "ReportFolder/",
            "reports/Billing/Deep/Due.report-meta.xml": "Report/",
            "quickActions/Case.Close.quickAction-meta.xml": "QuickAction/",
            "layouts/Case-Billing %28old%29.layout-meta.xml": "Layout/",
            ".hidden/x": "",
        },
    )
    found = [(one.type, one.listed_as, one.name, one.own_name) for one in read(place).components]
    assert found == [
        ("Layout", "Layout", "Case-Billing %28old%29", "Case-Billing %28old%29"),
        ("CustomField", "CustomField", "Case.A__c", "A__c"),
        ("CustomObject", "CustomObject", "Thing__c", "Thing__c"),
        ("QuickAction", "QuickAction", "Case.Close", "Case.Close"),
        ("ReportFolder", "Report", "Billing", "Billing"),
        ("Report", "Report", "Billing/Deep/Due", "Billing/Deep/Due"),
    ]


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ({"classes/Code.cls": "x/"}, "classes/Code.cls is not declarative metadata"),
        ({"README.md": "x/"}, "README.md is not declarative metadata"),
        ({"stray.queue-meta.xml": "Queue/"}, "stray.queue-meta.xml is not declarative metadata"),
        ({"objects/Case/fields/deep/A__c.field-meta.xml": "CustomField/"}, "neither an object's file"),
        ({"queues/Q.queue-meta.xml": "Queue/<name>"}, "queues/Q.queue-meta.xml is not XML"),
    ],
)
def test_what_cannot_be_deployed_is_named(tmp_path: Path, files: Mapping[str, str], named: str) -> None:
    with pytest.raises(SetupError, match=named):
        read(project(tmp_path, files))


def test_an_entity_is_never_expanded(tmp_path: Path) -> None:
    place = project(tmp_path, {"queues/Q.queue-meta.xml": "Queue/"})
    file = place / SOURCE / "queues/Q.queue-meta.xml"
    file.write_text('<!DOCTYPE q [<!ENTITY e "boom">]><Queue>&e;</Queue>')
    with pytest.raises(SetupError, match="is not XML"):
        read(place)


def test_a_component_that_two_package_directories_hold_is_refused(tmp_path: Path) -> None:
    place = project(tmp_path, {"queues/Q.queue-meta.xml": "Queue/"})
    (place / "sfdx-project.json").write_text(
        '{"packageDirectories": [{"path": "force-app"}, {"path": "force-app"}], "sourceApiVersion": "66.0"}'
    )
    with pytest.raises(SetupError, match="Queue Q is there twice"):
        read(place)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        '{"packageDirectories": []}',
        '{"packageDirectories": [{"path": "a"}], "sourceApiVersion": "66"}',
        '{"packageDirectories": [{}], "sourceApiVersion": "66.0"}',
    ],
)
def test_a_project_file_that_cannot_be_used_is_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "sfdx-project.json").write_text(text)
    with pytest.raises(SetupError, match=r"sfdx-project\.json must be JSON with"):
        read(tmp_path)


def test_a_folder_that_is_no_project_is_told(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"holds no sfdx-project\.json"):
        read(tmp_path)


def test_a_package_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "sfdx-project.json").write_text(
        '{"packageDirectories": [{"path": "gone"}], "sourceApiVersion": "66.0"}'
    )
    with pytest.raises(SetupError, match=r"gone.* does not exist"):
        read(tmp_path)


def test_a_checkout_and_an_installed_wheel_both_have_the_folder(tmp_path: Path) -> None:
    package = tmp_path / "connector"
    with pytest.raises(SetupError, match="--folder"):
        default_place(package)
    checkout = project(tmp_path / "salesforce", {})
    assert default_place(package) == checkout
    wheel = project(package / "data" / "salesforce", {})
    assert default_place(package) == wheel, "what lies beside an installed package belongs to another one"
