"""The reports and list views of payment processors show what they say, and the checks of reports can tell."""

from __future__ import annotations

import re

import pytest

from connector.mappers import external_ids
from connector.models.processor_objects import SETTLED, STATUSES, Kind
from connector.sync.decide.rules import payment_failed

from .filters import view_criteria
from .folder import PROJECT, Folder, edited, read, without
from .names import picklist_values
from .references import complaints
from .reports import groupings, report_criteria

SETTLED_DISPUTES = STATUSES[Kind.DISPUTE] & SETTLED
RULE = "Case.Billing_Rule__c"
REPORTS = {
    "Billing/Cases_Without_An_Account",
    "Billing/Disputes_By_Outcome",
    "Billing/Evidence_Due_This_Week",
    "Billing/Failed_Payouts",
    "Billing/Failed_Refunds",
    "Billing/Open_Billing_Cases_By_Rule_And_Age",
    "Billing/Payment_Incidents",
    "Billing/Recovered_By_Month",
}


@pytest.fixture(scope="module")
def folder() -> Folder:
    return read()


def _report(folder: Folder, name: str) -> dict[str, set[str]]:
    return {c.field: c.values for c in report_criteria(folder.named("Report", f"Billing/{name}"))}


def _view(folder: Folder, name: str) -> dict[str, set[str]]:
    return {c.field: c.values for c in view_criteria(folder.named("ListView", name))}


def test_the_reports_stand_in_one_folder(folder: Folder) -> None:
    assert (folder.names("Report"), folder.names("ReportFolder")) == (REPORTS, {"Billing"})


def test_every_report_type_is_used_and_every_object_of_the_processors_has_one(folder: Folder) -> None:
    used = {c.text("reportType") for c in folder.of("Report")}
    assert used == {f"{name}__c" for name in folder.names("ReportType")}
    assert {c.text("baseObject") for c in folder.of("ReportType")} == {
        "Billing_Dispute__c",
        "Billing_Payout__c",
        "Billing_Refund__c",
        "Case",
    }


def test_a_dispute_is_reported_as_settled_or_listed_as_open(folder: Folder) -> None:
    settled = _report(folder, "Disputes_By_Outcome")["Billing_Dispute__c.Status__c"]
    open_ = _view(folder, "Billing_Dispute__c.Open_Disputes_By_Due_Date")["Billing_Dispute__c.Status__c"]
    assert settled == SETTLED_DISPUTES
    assert open_ == STATUSES[Kind.DISPUTE] - SETTLED


def test_a_settled_dispute_has_no_days_left(folder: Folder) -> None:
    formula = folder.named("CustomField", "Billing_Dispute__c.Days_To_Due__c").text("formula")
    assert set(re.findall(r'Status__c = "(\w+)"', formula)) == SETTLED_DISPUTES


def test_a_list_and_a_report_of_one_name_show_the_same_records(folder: Folder) -> None:
    for object_, name in (("Refund", "Failed_Refunds"), ("Payout", "Failed_Payouts")):
        assert _report(folder, name) == _view(folder, f"Billing_{object_}__c.{name}")
    assert _report(folder, "Payment_Incidents")[RULE] == _view(folder, "Case.Payment_Incidents")[RULE]


def test_evidence_due_this_week_is_evidence_still_wanted(folder: Folder) -> None:
    report = folder.named("Report", "Billing/Evidence_Due_This_Week")
    wanted = {"Billing_Dispute__c.Status__c": {"needs_response"}}
    view = _view(folder, "Billing_Dispute__c.Evidence_Due_This_Week")
    assert (report.deep("interval"), report.deep("dateColumn")) == (
        ["INTERVAL_THISWEEK"],
        ["Billing_Dispute__c$Due_At__c"],
    )
    assert _report(folder, "Evidence_Due_This_Week") == wanted
    assert view == {**wanted, "Billing_Dispute__c.Due_At__c": {"THIS_WEEK"}}


def test_every_kind_of_problem_has_a_list(folder: Folder) -> None:
    lists = [c for c in folder.of("ListView") if c.object == "Case"]
    criteria = [criterion for c in lists for criterion in view_criteria(c) if criterion.field == RULE]
    listed = {value for criterion in criteria for value in criterion.values}
    assert listed == picklist_values(folder.named("CustomField", RULE))


def test_not_joined_lists_objects_without_an_account_and_no_payouts_or_incidents(folder: Folder) -> None:
    view = folder.named("ListView", "Case.Not_Joined_To_An_Account")
    parts = [c.value for c in view_criteria(view) if c.operation == "notContain"]
    subjects = {
        external_ids.unjoined("stripe", "dispute", "dp_1"): True,
        external_ids.subject("recurly", "acme", "1"): False,
        external_ids.payee("stripe", ""): False,
        external_ids.gateway("recurly", "acme", "stripe"): False,
    }
    assert {s: not any(part in s for part in parts) for s in subjects} == subjects


def test_every_kind_of_problem_is_one_teams(folder: Folder) -> None:
    teams = [c for c in folder.of("ListView") if c.own_name.startswith("Team_")]
    kinds = [kind for c in teams for kind in sorted(_view(folder, c.name)[RULE])]
    assert sorted(kinds) == sorted(picklist_values(folder.named("CustomField", RULE)))
    assert {tuple(_view(folder, c.name)["Case.Billing_State__c"]) for c in teams} == {("open",)}


def test_my_cases_are_mine(folder: Folder) -> None:
    view = folder.named("ListView", "Case.My_Open_Billing_Cases")
    assert (view.text("filterScope"), _view(folder, view.name)) == (
        "Mine",
        {"Case.Billing_State__c": {"open"}},
    )


def test_the_backlog_is_a_table_of_kind_by_age(folder: Folder) -> None:
    report = folder.named("Report", "Billing/Open_Billing_Cases_By_Rule_And_Age")
    assert groupings(report) == ["Case$Billing_Rule__c", "BucketField_Age"]
    assert report.text("format") == "Matrix"


def test_recovered_is_money_that_came_in_after_all(folder: Folder) -> None:
    """An incident recovers too, but brings no money of its own."""
    wanted = {
        "Case.Billing_State__c": {"resolved"},
        "Case.Billing_Outcome__c": {"Recovered"},
        RULE: {"incident"},
    }
    assert "Recovered" in payment_failed._OUTCOMES.values()
    assert _report(folder, "Recovered_By_Month") == wanted
    criteria = report_criteria(folder.named("Report", "Billing/Recovered_By_Month"))
    assert [c.operation for c in criteria if c.field == RULE] == ["notEqual"]
    assert groupings(folder.named("Report", "Billing/Recovered_By_Month")) == [
        "Case$Billing_Currency__c",
        "Case$Billing_Resolved_At__c",
    ]


def test_a_case_without_an_account_is_no_payout_and_no_incident(folder: Folder) -> None:
    report = folder.named("Report", "Billing/Cases_Without_An_Account")
    parts = [c.value for c in report_criteria(report) if c.operation == "notContain"]
    subjects = (external_ids.payee("stripe", ""), external_ids.gateway("recurly", "acme", "stripe"))
    assert [any(part in s for part in parts) for s in subjects] == [True, True]


def test_every_queue_and_report_is_in_the_readme(folder: Folder) -> None:
    readme = (PROJECT / "README.md").read_text()
    names = [
        *folder.names("Queue"),
        *folder.names("CustomObject"),
        *(c.text("name") for c in folder.of("Report")),
        *(c.text("label") for c in folder.of("ListView") if c.object == "Case"),
        *(c.text("title") for c in folder.of("Dashboard")),
        *folder.names("FlexiPage"),
        *folder.names("CustomApplication"),
    ]
    assert [name for name in names if name not in readme] == []


REPORT = "reports/Billing/"
TYPE = "reportTypes/"
WRONG = {
    "a column the report type does not offer": (
        REPORT + "Failed_Refunds.report-meta.xml",
        "<field>Billing_Refund__c$Reason__c<",
        "<field>Billing_Refund__c$Excuse__c<",
        "column Billing_Refund__c$Excuse__c does not exist",
    ),
    "a filter column the report type does not offer": (
        REPORT + "Payment_Incidents.report-meta.xml",
        "<column>Case$Billing_Rule__c<",
        "<column>Case$Rule__c<",
        "column Case$Rule__c does not exist",
    ),
    "a lookup called by its id": (
        REPORT + "Payment_Incidents.report-meta.xml",
        "<field>Case$Owner<",
        "<field>Case$OwnerId<",
        "column Case$OwnerId does not exist",
    ),
    "a bucket of a column that is not there": (
        REPORT + "Open_Billing_Cases_By_Rule_And_Age.report-meta.xml",
        "<sourceColumnName>Case$Billing_Days_Open__c<",
        "<sourceColumnName>Case$Age__c<",
        "column Case$Age__c does not exist",
    ),
    "a grouping by a bucket nobody made": (
        REPORT + "Open_Billing_Cases_By_Rule_And_Age.report-meta.xml",
        "<field>BucketField_Age<",
        "<field>BucketField_Days<",
        "column BucketField_Days does not exist",
    ),
    "a report type by its own name alone": (
        REPORT + "Failed_Payouts.report-meta.xml",
        "<reportType>Billing_Payouts__c<",
        "<reportType>Billing_Payouts<",
        "report type Billing_Payouts does not exist",
    ),
    "a filter on a status nobody writes": (
        REPORT + "Failed_Payouts.report-meta.xml",
        "<value>failed<",
        "<value>bounced<",
        "Status__c value bounced",
    ),
    "a filter on a value with another label": (
        REPORT + "Payment_Incidents.report-meta.xml",
        "<value>incident<",
        "<value>bank_debit<",
        "labelled Bank debit returned",
    ),
    "a grouping that is also shown": (
        REPORT + "Disputes_By_Outcome.report-meta.xml",
        "<field>Billing_Dispute__c$Stage__c<",
        "<field>Billing_Dispute__c$Status__c<",
        "is grouped by and shown",
    ),
    "a grouped table": (
        REPORT + "Disputes_By_Outcome.report-meta.xml",
        "<format>Summary<",
        "<format>Tabular<",
        "Tabular with 2 groupings",
    ),
    "a sum over all currencies": (
        REPORT + "Disputes_By_Outcome.report-meta.xml",
        "<showGrandTotal>false<",
        "<showGrandTotal>true<",
        "different currencies",
    ),
    "sums by source, not by currency": (
        REPORT + "Disputes_By_Outcome.report-meta.xml",
        "<field>Billing_Dispute__c$Currency_Code__c<",
        "<field>Billing_Dispute__c$Network__c<",
        "different currencies",
    ),
    "a table by nothing across": (
        REPORT + "Open_Billing_Cases_By_Rule_And_Age.report-meta.xml",
        "<format>Matrix<",
        "<format>Summary<",
        "Summary with 2 groupings",
    ),
    "an order nobody sees": (
        REPORT + "Failed_Refunds.report-meta.xml",
        "<sortColumn>Billing_Refund__c$As_Of__c<",
        "<sortColumn>Billing_Refund__c$Billing_Key__c<",
        "sorted by a column it does not show",
    ),
    "a time frame of a text": (
        REPORT + "Evidence_Due_This_Week.report-meta.xml",
        "<dateColumn>Billing_Dispute__c$Due_At__c<",
        "<dateColumn>Billing_Dispute__c$Stage__c<",
        "is no date",
    ),
    "a long description": (
        REPORT + "Failed_Refunds.report-meta.xml",
        "<description>",
        "<description>" + "Refunds. " * 30,
        "missing or too long",
    ),
    "a report type about nothing": (
        TYPE + "Billing_Payouts.reportType-meta.xml",
        "<baseObject>Billing_Payout__c<",
        "<baseObject>Billing_Out__c<",
        "about Billing_Out__c",
    ),
    "a report type with a field that is not there": (
        TYPE + "Billing_Payouts.reportType-meta.xml",
        "<field>Payee__c<",
        "<field>Seller__c<",
        "column Billing_Payout__c$Seller__c leads nowhere",
    ),
    "a report type that forgot a field": (
        TYPE + "Billing_Cases.reportType-meta.xml",
        "<field>Billing_Gateway__c<",
        "<field>Billing_Stage__c<",
        "does not offer Case$Billing_Gateway__c",
    ),
    "a report type only administrators see": (
        TYPE + "Billing_Cases.reportType-meta.xml",
        "<deployed>true<",
        "<deployed>false<",
        "still in development",
    ),
}


@pytest.mark.parametrize(("file", "right", "wrong", "complaint"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_report_is_complained_about(
    folder: Folder, file: str, right: str, wrong: str, complaint: str
) -> None:
    broken = edited(folder, file, right, wrong)
    assert any(complaint in found for found in complaints(broken))


def test_a_report_whose_folder_has_no_file_is_complained_about(folder: Folder) -> None:
    assert "Billing/Failed_Refunds: its folder has no file" in complaints(without(folder, "ReportFolder"))
