"""What a doctor reads: who we are, what the org speaks, how its clock and its budget stand."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from clients.scripted import DROP, Reply
from connector.clients.salesforce import UserInfo
from connector.errors import Permanent, Transient, Unavailable

from .rig import ORG, Rig, fault, one_by_one

SOQL = "SELECT Id FROM Account"
EMPTY = {"totalSize": 0, "done": True, "records": []}
USER = {
    "sub": f"https://login.salesforce.com/id/{ORG}/005xx000001SwiUAAS",
    "user_id": "005xx000001SwiUAAS",
    "organization_id": ORG,
    "preferred_username": "bot@acme.example",
    "name": "Casewire",
    "email": "billing@acme.example",
    "language": "en_US",
    "zoneinfo": "America/New_York",
    "urls": {"rest": "https://acme.my.salesforce.com/services/data/v{version}/"},
}


def info(told: str) -> dict[str, str]:
    return {"Sforce-Limit-Info": told}


def test_who_we_are_is_told_by_the_identity_service(salesforce: Rig) -> None:
    assert salesforce(lambda asked: Reply(USER)).identity() == UserInfo(
        "005xx000001SwiUAAS",
        "bot@acme.example",
        ORG,
        "Casewire",
        "billing@acme.example",
        "en_US",
        "America/New_York",
    )
    assert salesforce.asked[0].path == "/services/oauth2/userinfo"


def test_an_identity_may_be_told_in_part(salesforce: Rig) -> None:
    told = salesforce(lambda asked: Reply({"user_id": "005", "email": None})).identity()
    assert (told.user_id, told.email, told.zone) == ("005", "", "")


def test_a_session_the_identity_service_refuses_is_renewed_once(salesforce: Rig) -> None:
    """403 and one word of text, where the data API says 401; others may go on if it stays so."""
    refused = Reply("Bad_OAuth_Token", 403, {"Content-Type": "text/plain"})
    client = salesforce(one_by_one(refused, Reply(USER)))
    assert client.identity().org_id == ORG
    assert salesforce.logins.count == 2


def test_an_app_without_the_identity_scope_does_not_stop_the_data(salesforce: Rig) -> None:
    refused = Reply("Missing_OAuth_Token", 403, {"Content-Type": "text/plain"})
    client = salesforce(
        lambda asked: refused if "userinfo" in asked.path else Reply(EMPTY), clock=lambda: 1000.0
    )
    for _ in range(2):
        with pytest.raises(Unavailable, match="scopes"):
            client.identity()
        assert client.query(SOQL) == []
    assert sum("userinfo" in asked.path for asked in salesforce.asked) == 3


def test_the_newest_version_is_the_greatest_number(salesforce: Rig) -> None:
    told = [
        {"label": "x", "url": f"/services/data/v{v}", "version": v} for v in ("9.0", "67.0", "66.0", "10.0")
    ]
    assert salesforce(lambda asked: Reply(told)).versions() == "67.0"
    assert salesforce.asked[0].path == "/services/data"


def test_the_clocks_of_salesforce_and_of_this_machine_are_compared(salesforce: Rig) -> None:
    ahead = {"Date": formatdate(1_000_090, usegmt=True)}
    client = salesforce(lambda asked: Reply(EMPTY, headers=ahead), clock=lambda: 1_000_000.0)
    assert client.skew is None
    client.query(SOQL)
    assert client.skew == 90.0


def test_a_date_that_cannot_be_read_tells_nothing(salesforce: Rig) -> None:
    client = salesforce(lambda asked: Reply(EMPTY, headers={"Date": "soup"}))
    client.query(SOQL)
    assert client.skew is None


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ("api-usage=18/5000", (18, 5000)),
        ("api-usage=18/5000; per-app-api-usage=17/250(appName=x)", (18, 5000)),
        ("per-app-api-usage=17/250(appName=x); api-usage=18/5000", (18, 5000)),
        ("per-app-api-usage=17/250(appName=x)", None),
        ("soup", None),
        ("", None),
    ],
)
def test_the_usage_of_the_org_is_read_and_that_of_one_app_is_not(
    salesforce: Rig, told: str, usage: tuple[int, int] | None
) -> None:
    client = salesforce(lambda asked: Reply(EMPTY, headers=info(told)))
    client.query(SOQL)
    assert client.usage == usage


def test_usage_is_read_on_every_kind_of_answer_and_dated(salesforce: Rig) -> None:
    """Good, refused, limited, down, lost, refused its session; and what does not tell it takes nothing away."""
    now = [0.0]
    limit = fault(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    replies = [
        (Reply(EMPTY, 200, info("api-usage=1/9")), None),
        (Reply(fault(400, "MALFORMED_QUERY").body, 400, info("api-usage=2/9")), Permanent),
        (Reply(limit.body, 403, info("api-usage=9/9")), Unavailable),
        (Reply("<html>down", 503, info("api-usage=4/9")), Unavailable),
        (Reply("<html>gateway", 502, info("api-usage=5/9")), Transient),
        (Reply("<html>hello", 200, info("api-usage=6/9")), Transient),
        (DROP, Transient),
        (Reply(EMPTY), None),
        (Reply(fault(401, "INVALID_SESSION_ID").body, 401, info("api-usage=7/9")), Unavailable),
    ]
    reply = [replies[0][0]]
    client = salesforce(lambda asked: reply[0], clock=lambda: now[0])
    seen = []
    for told, kind in replies:
        reply[0] = told
        now[0] += 10
        if kind is None:
            client.query(SOQL)
        else:
            with pytest.raises(kind):
                client.query(SOQL)
        seen.append((client.usage and client.usage[0], client.usage_at))
    assert seen == [
        (1, 10.0),
        (2, 20.0),
        (9, 30.0),
        (4, 40.0),
        (5, 50.0),
        (6, 60.0),
        (6, 60.0),
        (6, 60.0),
        (7, 90.0),
    ]


def test_before_the_first_answer_nothing_is_known(salesforce: Rig) -> None:
    client = salesforce(lambda asked: Reply(EMPTY))
    assert (client.usage, client.usage_at, client.skew, client.calls) == (None, None, None, 0)
