"""Logging in: client credentials and JWT bearer. User names with passwords are refused, as Salesforce now does."""

from __future__ import annotations

import base64
import binascii
import hashlib
import time
from collections.abc import Callable
from typing import Any, Final

import jwt
from flask import Blueprint, Request, Response, jsonify, request

from sandbox.salesforce.org import CLIENT_ID, CLIENT_SECRET, Org

_JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_AUDIENCES: Final = ("https://login.salesforce.com", "https://test.salesforce.com")


class _Denied(Exception):
    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.body = {"error": error, "error_description": description}
        self.status = status


def oauth_blueprint(org: Org) -> Blueprint:
    pages = Blueprint("salesforce_oauth", __name__)

    @pages.post("/services/oauth2/token")
    def token() -> tuple[Response, int]:
        try:
            user = _user_of_grant(org, request)
        except _Denied as denied:
            return jsonify(denied.body), denied.status
        return jsonify(_token(org, user, _base(request))), 200

    @pages.post("/services/oauth2/introspect")
    def introspect() -> Response:
        user = org.sessions.user(request.form.get("token", ""))
        return jsonify({"active": user is not None, **({"sub": user} if user else {})})

    @pages.get("/services/oauth2/userinfo")
    def userinfo() -> tuple[Response, int]:
        user = org.sessions.user(bearer(request.headers.get("Authorization", "")))
        if user is None:
            return jsonify({"error": "invalid_token", "error_description": "Bad_OAuth_Token"}), 403
        return jsonify(_identity(org, user, _base(request))), 200

    @pages.get("/id/<org_id>/<user_id>")
    def identity(org_id: str, user_id: str) -> tuple[Response, int]:
        if org.sessions.user(bearer(request.headers.get("Authorization", ""))) is None:
            return jsonify({"error": "invalid_token", "error_description": "Bad_OAuth_Token"}), 403
        if org_id != org.org_id or user_id not in org.users:
            return jsonify({"error": "not_found", "error_description": "no such user"}), 404
        return jsonify(_identity(org, user_id, _base(request))), 200

    return pages


def bearer(header: str) -> str:
    """The token of an Authorization header; Salesforce takes ``Bearer`` and ``OAuth``."""
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() in ("bearer", "oauth") else ""


def _base(sent: Request) -> str:
    return sent.host_url.rstrip("/")


def _user_of_grant(org: Org, sent: Request) -> str:
    grants: dict[str, Callable[[], str]] = {
        "client_credentials": lambda: _client_credentials(org, sent),
        _JWT_BEARER: lambda: _jwt_bearer(org, sent),
    }
    name = sent.form.get("grant_type", "")
    if name == "password":
        raise _Denied("invalid_grant", "authentication failure")
    if name not in grants:
        raise _Denied("unsupported_grant_type", "grant type not supported")
    return grants[name]()


def _client_credentials(org: Org, sent: Request) -> str:
    client, secret = _basic(sent.headers.get("Authorization", "")) or (
        sent.form.get("client_id"),
        sent.form.get("client_secret"),
    )
    if client != CLIENT_ID:
        raise _Denied("invalid_client_id", "client identifier invalid")
    if secret != CLIENT_SECRET:
        raise _Denied("invalid_client", "invalid client credentials")
    return org.user_id


def _basic(header: str) -> tuple[str, str] | None:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return client, secret


def _jwt_bearer(org: Org, sent: Request) -> str:
    if org.jwt_public_key is None:
        raise _Denied("invalid_grant", "no certificate is registered for this app")
    try:
        claims: dict[str, Any] = jwt.decode(
            sent.form.get("assertion", ""),
            org.jwt_public_key,
            algorithms=["RS256"],
            audience=[*_AUDIENCES, _base(sent)],
            options={"require": ["iss", "sub", "aud", "exp"]},
        )
    except jwt.ExpiredSignatureError:
        raise _Denied("invalid_grant", "expired authorization code") from None
    except jwt.InvalidAudienceError:
        raise _Denied("invalid_grant", "audience is invalid") from None
    except jwt.PyJWTError:
        raise _Denied("invalid_grant", "invalid assertion") from None
    return _approved(org, claims)


def _approved(org: Org, claims: dict[str, Any]) -> str:
    if claims["iss"] != CLIENT_ID:
        raise _Denied("invalid_client_id", "client identifier invalid")
    users = org.store.tables["User"].live
    user = next((at for at, row in users.items() if row["Username"] == claims["sub"]), None)
    if user is None:
        raise _Denied("invalid_grant", "user hasn't approved this consumer")
    return user


def _token(org: Org, user: str, base: str) -> dict[str, str]:
    identity, issued = f"{base}/id/{org.org_id}/{user}", str(int(time.time() * 1000))
    signature = base64.b64encode(hashlib.sha256((identity + issued).encode()).digest()).decode()
    return {
        "access_token": org.sessions.issue(org.org_id, user),
        "signature": signature,
        "scope": "api",
        "instance_url": base,
        "id": identity,
        "token_type": "Bearer",
        "issued_at": issued,
    }


def _identity(org: Org, user: str, base: str) -> dict[str, Any]:
    row = org.store.tables["User"].live[user]
    identity = f"{base}/id/{org.org_id}/{user}"
    return {
        "sub": identity,
        "id": identity,
        "user_id": user,
        "organization_id": org.org_id,
        "username": row["Username"],
        "preferred_username": row["Username"],
        "nickname": row["Alias"],
        "display_name": row["Name"],
        "name": row["Name"],
        "email": row["Email"],
        "email_verified": True,
        "given_name": row["FirstName"],
        "family_name": row["LastName"],
        "active": row["IsActive"],
        "user_type": "STANDARD",
        "zoneinfo": row["TimeZoneSidKey"],
        "locale": row["LocaleSidKey"],
        "language": row["LanguageLocaleKey"],
        "is_salesforce_integration_user": False,
        "urls": {
            "rest": f"{base}/services/data/v{{version}}/",
            "query": f"{base}/services/data/v{{version}}/query/",
            "sobjects": f"{base}/services/data/v{{version}}/sobjects/",
        },
    }
