"""An org is read in a few calls, and a user with few rights gets as far as those reach."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.errors import Permanent
from connector.metadata.org_reader import read_org, target
from connector.metadata.source_tree import Source, read

from .fake_org import FakeOrg
from .project import project

FILES = {
    "layouts/Case-Mine %28new%29.layout-meta.xml": "Layout/",
    "objects/Case/fields/A__c.field-meta.xml": "CustomField/",
    "objects/Case/recordTypes/R.recordType-meta.xml": "RecordType/",
    "objects/Gone__c/Gone__c.object-meta.xml": "CustomObject/",
    "permissionsets/Casewire_Integration.permissionset-meta.xml": (
        "PermissionSet/<objectPermissions><object>Contact</object></objectPermissions>"
    ),
    "queues/Q.queue-meta.xml": "Queue/",
    "reports/One.reportFolder-meta.xml": "ReportFolder/",
    "reports/One/A.report-meta.xml": "Report/",
    "reports/Two/B.report-meta.xml": "Report/",
}


@pytest.fixture
def small(tmp_path: Path) -> Source:
    return read(project(tmp_path, FILES))


def test_each_type_is_listed_and_each_folder_looked_into(small: Source) -> None:
    org = FakeOrg(
        rows={"FROM PermissionSetAssignment": [{"PermissionSet": {"Name": "Casewire_Integration"}}]},
        described={"Case": {"fields": []}, "Contact": {"fields": []}},
        lists={
            "Report One": ["One/A"],
            "Report Two": ["Two/B"],
            "Layout": ["Case-Mine %28new%29"],
            "PermissionSet": ["Casewire_Integration", "Other"],
        },
        reads={"Casewire_Integration": small.of("PermissionSet")[0].root},
    )
    seen = read_org(org, small, "user@example.com", "005")
    assert seen.listed["Report"] == {"One/A", "Two/B"}
    assert seen.lists("Layout", "Case-Mine %28new%29")
    assert seen.described == {"Case": {"fields": []}, "Contact": {"fields": []}, "Gone__c": None}
    assert {type_: list(found) for type_, found in seen.read.items()} == {
        "PermissionSet": ["Casewire_Integration"]
    }
    assert seen.assigned == {"Casewire_Integration"}
    assert seen.unchecked == ()
    listings = [asked for asked in org.asked if isinstance(asked, dict)]
    assert [asked.get("Report") for asked in listings] == ["One", "Two"]
    assert set(listings[0]) == set(small.types)
    assert set(listings[1]) == {"Report"}


def test_without_the_metadata_api_queries_tell_what_they_can(small: Source) -> None:
    org = FakeOrg(
        rows={
            "FROM Group": [{"DeveloperName": "Q"}],
            "FROM RecordType": [{"SobjectType": "Case", "DeveloperName": "R"}],
            "FROM PermissionSetAssignment": "INSUFFICIENT_ACCESS",
            "FROM PermissionSet ": "INVALID_TYPE",
        },
        lists="INSUFFICIENT_ACCESS",
    )
    seen = read_org(org, small, "user@example.com", "005")
    assert seen.listed == {"Queue": {"Q"}, "RecordType": {"Case.R"}}
    assert seen.assigned is None
    assert seen.unchecked == (
        "Layout, PermissionSet, Report, ReportFolder: this user may not use the Metadata API (INSUFFICIENT_ACCESS).",
        "which permission sets the user has: it may not be read (INSUFFICIENT_ACCESS).",
    )


def test_contents_that_may_not_be_read_are_told(small: Source) -> None:
    org = FakeOrg(lists={"PermissionSet": ["Casewire_Integration"]}, reads="INSUFFICIENT_ACCESS")
    seen = read_org(org, small, "user@example.com", "005")
    assert seen.read == {}
    assert seen.unchecked == ("what is in a PermissionSet: it may not be read (INSUFFICIENT_ACCESS).",)


def test_an_object_that_cannot_be_described_for_another_reason_stops(small: Source) -> None:
    with pytest.raises(Permanent, match="MALFORMED"):
        read_org(FakeOrg(described={"Case": "MALFORMED_QUERY"}), small, "user@example.com", "005")


@pytest.mark.parametrize(
    ("sandbox", "edition", "kind", "production"),
    [
        (False, "Enterprise Edition", "Enterprise Edition", True),
        (True, "Enterprise Edition", "sandbox", False),
        (False, "Developer Edition", "Developer Edition", False),
    ],
)
def test_a_production_org_is_told_from_the_others(
    sandbox: bool, edition: str, kind: str, production: bool
) -> None:
    row = {"Id": "00D1", "Name": "Acme", "OrganizationType": edition, "IsSandbox": sandbox}
    found = target(_Asked(rows={"FROM Organization": [row]}))
    assert (found.kind, found.production) == (kind, production)
    assert ("not production" in str(found)) is not production
    assert "Acme (00D1; " in str(found)
    assert "logged in as user@example.com" in str(found)


class _Asked(FakeOrg):
    user_id, username = "005", "user@example.com"

    def identity(self) -> _Asked:
        return self
