"""Our own transport, with requests, under every call to Salesforce.

Not simple-salesforce's: its re-login drops the request's headers (a case would then be re-assigned at every
token expiry), recurses without end on a lasting 401, logs in once per thread, has no time-outs, logs in while
being constructed, and can only speak https to salesforce.com (its issues 804 and 148, pull requests 728 and
435). What is left of it once that is replaced is address building.

Here: one login shared by all and renewed by one; every header kept when a request is repeated; a lost answer
asked for once more, as everything we send may be sent twice; what the org's limit says kept from every answer.
"""

from __future__ import annotations

import gzip
import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt
from urllib3.exceptions import NewConnectionError

from connector.clients.salesforce.config import SalesforceConfig
from connector.clients.salesforce.errors import DESTINATION, LATER, SOON, Verdict, of_answer
from connector.clients.salesforce.login import Login, check_org
from connector.clients.salesforce.tokens import Token, TokenStore
from connector.errors import CasewireError, Transient, Unavailable

_CONNECT_SECONDS: Final = 10.0
_LATCH_SECONDS: Final = 5.0
"""So long one refused login counts for every thread of this process."""
_GZIP_FROM: Final = 4096
_CONNECTIONS: Final = 32
_LOST_STATUS: Final = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT})
_USAGE: Final = re.compile(r"\bapi-usage=(\d+)/(\d+)")
_ALWAYS: Final = {
    "Accept": "application/json",
    "Content-Type": "application/json; charset=UTF-8",
    "X-PrettyPrint": "0",
    "Sforce-Call-Options": "client=Casewire",
}


@dataclass(frozen=True, slots=True)
class Call:
    """One answered request, for metrics. ``name`` is of a small set: ``query``, ``upsert Case``."""

    name: str
    status: int
    seconds: float


class Lost(Exception):
    """Sent, but the answer did not come: it may or may not have been done."""


class Session:
    """Safe between threads and after a fork."""

    def __init__(
        self,
        config: SalesforceConfig,
        tokens: TokenStore,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        pause: Callable[[], float],
        on_call: Callable[[Call], None] | None,
    ) -> None:
        self._config = config
        self._tokens = tokens
        self._clock = clock
        self._sleep = sleep
        self._pause = pause
        self._on_call = on_call
        self._login = Login(config, clock)
        self._latched: tuple[float, CasewireError] | None = None
        self._http_of: tuple[int, requests.Session] | None = None
        self._making = threading.Lock()
        self._counting = threading.Lock()
        self.calls = 0
        self.logins = 0
        self.usage: tuple[int, int] | None = None

    def call(
        self,
        name: str,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The parsed JSON of a good answer (None if empty). ``path``: below the API version, or from the root.

        Everything sent through here must be safe to send twice.
        """
        request = _prepared(method, self._path(path), params, body, headers)
        token = self.token()
        answer = self._answered(name, request, token)
        if _refuses_session(answer, name):
            token = self._renewed(token)
            answer = self._answered(name, request, token)
        return self._accepted(answer, name)

    def token(self) -> Token:
        """The shared login, made now if there is none. SetupError if it is for another org than the pinned one."""
        token = self._tokens.get() or self._renewed(None)
        check_org(self._config, token)
        return token

    def close(self) -> None:
        """Close idle connections. The session may be used again."""
        if self._http_of is not None:
            self._http_of[1].close()
            self._http_of = None

    def _renewed(self, refused: Token | None) -> Token:
        """Whoever comes first logs in; those who waited take what they find."""
        with self._tokens.lock():
            newest = self._tokens.get()
            if newest is not None and (refused is None or newest.access_token != refused.access_token):
                check_org(self._config, newest)
                return newest
            token = self._logged_in()
            self._tokens.put(token)
            return token

    def _logged_in(self) -> Token:
        if self._latched is not None and self._clock() - self._latched[0] < _LATCH_SECONDS:
            raise self._latched[1].with_traceback(None)
        self.logins += 1
        try:
            token = self._login.ask(self._http())
            check_org(self._config, token)
        except CasewireError as error:
            self._latched = (self._clock(), error)
            raise
        self._latched = None
        return token

    def _answered(self, name: str, request: requests.Request, token: Token) -> requests.Response:
        """The answer, asked for once more if it was lost."""
        retrying = Retrying(
            stop=stop_after_attempt(2),
            wait=lambda _: self._pause(),
            sleep=self._sleep,
            retry=retry_if_exception_type(Lost),
            reraise=True,
        )
        try:
            return retrying(self._sent, name, request, token)
        except Lost as error:
            text = f"Salesforce's answer was lost twice ({error}); the same request will be sent again."
            raise Transient(text, code="lost", retry_after=SOON) from error

    def _sent(self, name: str, request: requests.Request, token: Token) -> requests.Response:
        http = self._http()
        prepared = http.prepare_request(_addressed(request, token))
        settings = http.merge_environment_settings(prepared.url or "", {}, None, None, None)
        timeout = (_CONNECT_SECONDS, self._config.timeout)
        started = time.perf_counter()
        try:
            answer = http.send(prepared, timeout=timeout, allow_redirects=False, **settings)
        except requests.RequestException as error:
            raise _of_network(error) from error
        self._noted(Call(name, answer.status_code, time.perf_counter() - started), answer)
        if answer.status_code in _LOST_STATUS:
            raise Lost(f"HTTP {answer.status_code}")
        return answer

    def _accepted(self, answer: requests.Response, name: str) -> Any:
        if answer.ok and answer.status_code < HTTPStatus.MULTIPLE_CHOICES:
            return _content(answer, name)
        problem = of_answer(answer.status_code, _parsed(answer), name)
        if problem.verdict is Verdict.RELOGIN:
            raise Unavailable(DESTINATION, problem.text, code=problem.code, retry_after=300.0)
        raise problem.exception()

    def _noted(self, call: Call, answer: requests.Response) -> None:
        usage = _USAGE.search(answer.headers.get("Sforce-Limit-Info", ""))
        with self._counting:
            self.calls += 1
            if usage:
                self.usage = int(usage[1]), int(usage[2])
        if self._on_call:
            self._on_call(call)

    def _path(self, path: str) -> str:
        return path if path.startswith("/") else f"/services/data/v{self._config.api_version}/{path}"

    def _http(self) -> requests.Session:
        """This process's connections: a fork must not share sockets with its parent."""
        with self._making:
            if self._http_of is None or self._http_of[0] != os.getpid():
                self._http_of = (os.getpid(), _fresh_http())
            return self._http_of[1]


def _fresh_http() -> requests.Session:
    http = requests.Session()
    adapter = HTTPAdapter(pool_maxsize=_CONNECTIONS)
    http.mount("https://", adapter)
    http.mount("http://", adapter)
    http.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return http


def _prepared(
    method: str,
    path: str,
    params: Mapping[str, str] | None,
    body: str | None,
    headers: Mapping[str, str] | None,
) -> requests.Request:
    """What is sent, the same each time; only address and login are added when it goes."""
    told = {**_ALWAYS, **(headers or {})}
    data = body.encode() if body is not None else None
    if data is not None and len(data) >= _GZIP_FROM:
        data, told["Content-Encoding"] = gzip.compress(data, 5), "gzip"
    return requests.Request(method, path, params=dict(params or {}), data=data, headers=told)


def _addressed(request: requests.Request, token: Token) -> requests.Request:
    def bearer(prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        """As ``auth``, which a ~/.netrc entry cannot replace as it would a header."""
        prepared.headers["Authorization"] = f"Bearer {token.access_token}"
        return prepared

    return requests.Request(
        request.method,
        token.instance_url + str(request.url),
        params=request.params,
        data=request.data,
        headers=request.headers,
        auth=bearer,
    )


def _of_network(error: requests.RequestException) -> Exception:
    """Never sent: the destination is out. Sent: the answer is lost."""
    cause = getattr(error.args[0] if error.args else None, "reason", None)
    never_sent = isinstance(error, requests.ConnectTimeout | requests.exceptions.ProxyError)
    if isinstance(error, requests.exceptions.SSLError):
        text = "Salesforce's TLS certificate is not accepted here: check the proxy and REQUESTS_CA_BUNDLE."
        return Unavailable(DESTINATION, text, code="tls", retry_after=300.0)
    if never_sent or isinstance(cause, NewConnectionError):
        text = f"Salesforce cannot be reached ({type(error).__name__}): check the network and the proxy."
        return Unavailable(DESTINATION, text, code="unreachable", retry_after=LATER / 2)
    return Lost(type(error).__name__)


def _refuses_session(answer: requests.Response, name: str) -> bool:
    if answer.status_code < HTTPStatus.MULTIPLE_CHOICES:
        return False
    return of_answer(answer.status_code, _parsed(answer), name).verdict is Verdict.RELOGIN


def _content(answer: requests.Response, name: str) -> Any:
    if not answer.content:
        return None
    try:
        return answer.json(parse_float=Decimal)
    except ValueError:
        text = f"Salesforce's answer to {name} was not JSON; something between answers in its place."
        raise Transient(text, code="not_json", retry_after=LATER) from None


def _parsed(answer: requests.Response) -> object:
    try:
        return answer.json()
    except ValueError:
        return answer.text
