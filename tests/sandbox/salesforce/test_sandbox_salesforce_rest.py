"""Logging in, headers, describes, composite calls, limits, and what the control plane makes go wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask

from sandbox.control import Control
from sandbox.salesforce import Org, create_app
from sandbox.salesforce.ids import make_id, normal_id
from sandbox.salesforce.metadata import MetadataError, load_schema
from sandbox.server import Server

if TYPE_CHECKING:
    from conftest import Api

TOKEN = "/services/oauth2/token"


@pytest.mark.parametrize("by_header", [True, False])
def test_client_credentials_by_header_and_by_form(app: Flask, by_header: bool) -> None:
    form = {"grant_type": "client_credentials"}
    if not by_header:
        form |= {"client_id": "sandbox", "client_secret": "sandbox"}
    auth = ("sandbox", "sandbox") if by_header else None
    http = app.test_client()
    token = http.post(TOKEN, data=form, auth=auth).get_json()
    assert set(token) == {
        "access_token",
        "signature",
        "scope",
        "instance_url",
        "id",
        "token_type",
        "issued_at",
    }
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    who = http.get("/services/oauth2/userinfo", headers=headers).get_json()
    assert who["organization_id"].startswith("00D")
    identity = http.get(token["id"].removeprefix("http://localhost"), headers=headers).get_json()
    assert identity["user_id"] == who["user_id"]


@pytest.mark.parametrize(
    ("form", "error"),
    [
        (
            {"grant_type": "client_credentials", "client_id": "x", "client_secret": "sandbox"},
            "invalid_client_id",
        ),
        (
            {"grant_type": "client_credentials", "client_id": "sandbox", "client_secret": "x"},
            "invalid_client",
        ),
        ({"grant_type": "client_credentials"}, "invalid_client_id"),
        ({"grant_type": "password", "username": "u", "password": "p"}, "invalid_grant"),
        ({"grant_type": "magic"}, "unsupported_grant_type"),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "x"}, "invalid_grant"),
    ],
)
def test_a_wrong_login_is_refused(app: Flask, form: dict[str, str], error: str) -> None:
    answer = app.test_client().post(TOKEN, data=form)
    assert (answer.status_code, answer.get_json()["error"]) == (400, error)


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({}, None),
        ({"aud": "http://localhost"}, None),
        ({"iss": "other"}, "invalid_client_id"),
        ({"sub": "nobody@example.com"}, "invalid_grant"),
        ({"aud": "https://example.com"}, "invalid_grant"),
        ({"exp": 1_000_000_000}, "invalid_grant"),
    ],
)
def test_a_jwt_is_checked(
    key: rsa.RSAPrivateKey, control: Control, claims: dict[str, Any], error: str | None
) -> None:
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    app = create_app(Org(None, jwt_public_key=public.decode()), control)
    usual = {
        "iss": "sandbox",
        "sub": "integration.user@casewire.sandbox",
        "aud": "https://login.salesforce.com",
    }
    assertion = jwt.encode({**usual, "exp": 4_000_000_000, **claims}, key, "RS256")
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}
    assert app.test_client().post(TOKEN, data=form).get_json().get("error") == error


def test_a_jwt_signed_with_another_key_is_refused(key: rsa.RSAPrivateKey, control: Control) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    public = other.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    app = create_app(Org(None, jwt_public_key=public.decode()), control)
    claims = {
        "iss": "sandbox",
        "sub": "integration.user@casewire.sandbox",
        "aud": "https://login.salesforce.com",
    }
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": jwt.encode({**claims, "exp": 4_000_000_000}, key, "RS256"),
    }
    assert app.test_client().post(TOKEN, data=form).get_json()["error"] == "invalid_grant"


def test_a_token_expires_and_an_unknown_one_is_none(metadata: Path, control: Control) -> None:
    now = [datetime(2026, 5, 1, tzinfo=UTC)]
    org = Org(metadata, clock=lambda: now[0], token_seconds=60)
    http = create_app(org, control).test_client()
    headers = {"Authorization": f"Bearer {org.sessions.issue(org.org_id, org.user_id)}"}
    assert http.get("/services/data/v60.0/limits", headers=headers).status_code == 200
    now[0] += timedelta(seconds=61)
    for sent in (headers, {"Authorization": "Bearer no"}, {}):
        answer = http.get("/services/data/v60.0/limits", headers=sent)
        assert answer.status_code == 401
        assert answer.get_json() == [
            {"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}
        ]


def test_headers_are_those_of_salesforce(api: Api) -> None:
    answer = api("GET", "limits")
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert answer.headers["Sforce-Limit-Info"] == "api-usage=1/100000"
    assert answer.headers["Server"] == "sfdcedge"
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Sfdc-Request-Id"])
    assert "Sforce-Limit-Info" not in api("GET", "/services/data").headers
    assert "Sforce-Limit-Info" not in api("GET", "/services/oauth2/userinfo").headers


def test_pretty_print_is_honoured(api: Api) -> None:
    api.create("Account", Name="N")
    path = {"query_string": {"q": "SELECT Name FROM Account"}}
    assert (
        api("GET", "query", **path)
        .get_data(as_text=True)
        .startswith('{"totalSize":1,"done":true,"records":[{')
    )
    spread = api("GET", "query", headers={"X-PrettyPrint": "1"}, **path).get_data(as_text=True)
    assert spread.startswith(
        '{\n  "totalSize" : 1,\n  "done" : true,\n  "records" : [ {\n    "attributes" : {'
    )


def test_versions_and_resources(api: Api) -> None:
    versions = api("GET", "/services/data").get_json()
    assert {"version": "60.0", "url": "/services/data/v60.0", "label": "Spring '24"} in versions
    assert versions[-1]["label"] == "Summer '26"
    assert api("GET", "/services/data/v60.0").get_json()["sobjects"] == "/services/data/v60.0/sobjects"


@pytest.mark.parametrize(
    "path", ["nothing", "sobjects/Nothing", "sobjects/Nothing/describe", "sobjects/Account/x/y/"]
)
def test_what_is_not_there_is_404(api: Api, path: str) -> None:
    answer = api("GET", path)
    assert (answer.status_code, answer.get_json()[0]["errorCode"]) == (404, "NOT_FOUND")


def test_a_wrong_method_is_405(api: Api) -> None:
    answer = api("PUT", "sobjects/Account", {})
    assert (answer.status_code, answer.get_json()[0]["errorCode"]) == (405, "METHOD_NOT_ALLOWED")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"'])
def test_a_body_that_is_no_object_is_refused(api: Api, body: bytes) -> None:
    for path in ("sobjects/Account", "composite", "composite/sobjects"):
        answer = api("POST", path, data=body)
        assert (answer.status_code, answer.get_json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")


def test_a_describe_tells_of_the_custom_fields(api: Api) -> None:
    described = api("GET", "sobjects/Account/describe").get_json()
    fields = {field["name"]: field for field in described["fields"]}
    key = fields["Billing_Key__c"]
    assert (key["externalId"], key["unique"], key["caseSensitive"], key["length"]) == (True, True, True, 255)
    state = fields["State__c"]
    assert (state["restrictedPicklist"], [value["value"] for value in state["picklistValues"]]) == (
        True,
        ["active", "closed"],
    )
    assert (fields["Days__c"]["calculated"], fields["Days__c"]["createable"]) == (True, False)
    assert {"Cases", "Contacts", "Invoices__r"} <= {
        kid["relationshipName"] for kid in described["childRelationships"]
    }
    case = api("GET", "sobjects/Case/describe").get_json()
    assert [info["developerName"] for info in case["recordTypeInfos"]] == ["Billing", "Master"]
    every = api("GET", "sobjects").get_json()
    assert {"Account", "Case", "Invoice__c"} <= {kind["name"] for kind in every["sobjects"]}
    assert api("GET", "sobjects/Account").get_json()["objectDescribe"]["keyPrefix"] == "001"


def test_the_set_up_of_an_org_can_be_queried(api: Api) -> None:
    assert api.rows("SELECT DeveloperName FROM Group WHERE Type = 'Queue'") == [
        {"DeveloperName": "Billing_Disputes"}
    ]
    (queue,) = api.rows("SELECT Queue.DeveloperName FROM QueueSobject WHERE SobjectType = 'Case'")
    assert queue["Queue"]["DeveloperName"] == "Billing_Disputes"
    statuses = api.rows("SELECT ApiName, IsClosed, IsDefault FROM CaseStatus ORDER BY SortOrder")
    assert [row["ApiName"] for row in statuses if row["IsClosed"]] == ["Closed"]
    assert [row["ApiName"] for row in statuses if row["IsDefault"]] == ["New"]
    assert len(api.rows("SELECT Id, Name, OrganizationType, IsSandbox FROM Organization")) == 1
    assert api.query("SELECT Id FROM ScratchOrgInfo")[0]["errorCode"] == "INVALID_TYPE"
    assert (
        api("GET", "tooling/query", query_string={"q": "SELECT Id FROM ApexClass"}).get_json()["records"]
        == []
    )


def test_an_id_has_the_checksum_of_salesforce() -> None:
    assert normal_id("0017e00001W4GYR") == "0017e00001W4GYRAA3"
    assert normal_id("0017e00001W4GYRAA3") == "0017e00001W4GYRAA3"
    assert normal_id("0017e00001W4GYRAA4") is None
    assert normal_id("short") is None
    assert len({make_id("001", number) for number in range(5000)}) == 5000
    assert sorted(ids := [make_id("001", number) for number in range(5000)]) == ids


# -- composite


def test_a_later_subrequest_uses_what_an_earlier_one_answered(api: Api) -> None:
    base = "/services/data/v60.0"
    body = {
        "compositeRequest": [
            {"method": "POST", "url": f"{base}/sobjects/Account", "referenceId": "a", "body": {"Name": "N"}},
            {
                "method": "POST",
                "url": f"{base}/sobjects/Contact",
                "referenceId": "c",
                "body": {"LastName": "L", "AccountId": "@{a.id}"},
            },
            {"method": "GET", "url": f"{base}/query?q=SELECT Id FROM Contact", "referenceId": "q"},
            {
                "method": "GET",
                "url": f"{base}/sobjects/Contact/@{{q.records[0].Id}}?fields=AccountId",
                "referenceId": "r",
            },
        ]
    }
    told = api("POST", "composite", body).get_json()["compositeResponse"]
    assert [answer["httpStatusCode"] for answer in told] == [201, 201, 200, 200]
    assert told[3]["body"]["AccountId"] == told[0]["body"]["id"]
    assert told[0]["httpHeaders"]["Location"].endswith(told[0]["body"]["id"])


def _composite(*requests: tuple[str, str, Any], all_or_none: bool = False) -> dict[str, Any]:
    return {
        "allOrNone": all_or_none,
        "compositeRequest": [
            {
                "method": method,
                "url": f"/services/data/v60.0/{path}",
                "referenceId": f"r{place}",
                "body": body,
            }
            for place, (method, path, body) in enumerate(requests)
        ],
    }


@pytest.mark.parametrize(("all_or_none", "left"), [(False, 1), (True, 0)])
def test_all_or_none_undoes_a_composite_call(api: Api, all_or_none: bool, left: int) -> None:
    body = _composite(
        ("POST", "sobjects/Account", {"Name": "N"}), ("POST", "sobjects/Account", {}), all_or_none=all_or_none
    )
    told = api("POST", "composite", body).get_json()["compositeResponse"]
    assert told[1]["body"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert (told[0]["httpStatusCode"] == 400) is all_or_none
    if all_or_none:
        assert told[0]["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert api.query("SELECT COUNT() FROM Account")["totalSize"] == left


def test_a_composite_call_has_limits(api: Api) -> None:
    many = _composite(*[("POST", "sobjects/Account", {"Name": "N"})] * 26)
    heavy = _composite(*[("GET", "query?q=SELECT Id FROM Account", None)] * 6)
    same = {
        "compositeRequest": [{"method": "GET", "url": "/services/data/v60.0/limits", "referenceId": "x"}] * 2
    }
    for body in (many, heavy, same, {"compositeRequest": "x"}):
        assert api("POST", "composite", body).status_code == 400
    broken = {
        "compositeRequest": [
            {"method": "GET", "url": "/services/data/v60.0/sobjects/@{x.id}", "referenceId": "y"}
        ]
    }
    told = api("POST", "composite", broken).get_json()["compositeResponse"]
    assert told[0]["body"][0]["errorCode"] == "PROCESSING_HALTED"


# -- the control plane


def _fault(api: Api, kind: str, **more: Any) -> None:
    assert api("POST", "/__sandbox__/faults", {"kind": kind, **more}).status_code == 201


def test_calls_are_counted_by_method_and_route_and_the_control_plane_is_not(api: Api) -> None:
    api.upsert("Account", {"Billing_Key__c": "a", "Name": "N"})
    api("PATCH", "sobjects/Account/Billing_Key__c/a", {"Name": "M"})
    api.query("SELECT Id FROM Account")
    api("GET", "/")
    assert api("GET", "/__sandbox__/calls").get_json() == {
        "total": 3,
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


# -- over a real connection


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


# -- metadata


@pytest.mark.parametrize(
    ("inner", "complaint"),
    [
        ("<type>Location</type>", "type Location is not supported"),
        ("<type>Lookup</type>", "needs referenceTo"),
        ("<type>Lookup</type><referenceTo>Ghost__c</referenceTo>", "Ghost__c, which does not exist"),
    ],
)
def test_metadata_it_cannot_be_true_to_is_an_error(tmp_path: Path, inner: str, complaint: str) -> None:
    place = tmp_path / "objects" / "Account" / "fields"
    place.mkdir(parents=True)
    text = f'<CustomField xmlns="http://soap.sforce.com/2006/04/metadata"><fullName>X__c</fullName>{inner}</CustomField>'
    (place / "X__c.field-meta.xml").write_text(text)
    with pytest.raises(MetadataError, match=complaint):
        load_schema([tmp_path])


def test_fields_of_an_object_nobody_describes_are_an_error(tmp_path: Path) -> None:
    place = tmp_path / "objects" / "Odd__c" / "fields"
    place.mkdir(parents=True)
    text = '<CustomField xmlns="http://soap.sforce.com/2006/04/metadata"><fullName>X__c</fullName><type>Text</type></CustomField>'
    (place / "X__c.field-meta.xml").write_text(text)
    with pytest.raises(MetadataError, match="Odd__c"):
        load_schema([tmp_path])
