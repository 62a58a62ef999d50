"""The control plane: counting, resetting, and making things go wrong, over a real connection where it matters."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from sandbox.control import Control
from sandbox.salesforce import Org
from sandbox.server import Server

if TYPE_CHECKING:
    from conftest import Api


def _fault(api: Api, kind: str, **more: Any) -> None:
    assert api("POST", "/__sandbox__/faults", {"kind": kind, **more}).status_code == 201


def test_calls_are_counted_by_method_and_route_and_the_control_plane_is_not(api: Api) -> None:
    api.upsert("Account", {"Billing_Key__c": "a", "Name": "N"})
    api("PATCH", "sobjects/Account/Billing_Key__c/a", {"Name": "M"})
    api.query("SELECT Id FROM Account")
    api("GET", "/")
    assert api("GET", "/__sandbox__/calls").get_json() == {
        "total": 3,
        "faults": {},
        "calls": {
            "GET /services/data/vXX.0/query": 1,
            "PATCH /services/data/vXX.0/composite/sobjects/Account/Billing_Key__c": 1,
            "PATCH /services/data/vXX.0/sobjects/Account/Billing_Key__c/<value>": 1,
        },
    }
    assert api("DELETE", "/__sandbox__/calls").get_json()["total"] == 0


def test_reset_empties_the_org_and_forgets_faults(api: Api) -> None:
    api.create("Account", Name="N")
    _fault(api, "unavailable")
    assert api("POST", "/__sandbox__/reset").status_code == 200
    assert api("GET", "/__sandbox__/records/Account").get_json() == []
    assert api("GET", "/__sandbox__/faults").get_json() == []
    assert api("GET", "limits").headers["Sforce-Limit-Info"] == "api-usage=1/100000"
    assert api.create("Account", Name="N") == "001Cw0000000001IAA"


def test_records_can_be_looked_at(api: Api) -> None:
    api.create("Account", Name="N", Billing_Key__c="k")
    (row,) = api("GET", "/__sandbox__/records/Account").get_json()
    assert (row["Name"], row["Billing_Key__c"], row["Site"]) == ("N", "k", None)
    assert api("GET", "/__sandbox__/records/Nothing").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "meteor"},
        {"kind": "slow", "match": "("},
        {"kind": "slow", "times": "x"},
        {"kind": "slow", "how": 1},
    ],
)
def test_a_fault_nobody_knows_is_refused(api: Api, body: dict[str, Any]) -> None:
    assert api("POST", "/__sandbox__/faults", body).status_code == 400


@pytest.mark.parametrize(
    ("kind", "status", "code", "message"),
    [
        ("daily_limit", 403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
        (
            "concurrent_limit",
            403,
            "REQUEST_LIMIT_EXCEEDED",
            "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
        ),
    ],
)
def test_limits_are_told_apart_by_their_message(
    api: Api, kind: str, status: int, code: str, message: str
) -> None:
    _fault(api, kind, times=1)
    answer = api("GET", "limits")
    assert (answer.status_code, answer.get_json()) == (status, [{"message": message, "errorCode": code}])
    assert api("GET", "limits").status_code == 200


def test_the_allowance_of_the_day_can_be_used_up(metadata: Path, connect: Callable[[Org], Api]) -> None:
    api = connect(Org(metadata, api_limit=2))
    assert [api("GET", "limits").status_code for _ in range(3)] == [200, 200, 403]


def test_unavailable_answers_with_a_page(api: Api) -> None:
    _fault(api, "unavailable", match="GET .*/query", times=1)
    assert api("GET", "limits").status_code == 200
    answer = api("GET", "query", query_string={"q": "SELECT Id FROM Account"})
    assert (answer.status_code, answer.mimetype) == (503, "text/html")


def test_session_expired_revokes_every_token(api: Api, org: Org) -> None:
    other = org.sessions.issue(org.org_id, org.user_id)
    _fault(api, "session_expired", times=1)
    assert api("GET", "limits").status_code == 401
    assert org.sessions.user(other) is None


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("row_lock", "UNABLE_TO_LOCK_ROW"),
        ("validation_rule", "FIELD_CUSTOM_VALIDATION_EXCEPTION"),
        ("duplicate_rule", "DUPLICATES_DETECTED"),
    ],
)
def test_a_row_fault_strikes_the_rows_it_matches(api: Api, kind: str, code: str) -> None:
    _fault(api, kind, match="^k:2$", times=1)
    rows = [{"Billing_Key__c": f"k:{number}", "Name": "N"} for number in range(4)]
    answer = api.upsert("Account", *rows)
    assert [row["success"] for row in answer] == [True, True, False, True]
    assert answer[2]["errors"][0]["statusCode"] == code
    assert all(row["success"] for row in api.upsert("Account", *rows))


def test_a_lock_on_a_parent_strikes_its_children_and_a_validation_rule_does_not(api: Api) -> None:
    api.upsert("Account", {"Billing_Key__c": "k:bob", "Name": "Bob"})
    child = {"Billing_Key__c": "i", "Account__r": {"Billing_Key__c": "k:bob"}}
    _fault(api, "validation_rule", match="k:bob")
    assert api.upsert("Invoice__c", child)[0]["success"]
    _fault(api, "row_lock", match="k:bob", times=1)
    assert api.upsert("Invoice__c", child)[0]["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW"


def test_a_duplicate_rule_shows_the_record_it_found(api: Api) -> None:
    twin = api.create("Account", Name="Acme")
    _fault(api, "duplicate_rule")
    answer = api("POST", "sobjects/Account", {"Name": "Acme"})
    found = answer.get_json()[0]["duplicateResut"]["matchResults"][0]["matchRecords"]
    assert (answer.status_code, found[0]["record"]["Id"]) == (400, twin)


def test_a_fault_lives_for_its_seconds_or_its_times() -> None:
    control = Control()
    control.add_fault("row_lock", times=2)
    control.add_fault("daily_limit", seconds=0.0)
    assert control.take_fault(("daily_limit",), "x") is None
    assert [control.take_fault(("row_lock",), "x") is not None for _ in range(3)] == [True, True, False]


def _over(server: Server, org: Org) -> requests.Session:
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {org.sessions.issue(org.org_id, org.user_id)}"
    return session


def test_drop_after_commit_writes_and_says_nothing(server: Server, org: Org) -> None:
    with _over(server, org) as http:
        http.post(
            f"{server.url}/__sandbox__/faults", json={"kind": "drop_after_commit", "match": "k:7", "times": 1}
        )
        record = {"attributes": {"type": "Account"}, "Billing_Key__c": "k:7", "Name": "N"}
        address = f"{server.url}/services/data/v60.0/composite/sobjects/Account/Billing_Key__c"
        with pytest.raises(requests.ConnectionError):
            http.patch(address, json={"records": [record]}, timeout=5)
        assert [row["Name"] for row in org.records("Account")] == ["N"]
        assert http.patch(address, json={"records": [record]}, timeout=5).json()[0]["created"] is False


def test_timeout_holds_the_answer_then_closes(server: Server, org: Org) -> None:
    with _over(server, org) as http:
        http.post(f"{server.url}/__sandbox__/faults", json={"kind": "timeout", "times": 2, "seconds": 30})
        with pytest.raises(requests.ReadTimeout):
            http.get(f"{server.url}/services/data/v60.0/limits", timeout=0.2)
        http.post(f"{server.url}/__sandbox__/faults", json={"kind": "slow", "times": 1, "seconds": 0.01})
        http.post(f"{server.url}/__sandbox__/reset")
        assert http.get(f"{server.url}/services/data/v60.0/limits", timeout=5).status_code == 200


def test_latency_is_set_and_slow_answers_come(server: Server, org: Org) -> None:
    with _over(server, org) as http:
        assert http.put(f"{server.url}/__sandbox__/latency", json={"ms": 1}).json() == {"ms": 1}
        assert http.put(f"{server.url}/__sandbox__/latency", json={"ms": -1}).status_code == 400
        http.post(f"{server.url}/__sandbox__/faults", json={"kind": "slow", "times": 1, "seconds": 0.01})
        assert http.get(f"{server.url}/services/data/v60.0/limits", timeout=5).status_code == 200


def test_a_connection_is_kept_open_even_after_a_refusal_with_a_body(server: Server) -> None:
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=5)) as connection:
        connection.connect()
        first = connection.sock
        for _ in range(3):
            connection.request("POST", "/services/data/v60.0/composite", b"x" * 50_000)
            answer = connection.getresponse()
            assert (answer.status, b"INVALID_SESSION_ID" in answer.read()) == (401, True)
        assert connection.sock is first


def test_a_body_in_chunks_is_read(server: Server, org: Org) -> None:
    with _over(server, org) as http:
        chunks = iter((b'{"Name":', b'"N"}'))
        answer = http.post(f"{server.url}/services/data/v60.0/sobjects/Account", data=chunks)
        assert answer.status_code == 201


def test_calls_side_by_side_make_one_record_of_one_key(server: Server, org: Org) -> None:
    rows = [
        {"attributes": {"type": "Account"}, "Billing_Key__c": f"k{number}", "Name": "N"}
        for number in range(50)
    ]
    address = f"{server.url}/services/data/v60.0/composite/sobjects/Account/Billing_Key__c"

    def send(_: int) -> list[bool]:
        with _over(server, org) as http:
            return [row["created"] for row in http.patch(address, json={"records": rows}, timeout=10).json()]

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(send, range(8)))
    assert sum(map(sum, answers)) == 50
    assert len(org.records("Account")) == 50
