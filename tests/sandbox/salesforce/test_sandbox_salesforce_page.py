"""The agents' page: what it shows, what an agent can change, and that it shows nothing unescaped."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from sandbox.salesforce import Org, default_metadata
from sandbox.salesforce.page import money, when, words

if TYPE_CHECKING:
    from conftest import Api

HOSTILE = "<script>alert(1)</script>"


def test_an_empty_org_says_what_will_appear(api: Api) -> None:
    text = api("GET", "/").get_data(as_text=True)
    assert "No cases yet" in text
    assert "No accounts yet" in text


def test_the_page_shows_cases_open_first_with_their_accounts(api: Api) -> None:
    api.upsert("Account", {"Billing_Key__c": "a", "Name": "Acme"})
    parent = {"Account": {"Billing_Key__c": "a"}}
    api.upsert("Case", {"Billing_Key__c": "1", "Subject": "Card declined", "Status": "Closed", **parent})
    api.upsert("Case", {"Billing_Key__c": "2", "Subject": "Chargeback", **parent})
    api.upsert("Case", {"Billing_Key__c": "3", "Subject": "Old refund", "Status": "Closed", **parent})
    text = api("GET", "/").get_data(as_text=True)
    assert text.index("Chargeback") < text.index("Old refund") < text.index("Card declined")
    account = api.rows("SELECT Id FROM Account")[0]["Id"]
    assert f'href="/accounts/{account}"' in text
    assert "Card declined" in api("GET", f"/accounts/{account}").get_data(as_text=True)


def test_everything_is_escaped(api: Api) -> None:
    account = api.create("Account", Name=HOSTILE, Site=HOSTILE)
    contact = api.create("Contact", LastName=HOSTILE, AccountId=account)
    case = api.create("Case", Subject=HOSTILE, Description=HOSTILE, AccountId=account, ContactId=contact)
    api(
        "POST",
        "/__sandbox__/faults",
        {"kind": "row_lock", "match": HOSTILE.replace("(", "[(]").replace(")", "[)]")},
    )
    for path in ("/", f"/accounts/{account}", f"/cases/{case}"):
        answer = api("GET", path)
        assert HOSTILE not in answer.get_data(as_text=True)
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]


def test_a_fragment_is_the_page_without_its_frame(api: Api) -> None:
    whole = api("GET", "/").get_data(as_text=True)
    fragment = api("GET", "/?fragment=1").get_data(as_text=True)
    assert fragment.strip()
    assert fragment in whole
    assert "<html" not in fragment
    for name in ("page.js", "page.css"):
        with api("GET", f"/assets/{name}") as answer:
            assert answer.status_code == 200


def test_an_agent_changes_status_priority_and_owner(api: Api) -> None:
    case = api.create("Case", Subject="S")
    queue = api.rows("SELECT Id FROM Group WHERE Type = 'Queue'")[0]["Id"]
    form = {"Status": "Closed", "Priority": "High", "OwnerId": queue}
    assert api("POST", f"/cases/{case}", data=form).status_code == 303
    (row,) = api.rows("SELECT Status, IsClosed, Priority, Owner.Name, LastModifiedBy.Name FROM Case")
    assert (row["Status"], row["IsClosed"], row["Priority"]) == ("Closed", True, "High")
    assert (row["Owner"]["Name"], row["LastModifiedBy"]["Name"]) == ("Billing Disputes", "Agent One")


def test_a_change_from_another_site_or_of_nonsense_is_refused(api: Api) -> None:
    case = api.create("Case", Subject="S")
    foreign = {"Origin": "https://example.com"}
    assert api("POST", f"/cases/{case}", data={"Status": "Closed"}, headers=foreign).status_code == 403
    assert api("POST", f"/cases/{case}", data={"OwnerId": "x"}).status_code == 400
    assert api.rows("SELECT Status FROM Case") == [{"Status": "New"}]


@pytest.mark.parametrize(
    "path", ["/accounts/001Cw0000000099IAA", "/cases/nonsense", "/cases/001Cw0000000001IAA"]
)
def test_a_page_of_nothing_is_404(api: Api, path: str) -> None:
    api.create("Account", Name="N")
    assert api("GET", path).status_code == 404
    assert api("POST", path.replace("accounts", "cases"), data={"Status": "Closed"}).status_code == 404


def test_the_projects_own_metadata_fills_the_panels(connect: Callable[[Org], Api]) -> None:
    metadata = default_metadata()
    if metadata is None:
        pytest.skip("this checkout has no salesforce/ folder")
    api = connect(Org(metadata, assignment_rule=False))
    past_due = {"Billing_Past_Due_Amount__c": 20.5, "Billing_Currency__c": "EUR", "Billing_Plan__c": "Gold"}
    api.upsert("Account", {"Billing_Key__c": "a", "Name": "Acme", **past_due})
    api.upsert(
        "Case",
        {"Billing_Key__c": "c", "Billing_Summary__c": "Card declined", "Account": {"Billing_Key__c": "a"}},
    )
    happened = {
        "Kind__c": "charge.failed",
        "What__c": "Charge failed",
        "Occurred_At__c": "2026-05-01T07:00:00Z",
    }
    links = {"Account__r": {"Billing_Key__c": "a"}, "Case__r": {"Billing_Key__c": "c"}}
    api.upsert("Billing_Event__c", {"Billing_Key__c": "e", "Source__c": "recurly", **happened, **links})
    account, case = (api.rows(f"SELECT Id FROM {name}")[0]["Id"] for name in ("Account", "Case"))
    seen = api("GET", f"/accounts/{account}").get_data(as_text=True)
    assert all(text in seen for text in ("20.50 EUR", "Gold", "Charge failed", "2026-05-01 07:00"))
    assert "Card declined" in api("GET", f"/cases/{case}").get_data(as_text=True)


@pytest.fixture
def in_use(connect: Callable[[Org], Api]) -> Api:
    """An org with the project's own fields."""
    metadata = default_metadata()
    if metadata is None:
        pytest.skip("this checkout has no salesforce/ folder")
    return connect(Org(metadata, assignment_rule=False))


def _review(api: Api, *names: str) -> tuple[str, list[str]]:
    """A review case and the accounts it asks about."""
    ids = [api.create("Account", Name=name, Website="https://acme.example") for name in names]
    told = "\n".join(f"{name} ({id_}): by e-mail" for name, id_ in zip(names, ids, strict=True))
    summary = f"2 accounts fit.\n\nCandidates:\n{told}\n\nBilling account acme."
    fields = {
        "Billing_Candidates__c": told,
        "Billing_Summary__c": summary,
        "Billing_Rule__c": "account_match",
    }
    return api.create("Case", Subject="Which account?", **fields), ids


def test_a_review_case_shows_its_candidates_once_each_with_why_it_fits(in_use: Api) -> None:
    case, ids = _review(in_use, "Acme (old)", f"Acme {HOSTILE}")
    seen = in_use("GET", f"/cases/{case}").get_data(as_text=True)
    assert all(seen.count(f'href="/accounts/{id_}"') == 1 for id_ in ids)
    assert seen.count("by e-mail") == 2
    assert "Candidates:" not in seen
    assert ("2 accounts fit." in seen, "Billing account acme." in seen) == (True, True)
    assert HOSTILE not in seen
    in_use("DELETE", f"/__sandbox__/records/Account/{ids[0]}")
    assert "not there any more" in in_use("GET", f"/cases/{case}").get_data(as_text=True)


def test_an_agent_answers_a_review_case_with_one_of_its_candidates(in_use: Api) -> None:
    case, (_, right) = _review(in_use, "Acme", "Acme, accounting")
    assert in_use("POST", f"/cases/{case}", data={"AccountId": ""}).status_code == 303
    assert in_use.rows("SELECT AccountId FROM Case") == [{"AccountId": None}]
    assert in_use("POST", f"/cases/{case}", data={"AccountId": right}).status_code == 303
    assert in_use.rows("SELECT AccountId FROM Case") == [{"AccountId": right}]
    assert 'name="AccountId"' in in_use("GET", f"/cases/{case}").get_data(as_text=True)
    other = in_use.create("Case", Subject="Nothing to choose")
    assert 'name="AccountId"' not in in_use("GET", f"/cases/{other}").get_data(as_text=True)


def test_an_account_tells_how_it_was_linked_or_that_billing_knows_nothing_of_it(in_use: Api) -> None:
    linked = in_use.create(
        "Account", Name="Acme", Billing_State__c="active", Billing_Linked_By__c="by its VAT number"
    )
    assert "by its VAT number" in in_use("GET", f"/accounts/{linked}").get_data(as_text=True)
    assert "not in billing" not in in_use("GET", "/").get_data(as_text=True)
    in_use.create("Account", Name="Prospect")
    assert "not in billing" in in_use("GET", "/").get_data(as_text=True)


def test_values_are_shown_as_people_write_them() -> None:
    assert (money(1234.5, "EUR"), money(1.005), money(None), money(0)) == (
        "1,234.50 EUR",
        "1.005",
        "",
        "0.00",
    )
    assert (when("2026-05-01T07:25:37.000+0000"), when(None)) == ("2026-05-01 07:25", "")
    assert (words("payment_failed"), words(None)) == ("Payment failed", "")
