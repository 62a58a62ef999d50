"""Fetching from Recurly: few calls, nothing lost, and every trap of the official client stepped round."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from connector.clients.recurly import Fetched, RecurlyClient, RecurlyConfig
from connector.errors import Permanent, SetupError, Transient, Unavailable
from connector.models import facts

from .scripted import DROP, HANG, Asked, Reply, Script, Scripted

LIMITS = {"X-RateLimit-Limit": "1000", "X-RateLimit-Remaining": "900", "X-RateLimit-Reset": "4000000000"}


BOB = {"object": "account", "id": "a1", "code": "bob"}


def account(id_: str, **more: Any) -> dict[str, Any]:
    return {"object": "account", "id": id_, "code": f"code of {id_}", "state": "active", **more}


def invoice(id_: str, **more: Any) -> dict[str, Any]:
    base = {
        "object": "invoice",
        "id": id_,
        "number": f"N{id_}",
        "currency": "USD",
        "account": BOB,
    }
    return {**base, "total": 10.0, "paid": 0.0, "balance": 10.0, **more}


def transaction(id_: str, **more: Any) -> dict[str, Any]:
    return {"object": "transaction", "id": id_, "currency": "USD", "amount": 1.0, "account": BOB, **more}


def subscription(id_: str) -> dict[str, Any]:
    return {"object": "subscription", "id": id_, "currency": "USD", "account": BOB}


def a_list(*data: dict[str, Any], next_: str | None = None) -> Reply:
    body = {"object": "list", "has_more": next_ is not None, "next": next_, "data": list(data)}
    return Reply(body, headers=LIMITS)


def error(status: int, kind: str, **headers: str) -> Reply:
    return Reply({"error": {"type": kind, "message": f"because {kind}"}}, status, headers)


NOT_FOUND = error(404, "not_found")


class Rig:
    """A client of a scripted Recurly."""

    def __init__(self) -> None:
        self._open: list[Any] = []

    def __call__(self, script: Script, **config: Any) -> tuple[RecurlyClient, Scripted]:
        server = Scripted(script)
        client = self.client(server.url, **config)
        self._open += [client, server]
        return client, server

    def client(self, url: str, **config: Any) -> RecurlyClient:
        return RecurlyClient(RecurlyConfig("acme", "sandbox", api_url=url, **config))

    def close(self) -> None:
        for thing in self._open:
            thing.close() if isinstance(thing, RecurlyClient) else thing.__exit__()


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.close()


def ids(fetched: Fetched) -> list[str]:
    return sorted(item.id for item in fetched.found)


# --- how few calls --------------------------------------------------------------------------------------


def test_plain_ids_go_in_lists_of_200_with_no_other_parameter(rig: Rig) -> None:
    client, server = rig(lambda asked: a_list(*(account(id_) for id_ in asked.query["ids"].split(","))))
    fetched = client.fetch("account", [(f"a{n}",) for n in range(450)])
    assert len(fetched.found) == 450
    assert sorted(len(asked.query["ids"].split(",")) for asked in server.asked) == [50, 200, 200]
    assert {tuple(asked.query) for asked in server.asked} == {("ids",)}
    assert client.calls == 3


def test_what_a_list_leaves_out_is_asked_singly_by_its_other_forms(rig: Rig) -> None:
    def script(asked: Asked) -> Reply:
        if asked.path == "/subscriptions":
            return a_list(subscription("s1"))
        if asked.path == "/subscriptions/uuid-2":
            return Reply(subscription("s2"))
        return NOT_FOUND

    client, server = rig(script)
    fetched = client.fetch("subscription", [("s1", "uuid-1"), ("sX", "uuid-2"), ("s3", "uuid-3")])
    assert ids(fetched) == ["s1", "s2"]
    assert fetched.gone == (facts.DeletedObject("subscription", "s3"),)
    assert "/subscriptions/s1" not in server.paths()


def test_the_same_object_is_asked_for_once(rig: Rig) -> None:
    client, server = rig(lambda asked: Reply(account("a1")))
    assert ids(client.fetch("account", [("code-bob",), ("code-bob",), ("code-bob", "a1")])) == ["a1"]
    assert server.paths() == ["/accounts/code-bob"]


def test_one_plain_id_is_asked_for_singly_because_404_says_at_once_that_it_is_gone(rig: Rig) -> None:
    client, server = rig(lambda asked: NOT_FOUND)
    assert client.fetch("account", [("a1",)]).gone == (facts.DeletedObject("account", "a1"),)
    assert server.paths() == ["/accounts/a1"]


def test_codes_with_slashes_and_other_scripts_are_quoted(rig: Rig) -> None:
    client, server = rig(lambda asked: Reply(account("a1")))
    client.fetch("account", [("code-büro/7@x y",)])
    assert server.asked[0].target == "/accounts/code-b%C3%BCro%2F7%40x%20y"


def test_credit_payments_have_no_list_by_ids(rig: Rig) -> None:
    client, server = rig(
        lambda asked: Reply(
            {
                "object": "credit_payment",
                "id": asked.path[-1],
                "currency": "USD",
                "amount": 1.5,
                "account": BOB,
            }
        )
    )
    assert ids(client.fetch("credit_payment", [("1",), ("2",)])) == ["1", "2"]
    assert sorted(server.paths()) == ["/credit_payments/1", "/credit_payments/2"]


def test_an_invoice_brings_its_payments_and_the_newest_version_of_each_counts(rig: Rig) -> None:
    embedded = transaction("t1", status="pending", updated_at="2026-01-01T00:00:00Z", account=None)
    client, _ = rig(lambda asked: Reply(invoice("i1", transactions=[embedded])))
    fetched = client.fetch("invoice", [("number-1001",)])
    assert ids(fetched) == ["i1", "t1"]
    payment = next(item for item in fetched.found if isinstance(item, facts.Payment))
    assert (payment.account_code, payment.invoice_id, payment.amount) == ("bob", "i1", Decimal("1.00"))


def test_no_references_means_no_call(rig: Rig) -> None:
    client, server = rig(lambda asked: NOT_FOUND)
    assert client.fetch("account", []) == Fetched()
    assert server.asked == []


# --- history --------------------------------------------------------------------------------------------


def test_the_history_of_an_account_follows_every_page(rig: Rig) -> None:
    def script(asked: Asked) -> Reply:
        pages = {
            "/accounts/code-bob": Reply(account("a1")),
            "/accounts/code-bob/subscriptions": a_list(next_="/more/subscriptions?cursor=12:34&x=%2F"),
            "/more/subscriptions": a_list(subscription("s1")),
            "/accounts/code-bob/invoices": a_list(
                invoice("i1", transactions=[transaction("t1", status="old", invoice={"id": "i1"})])
            ),
            "/accounts/code-bob/transactions": a_list(transaction("t1", status="success")),
            "/accounts/code-bob/credit_payments": a_list(),
        }
        return pages[asked.path]

    client, server = rig(script)
    fetched = client.history("bob")
    assert ids(fetched) == ["a1", "i1", "s1", "t1"]
    assert "/more/subscriptions?cursor=12:34&x=%2F" in [asked.target for asked in server.asked]
    listed = next(asked for asked in server.asked if asked.path.endswith("invoices"))
    assert listed.query == {"limit": "200", "sort": "updated_at", "order": "asc"}
    payment = next(item for item in fetched.found if isinstance(item, facts.Payment))
    assert payment.status == "success"


def test_the_history_of_an_unknown_account_is_gone(rig: Rig) -> None:
    client, _ = rig(lambda asked: NOT_FOUND)
    assert client.history("bob") == Fetched(gone=(facts.DeletedObject("account", "code-bob"),))


def test_an_account_deleted_while_its_history_is_read_is_gone(rig: Rig) -> None:
    client, _ = rig(lambda asked: Reply(account("a1")) if asked.path.endswith("bob") else NOT_FOUND)
    assert client.history("bob") == Fetched(gone=(facts.DeletedObject("account", "code-bob"),))


# --- what changed -----------------------------------------------------------------------------------------


def test_what_changed_since_comes_page_by_page_oldest_change_first(rig: Rig) -> None:
    def script(asked: Asked) -> Reply:
        return a_list(account("a2")) if asked.path == "/more" else a_list(account("a1"), next_="/more")

    client, server = rig(script)
    pages = list(client.changed("account", datetime(2026, 1, 2, tzinfo=UTC)))
    assert [ids(page) for page in pages] == [["a1"], ["a2"]]
    assert server.asked[0].query == {
        "limit": "200",
        "sort": "updated_at",
        "order": "asc",
        "begin_time": "2026-01-02T00:00:00+00:00",
    }


def test_an_object_that_cannot_be_read_does_not_end_the_walk(rig: Rig) -> None:
    def script(asked: Asked) -> Reply:
        bad = account("bad", updated_at="2026-01-01T00:00:00.5Z")
        return a_list(account("a3")) if asked.path == "/more" else a_list(account("a1"), bad, next_="/more")

    client, server = rig(script)
    pages = list(client.changed("account"))
    assert [ids(page) for page in pages] == [["a1"], ["a3"]]
    (failed,) = pages[0].failed
    assert (failed.object, failed.refs) == ("account", ("bad",))
    assert "update the recurly package" in str(failed.error)
    assert server.paths() == ["/accounts", "/more"]


# --- the connection ---------------------------------------------------------------------------------------


def test_a_get_is_repeated_once_when_a_kept_connection_was_closed(rig: Rig) -> None:
    client, server = rig(lambda asked: Reply(account("a1"), then_close=True))
    for _ in range(3):
        assert ids(client.fetch("account", [("code-bob",)])) == ["a1"]
    assert len(server.asked) == 3


def test_a_connection_that_breaks_twice_is_transient_and_the_client_lives_on(rig: Rig) -> None:
    replies = iter([DROP, DROP, Reply(account("a1"))])
    client, _ = rig(lambda asked: next(replies))
    failed = client.fetch("account", [("code-bob",)]).failed
    assert isinstance(failed[0].error, Transient)
    assert ids(client.fetch("account", [("code-bob",)])) == ["a1"]


def test_after_a_timeout_the_next_call_works(rig: Rig) -> None:
    replies = iter([HANG, Reply(account("a1"))])
    client, server = rig(lambda asked: next(replies), timeout=0.2)
    failed = client.fetch("account", [("code-bob",)]).failed
    assert failed[0].error.code == "timeout"
    assert ids(client.fetch("account", [("code-bob",)])) == ["a1"]
    assert len(server.asked) == 2


def test_an_answer_cut_short_is_asked_for_again(rig: Rig) -> None:
    replies = iter([Reply(account("a1"), cut=True), Reply(account("a1"))])
    client, _ = rig(lambda asked: next(replies))
    assert ids(client.fetch("account", [("code-bob",)])) == ["a1"]


def test_nobody_listening_means_the_site_is_unavailable(rig: Rig) -> None:
    with Scripted(lambda asked: NOT_FOUND) as server:
        url = server.url
    with pytest.raises(Unavailable, match="cannot be reached") as told:
        rig.client(url).fetch("account", [("code-bob",)])
    assert told.value.destination == "recurly:acme"


def test_many_threads_share_a_client_without_mixing_answers(rig: Rig) -> None:
    client, server = rig(lambda asked: Reply(account(asked.path.rsplit("-", 1)[1])))
    found: list[list[str]] = []

    def ask(n: int) -> None:
        found.append([*ids(client.fetch("account", [(f"code-{n}{x}",) for x in "abc"])), str(n)])

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [[f"{n}a", f"{n}b", f"{n}c", str(n)] for n in range(8)]
    assert client.calls == len(server.asked) == 24


# --- errors -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (error(401, "unauthorized"), "RECURLY_API_KEY"),
        (error(403, "invalid_api_key"), "RECURLY_API_KEY"),
        (error(403, "invalid_permissions"), "read access"),
        (Reply("<html>no</html>", 401, {"Content-Type": "text/html"}), "RECURLY_API_KEY"),
        (Reply("<html>down</html>", 503, {"Content-Type": "text/html", "Retry-After": "77"}), "unavailable"),
        (error(429, "rate_limited", **{"Retry-After": "42"}), "no calls left"),
        (Reply("slow down", 429, {"Content-Type": "text/plain", "Retry-After": "42"}), "no calls left"),
    ],
)
def test_a_site_that_cannot_be_asked_at_all_is_unavailable(rig: Rig, reply: Reply, text: str) -> None:
    client, _ = rig(lambda asked: reply)
    with pytest.raises(Unavailable, match=text) as told:
        client.fetch("account", [("code-bob",)])
    named = reply.headers.get("Retry-After")
    assert told.value.retry_after == (float(named) if named else 300.0)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (error(500, "internal_server_error"), Transient),
        (Reply("<html>bad gateway</html>", 502, {"Content-Type": "text/html"}), Transient),
        (Reply(None, 504), Transient),
        (error(422, "simultaneous_request"), Transient),
        (error(409, "conflict"), Transient),
        (Reply({"error": {"type": "internal", "message": "x"}}, 500, {"X-Request-Id": ""}), Transient),
        (Reply("not json at all", 500), Transient),
        (Reply("<html>captive portal</html>", 200), Transient),
        (error(400, "bad_request"), Permanent),
        (error(422, "validation"), Permanent),
        (Reply(account("a1", created_at="2026-01-01T00:00:00.123Z")), Permanent),
        (Reply({"object": "unheard_of", "id": "x"}), Permanent),
        (Reply({"object": "account", "id": "a1"}), Permanent),
    ],
)
def test_one_object_that_cannot_be_read_fails_alone(rig: Rig, reply: Reply, kind: type[Exception]) -> None:
    client, _ = rig(lambda asked: reply if "bad" in asked.path else Reply(account("good")))
    fetched = client.fetch("account", [("code-bad",), ("code-good",)])
    assert ids(fetched) == ["good"]
    assert [bad.refs for bad in fetched.failed] == [("code-bad",)]
    assert type(fetched.failed[0].error) is kind


def test_a_time_with_fractions_in_a_list_holds_back_only_its_own_object(rig: Rig) -> None:
    def script(asked: Asked) -> Reply:
        bad = account("bad", created_at="2026-01-01T00:00:00.5Z")
        if asked.path == "/accounts":
            return a_list(account("good"), bad)
        return Reply(bad if asked.path.endswith("bad") else account("good"))

    client, _ = rig(script)
    fetched = client.fetch("account", [("good",), ("bad",)])
    assert ids(fetched) == ["good"]
    assert fetched.failed[0].refs == ("bad",)
    assert "update the recurly package" in str(fetched.failed[0].error)


def test_an_unknown_object_in_a_list_does_not_hold_back_the_others(rig: Rig) -> None:
    client, _ = rig(
        lambda asked: (
            a_list(account("a1"), {"object": "unheard_of"}) if asked.path == "/accounts" else NOT_FOUND
        )
    )
    fetched = client.fetch("account", [("a1",), ("a2",)])
    assert ids(fetched) == ["a1"]
    assert fetched.gone == (facts.DeletedObject("account", "a2"),)


def test_a_list_that_is_no_list_is_transient(rig: Rig) -> None:
    client, _ = rig(lambda asked: Reply({"object": "something"}))
    fetched = client.fetch("account", [("a1",), ("a2",)])
    assert {bad.error.code for bad in fetched.failed} == {"not_a_list"}


def test_a_failing_list_fails_its_members_for_now(rig: Rig) -> None:
    client, _ = rig(lambda asked: error(500, "internal_server_error"))
    fetched = client.fetch("account", [("a1",), ("a2",)])
    assert [bad.refs for bad in fetched.failed] == [("a1",), ("a2",)]
    assert all(isinstance(bad.error, Transient) for bad in fetched.failed)


def test_after_a_429_no_thread_calls_before_its_time(rig: Rig) -> None:
    client, server = rig(lambda asked: error(429, "rate_limited", **{"Retry-After": "60"}))
    for _ in range(3):
        with pytest.raises(Unavailable):
            client.fetch("account", [("code-bob",)])
    assert len(server.asked) == 1


# --- settings, budget, check --------------------------------------------------------------------------------


def test_the_budget_is_read_from_lists_and_errors_as_well(rig: Rig) -> None:
    replies = iter([a_list(account("a1"), account("a2")), error(404, "not_found", **LIMITS)])
    client, _ = rig(lambda asked: next(replies))
    client.fetch("account", [("a1",), ("a2",)])
    assert client.budget.remaining == 900
    client.fetch("account", [("code-nobody",)])
    assert client.budget.limit == 1000


def test_a_check_is_one_cheap_call(rig: Rig) -> None:
    client, server = rig(lambda asked: a_list(account("a1")))
    client.check()
    assert [asked.query for asked in server.asked] == [{"limit": "1"}]


def test_the_key_is_sent_and_never_shown(rig: Rig) -> None:
    client, server = rig(lambda asked: Reply(account("a1")))
    client.fetch("account", [("code-bob",)])
    assert server.asked[0].headers["authorization"].startswith("Basic ")
    assert "sandbox" not in repr(RecurlyConfig("acme", "sandbox"))


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (RecurlyConfig("acme", ""), "RECURLY_API_KEY"),
        (RecurlyConfig("acme", "kéy"), "RECURLY_API_KEY"),
        (RecurlyConfig("acme", "key", region="mars"), "RECURLY_REGION"),
        (RecurlyConfig("acme", "key", api_url="ftp://x"), "RECURLY_API_URL"),
        (RecurlyConfig("acme", "key", api_url="https://x/path"), "RECURLY_API_URL"),
    ],
)
def test_wrong_settings_name_the_variable(config: RecurlyConfig, text: str) -> None:
    with pytest.raises(SetupError, match=text):
        RecurlyClient(config)
