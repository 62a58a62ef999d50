"""What requests have shown of the newest logins."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from connector.clients.salesforce.errors import DESTINATION, RowError
from connector.clients.salesforce.tokens import Token
from connector.errors import Unavailable

_TRIAL_SECONDS: Final = 10.0
"""So long the others wait for the first request with a new login; then they go too."""
_SHUT_SECONDS: Final = 30.0
_MENDED_BY_HAND: Final = 300.0
_AT_MOST: Final = 2


class SessionRefused(Exception):
    """Salesforce does not take this login (any more)."""

    def __init__(self, problem: RowError) -> None:
        super().__init__(problem.code)
        self.problem = problem

    def unavailable(self) -> Unavailable:
        """For when a fresh login is refused as well."""
        text, code = self.problem.text, self.problem.code
        return Unavailable(DESTINATION, text, code=code, retry_after=_MENDED_BY_HAND)


class Proof:
    """A new login is tried by one request while the others wait, and what is refused is not tried again.

    So a refusal that lasts costs two requests and one login, however many threads there are; after it the door
    is shut for half a minute. Not every refusal can be cured by a login: "This session is not valid for use with
    the REST API" comes for ever.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._trying = threading.Lock()
        self._state = threading.Lock()
        self._good = ""
        self._refused: deque[tuple[str, RowError]] = deque(maxlen=8)
        self._in_a_row = 0
        self._shut: tuple[float, RowError] | None = None

    def ensure_open(self) -> None:
        """Unavailable while it is known that no login helps."""
        shut = self._shut
        if shut is not None and self._clock() < shut[0]:
            raise SessionRefused(shut[1]).unavailable()

    @contextmanager
    def trial(self, token: Token) -> Iterator[None]:
        """Around a request. SessionRefused, before it is sent, if this login is known to be refused."""
        alone = not self._is_good(token) and self._trying.acquire(timeout=_TRIAL_SECONDS)
        if alone and self._is_good(token):
            self._trying.release()
            alone = False
        try:
            self._ensure_not_refused(token)
            yield
        finally:
            if alone:
                self._trying.release()

    def good(self, token: Token) -> None:
        """Salesforce has answered a request with this login."""
        with self._state:
            self._good, self._in_a_row, self._shut = token.access_token, 0, None

    def refused(self, token: Token, problem: RowError) -> SessionRefused:
        """It has refused one; each login counts once."""
        with self._state:
            if not self._problem_of(token):
                self._refused.append((token.access_token, problem))
                self._in_a_row += 1
            if self._in_a_row >= _AT_MOST:
                self._shut = self._clock() + _SHUT_SECONDS, problem
        return SessionRefused(problem)

    def _is_good(self, token: Token) -> bool:
        return token.access_token == self._good

    def _ensure_not_refused(self, token: Token) -> None:
        with self._state:
            problem = self._problem_of(token)
        if problem is not None:
            raise SessionRefused(problem)

    def _problem_of(self, token: Token) -> RowError | None:
        return next((problem for held, problem in self._refused if held == token.access_token), None)
