"""Requests as they are sent and answers as they are read: the part of our transport that knows no login."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import NewConnectionError

from connector.clients.salesforce.errors import DESTINATION, LATER, RowError, of_answer
from connector.clients.salesforce.soap_faults import fault_of
from connector.clients.salesforce.tokens import Token
from connector.errors import Transient, Unavailable

SOAP: Final = "Soap"
DOORS: Final = ("data", "oauth2", SOAP)
"""The ways into an org: a login may be good for one and not for another."""
_GZIP_FROM: Final = 4096
_CONNECTIONS: Final = 32
_ALWAYS: Final = {
    "Accept": "application/json",
    "Content-Type": "application/json; charset=UTF-8",
    "X-PrettyPrint": "0",
    "Sforce-Call-Options": "client=Casewire",
}


class ResponseLost(Exception):
    """Sent, but the answer did not come: it may or may not have been done."""


def _nothing(_: Token) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Request:
    """One request, the same each time it is sent; address and login are added when it goes.

    ``path`` starts at the root. ``body`` is told the login, which SOAP wants within.
    """

    name: str
    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    body: Callable[[Token], bytes | None] = _nothing

    @property
    def door(self) -> str:
        """One of DOORS."""
        return self.path.split("/")[2]

    def addressed(self, token: Token) -> requests.Request:
        """For one login. The session goes as ``auth``, which a ~/.netrc entry cannot replace as it would a header."""

        def bearer(prepared: requests.PreparedRequest) -> requests.PreparedRequest:
            if self.door != SOAP:
                prepared.headers["Authorization"] = f"Bearer {token.access_token}"
            return prepared

        return requests.Request(
            self.method,
            token.instance_url + self.path,
            params=dict(self.params),
            data=self.body(token),
            headers={**_ALWAYS, **self.headers},
            auth=bearer,
        )


def fixed(data: bytes) -> Callable[[Token], bytes]:
    """A body that does not depend on the login."""
    return lambda _: data


def json_request(
    name: str,
    method: str,
    path: str,
    params: Mapping[str, str] | None,
    body: str | None,
    headers: Mapping[str, str] | None,
) -> Request:
    """A REST call; a big body is packed once, however often it is sent."""
    told = dict(headers or {})
    if body is None:
        return Request(name, method, path, told, params or {})
    data = body.encode()
    if len(data) >= _GZIP_FROM:
        data, told["Content-Encoding"] = gzip.compress(data, 5), "gzip"
    return Request(name, method, path, told, params or {}, fixed(data))


def fresh_http() -> requests.Session:
    """Connections of one process. Cookies are not kept."""
    http = requests.Session()
    adapter = HTTPAdapter(pool_maxsize=_CONNECTIONS)
    http.mount("https://", adapter)
    http.mount("http://", adapter)
    http.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return http


def of_network(error: requests.RequestException) -> Exception:
    """Never sent: the destination is out. Sent: the answer is lost."""
    cause = getattr(error.args[0] if error.args else None, "reason", None)
    never_sent = isinstance(error, requests.ConnectTimeout | requests.exceptions.ProxyError)
    if isinstance(error, requests.exceptions.SSLError):
        text = "Salesforce's TLS certificate is not accepted here: check the proxy and REQUESTS_CA_BUNDLE."
        return Unavailable(DESTINATION, text, code="tls", retry_after=300.0)
    if never_sent or isinstance(cause, NewConnectionError):
        text = f"Salesforce cannot be reached ({type(error).__name__}): check the network and the proxy."
        return Unavailable(DESTINATION, text, code="unreachable", retry_after=LATER / 2)
    return ResponseLost(type(error).__name__)


def refusal(answer: requests.Response, name: str) -> RowError | None:
    """What is wrong with an answer, None for a good one."""
    if answer.status_code < HTTPStatus.MULTIPLE_CHOICES:
        return None
    return of_answer(answer.status_code, _parsed(answer), name)


def content(answer: requests.Response, name: str) -> Any:
    """The JSON of a good answer, None if it is empty. Numbers with decimals are Decimals."""
    if not answer.content:
        return None
    try:
        return answer.json(parse_float=Decimal)
    except ValueError:
        text = f"Salesforce's answer to {name} was not JSON; something between answers in its place."
        raise Transient(text, code="not_json", retry_after=LATER) from None


def _parsed(answer: requests.Response) -> object:
    if "xml" in answer.headers.get("Content-Type", ""):
        return fault_of(answer.content) or answer.text
    try:
        return answer.json()
    except ValueError:
        return answer.text
