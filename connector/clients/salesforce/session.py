"""The HTTP session under every call to Salesforce: one login, shared by all workers and renewed by one of them.

simple-salesforce sends its requests through it (``rest.py``). Its own re-login is switched off, because it drops the
request's headers (a case would be re-assigned at every token expiry), retries a lasting 401 without end and logs in
once per thread. It also has no time-outs and builds only https addresses (its issues 804 and 148, pull requests 728
and 435).
"""

from __future__ import annotations

import gzip
import os
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from email.utils import mktime_tz, parsedate_tz
from html import escape
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt
from urllib3.exceptions import NewConnectionError

from connector.clients.salesforce.config import SalesforceConfig
from connector.clients.salesforce.errors import DESTINATION, LATER, SOON, RowError, Verdict, error_in
from connector.clients.salesforce.tokens import Token, TokenStore
from connector.errors import CasewireError, Transient, Unavailable

LOST: Final = "lost"
"""The code of the error for a response that did not arrive."""
JSON: Final = "application/json; charset=UTF-8"
SESSION_ID: Final = "{session id}"
"""In the body of a SOAP request: the place of the access token."""
_CONNECT_SECONDS: Final = 10.0
_CONNECTIONS: Final = 32
_GZIP_FROM: Final = 4096
_LATCH_SECONDS: Final = 5.0
"""How long one refused login counts for every thread of the process."""
_MANUAL_REPAIR: Final = 300.0
"""Pause after a refusal that lasts until an admin changes a permission or setting."""
_LOST_STATUS: Final = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT})
_USAGE: Final = re.compile(r"(?<![\w-])api-usage=(\d+)/(\d+)")
"""``api-usage=18/5000; per-app-api-usage=17/250(appName=x)``: the limit of one app is not the limit of the org."""
_HEADERS: Final = {
    "Accept": "application/json",
    "X-PrettyPrint": "0",
    "Sforce-Call-Options": "client=Casewire",
}


class ResponseLost(Exception):
    """The request was sent and no response arrived: Salesforce may or may not have processed it."""


@dataclass(frozen=True, slots=True)
class Call:
    """One answered request, for metrics. ``name`` is one of a small set: ``query``, ``upsert Case``."""

    name: str
    status: int
    seconds: float


class HttpSession(requests.Session):
    """Time-outs on every request; no redirects, cookies or ~/.netrc; a forked process opens its own connections."""

    def __init__(self, timeout: float) -> None:
        super().__init__()
        self.auth = _no_auth  # without one, requests replaces the Authorization header by a ~/.netrc entry
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._timeout = (_CONNECT_SECONDS, timeout)
        self._process: int | None = None
        self._mounting = threading.Lock()

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """The response, of any status."""
        with self._mounting:
            if self._process != os.getpid():
                adapter = HTTPAdapter(pool_maxsize=_CONNECTIONS)
                self.mount("https://", adapter)
                self.mount("http://", adapter)
                self._process = os.getpid()
        return super().send(request, **{**kwargs, "timeout": self._timeout, "allow_redirects": False})


class SalesforceSession(HttpSession):
    """Sends requests to the instance of the shared token. Safe between threads and after a fork.

    ``request`` ignores scheme and host of the URL. It returns good responses only; every other outcome is one of
    our errors. A refused token is renewed once, then the same prepared request is sent again.
    """

    def __init__(
        self,
        config: SalesforceConfig,
        tokens: TokenStore,
        login: Callable[[], Token],
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        pause: Callable[[], float],
        on_call: Callable[[Call], None] | None,
    ) -> None:
        super().__init__(config.timeout)
        self.headers.update(_HEADERS)
        self._config = config
        self._tokens = tokens
        self._login = login
        self._clock = clock
        self._sleep = sleep
        self._pause = pause
        self._on_call = on_call
        self._latched: tuple[float, CasewireError] | None = None
        self._counting = threading.Lock()
        self._dated: tuple[str, float] | None = None
        self.calls = 0
        self.logins = 0
        self.usage: tuple[int, int] | None = None
        self.usage_at: float | None = None

    def request(
        self,
        method: str | bytes,
        url: str | bytes,
        params: Any = None,
        data: Any = None,
        headers: Any = None,
        *_: Any,
        operation: str = "",
        repeat: bool = True,
        **others: Any,
    ) -> requests.Response:
        """``operation``: name for metrics and errors. ``repeat=False``: a lost response is not requested again, but
        Transient with the code LOST. Everything else must be safe to send twice."""
        if others:
            raise TypeError(f"not supported: {', '.join(others)}")
        prepared = self._prepare(str(method), str(url), params, data, dict(headers or {}))
        operation = operation or _operation(prepared.path_url)
        token = self.token()
        response, error = self._attempt(prepared, token, operation, repeat)
        if error is not None and error.verdict is Verdict.RELOGIN:
            response, error = self._attempt(prepared, self._renew(token), operation, repeat)
        if error is None:
            return response
        if error.verdict is Verdict.RELOGIN:
            # a new login does not help: no thread tries another one for a while
            refused = replace(error, retry_after=_MANUAL_REPAIR).exception()
            self._latched = (self._clock(), refused)
            raise refused
        raise error.exception()

    @property
    def skew(self) -> float | None:
        """Seconds that Salesforce's clock was ahead of ours at the last response, to a second."""
        if self._dated is None:
            return None
        text, ours = self._dated
        moment = parsedate_tz(text)
        return mktime_tz(moment) - ours if moment else None

    def token(self) -> Token:
        """The shared token, requested now if there is none. SetupError if it is for another org than the pinned one."""
        token = self._tokens.get() or self._renew(None)
        self._config.check_org(token.org_id)
        return token

    def _renew(self, refused: Token | None) -> Token:
        """One worker logs in. The others wait, then use its token."""
        with self._tokens.lock():
            newest = self._tokens.get()
            if newest is None or (refused is not None and newest.access_token == refused.access_token):
                newest = self._log_in()
                self._tokens.put(newest)
            self._config.check_org(newest.org_id)
            return newest

    def _log_in(self) -> Token:
        if self._latched is not None and self._clock() - self._latched[0] < _LATCH_SECONDS:
            raise self._latched[1].with_traceback(None)
        self.logins += 1
        try:
            token = self._login()
            self._config.check_org(token.org_id)
        except CasewireError as error:
            self._latched = (self._clock(), error)
            raise
        self._latched = None
        return token

    def _prepare(
        self, method: str, url: str, params: Any, data: Any, headers: dict[str, str]
    ) -> requests.PreparedRequest:
        headers["X-PrettyPrint"] = "0"  # simple-salesforce asks for 1 when it describes an object
        is_json = headers.get("Content-Type", "").startswith("application/json")
        if is_json and isinstance(data, bytes) and len(data) >= _GZIP_FROM:
            data, headers["Content-Encoding"] = gzip.compress(data, 5), "gzip"
        return self.prepare_request(requests.Request(method, url, headers, params=params, data=data))

    def _attempt(
        self, prepared: requests.PreparedRequest, token: Token, operation: str, repeat: bool
    ) -> tuple[requests.Response, RowError | None]:
        """The response and its error. A lost response is requested once more."""
        retrying = Retrying(
            stop=stop_after_attempt(2 if repeat else 1),
            wait=lambda _: self._pause(),
            sleep=self._sleep,
            retry=retry_if_exception_type(ResponseLost),
            reraise=True,
        )
        try:
            response = retrying(self._exchange, prepared, token, operation)
        except ResponseLost as error:
            times = "twice " if repeat else ""
            text = f"Salesforce's answer was lost {times}({error}); the same request will be sent again."
            raise Transient(text, code=LOST, retry_after=SOON) from error
        return response, error_in(response, operation)

    def _exchange(
        self, prepared: requests.PreparedRequest, token: Token, operation: str
    ) -> requests.Response:
        request = _addressed(prepared, token)
        settings = self.merge_environment_settings(request.url or "", {}, None, None, None)
        started = time.perf_counter()
        try:
            response = self.send(request, **settings)
        except requests.RequestException as error:
            raise _network_error(error) from error
        self._record(Call(operation, response.status_code, time.perf_counter() - started), response)
        if response.status_code in _LOST_STATUS:
            raise ResponseLost(f"HTTP {response.status_code}")
        return response

    def _record(self, call: Call, response: requests.Response) -> None:
        usage = _USAGE.search(response.headers.get("Sforce-Limit-Info", ""))
        dated, now = response.headers.get("Date"), self._clock()
        with self._counting:
            self.calls += 1
            if usage:
                self.usage, self.usage_at = (int(usage[1]), int(usage[2])), now
            if dated:
                self._dated = dated, now
        if self._on_call:
            self._on_call(call)


def _addressed(prepared: requests.PreparedRequest, token: Token) -> requests.PreparedRequest:
    """The request for one token: its instance, its access token. REST has it in a header, SOAP in the envelope."""
    request = prepared.copy()
    request.url = token.instance_url + prepared.path_url
    if prepared.path_url.startswith("/services/Soap/") and isinstance(request.body, bytes):
        session_id = escape(token.access_token, quote=False).encode()
        request.body = request.body.replace(SESSION_ID.encode(), session_id, 1)
        request.prepare_content_length(request.body)
    else:
        request.headers["Authorization"] = f"Bearer {token.access_token}"
    return request


def _operation(path: str) -> str:
    """``describe Case`` or ``userinfo``: where simple-salesforce has no argument for the name."""
    *_, parent, last = path.partition("?")[0].rstrip("/").split("/")
    return f"{last} {parent}" if last == "describe" else last


def _network_error(error: requests.RequestException) -> Exception:
    """Not sent: Salesforce is unavailable. Sent: the response is lost."""
    cause = getattr(error.args[0] if error.args else None, "reason", None)
    never_sent = isinstance(error, requests.ConnectTimeout | requests.exceptions.ProxyError)
    if isinstance(error, requests.exceptions.SSLError):
        text = "Salesforce's TLS certificate is not accepted here: check the proxy and REQUESTS_CA_BUNDLE."
        return Unavailable(DESTINATION, text, code="tls", retry_after=300.0)
    if never_sent or isinstance(cause, NewConnectionError):
        text = f"Salesforce cannot be reached ({type(error).__name__}): check the network and the proxy."
        return Unavailable(DESTINATION, text, code="unreachable", retry_after=LATER / 2)
    return ResponseLost(type(error).__name__)


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
