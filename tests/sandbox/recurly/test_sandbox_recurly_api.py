"""The official client, unchanged and in strict mode, reads everything the local Recurly tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import recurly
import requests

from sandbox.recurly import Site
from sandbox.recurly.scenarios import STORIES
from sandbox.server import Server

if TYPE_CHECKING:
    from conftest import LocalClient, Plane

LISTS = ("accounts", "subscriptions", "invoices", "transactions", "credit_payments")
HEADERS = {"Accept": "application/vnd.recurly.v2021-02-25"}


@pytest.fixture
def everything(plane: Plane) -> list[str]:
    """Every story played; the account codes."""
    return [code for story in STORIES for code in plane.play(story.name)["accounts"]]


def listed(client: LocalClient, name: str, **params: Any) -> list[Any]:
    return list(getattr(client, f"list_{name}")(params=params).items())


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("name", LISTS)
def test_every_object_of_every_story_is_known_to_the_client(client: LocalClient, name: str) -> None:
    rows = listed(client, name, limit=200)
    assert rows
    assert len({row.id for row in rows}) == len(rows) == getattr(client, f"list_{name}")().count()


@pytest.mark.usefixtures("everything")
def test_every_object_is_found_by_every_form_of_its_id(client: LocalClient) -> None:
    account, subscription = listed(client, "accounts")[0], listed(client, "subscriptions")[0]
    invoice, payment = listed(client, "invoices")[0], listed(client, "transactions")[0]
    credit = listed(client, "credit_payments")[0]
    assert client.get_account(account.id).code == account.code
    assert client.get_account("code-" + account.code).id == account.id
    assert client.get_subscription("uuid-" + subscription.uuid).id == subscription.id
    assert client.get_subscription(subscription.id).uuid == subscription.uuid
    assert client.get_invoice("number-" + invoice.number).id == invoice.id
    assert client.get_invoice(invoice.id).number == invoice.number
    assert client.get_transaction("uuid-" + payment.uuid).id == payment.id
    assert client.get_credit_payment("uuid-" + credit.uuid).id == credit.id


def test_what_belongs_to_an_account_is_listed_under_it(client: LocalClient, plane: Plane) -> None:
    code = "code-" + plane.play("renewal_lost")["accounts"][0]
    plane.play("renewal_succeeds")
    account = client.get_account(code)
    for name in LISTS[1:]:
        rows = list(getattr(client, f"list_account_{name}")(code).items())
        assert rows
        assert {row.account.id for row in rows} == {account.id}
    assert client.get_billing_info(code).payment_method.last_four == "1117"
    assert account.billing_info.id == client.get_billing_info(account.id).id
    assert account.hosted_login_token
    assert account.has_live_subscription is False


def test_an_invoice_holds_its_transactions_and_credit_payments(client: LocalClient, plane: Plane) -> None:
    plane.play("renewal_lost")
    invoice = next(row for row in listed(client, "invoices") if row.state == "failed")
    assert [t.status for t in invoice.transactions] == ["declined"] * 3
    assert [c.action for c in invoice.credit_payments] == ["write_off"]
    assert (invoice.total, invoice.balance) == (129.0, 0.0)


def test_balance_tells_what_is_owed_and_what_is_credited_by_currency(
    client: LocalClient, plane: Plane
) -> None:
    code = plane.play("credit_left_unapplied")["accounts"][0]
    balance = client.get_account_balance("code-" + code)
    assert balance.past_due is True
    assert [(b.currency, b.amount, b.available_credit_amount) for b in balance.balances] == [
        ("USD", 99.0, 40.0)
    ]
    two = client.get_account_balance("code-" + plane.play("yen_and_dinar")["accounts"][0])
    assert [(b.currency, b.amount) for b in two.balances] == [("JPY", 4900.0), ("KWD", 12.345)]


def test_a_code_with_a_slash_is_one_id(client: LocalClient, plane: Plane) -> None:
    code = plane.play("renewal_succeeds", prefix="eu/de@")["accounts"][0]
    assert code.startswith("eu/de@")
    assert client.get_account("code-" + code).code == code
    pages = client.list_account_transactions("code-" + code, params={"limit": 1, "order": "asc"}).pages()
    assert sum(len(page) for page in pages) == 2


def test_the_bare_account_without_a_payment_method_has_no_billing_info(
    client: LocalClient, plane: Plane
) -> None:
    code = plane.play("manual_invoice_overdue")["accounts"][0]
    assert client.get_account("code-" + code).billing_info is None
    with pytest.raises(recurly.errors.NotFoundError):
        client.get_billing_info("code-" + code)


def test_a_redacted_account_is_not_found_though_its_invoices_are(client: LocalClient, plane: Plane) -> None:
    code = plane.play("account_closed_and_redacted")["accounts"][0]
    with pytest.raises(recurly.errors.NotFoundError):
        client.get_account("code-" + code)
    assert {row.account.code for row in listed(client, "invoices")} == {code}


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda c: c.get_account("x"), "Couldn't find Account with id = x"),
        (lambda c: c.get_account("code-a/b"), "Couldn't find Account with code = a/b"),
        (lambda c: c.get_subscription("uuid-0"), "Couldn't find Subscription with uuid = 0"),
        (lambda c: c.get_invoice("number-1"), "Couldn't find Invoice with number = 1"),
        (lambda c: c.get_transaction("x"), "Couldn't find Transaction with id = x"),
        (lambda c: c.get_credit_payment("x"), "Couldn't find CreditPayment with id = x"),
        (lambda c: c.list_account_invoices("x").first(), "Couldn't find Account with id = x"),
        (lambda c: c.list_shipping_methods().first(), "Not Found"),
    ],
)
def test_what_is_not_there_is_not_found(client: LocalClient, ask: Callable[[Any], Any], says: str) -> None:
    with pytest.raises(recurly.errors.NotFoundError) as caught:
        ask(client)
    assert caught.value.error.message == says
    assert caught.value.error.type == "not_found"


def test_a_wrong_key_and_no_key_are_refused(
    client_with: Callable[[str], LocalClient], server: Server
) -> None:
    with pytest.raises(recurly.errors.InvalidApiKeyError):
        client_with("wrong").list_accounts().first()
    answer = requests.get(server.url + "/accounts", headers=HEADERS, timeout=10)
    assert (answer.status_code, answer.json()["error"]["type"]) == (401, "unauthorized")
    assert answer.headers["X-Request-Id"]


@pytest.mark.parametrize("accept", ["application/json", "*/*", "application/vnd.recurly.v2019-10-10"])
def test_another_version_or_none_is_not_acceptable(server: Server, accept: str) -> None:
    answer = requests.get(
        server.url + "/accounts", headers={"Accept": accept}, auth=("sandbox", ""), timeout=10
    )
    assert answer.status_code == 406
    assert answer.json()["error"]["params"][0]["param"] == "Accept"


def test_every_answer_carries_the_headers_of_the_api(server: Server) -> None:
    answer = requests.get(server.url + "/accounts", headers=HEADERS, auth=("sandbox", ""), timeout=10)
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.headers["X-Request-Id"]
    assert answer.headers["Date"]
    assert int(answer.headers["X-RateLimit-Limit"]) == int(answer.headers["X-RateLimit-Remaining"]) + 1
    assert int(answer.headers["X-RateLimit-Reset"]) > 1_700_000_000


def test_writing_is_not_offered(client: LocalClient) -> None:
    with pytest.raises(recurly.errors.BadRequestError):
        client.create_account({"code": "new"})


def test_over_the_limit_is_refused_until_the_window_has_moved(client: LocalClient, plane: Plane) -> None:
    plane.put("/rate_limit", {"limit": 2, "seconds": 300})
    for remaining in (1, 0):
        page = client.get_transaction if remaining < 0 else client.list_accounts().count
        assert page() == 0
    with pytest.raises(recurly.errors.RateLimitedError) as caught:
        client.list_accounts().first()
    response = caught.value.error.get_response()
    assert (response.rate_limit, response.rate_limit_remaining) == (2, 0)
    assert 1 <= int(response._Response__headers["Retry-After"]) <= 300
    plane.put("/rate_limit", {"limit": 2, "seconds": 300})
    assert client.list_accounts().count() == 0


def test_faults_of_the_control_plane_strike_the_api(
    client_with: Callable[[str], LocalClient], plane: Plane
) -> None:
    plane.post("/faults", {"kind": "rate_limited", "times": 1, "seconds": 3})
    with pytest.raises(recurly.errors.RateLimitedError) as caught:
        client_with("sandbox").list_accounts().first()
    assert caught.value.error.get_response()._Response__headers["Retry-After"] == "3"
    plane.post("/faults", {"kind": "unavailable", "times": 1})
    with pytest.raises(recurly.errors.ServiceUnavailableError):
        client_with("sandbox").list_accounts().first()
    plane.post("/faults", {"kind": "drop_after_commit", "match": "GET /invoices", "times": 1})
    assert client_with("sandbox").list_accounts().first() is None
    with pytest.raises(recurly.NetworkError):
        client_with("sandbox").list_invoices().first()
    plane.post("/faults", {"kind": "timeout", "times": 1, "seconds": 0.01})
    with pytest.raises(recurly.NetworkError):
        client_with("sandbox").list_invoices().first()
    plane.post("/faults", {"kind": "slow", "times": 1, "seconds": 0.01})
    assert client_with("sandbox").list_invoices().first() is None


def test_calls_are_counted_by_route_and_records_are_shown(
    client: LocalClient, plane: Plane, site: Site
) -> None:
    code = plane.play("new_customer_signs_up")["accounts"][0]
    client.get_account("code-" + code)
    client.list_account_invoices("code-" + code).first()
    assert plane.get("/calls")["calls"] == {"GET /accounts/{id}": 1, "GET /accounts/{id}/invoices": 1}
    assert [row["code"] for row in plane.get("/records/account")] == [code]
    assert "error" in plane.get("/records/coupon")
    plane.post("/reset", {})
    assert plane.get("/records/account") == []
    assert plane.get("/webhooks")["notifications"] == []
