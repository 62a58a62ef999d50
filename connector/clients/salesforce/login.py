"""Logging in: OAuth client credentials or JWT bearer, at a login URL of the installation's choosing."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import jwt
import requests
from simple_salesforce.login import token_login

from connector.clients.salesforce.config import SalesforceConfig
from connector.clients.salesforce.errors import DESTINATION
from connector.clients.salesforce.session import HttpSession
from connector.clients.salesforce.tokens import Token
from connector.errors import SetupError, Unavailable

_JWT_SECONDS: Final = 180
_GRANT_JWT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_MANUAL_REPAIR: Final = 300.0
_LONGEST_PATH: Final = 255

_APP: Final = "Setup > External Client App Manager"
_ADDRESS: Final = (
    "SALESFORCE_LOGIN_URL must be the org's My Domain, like https://acme.my.salesforce.com "
    "(Setup > My Domain)"
)
_ADVICE: Final[Mapping[str, str]] = {
    "invalid_client": "SALESFORCE_CLIENT_SECRET does not belong to SALESFORCE_CLIENT_ID: copy both from "
    + _APP,
    "invalid_client_id": "Salesforce does not know SALESFORCE_CLIENT_ID: copy the consumer key from " + _APP,
    "invalid_app_access": "the integration user may not use the app: add its permission set to the app's policies",
    "invalid_assertion": "SALESFORCE_JWT_KEY does not belong to the certificate of the app",
    "inactive_user": "the integration user is inactive: activate it in Setup > Users",
    "inactive_org": "the org is locked, closed or suspended",
    "unsupported_grant_type": "the app does not allow this flow: enable client credentials or JWT bearer in "
    + _APP,
    "rate_limit_exceeded": "the integration user has logged in too often this hour",
    "login_rate_exceeded": "the integration user has logged in too often this hour",
    "unauthorized_client": "the app may not be used this way: check its flows and policies in " + _APP,
}
_GRANT_ADVICE: Final[Mapping[str, str]] = {
    "approved": (
        "let the app pre-authorize the integration user: permitted users = admin approved, then add its "
        "permission set in the app's policies"
    ),
    "no client credentials user": "choose the Run As user of the client credentials flow in the app's policies",
    "audience": "SALESFORCE_LOGIN_URL must be the org's own login URL (login, test or My Domain)",
    "assertion": "SALESFORCE_JWT_KEY does not belong to the app's certificate, or SALESFORCE_USERNAME is wrong",
    "not supported on this domain": "SALESFORCE_LOGIN_URL must be the org's My Domain, not login or test",
    "ip restricted": "the integration user's login IP ranges do not hold this machine's address",
}
"""Part of the description → advice: ``invalid_grant`` alone has many causes."""


class LoginRefused(Unavailable):
    """There is no token. ``cause`` and ``fix`` are the two halves of its text."""

    def __init__(self, cause: str, fix: str, *, code: str, retry_after: float | None = None) -> None:
        super().__init__(DESTINATION, f"{cause}: {fix}.", code=code, retry_after=retry_after)
        self.cause = cause
        self.fix = fix


class Login:
    """Requests a token. The caller limits how often."""

    def __init__(self, config: SalesforceConfig, clock: Callable[[], float] = time.time) -> None:
        self._config = config
        self._clock = clock

    def __call__(self) -> Token:
        """A new token. LoginRefused with advice for an admin, or SetupError."""
        origin = self._config.origin
        form, headers = self._grant()
        with _TokenSession(self._config) as http:
            try:
                token_login(
                    f"{origin}/services/oauth2/token",
                    form,
                    origin,
                    self._config.client_id,
                    {"Accept": "application/json", **headers},
                    None,
                    http,
                )
            except (requests.RequestException, OSError) as error:
                reason = type(error).__name__
                cause = f"The login at {origin} cannot be reached ({reason})"
                raise LoginRefused(cause, _network_advice(error), code="login") from error
            return self._token(http.answer)

    def _grant(self) -> tuple[dict[str, str], dict[str, str]]:
        """Form and headers of the flow."""
        config = self._config
        if config.client_secret:
            credentials = base64.b64encode(f"{config.client_id}:{config.client_secret}".encode()).decode()
            return {"grant_type": "client_credentials"}, {"Authorization": f"Basic {credentials}"}
        return {"grant_type": _GRANT_JWT, "assertion": self._assertion()}, {}

    def _assertion(self) -> str:
        config = self._config
        claims = {
            "iss": config.client_id,
            "sub": config.username,
            "aud": config.origin,
            "exp": int(self._clock()) + _JWT_SECONDS,
        }
        return _signed(config.jwt_key or "", claims)

    def _token(self, answer: Mapping[str, Any]) -> Token:
        parts = urlsplit(str(answer.get("id") or "")).path.strip("/").split("/")
        org = parts[1] if len(parts) == 3 and parts[0] == "id" else ""
        instance = str(answer["instance_url"]).rstrip("/")
        if self._config.origin.startswith("https:") and not instance.startswith("https:"):
            raise SetupError(f"Salesforce named {instance} as its address, which is not https.")
        return Token(str(answer["access_token"]), instance, org)


class _TokenSession(HttpSession):
    """The session of ``token_login``. It raises LoginRefused for every response without a token, and keeps the others:
    ``token_login`` returns neither the org nor the scheme of the instance URL, and fails on responses of other shapes.
    """

    def __init__(self, config: SalesforceConfig) -> None:
        super().__init__(config.timeout)
        self.answer: Mapping[str, Any] = {}
        self._origin = config.origin

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        response = super().send(request, **kwargs)
        answer = _json(response)
        complete = answer.get("access_token") and answer.get("instance_url")
        if response.status_code != HTTPStatus.OK or not complete:
            raise self._refused(response.status_code, answer)
        self.answer = answer
        return response

    def _refused(self, status: int, answer: Mapping[str, Any]) -> LoginRefused:
        code, description = str(answer.get("error") or ""), str(answer.get("error_description") or "")
        if not code:
            cause = f"The login at {self._origin} answered {status} and no token"
            return LoginRefused(cause, _ADDRESS, code=f"HTTP_{status}")
        advice = _ADVICE.get(code) or _grant_advice(description)
        cause = f"Salesforce refuses the login ({code}: {description})"
        return LoginRefused(cause, advice, code=code, retry_after=_MANUAL_REPAIR)


def require_usable_key(config: SalesforceConfig) -> None:
    """SetupError unless the JWT key, where one is used, can be read and can sign. Sends no request."""
    if not config.client_secret:
        _signed(config.jwt_key or "", {})


def _signed(key: str, claims: Mapping[str, Any]) -> str:
    try:
        return jwt.encode(dict(claims), private_key(key), algorithm="RS256")
    except (ValueError, TypeError, jwt.PyJWTError) as error:
        raise SetupError(f"SALESFORCE_JWT_KEY is not a private RSA key in PEM form ({error}).") from None


def private_key(setting: str) -> str:
    """A PEM as it is, also with ``\\n`` written out as environments do, or read from its path."""
    if "-----BEGIN" in setting:
        return setting.replace("\\n", "\n")
    if len(setting) > _LONGEST_PATH or "\n" in setting:  # half a key is a secret too: it is not repeated
        raise SetupError(
            "SALESFORCE_JWT_KEY is neither a private key in PEM form (-----BEGIN …) nor a path of one."
        )
    try:
        return Path(setting).expanduser().read_text(encoding="ascii")
    except (OSError, ValueError, RuntimeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not a PEM file"
        raise SetupError(
            f"SALESFORCE_JWT_KEY names the file {setting!r}, which cannot be read: {why}."
        ) from None


def _network_advice(error: Exception) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "check SALESFORCE_LOGIN_URL, the proxy, and REQUESTS_CA_BUNDLE for a CA of your own"
    return "check SALESFORCE_LOGIN_URL, the network and the proxy of this machine"


def _grant_advice(description: str) -> str:
    text = description.lower()
    fitting = (advice for mark, advice in _GRANT_ADVICE.items() if mark in text)
    return next(fitting, "check the user, the app and its policies in " + _APP)


def _json(response: requests.Response) -> Mapping[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, Mapping) else {}
