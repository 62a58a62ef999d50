"""The dashboard shows what a billing lead asks on Monday, and the checks of dashboards can tell."""

from __future__ import annotations

import pytest

from .dashboards import components
from .folder import Folder, edited, read, text, without
from .references import complaints


@pytest.fixture(scope="module")
def folder() -> Folder:
    return read()


def test_every_report_has_its_chart(folder: Folder) -> None:
    dashboard = folder.named("Dashboard", "Billing_Dashboards/Billing_On_Monday")
    assert sorted(text(c, "report") for c in components(dashboard)) == sorted(folder.names("Report"))


def test_it_stands_in_three_columns(folder: Folder) -> None:
    """The form every edition and both faces of Salesforce show."""
    dashboard = folder.named("Dashboard", "Billing_Dashboards/Billing_On_Monday")
    columns = ("leftSection", "middleSection", "rightSection")
    assert [len(dashboard.each(column)) for column in columns] == [1, 1, 1]
    assert dashboard.text("isGridLayout") == "false"


FILE = "dashboards/Billing_Dashboards/Billing_On_Monday.dashboard-meta.xml"
WRONG = {
    "a report that is not there": (
        "<report>Billing/Failed_Refunds<",
        "<report>Billing/Lost_Refunds<",
        "Lost_Refunds",
    ),
    "a grouping the report has not": (
        "<groupingColumn>Billing_Refund__c$Source__c<",
        "<groupingColumn>Billing_Refund__c$Reason__c<",
        "Failed_Refunds does not group by Billing_Refund__c$Reason__c",
    ),
    "a chart by too many groupings": (
        "<componentType>BarStacked<",
        "<componentType>Bar<",
        "a Bar by 2 groupings",
    ),
    "a chart of no kind": ("<componentType>Column<", "<componentType>Funnel<", "a Funnel by 1 groupings"),
    "a sum the report does not make": (
        "<column>Case$Billing_Amount__c<",
        "<column>Case$Billing_Attempts__c<",
        "does not add up Case$Billing_Attempts__c",
    ),
    "an average of sums": ("<aggregate>Sum<", "<aggregate>Average<", "does not add up"),
    "yen on dollars": (
        "<componentType>ColumnGrouped<",
        "<componentType>ColumnStacked<",
        "different currencies together",
    ),
    "a user of another org": (
        "    <textColor>",
        "    <runningUser>lead@example.com</runningUser>\n    <textColor>",
        "does not run as whoever deploys it",
    ),
    "a dashboard that runs as its reader": (
        "<dashboardType>SpecifiedUser<",
        "<dashboardType>LoggedInUser<",
        "does not run as whoever deploys it",
    ),
    "a chart without a title": ("<title>By processor<", "<title><", "a title is missing"),
    "a long description": (
        "<description>",
        "<description>" + "Billing. " * 30,
        "description missing or too long",
    ),
}


@pytest.mark.parametrize(("right", "wrong", "complaint"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_dashboard_is_complained_about(
    folder: Folder, right: str, wrong: str, complaint: str
) -> None:
    broken = edited(folder, FILE, right, wrong)
    assert any(complaint in found for found in complaints(broken))


def test_a_dashboard_whose_folder_has_no_file_is_complained_about(folder: Folder) -> None:
    broken = without(folder, "DashboardFolder")
    assert "Billing_Dashboards/Billing_On_Monday: its folder has no file" in complaints(broken)
