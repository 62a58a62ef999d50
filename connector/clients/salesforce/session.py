"""Our own transport, with requests, under every call to Salesforce.

Not simple-salesforce's: its re-login drops the request's headers (a case would then be re-assigned at every
token expiry), recurses without end on a lasting 401, logs in once per thread, has no time-outs, logs in while
being constructed, and can only speak https to salesforce.com (its issues 804 and 148, pull requests 728 and
435). What is left of it once that is replaced is address building.

Here: one login shared by all and renewed by one; every header kept when a request is repeated; a lost answer
asked for once more, as everything we send may be sent twice; what the org's limit says kept from every answer.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import mktime_tz, parsedate_tz
from http import HTTPStatus
from typing import Any, Final

import requests
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from connector.clients.salesforce.config import SalesforceConfig
from connector.clients.salesforce.errors import SOON, Verdict
from connector.clients.salesforce.http import (
    DOORS,
    Request,
    ResponseLost,
    content,
    fresh_http,
    json_request,
    of_network,
    refusal,
)
from connector.clients.salesforce.login import Login, check_org
from connector.clients.salesforce.session_validation import Proof, SessionRefused
from connector.clients.salesforce.tokens import Token, TokenStore
from connector.errors import CasewireError, Transient

LOST: Final = "lost"
"""The code of an answer that did not come."""
_CONNECT_SECONDS: Final = 10.0
_LATCH_SECONDS: Final = 5.0
"""So long one refused login counts for every thread of this process."""
_LOST_STATUS: Final = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT})
_USAGE: Final = re.compile(r"(?<![\w-])api-usage=(\d+)/(\d+)")
"""``api-usage=18/5000; per-app-api-usage=17/250(appName=x)``: what one app may use is not what the org has."""


@dataclass(frozen=True, slots=True)
class Call:
    """One answered request, for metrics. ``name`` is of a small set: ``query``, ``upsert Case``."""

    name: str
    status: int
    seconds: float


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
        self._proofs = {door: Proof(clock) for door in DOORS}
        self._latched: tuple[float, CasewireError] | None = None
        self._http_of: tuple[int, requests.Session] | None = None
        self._making = threading.Lock()
        self._counting = threading.Lock()
        self.calls = 0
        self.logins = 0
        self.usage: tuple[int, int] | None = None
        self.usage_at: float | None = None
        self._dated: tuple[str, float] | None = None

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
        outgoing = json_request(name, method, self.path(path), params, body, headers)
        return content(self.ask(outgoing), name)

    def ask(self, outgoing: Request, *, repeat: bool = True) -> requests.Response:
        """A good answer. ``repeat=False``: a lost one is not asked for again, but Transient with the code LOST."""
        proof = self._proofs[outgoing.door]
        proof.ensure_open()
        token = self.token()
        try:
            return self._tried(outgoing, token, proof, repeat)
        except SessionRefused:
            proof.ensure_open()
            token = self._renewed(token)
        try:
            return self._tried(outgoing, token, proof, repeat)
        except SessionRefused as refused:
            raise refused.unavailable() from None

    def path(self, path: str) -> str:
        """From the root; below the API version unless it starts there."""
        return path if path.startswith("/") else f"/services/data/v{self.api_version}/{path}"

    @property
    def api_version(self) -> str:
        """The version of Salesforce's API we speak."""
        return self._config.api_version

    @property
    def skew(self) -> float | None:
        """Seconds that Salesforce's clock was ahead of ours at the last answer, to a second."""
        if self._dated is None:
            return None
        told, ours = self._dated
        moment = parsedate_tz(told)
        return mktime_tz(moment) - ours if moment else None

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

    def _tried(self, outgoing: Request, token: Token, proof: Proof, repeat: bool) -> requests.Response:
        with proof.trial(token):
            answer = self._answered(outgoing, token, repeat)
            problem = refusal(answer, outgoing.name)
            if problem is not None and problem.verdict is Verdict.RELOGIN:
                raise proof.refused(token, problem)
            proof.good(token)
        if problem is not None:
            raise problem.exception()
        return answer

    def _answered(self, outgoing: Request, token: Token, repeat: bool) -> requests.Response:
        """The answer, asked for once more if it was lost."""
        retrying = Retrying(
            stop=stop_after_attempt(2 if repeat else 1),
            wait=lambda _: self._pause(),
            sleep=self._sleep,
            retry=retry_if_exception_type(ResponseLost),
            reraise=True,
        )
        try:
            return retrying(self._sent, outgoing, token)
        except ResponseLost as error:
            times = "twice " if repeat else ""
            text = f"Salesforce's answer was lost {times}({error}); the same request will be sent again."
            raise Transient(text, code=LOST, retry_after=SOON) from error

    def _sent(self, outgoing: Request, token: Token) -> requests.Response:
        http = self._http()
        prepared = http.prepare_request(outgoing.addressed(token))
        settings = http.merge_environment_settings(prepared.url or "", {}, None, None, None)
        timeout = (_CONNECT_SECONDS, self._config.timeout)
        started = time.perf_counter()
        try:
            answer = http.send(prepared, timeout=timeout, allow_redirects=False, **settings)
        except requests.RequestException as error:
            raise of_network(error) from error
        self._noted(Call(outgoing.name, answer.status_code, time.perf_counter() - started), answer)
        if answer.status_code in _LOST_STATUS:
            raise ResponseLost(f"HTTP {answer.status_code}")
        return answer

    def _noted(self, call: Call, answer: requests.Response) -> None:
        usage = _USAGE.search(answer.headers.get("Sforce-Limit-Info", ""))
        dated, now = answer.headers.get("Date"), self._clock()
        with self._counting:
            self.calls += 1
            if usage:
                self.usage, self.usage_at = (int(usage[1]), int(usage[2])), now
            if dated:
                self._dated = dated, now
        if self._on_call:
            self._on_call(call)

    def _http(self) -> requests.Session:
        """This process's connections: a fork must not share sockets with its parent."""
        with self._making:
            if self._http_of is None or self._http_of[0] != os.getpid():
                self._http_of = (os.getpid(), fresh_http())
            return self._http_of[1]
