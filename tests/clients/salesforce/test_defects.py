"""What goes wrong in simple-salesforce 1.12.10 when a session ends, defect by defect: none of it with our session."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from clients.scripted import Asked, Reply, Scripted
from connector.clients.salesforce import MemoryTokens, SalesforceClient, Token
from connector.errors import SetupError, Unavailable

from .bulk_rig import BulkJobs
from .rig import (
    ORG,
    SESSION_REFUSED,
    TOKEN_PATH,
    Logins,
    Rig,
    one_by_one,
    side_by_side,
    soap_fault,
    written,
)

SOQL = "SELECT Id FROM Account"
EMPTY = Reply({"totalSize": 0, "done": True, "records": []})
KEY = "Billing_Key__c"
NOT_FOR_REST = Reply(
    [{"message": "This session is not valid for use with the REST API", "errorCode": "INVALID_SESSION_ID"}],
    401,
)
HTML = {"Content-Type": "text/html"}


def expired(salesforce: Rig, then: Any, **settings: Any) -> SalesforceClient:
    """A client whose shared session Salesforce has forgotten."""
    tokens = MemoryTokens()
    client = salesforce(then, tokens, **settings)
    assert salesforce.server is not None
    tokens.put(Token("long-expired", salesforce.server.url, ORG))
    return client


# --- 1. headers are dropped when a request is repeated ----------------------------------------------------------


@pytest.mark.parametrize("verb", ["upsert", "update", "upsert_alone"])
def test_defect_1_every_header_survives_a_renewal(salesforce: Rig, verb: str) -> None:
    def good(asked: Asked) -> Reply:
        return written(asked) if "composite" in asked.path else Reply({"id": "1", "success": True}, 201)

    client = expired(salesforce, good)
    row = {"Id": "001000000000001AAA", KEY: "k", "Subject": "x" * 5000}
    write = {
        "upsert": lambda: client.upsert("Case", KEY, [row]),
        "update": lambda: client.update("Case", [row]),
        "upsert_alone": lambda: [client.upsert_alone("Case", KEY, row)],
    }[verb]
    assert [result.error for result in write()] == [None]
    refused, repeated = salesforce.asked
    assert {**refused.headers, "authorization": "Bearer session-1"} == repeated.headers
    assert refused.body == repeated.body
    wanted = {
        "sforce-auto-assign": "FALSE",
        "sforce-duplicate-rule-header": "allowSave=true",
        "sforce-mru": "updateMru=false",
        "sforce-call-options": "client=Casewire",
        "x-prettyprint": "0",
        "content-encoding": "gzip",
    }
    assert wanted.items() <= repeated.headers.items()


# --- 2. no end of logins on a lasting 401 -----------------------------------------------------------------------


def test_defect_2_a_lasting_refusal_is_two_requests_and_one_login(salesforce: Rig) -> None:
    """The circuit breaker stops further calls; those that are on their way do not log in again."""
    client = expired(salesforce, one_by_one(EMPTY), clock=lambda: 1000.0)
    salesforce.logins.refuse_all = True
    requests = []
    for _ in range(3):
        with pytest.raises(Unavailable, match="API Enabled") as told:
            client.query(SOQL)
        assert (told.value.destination, told.value.retry_after) == ("salesforce", 300.0)
        requests.append(len(salesforce.asked))
    assert (requests, salesforce.logins.count) == ([2, 3, 4], 1)


def test_defect_2_after_a_while_one_login_is_tried_again(salesforce: Rig) -> None:
    now = [1000.0]
    client = expired(salesforce, one_by_one(EMPTY), clock=lambda: now[0])
    salesforce.logins.refuse_all = True
    with pytest.raises(Unavailable):
        client.query(SOQL)
    now[0] += 31
    with pytest.raises(Unavailable):
        client.query(SOQL)
    assert (len(salesforce.asked), salesforce.logins.count) == (4, 2)
    salesforce.logins.refuse_all = False
    assert client.query(SOQL) == []
    assert salesforce.logins.count == 2


# --- 3. every thread logs in -------------------------------------------------------------------------------------


def test_defect_3_sixteen_threads_and_one_expired_session_are_one_login(salesforce: Rig) -> None:
    answered: list[list[dict[str, Any]]] = []
    client = expired(salesforce, one_by_one(EMPTY))
    assert side_by_side(16, lambda: answered.append(client.query(SOQL))) == []
    assert (salesforce.logins.count, answered) == (1, [[]] * 16)


def test_defect_3_a_session_that_expires_under_sixteen_requests_is_one_login(salesforce: Rig) -> None:
    """All sixteen are refused before any of them can log in."""
    together = threading.Barrier(16)
    answered: list[list[dict[str, Any]]] = []

    def script(asked: Asked) -> Reply:
        if ended.is_set() and asked.headers["authorization"] == "Bearer session-1":
            together.wait(10)
            return SESSION_REFUSED
        return EMPTY

    ended = threading.Event()
    client = salesforce(script)
    client.query(SOQL)
    ended.set()
    assert side_by_side(16, lambda: answered.append(client.query(SOQL))) == []
    assert (salesforce.logins.count, answered) == (2, [[]] * 16)
    assert len(salesforce.asked) == 1 + 16 + 16


def test_defect_3_sixteen_threads_and_a_lasting_refusal_are_one_login(salesforce: Rig) -> None:
    """Two requests a thread: with the old session, and with the one that all share after the login."""
    together = threading.Barrier(16)

    def script(asked: Asked) -> Reply:
        if asked.headers["authorization"] == "Bearer long-expired":
            together.wait(10)
        return SESSION_REFUSED

    client = expired(salesforce, script)
    salesforce.logins.valid.add("long-expired")
    raised = side_by_side(16, lambda: client.query(SOQL))
    assert [type(error) for error in raised] == [Unavailable] * 16
    assert (len(salesforce.asked), salesforce.logins.count) == (32, 1)


# --- 4. a refusal that is not Salesforce's JSON is an accident ----------------------------------------------------


@pytest.mark.parametrize(
    "refusal",
    [
        Reply("<html>Unauthorized</html>", 401, HTML),
        Reply({"error": "x"}, 401),
        Reply([], 401),
        Reply(None, 401),
        Reply("<a><b", 401, {"Content-Type": "text/xml"}),
    ],
)
def test_defect_4_a_refusal_in_any_shape_leads_to_one_login_or_says_so(
    salesforce: Rig, refusal: Reply
) -> None:
    assert salesforce(one_by_one(refusal, EMPTY)).query(SOQL) == []
    assert salesforce.logins.count == 2


@pytest.mark.parametrize("refusal", [Reply("<html>no</html>", 401, HTML), Reply({"error": "x"}, 401)])
def test_defect_4_one_that_lasts_is_unavailable(salesforce: Rig, refusal: Reply) -> None:
    with pytest.raises(Unavailable, match="401"):
        salesforce(lambda asked: refusal).query(SOQL)


# --- 5. not every refused session can be cured --------------------------------------------------------------------


def test_defect_5_a_session_that_is_not_for_rest_is_asked_for_once_more_only(salesforce: Rig) -> None:
    client = salesforce(lambda asked: NOT_FOR_REST)
    with pytest.raises(Unavailable, match="not valid for use with the REST API"):
        client.query(SOQL)
    assert (len(salesforce.asked), salesforce.logins.count) == (2, 2)


def test_defect_5_what_one_api_refuses_does_not_shut_the_others(salesforce: Rig) -> None:
    refused = soap_fault("INVALID_SESSION_ID", "Invalid Session ID found in SessionHeader")
    client = salesforce(lambda asked: refused if "Soap" in asked.path else EMPTY, clock=lambda: 1000.0)
    for _ in range(2):
        with pytest.raises(Unavailable):
            client.list_metadata({"CustomObject": None})
        assert client.query(SOQL) == []
    assert sum("Soap" in asked.path for asked in salesforce.asked) == 3
    assert salesforce.logins.count == 2


# --- 6. bulk jobs keep the session they began with -----------------------------------------------------------------


def test_defect_6_a_bulk_job_goes_on_with_a_new_session(salesforce: Rig) -> None:
    jobs = BulkJobs(["InProgress", "InProgress", "JobComplete"])
    client = salesforce(jobs)

    def wait(_: float) -> None:
        salesforce.logins.valid.clear()

    rows = [{KEY: str(n), "Name": "n"} for n in range(3)]
    assert {result.error for result in client.bulk_upsert("Account", KEY, rows, wait=wait)} == {None}
    assert salesforce.logins.count == 4
    assert len(jobs.jobs) == 1


# --- 7. after a login the old address is kept -----------------------------------------------------------------------


def test_defect_7_a_new_login_may_lead_to_another_instance() -> None:
    """An org moves: the login names a new address, and the job begun at the old one is followed there."""
    jobs = BulkJobs(["InProgress", "JobComplete"])
    logins = Logins()
    with Scripted(logins.script(jobs)) as old, Scripted(logins.script(jobs)) as new:
        logins.url = old.url
        rig = Rig()
        client = rig.client(old.url)

        def move(_: float) -> None:
            logins.url = new.url
            logins.valid.clear()

        sent = [{KEY: "a", "Name": "A"}]
        assert client.bulk_upsert("Account", KEY, sent, wait=move)[0].error is None
        assert client.instance_url == new.url
        asked_of_old = [asked.method for asked in old.asked if asked.path != TOKEN_PATH]
        assert asked_of_old == ["POST", "PUT", "PATCH", "GET"]
        assert [asked.path.rpartition("/")[2] for asked in new.asked][-1] == "successfulResults"
        rig.close()


def test_defect_7_another_instance_of_another_org_is_refused() -> None:
    logins = Logins()
    with Scripted(logins.script(one_by_one(EMPTY))) as server:
        logins.url = server.url
        rig = Rig()
        client = rig.client(server.url, org_id="00Dyy0000009zzZEAQ")
        assert [type(error) for error in side_by_side(16, lambda: client.query(SOQL))] == [SetupError] * 16
        assert server.paths() == [TOKEN_PATH]
        rig.close()
