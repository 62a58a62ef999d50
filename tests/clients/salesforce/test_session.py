"""One login for all, no header lost, a lost answer asked for again, and limits seen on every answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from clients.scripted import DROP, HANG, Asked, Reply, Scripted
from connector.clients.salesforce import Call, MemoryTokens, Token
from connector.errors import Permanent, SetupError, Transient, Unavailable

from .rig import API, ORG, SESSION_REFUSED, Rig, fault, one_by_one, side_by_side, written

EMPTY = Reply({"totalSize": 0, "done": True, "records": []})
ROW = {"Billing_Key__c": "k", "Name": "n"}


def expired(instance_url: str = "") -> MemoryTokens:
    tokens = MemoryTokens()
    tokens.put(Token("long-expired", instance_url, ORG))
    return tokens


def test_every_request_says_who_is_calling_and_wants_no_pretty_print(salesforce: Rig) -> None:
    salesforce(lambda asked: EMPTY).query("SELECT Id FROM Account")
    headers = salesforce.asked[0].headers
    assert headers["authorization"] == "Bearer session-1"
    assert headers["sforce-call-options"] == "client=Casewire"
    assert headers["x-prettyprint"] == "0"


def test_a_login_is_kept_across_calls(salesforce: Rig) -> None:
    client = salesforce(lambda asked: EMPTY)
    for _ in range(5):
        client.query("SELECT Id FROM Account")
    assert (salesforce.logins.count, client.logins, client.calls) == (1, 1, 5)


def test_an_expired_session_is_renewed_and_the_request_repeated_with_its_headers(salesforce: Rig) -> None:
    client = salesforce(written)
    client.upsert("Case", "Billing_Key__c", [ROW])
    salesforce.logins.valid.clear()
    assert client.upsert("Case", "Billing_Key__c", [ROW])[0].error is None
    first, repeated = salesforce.asked[-2:]
    assert first.headers["authorization"] == "Bearer session-1"
    assert repeated.headers["authorization"] == "Bearer session-2"
    for name in ("sforce-auto-assign", "sforce-duplicate-rule-header", "sforce-mru", "content-type"):
        assert repeated.headers[name] == first.headers[name]
    assert repeated.body == first.body
    assert repeated.headers["sforce-auto-assign"] == "FALSE"


def test_sixteen_threads_with_one_expired_session_log_in_once(salesforce: Rig) -> None:
    tokens = MemoryTokens()
    client = salesforce(lambda asked: EMPTY, tokens)
    assert salesforce.server is not None
    tokens.put(Token("long-expired", salesforce.server.url, ORG))
    assert side_by_side(16, lambda: client.query("SELECT Id FROM Account")) == []
    assert salesforce.logins.count == 1


def test_two_clients_with_one_store_share_a_login(salesforce: Rig) -> None:
    tokens = MemoryTokens()
    for _ in range(2):
        salesforce(lambda asked: EMPTY, tokens).query("SELECT Id FROM Account")
    assert salesforce.logins.count == 1


def test_a_session_refused_again_after_a_fresh_login_is_unavailable(salesforce: Rig) -> None:
    salesforce.logins.refuse_all = True
    client = salesforce(lambda asked: EMPTY)
    with pytest.raises(Unavailable, match="API Enabled") as told:
        client.query("SELECT Id FROM Account")
    assert (salesforce.logins.count, len(salesforce.asked)) == (2, 2)
    assert told.value.destination == "salesforce"


@pytest.mark.parametrize(
    "refusal",
    [
        SESSION_REFUSED,
        Reply("<html>Unauthorized</html>", 401, {"Content-Type": "text/html"}),
        Reply({"error": "x"}, 401),
        Reply(None, 302, {"Location": "https://elsewhere.example.com"}),
        fault(403, "INVALID_SESSION_ID"),
    ],
)
def test_any_way_to_refuse_a_session_leads_to_a_new_login(salesforce: Rig, refusal: Reply) -> None:
    client = salesforce(one_by_one(refusal, EMPTY))
    assert client.query("SELECT Id FROM Account") == []
    assert salesforce.logins.count == 2


def test_a_login_for_another_org_than_the_pinned_one_writes_nothing(salesforce: Rig) -> None:
    client = salesforce(written, org_id="00Dyy0000009zzZEAQ")
    for _ in range(3):
        with pytest.raises(SetupError, match="nothing was written"):
            client.upsert("Case", "Billing_Key__c", [ROW])
    assert salesforce.asked == []
    assert salesforce.logins.count == 1


def test_a_shared_token_of_another_org_is_refused_as_well(salesforce: Rig) -> None:
    tokens = MemoryTokens()
    tokens.put(Token("session-1", "http://127.0.0.1:9", "00Dyy0000009zzZEAQ"))
    with pytest.raises(SetupError, match="SALESFORCE_ORG_ID"):
        salesforce(written, tokens, org_id=ORG).upsert("Case", "Billing_Key__c", [ROW])


def test_a_renewal_that_leads_to_another_org_writes_nothing_there(salesforce: Rig) -> None:
    client = salesforce(written, org_id=ORG)
    client.upsert("Case", "Billing_Key__c", [ROW])
    salesforce.logins.valid.clear()
    salesforce.logins.org = "00Dyy0000009zzZEAQ"
    with pytest.raises(SetupError, match="SALESFORCE_ORG_ID"):
        client.upsert("Case", "Billing_Key__c", [ROW])
    assert [asked.headers["authorization"] for asked in salesforce.asked] == ["Bearer session-1"] * 2
    assert client.org_id == ORG


def test_an_org_id_of_fifteen_characters_will_do(salesforce: Rig) -> None:
    client = salesforce(written, org_id=ORG[:15])
    assert client.upsert("Case", "Billing_Key__c", [ROW])[0].id


@pytest.mark.parametrize(
    "lost",
    [
        DROP,
        Reply("<html>bad gateway</html>", 502, {"Content-Type": "text/html"}),
        Reply(None, 504),
        Reply([1, 2, 3], cut=True),
    ],
)
def test_a_lost_answer_is_asked_for_once_more_with_all_headers(salesforce_server: Rig, lost: Reply) -> None:
    replies = iter([lost])
    client = salesforce_server(lambda asked: next(replies, None) or written(asked))
    assert client.upsert("Case", "Billing_Key__c", [ROW])[0].created
    first, second = salesforce_server.asked
    assert (first.body, first.headers) == (second.body, second.headers)


def test_an_answer_lost_twice_is_transient(salesforce: Rig) -> None:
    client = salesforce(lambda asked: DROP)
    with pytest.raises(Transient, match="lost twice") as told:
        client.query("SELECT Id FROM Account")
    assert not isinstance(told.value, Unavailable)
    assert len(salesforce.asked) == 2


def test_a_time_out_is_a_lost_answer(salesforce_server: Rig) -> None:
    client = salesforce_server(one_by_one(HANG, EMPTY), timeout=0.3)
    assert client.query("SELECT Id FROM Account") == []


def test_nobody_listening_is_unavailable_at_once(salesforce_server: Rig) -> None:
    tokens = MemoryTokens()
    with Scripted(lambda asked: EMPTY) as server:
        url = server.url
    tokens.put(Token("session-1", url, ORG))
    with pytest.raises(Unavailable, match="cannot be reached"):
        salesforce_server.client(url, tokens).query("SELECT Id FROM Account")
    with pytest.raises(Unavailable, match="SALESFORCE_LOGIN_URL"):
        salesforce_server.client(url).query("SELECT Id FROM Account")


@pytest.mark.parametrize(
    ("reply", "kind", "wait"),
    [
        (fault(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."), Unavailable, 900),
        (
            fault(
                403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
            ),
            Transient,
            5,
        ),
        (fault(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded."), Transient, 5),
        (fault(500, "UNABLE_TO_LOCK_ROW"), Transient, 5),
        (fault(400, "UNABLE_TO_LOCK_ROW"), Transient, 5),
        (fault(500, "UNKNOWN_EXCEPTION"), Transient, 5),
        (fault(503, "SERVER_UNAVAILABLE"), Unavailable, None),
        (
            Reply("<html>We are down for maintenance</html>", 503, {"Content-Type": "text/html"}),
            Unavailable,
            None,
        ),
        (
            Reply("<html>We are setting things up</html>", 420, {"Content-Type": "text/html"}),
            Unavailable,
            None,
        ),
        (Reply("<html>no</html>", 406, {"Content-Type": "text/html"}), Unavailable, None),
        (Reply({"odd": 1}, 500), Transient, 5),
        (Reply("<html>hello</html>", 200), Transient, 60),
    ],
)
def test_what_a_refused_call_means(
    salesforce: Rig, reply: Reply, kind: type[Transient], wait: float | None
) -> None:
    with pytest.raises(kind) as told:
        salesforce(lambda asked: reply).query("SELECT Id FROM Account")
    assert type(told.value) is kind
    assert told.value.retry_after == wait


def test_the_limit_is_read_from_answers_errors_and_empty_answers(salesforce: Rig) -> None:
    def limit(used: int) -> dict[str, str]:
        return {"Sforce-Limit-Info": f"api-usage={used}/5000; per-app-api-usage=17/250(appName=x)"}

    script = one_by_one(
        Reply(EMPTY.body, headers=limit(18)),
        Reply([{"errorCode": "MALFORMED_QUERY", "message": "x"}], 400, limit(19)),
        Reply(None, 204, limit(20)),
        EMPTY,
    )
    client = salesforce(script)
    seen = [client.usage]
    client.query("SELECT Id FROM Account")
    seen.append(client.usage)
    with pytest.raises(Permanent):
        client.query("SELECT nothing")
    seen.append(client.usage)
    assert client.upsert_alone("Case", "Billing_Key__c", ROW).error
    seen.append(client.usage)
    client.query("SELECT Id FROM Account")
    seen.append(client.usage)
    assert seen == [None, (18, 5000), (19, 5000), (20, 5000), (20, 5000)]


def test_calls_are_told_to_who_counts_them(salesforce: Rig) -> None:
    seen: list[Call] = []
    client = salesforce(lambda asked: EMPTY, on_call=seen.append)
    client.query("SELECT Id FROM Account")
    assert [(call.name, call.status) for call in seen] == [("query", 200)]


def test_cookies_are_not_kept(salesforce_server: Rig) -> None:
    client = salesforce_server(
        lambda asked: Reply(EMPTY.body, headers={"Set-Cookie": "BrowserId=abc; path=/"})
    )
    client.query("SELECT Id FROM Account")
    client.query("SELECT Id FROM Account")
    assert "cookie" not in salesforce_server.asked[1].headers


def test_a_netrc_entry_does_not_replace_the_login(
    salesforce_server: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    salesforce_server(lambda asked: EMPTY).query("SELECT Id FROM Account")
    assert salesforce_server.asked[0].headers["authorization"] == "Bearer session-1"


def test_big_bodies_are_packed_and_small_ones_are_not(salesforce: Rig) -> None:
    sizes: list[str | None] = []

    def script(asked: Asked) -> Reply:
        sizes.append(asked.headers.get("content-encoding"))
        return written(asked)

    client = salesforce(script)
    client.upsert("Case", "Billing_Key__c", [ROW])
    client.upsert("Case", "Billing_Key__c", [{"Billing_Key__c": str(n), "Subject": "x"} for n in range(150)])
    assert sizes == [None, "gzip"]
    assert len(salesforce.asked[1].json()["records"]) == 150


def test_the_api_version_is_a_setting(salesforce: Rig) -> None:
    salesforce(lambda asked: EMPTY, api_version="67.0").query("SELECT Id FROM Account")
    assert salesforce.asked[0].path == f"{API.replace('66', '67')}/query/"


# --- one session under simple-salesforce ---------------------------------------------------------------------


def test_a_page_is_requested_from_the_instance_whatever_host_it_names(salesforce: Rig) -> None:
    """The access token goes to the instance of the login only."""

    def script(asked: Asked) -> Reply:
        if asked.path.endswith("/query/"):
            more = f".elsewhere.example.com{API}/query/01gxx-2000"
            return Reply({"done": False, "nextRecordsUrl": more, "records": []})
        return EMPTY

    assert salesforce(script).query("SELECT Id FROM Account") == []
    assert [asked.headers["host"] for asked in salesforce.asked] == ["acme.my.salesforce.com"] * 2


def test_an_object_is_described_with_the_headers_of_every_request(salesforce: Rig) -> None:
    seen: list[Call] = []
    client = salesforce(lambda asked: Reply({"fields": []}), on_call=seen.append)
    assert client.describe("Case") == {"fields": []}
    headers = salesforce.asked[0].headers
    assert (headers["authorization"], headers["x-prettyprint"]) == ("Bearer session-1", "0")
    assert [call.name for call in seen] == ["describe Case"]


def test_a_redirect_is_not_followed(salesforce_server: Rig) -> None:
    with Scripted(lambda asked: EMPTY) as elsewhere:
        client = salesforce_server(lambda asked: Reply(None, 307, {"Location": elsewhere.url}))
        with pytest.raises(Unavailable, match="307"):
            client.query("SELECT Id FROM Account")
        assert elsewhere.asked == []


@pytest.mark.parametrize("reply", [Reply(None, 200), Reply(None, 204), Reply("<html>", 200), Reply("[", 200)])
def test_a_good_status_without_json_is_transient(salesforce: Rig, reply: Reply) -> None:
    client = salesforce(lambda asked: reply)
    for read in (client.limits, client.identity, client.versions, lambda: client.describe("Case")):
        with pytest.raises(Transient, match="not JSON") as raised:
            read()
        assert raised.value.code == "not_json"


def test_a_forked_process_opens_connections_of_its_own(salesforce_server: Rig) -> None:
    client = salesforce_server(lambda asked: EMPTY)
    client.query("SELECT Id FROM Account")
    session = client._session
    before = session.get_adapter("http://")
    session._process = 1  # as in a process with another id
    client.query("SELECT Id FROM Account")
    assert session.get_adapter("http://") is not before
