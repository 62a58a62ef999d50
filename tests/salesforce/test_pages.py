"""What billing people open shows what they need, leads somewhere, and the checks of pages and apps can tell."""

from __future__ import annotations

import pytest

from connector.mappers.fields import Account, Case

from .folder import Component, Folder, edited, read, text
from .pages import property_
from .references import complaints

AT_A_GLANCE = {
    Account.BALANCE,
    Account.PAST_DUE,
    Account.DUNNING_STEP,
    Account.MRR,
    Account.NEXT_RENEWAL,
    Account.PAYMENT_METHOD,
    Account.DISPUTED,
}
PROBLEM = {Case.SUMMARY, Case.REASON, Case.ACTION, Case.AMOUNT_TEXT, Case.DEADLINE, Case.EVIDENCE}


@pytest.fixture(scope="module")
def folder() -> Folder:
    return read()


def _page(folder: Folder, object_: str) -> Component:
    return next(c for c in folder.of("FlexiPage") if c.text("sobjectType") == object_)


def _shown(page: Component) -> set[str]:
    return {item.removeprefix("Record.") for item in page.deep("fieldItem")}


def _lists(page: Component) -> list[str]:
    instances = page.root.iter("{*}componentInstance")
    return [name for c in instances if (name := property_(c, "relatedListApiName"))]


def test_a_case_says_what_the_problem_is_and_what_to_do(folder: Folder) -> None:
    assert _shown(_page(folder, "Case")) >= PROBLEM


def test_a_case_shows_the_money_of_its_account(folder: Folder) -> None:
    money = AT_A_GLANCE - {Account.PAST_DUE, Account.DISPUTED} | {
        Account.PAST_DUE_TEXT,
        Account.DISPUTED_TEXT,
    }
    assert _shown(_page(folder, "Case")) >= {f"Account.{name}" for name in money}


def test_an_account_shows_its_money(folder: Folder) -> None:
    assert _shown(_page(folder, "Account")) >= AT_A_GLANCE


def test_an_account_lists_all_that_belongs_to_it(folder: Folder) -> None:
    lookups = [c for c in folder.of("CustomField") if c.text("referenceTo") == "Account"]
    expected = {f"{c.text('relationshipName')}__r" for c in lookups} | {"Cases"}
    assert set(_lists(_page(folder, "Account"))) == expected


def test_a_case_has_its_timeline(folder: Folder) -> None:
    assert "Billing_Events__r" in _lists(_page(folder, "Case"))


def test_what_only_some_cases_have_is_shown_on_those_only(folder: Folder) -> None:
    sections = {
        property_(c, "label"): {text(r, "rightValue") for r in c.iter("{*}criteria")}
        for c in _page(folder, "Case").root.iter("{*}componentInstance")
        if text(c, "componentName") == "flexipage:fieldSection"
    }
    assert sections["Evidence"] == {"dispute", "chargeback"}
    assert sections["Payout"] == {"payout"}
    assert sections["Incident"] == {"incident"}
    assert sections["Accounts it may belong to"] == {"account_match"}
    assert sections["What happened and what to do"] == set()


def test_every_billing_field_of_a_case_is_on_its_layout(folder: Folder) -> None:
    layout = folder.named("Layout", "Case-Billing Case Layout")
    declared = {c.own_name for c in folder.of("CustomField") if c.object == "Case"}
    assert declared - set(layout.deep("field")) == set()


CASE = "flexipages/Casewire_Billing_Case.flexipage-meta.xml"
ACCOUNT = "flexipages/Casewire_Billing_Account.flexipage-meta.xml"
APP = "applications/Casewire_Billing.app-meta.xml"
AGENT = "permissionsets/Casewire_Agent.permissionset-meta.xml"
WRONG = {
    "a page about nothing": (CASE, "<sobjectType>Case<", "<sobjectType>Cases<", "about Cases"),
    "a template nobody has": (
        CASE,
        "recordHomeTemplateDesktop<",
        "recordTemplate<",
        "of template 'flexipage:record",
    ),
    "a region the template lacks": (
        CASE,
        "<name>sidebar<",
        "<name>right<",
        "fills ['header', 'main', 'right']",
    ),
    "a facet nobody made": (
        CASE,
        "<value>evidenceColumns<",
        "<value>proofColumns<",
        "facet proofColumns does not",
    ),
    "a facet in no place": (
        CASE,
        "<value>evidenceColumns<",
        "<value>proofColumns<",
        "evidenceColumns is in 0 places",
    ),
    "a facet in two places": (
        CASE,
        "<value>evidenceColumns<",
        "<value>payoutColumns<",
        "payoutColumns is in 2 places",
    ),
    "a facet made twice": (
        CASE,
        "<name>evidenceColumns<",
        "<name>payoutColumns<",
        "payoutColumns stands twice",
    ),
    "a component of nobody": (
        CASE,
        "force:detailPanel<",
        "force:recordDetail<",
        "force:recordDetail is not one",
    ),
    "a property of nobody": (
        CASE,
        "<name>numVisibleActions<",
        "<name>actions<",
        "property of force:highlightsPanel",
    ),
    "a tab Salesforce lacks": (
        CASE,
        "Standard.Tab.activity<",
        "Standard.Tab.tasks<",
        "tab Standard.Tab.tasks",
    ),
    "no tab open": (CASE, "<name>active<", "<name>title<", "does not open with one tab"),
    "an identifier twice": (
        CASE,
        "<identifier>comments<",
        "<identifier>timeline_list<",
        "'timeline_list' is missing, too long or used 2 times",
    ),
    "no identifier": (CASE, "<identifier>details</identifier>", "", "has no identifier"),
    "a field that is not there": (CASE, "Record.Billing_Reason__c<", "Record.Reason__c<", "Case.Reason__c"),
    "a field of the page's object by its name": (
        CASE,
        "<fieldItem>Record.Billing_Reason__c<",
        "<fieldItem>Case.Billing_Reason__c<",
        "Case.Billing_Reason__c leads nowhere",
    ),
    "a field of the account that is not there": (
        CASE,
        "Record.Account.Billing_MRR__c<",
        "Record.Account.MRR__c<",
        "field Account.MRR__c",
    ),
    "a relationship that is not there": (
        CASE,
        "Record.Billing_Dispute__r.Status__c<",
        "Record.Dispute__r.Status__c<",
        "Record.Dispute__r.Status__c leads nowhere",
    ),
    "a field twice": (
        CASE,
        "Record.Billing_Reason__c<",
        "Record.Billing_Link__c<",
        "Billing_Link__c is placed twice",
    ),
    "a list of another record": (
        CASE,
        "<value>Case.Id<",
        "<value>Account.Id<",
        "is not a list of this Case",
    ),
    "a list that leads nowhere": (
        ACCOUNT,
        "<value>Billing_Refunds__r<",
        "<value>Refunds__r<",
        "related list Refunds__r leads nowhere",
    ),
    "a column that is not there": (
        ACCOUNT,
        "<value>MRR__c<",
        "<value>Rent__c<",
        "column Billing_Subscription__c.Rent__c",
    ),
    "an order by nothing": (
        ACCOUNT,
        "<value>Issued_At__c<",
        "<value>Made_At__c<",
        "column Billing_Invoice__c.Made_At__c",
    ),
    "an order of no kind": (ACCOUNT, "<value>Descending<", "<value>Newest<", "sort order Newest"),
    "a list filter on a value nobody writes": (
        ACCOUNT,
        '["open"]',
        '["opened"]',
        "Billing_State__c value opened",
    ),
    "a list filter by no operator": (ACCOUNT, "|EQUALS|", "|IS|", "list operator IS"),
    "a section for a kind of case there is not": (
        CASE,
        "<rightValue>payout<",
        "<rightValue>payouts<",
        "Billing_Rule__c value payouts",
    ),
    "a section by no operator": (CASE, "<operator>EQUAL<", "<operator>IS<", "operator IS"),
    "a section by another record": (
        CASE,
        "{!Record.Billing_Rule__c}",
        "{!$User.Title}",
        "shown by {!$User.Title}",
    ),
    "a rule that forgets a criterion": (
        CASE,
        "1 OR 2 OR 3 OR 4<",
        "1 OR 2 OR 3<",
        "does not join 4 criteria",
    ),
    "an app that shows no page": (
        APP,
        "<content>Casewire_Billing_Case<",
        "<content>Case_Page<",
        "page Case_Page",
    ),
    "a page shown nowhere": (
        APP,
        "<content>Casewire_Billing_Case<",
        "<content>Case_Page<",
        "page Casewire_Billing_Case is shown nowhere",
    ),
    "a page shown for another object": (
        APP,
        "<pageOrSobjectType>Case<",
        "<pageOrSobjectType>Contact<",
        "shows Casewire_Billing_Case for Contact",
    ),
    "a page for a phone": (
        APP,
        "<formFactor>Large<",
        "<formFactor>Small<",
        "is not how a record page is shown",
    ),
    "a tab nobody made": (APP, "<tabs>Billing_Payout__c<", "<tabs>Payout__c<", "tab Payout__c"),
    "a tab twice": (
        APP,
        "<tabs>Billing_Payout__c<",
        "<tabs>Billing_Refund__c<",
        "tab Billing_Refund__c stands twice",
    ),
    "an app that opens with no tab of it": (
        APP,
        "<defaultLandingTab>standard-Case<",
        "<defaultLandingTab>standard-home<",
        "opens with standard-home",
    ),
    "an app of the old kind": (APP, "<uiType>Lightning<", "<uiType>Aloha<", "not a Lightning app"),
    "an app that names a profile": (
        APP,
        "    <tabs>standard-Case<",
        "    <profileActionOverrides/>\n    <tabs>standard-Case<",
        "names a profile",
    ),
    "an app that is not there": (
        AGENT,
        "<application>Casewire_Billing<",
        "<application>Billing<",
        "app Billing does not exist",
    ),
}


@pytest.mark.parametrize(("file", "right", "wrong", "complaint"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_page_or_app_is_complained_about(
    folder: Folder, file: str, right: str, wrong: str, complaint: str
) -> None:
    broken = edited(folder, file, right, wrong)
    assert any(complaint in found for found in complaints(broken))
