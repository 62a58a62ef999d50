"""The agents' page over the project's own fields: urgency, disputes, payouts, checklists and how they hang together."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from conftest import NOW

from sandbox.salesforce import Org, default_metadata
from sandbox.salesforce.page import days_until, in_days
from sandbox.salesforce.view.case import Item, checklist, summary
from sandbox.salesforce.view.home import MOST_OF_A_RULE

if TYPE_CHECKING:
    from conftest import Api

HOSTILE = "<script>alert(1)</script>"
EVIDENCE = "[x] The payment: USD 23.00\n[ ] Messages with the customer"


@pytest.fixture
def billing(connect: Callable[[Org], Api]) -> Api:
    """An org with the project's metadata, on 2026-05-01."""
    metadata = default_metadata()
    if metadata is None:
        pytest.skip("this checkout has no salesforce/ folder")
    return connect(Org(metadata, assignment_rule=False, clock=lambda: NOW))


def page(api: Api, path: str = "/") -> str:
    answer = api("GET", path)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def case(api: Api, key: str, **values: Any) -> str:
    """Subject and key are the same word."""
    (result,) = api.upsert("Case", {"Billing_Key__c": key, "Subject": key, **values})
    assert result["success"], result
    return str(result["id"])


def record(api: Api, kind: str, key: str, **values: Any) -> str:
    (result,) = api.upsert(kind, {"Billing_Key__c": key, "Name": key, **values})
    assert result["success"], result
    return str(result["id"])


def dispute(api: Api, key: str, status: str, due: str, **values: Any) -> str:
    return record(api, "Billing_Dispute__c", key, Status__c=status, Due_At__c=due, **values)


def tile(text: str, label: str) -> int:
    found = re.search(rf"<b[^>]*>(\d+)</b><span>{label}</span>", text)
    assert found, label
    return int(found[1])


def test_the_most_urgent_case_stands_first(billing: Api) -> None:
    case(billing, "closed", Status="Closed", Billing_Deadline__c="2026-04-01")
    case(billing, "low", Priority="Low")
    case(billing, "high, older", Priority="High")
    case(billing, "high, newer", Priority="High")
    case(
        billing, "resolved", Priority="Medium", Billing_State__c="resolved", Billing_Deadline__c="2026-04-02"
    )
    case(billing, "later", Priority="High", Billing_Deadline__c="2026-05-10")
    case(billing, "sooner", Priority="Low", Billing_Deadline__c="2026-05-03")
    text = page(billing)
    order = ["sooner", "later", "high, newer", "high, older", "resolved", "low", "closed"]
    assert sorted(order, key=lambda name: text.index(f"<td>{name}</td>")) == order


@pytest.mark.parametrize(
    ("deadline", "said"),
    [
        ("2026-05-10", '<span class="whole ">in 9 days</span>'),
        ("2026-05-04", '<span class="whole ">in 3 days</span>'),
        ("2026-05-03", '<span class="whole bad">in 2 days</span>'),
        ("2026-05-02", '<span class="whole bad">tomorrow</span>'),
        ("2026-05-01", '<span class="whole bad">today</span>'),
        ("2026-04-30", '<span class="whole bad">1 day overdue</span>'),
    ],
)
def test_a_deadline_says_how_many_days_are_left(billing: Api, deadline: str, said: str) -> None:
    here = case(billing, "c", Billing_Deadline__c=deadline)
    assert said in page(billing)
    assert page(billing, f"/cases/{here}").count(said) == 2


def test_a_case_that_is_over_counts_no_days(billing: Api) -> None:
    here = case(billing, "c", Billing_Deadline__c="2026-04-30", Status="Closed")
    for text in (page(billing), page(billing, f"/cases/{here}")):
        assert "2026-04-30" in text
        assert "day overdue" not in text


def test_many_cases_of_one_rule_do_not_bury_the_others(billing: Api) -> None:
    for number in range(MOST_OF_A_RULE + 5):
        case(billing, f"failed {number}", Billing_Rule__c="payment_failed", Priority="High")
    case(billing, "refund", Billing_Rule__c="refund", Priority="Low")
    text = page(billing)
    assert text.count("<td>failed ") == MOST_OF_A_RULE
    assert '5 more of <a href="/?rule=payment_failed">' in text
    assert "<td>refund</td>" in text
    only = page(billing, "/?rule=payment_failed")
    assert only.count("<td>failed ") == MOST_OF_A_RULE + 5
    assert "<td>refund</td>" not in only
    assert 'href="/?rule=payment_failed" aria-current="page"' in only
    assert tile(only, "open cases") == MOST_OF_A_RULE + 6


def test_a_rule_without_cases_says_so_and_is_escaped(billing: Api) -> None:
    case(billing, "c", Billing_Rule__c="refund")
    assert "No open case of this rule" in page(billing, f"/?rule={HOSTILE}")
    assert HOSTILE not in page(billing, f"/?rule={HOSTILE}")


def test_the_tiles_count_open_disputes_and_evidence_due_within_a_week(billing: Api) -> None:
    dispute(billing, "due", "needs_response", "2026-05-08T07:00:00Z")
    dispute(billing, "later", "needs_response", "2026-05-08T08:00:00Z")
    dispute(billing, "passed", "needs_response", "2026-05-01T07:00:00Z")
    dispute(billing, "answered", "under_review", "2026-05-03T00:00:00Z")
    dispute(billing, "won", "won", "2026-05-03T00:00:00Z")
    text = page(billing)
    assert (tile(text, "open disputes"), tile(text, "evidence due within 7 days")) == (4, 1)


def test_a_case_without_an_account_names_its_gateway_or_payee(billing: Api) -> None:
    payout = record(billing, "Billing_Payout__c", "p", Source__c="stripe", Payee__c="a&b@example.com")
    case(billing, "incident", Billing_Gateway__c="worldpay")
    case(billing, "payout", Billing_Gateway__c="stripe", Billing_Payout__c=payout)
    case(billing, "nobody")
    text = page(billing)
    assert '<span class="quiet">gateway</span> worldpay' in text
    assert (
        '<span class="quiet">payee</span> <a href="/payees?source=stripe&amp;payee=a%26b@example.com">'
        in text
    )
    assert '<span class="quiet">not known</span>' in text


def test_a_payee_has_a_page_of_its_payouts_and_their_cases(billing: Api) -> None:
    values = {"Source__c": "stripe", "Payee__c": "acct_1"}
    bounced = record(billing, "Billing_Payout__c", "b", Status__c="failed", Source_Id__c="po_1", **values)
    record(billing, "Billing_Payout__c", "o", Source__c="stripe", Source_Id__c="po_own")
    case(billing, "Payout failed", Billing_Payout__c=bounced)
    text = page(billing, "/payees?source=stripe&payee=acct_1")
    assert all(word in text for word in ("acct_1", "po_1", "Payout failed"))
    assert "po_own" not in text
    assert "Your own account" in page(billing, "/payees?source=stripe")
    assert billing("GET", "/payees?source=adyen&payee=acct_1").status_code == 404
    assert all(word in page(billing) for word in ("po_1", "po_own"))


def test_a_case_tells_its_details_and_leads_to_its_records(billing: Api) -> None:
    told = dispute(billing, "Dispute 1", "needs_response", "2026-05-08T07:00:00Z", Amount__c=23)
    here = case(
        billing,
        "c",
        Billing_Dispute__c=told,
        Billing_Stage__c="pre_arbitration",
        Billing_Reason_Code__c="Visa 13.1",
        Billing_Refund_Policy__c="Needs approval: over the limit",
        Billing_Escalation__c=2,
        Billing_Gateway__c="stripe",
        Billing_Accounts_Affected__c=400,
        Billing_Success_Rate__c=12.5,
    )
    text = page(billing, f"/cases/{here}")
    for word in ("Pre arbitration", "Visa 13.1", "Needs approval: over the limit", "stripe", "400", "12.5 %"):
        assert word in text, word
    assert "<dt>Escalation step</dt><dd>2</dd>" in text
    assert f'<a href="/records/{told}">Dispute 1</a>' in text
    seen = page(billing, f"/records/{told}")
    assert all(word in seen for word in ("Evidence Due", "2026-05-08 07:00", "23.00", f"/cases/{here}"))


def test_a_rate_of_nothing_is_shown_and_an_absent_one_is_not(billing: Api) -> None:
    none = case(billing, "c", Billing_Success_Rate__c=0)
    assert "<dt>Success rate</dt><dd>0 %</dd>" in page(billing, f"/cases/{none}")
    assert "Success rate" not in page(billing, f"/cases/{case(billing, 'd')}")


def test_a_parent_case_and_those_under_it_lead_to_each_other(billing: Api) -> None:
    parent = case(billing, "Outage")
    child = case(billing, "Card of one account", ParentId=parent)
    assert "Parent case" in page(billing, f"/cases/{child}")
    assert f'href="/cases/{parent}"' in page(billing, f"/cases/{child}")
    assert "Card of one account" in page(billing, f"/cases/{parent}")
    assert "Parent case" not in page(billing, f"/cases/{parent}")


def test_the_evidence_is_a_list_and_is_shown_once(billing: Api) -> None:
    told = f"Chargeback of USD 23.00.\nEvidence:\n{EVIDENCE}\nhttps://example.com/d"
    here = case(billing, "c", Billing_Evidence__c=EVIDENCE, Billing_Summary__c=told)
    text = page(billing, f"/cases/{here}")
    assert text.count("Messages with the customer") == 1
    assert "[x]" not in text
    assert "1 of 2 known" in text
    assert "Chargeback of USD 23.00.\nhttps://example.com/d</p>" in text


def test_a_summary_without_the_checklist_stays_as_it_is() -> None:
    assert summary({"Billing_Summary__c": "It says:\nso", "Billing_Evidence__c": EVIDENCE}) == "It says:\nso"
    assert summary({"Description": "By hand"}) == "By hand"
    assert (
        summary({"Billing_Summary__c": f"No heading.\n{EVIDENCE}", "Billing_Evidence__c": EVIDENCE})
        == "No heading."
    )


def test_a_line_that_is_no_item_is_told_without_a_tick() -> None:
    assert checklist("[x] a\n\n[ ] b\nNote") == [Item("a", True), Item("b", False), Item("Note", None)]
    assert checklist(None) == []


def test_an_account_lists_disputes_and_refunds_and_how_they_were_joined(billing: Api) -> None:
    account = record(billing, "Account", "Acme")
    joined = {"Account__c": account, "Joined_By__c": "invoice number 1001"}
    dispute(
        billing, "d", "needs_response", "2026-05-03T00:00:00Z", Source_Id__c="du_1", Amount__c=23, **joined
    )
    dispute(billing, "e", "won", "2026-04-03T00:00:00Z", Source_Id__c="du_2", **joined)
    record(billing, "Billing_Refund__c", "r", Source_Id__c="re_1", Status__c="failed", **joined)
    text = page(billing, f"/accounts/{account}")
    assert all(word in text for word in ("du_1", "23.00", "re_1", '<span class="chip bad">Failed</span>'))
    assert text.count("joined by invoice number 1001") == 3
    assert '<span class="whole bad">in 2 days</span>' in text
    assert "days overdue" not in text


def test_what_processors_say_is_escaped_everywhere(billing: Api) -> None:
    account = record(billing, "Account", "Acme")
    said = {"Source_Id__c": HOSTILE, "Reason__c": HOSTILE, "Status__c": HOSTILE, "Source__c": HOSTILE}
    linked = {**said, "Account__c": account, "Joined_By__c": HOSTILE, "Link__c": "javascript:alert(1)"}
    told = record(billing, "Billing_Dispute__c", HOSTILE, Stage__c=HOSTILE, **linked)
    back = record(billing, "Billing_Refund__c", HOSTILE, **linked)
    payout = record(billing, "Billing_Payout__c", HOSTILE, Payee__c=HOSTILE, **said)
    links = {"Billing_Dispute__c": told, "Billing_Refund__c": back, "Billing_Payout__c": payout}
    words = {
        "Billing_Evidence__c": f"[x] {HOSTILE}",
        "Billing_Gateway__c": HOSTILE,
        "Billing_Stage__c": HOSTILE,
    }
    here = case(billing, HOSTILE, **links, **words)
    pages = ["/", f"/cases/{here}", f"/accounts/{account}", f"/payees?source={HOSTILE}&payee={HOSTILE}"]
    for path in [*pages, *(f"/records/{one}" for one in (told, back, payout))]:
        text = page(billing, path)
        assert "&lt;script&gt;" in text, path
        assert HOSTILE not in text, path
        assert 'href="javascript' not in text, path


def test_only_billing_records_have_a_page_of_their_own(billing: Api) -> None:
    account = record(billing, "Account", "Acme")
    for other in (account, case(billing, "c"), "nonsense", "a00Cw0000000099IAA"):
        assert billing("GET", f"/records/{other}").status_code == 404


def test_days_are_counted_from_day_to_day() -> None:
    today = date(2026, 5, 1)
    values = ("2026-05-01T00:00:00.000+0000", "2026-05-02T00:00:00.000+0000", "2026-04-29", None)
    assert [days_until(value, today) for value in values] == [0, 1, -2, None]
    assert [in_days(days) for days in (-2, -1, 0, 1, 2)] == [
        "2 days overdue",
        "1 day overdue",
        "today",
        "tomorrow",
        "in 2 days",
    ]
