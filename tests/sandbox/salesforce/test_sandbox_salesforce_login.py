"""Logging in: which grants are taken, which are refused, how long a token lives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask

from sandbox.control import Control
from sandbox.salesforce import Org, create_app

if TYPE_CHECKING:
    pass

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
