"""What is left to do after a deployment: what can be looked up is, and what is done is not said."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.metadata.manual_steps import People, Step, people, steps
from connector.metadata.source_tree import Source, read

from .fake_org import FakeOrg
from .project import project

ME = "me@example.com"
SETS = ("Casewire_Integration", "Casewire_Agent")


def left(source: Source, who: People) -> dict[str, Step]:
    return {step.title: step for step in steps(source, who)}


@pytest.fixture
def small(tmp_path: Path) -> Source:
    sets = {f"permissionsets/{name}.permissionset-meta.xml": "PermissionSet/" for name in SETS}
    queues = {f"queues/{name}.queue-meta.xml": "Queue/" for name in ("Full", "Empty")}
    return read(project(tmp_path, {**sets, **queues}))


def all_done() -> People:
    return People(ME, dict.fromkeys(SETS, frozenset({ME})), {"Full": 2, "Empty": 1})


def test_what_is_done_is_not_said(small: Source) -> None:
    assert list(left(small, all_done())) == ["Let Casewire's user see the records it keeps true"]


def test_a_queue_without_members_is_named(small: Source) -> None:
    found = left(small, People(ME, all_done().assigned, {"Full": 2}))
    assert found["Put people into the queues Empty"].checked


def test_a_permission_set_nobody_has_is_named_with_the_command(small: Source) -> None:
    found = left(small, People(ME, {}, all_done().members))
    mine = found[f"Give the permission set Casewire_Integration to the user Casewire logs in as ({ME})"]
    assert mine.checked
    assert f"sf org assign permset --name Casewire_Integration --on-behalf-of {ME} " in mine.how
    assert "Setup › Permission Sets › Casewire Integration › Manage Assignments" in mine.how
    assert found["Give the permission set Casewire_Agent to the people it is for"].checked


def test_an_admin_who_deploys_is_not_taken_for_casewires_user(small: Source) -> None:
    assigned = {
        "Casewire_Integration": frozenset({"casewire@example.com"}),
        "Casewire_Agent": frozenset({"a"}),
    }
    found = left(small, People(ME, assigned, all_done().members))
    (step,) = [
        step for title, step in found.items() if title.startswith("Casewire_Integration is assigned to")
    ]
    assert "Right if Casewire logs in as one of them." in step.how


def test_what_could_not_be_looked_up_is_by_hand(small: Source) -> None:
    found = left(small, People(ME, None, None))
    assert len(found) == 4
    assert not any(step.checked for step in found.values())
    assert "Put people into the queues Empty, Full" in found


def test_people_are_looked_up_in_two_queries(small: Source) -> None:
    org = FakeOrg(
        rows={
            "FROM PermissionSetAssignment": [
                {"PermissionSet": {"Name": "Casewire_Agent"}, "Assignee": {"Username": "a"}},
                {"PermissionSet": {"Name": "Casewire_Agent"}, "Assignee": {"Username": "b"}},
            ],
            "FROM GroupMember": [{"Group": {"DeveloperName": "Full"}}] * 2,
        }
    )
    assert people(org, small, ME) == People(ME, {"Casewire_Agent": frozenset({"a", "b"})}, {"Full": 2})
    assert len(org.asked) == 2
    assert "'Casewire_Agent', 'Casewire_Integration'" in org.asked[0]


def test_people_that_may_not_be_looked_up_are_unknown(small: Source) -> None:
    org = FakeOrg(rows={"FROM PermissionSetAssignment": "INVALID_TYPE", "FROM GroupMember": "INVALID_TYPE"})
    assert people(org, small, ME) == People(ME, None, None)


def test_what_the_folder_holds_tells_what_is_by_hand(tmp_path: Path) -> None:
    named = "<content>Named</content>"
    place = project(
        tmp_path,
        {
            "applications/Seen.app-meta.xml": f"CustomApplication/<actionOverrides>{named}</actionOverrides>",
            "applications/Unseen.app-meta.xml": "CustomApplication/<label>Hidden App</label>",
            "dashboards/D.dashboardFolder-meta.xml": "DashboardFolder/<name>Boards</name>",
            "dashboards/D/Lead.dashboard-meta.xml": (
                "Dashboard/<dashboardType>SpecifiedUser</dashboardType><title>Lead</title>"
            ),
            "flexipages/Loose.flexipage-meta.xml": (
                "FlexiPage/<masterLabel>Loose</masterLabel><sobjectType>Case</sobjectType><type>RecordPage</type>"
            ),
            "flexipages/Named.flexipage-meta.xml": "FlexiPage/<type>RecordPage</type>",
            "layouts/Case-Ours.layout-meta.xml": "Layout/",
            "objects/Account/fields/A__c.field-meta.xml": "CustomField/",
            "objects/Account/fields/B__c.field-meta.xml": "CustomField/",
            "objects/Case/recordTypes/R.recordType-meta.xml": "RecordType/<label>Ours</label>",
            "permissionsets/Casewire_Agent.permissionset-meta.xml": (
                "PermissionSet/<applicationVisibilities><application>Seen</application></applicationVisibilities>"
            ),
            "reports/R.reportFolder-meta.xml": "ReportFolder/<name>Numbers</name>",
        },
    )
    found = steps(read(place), People(ME, {"Casewire_Agent": frozenset({"a"})}, {}))
    assert [step.title for step in found] == [
        "Give the record type Ours of Case its page layout Ours",
        "Check the values the record type Ours of Case offers",
        "Show the page Loose on Case",
        "Show the 2 billing fields and the related lists on Account",
        "Show the app Hidden App",
        "Share the folder Numbers of reports with the people who need it",
        "Share the folder Boards of dashboards with the people who need it",
        "Choose whose records the dashboard Lead shows: now those of whoever deployed it",
        "Let Casewire's user see the records it keeps true",
    ]
    assert all(step.how and not step.checked for step in found)


def test_the_steps_of_the_folder_name_nothing_it_does_not_hold(source: Source) -> None:
    found = left(source, People(ME, {}, {}))
    (queues,) = [title for title in found if title.startswith("Put people into the queues ")]
    assert queues.removeprefix("Put people into the queues ").split(", ") == [
        q.name for q in source.of("Queue")
    ]
    assert "Give the record type Billing of Case its page layout Billing Case Layout" in found
