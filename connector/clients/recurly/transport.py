"""One official client with one connection of our own: what its own transport lacks is added here.

The official client (4.79) is not thread-safe; after a read timeout it fails for ever (CannotSendRequest); an
idle keep-alive connection that was closed fails its next call; it has no base URL; its pager and its errors
lose the rate-limit headers (recurly-client-python issues 378 and 556); one object that it cannot read costs it the
whole page, and the way to the next. So: the connection is a subclass that shows every answer, it is replaced after any
network trouble, a GET is repeated once if cut off, and such a page is read object by object.
"""

from __future__ import annotations

import http.client
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

import recurly

from connector.clients.recurly import errors, results
from connector.clients.recurly.rate_limit import RateBudget, retry_after
from connector.errors import SetupError
from connector.retry import once_more

_HOSTS: Final = {"us": "https://v3.recurly.com", "eu": "https://v3.eu.recurly.com"}
_BROKEN: Final = (recurly.NetworkError, http.client.HTTPException)
_UNREADABLE: Final = (recurly.ApiError, ValueError, TypeError, KeyError, AttributeError)


@dataclass(frozen=True, slots=True)
class LastResponse:
    """The last answer, kept where the client drops it."""

    status: int
    headers: Message
    kept: ReadResponse

    @property
    def is_good(self) -> bool:
        return self.status < http.HTTPStatus.BAD_REQUEST


class ReadResponse(http.client.HTTPResponse):
    """``body``: what was read."""

    body = b""

    def read(self, amt: int | None = None) -> bytes:
        self.body = super().read(amt)
        return self.body


class Connection(http.client.HTTPConnection):
    """A connection that remembers its last answer and whether it ever reached the other side."""

    response_class = ReadResponse
    answer: LastResponse | None = None
    reached = False

    def connect(self) -> None:
        self.reached = False
        super().connect()
        self.reached = True

    def getresponse(self) -> http.client.HTTPResponse:
        response = super().getresponse()
        assert isinstance(response, ReadResponse)
        self.answer = LastResponse(response.status, response.headers, response)
        return response


class SecureConnection(Connection, http.client.HTTPSConnection):
    """The same over TLS."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a site's API is. ``http`` is for a sandbox on this machine."""

    secure: bool
    host: str
    port: int

    @classmethod
    def of(cls, region: str, api_url: str | None) -> Endpoint:
        if api_url is None and region not in _HOSTS:
            raise SetupError(f"RECURLY_REGION is {region!r}; it must be us or eu.")
        parts = urlsplit(api_url or _HOSTS[region])
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
            raise SetupError(
                f"RECURLY_API_URL is {api_url!r}; it must be like https://v3.recurly.com, without a path."
            )
        secure = parts.scheme == "https"
        return cls(secure, parts.hostname, parts.port or (443 if secure else 80))

    def connection(self, timeout: float) -> Connection:
        """Opens nothing yet."""
        kind = SecureConnection if self.secure else Connection
        return kind(self.host, self.port, timeout=timeout)


_READS: Final = frozenset({"GET", "HEAD"})
"""May be sent twice. A HEAD (a count) often follows a long wait for the rate limit, on a connection that is stale."""


@cache
def _resource_class(name: object) -> type[recurly.Resource] | None:
    """The client looks each class up by importing its path, once for every object of every answer: half the time that
    reading an answer takes. It lets the look-up be replaced. (For a count it looks for no name, but a class of its own:
    that is none of these.)"""
    found: type[recurly.Resource] | None = getattr(recurly.resources, str(name), None)
    return found


class Transport(recurly.Client):  # type: ignore[misc]  # the client has no type hints
    """For one thread at a time. Every error leaves as one of ours, a 404 as ``trouble.NotThere``."""

    def __init__(
        self,
        site: str,
        api_key: str,
        connect: Callable[[], Connection],
        budget: RateBudget,
        count: Callable[[], None],
    ) -> None:
        super().__init__(api_key, timeout=1)  # this connection is never opened: ours replaces it
        recurly.Resource.locator = _resource_class
        self._errors: errors.RecurlyErrors = errors.RecurlyErrors.of_site(site)
        self._connect = connect
        self._budget = budget
        self._count = count
        self._connection = self._fresh()

    def close(self) -> None:
        self._connection.close()

    def _make_request(self, method: str, path: str, body: Any, **options: Any) -> Any:
        """The one method through which the client and its pager send."""
        if method in _READS:
            return once_more(_is_cut_off)(self._send, method, path, body, **options)
        return self._send(method, path, body, **options)

    def _send(self, method: str, path: str, body: Any, **options: Any) -> Any:
        try:
            return self._send_once(method, path, body, **options)
        except _BROKEN as error:
            raise self._lost(error) from error

    def _send_once(self, method: str, path: str, body: Any, **options: Any) -> Any:
        self._budget.spend()
        self._count()
        self._connection.answer = None
        try:
            return super()._make_request(method, path, body, **options)
        except _UNREADABLE as error:
            page = self._in_parts()
            if page is None:
                raise self._refused(error) from error
            return page
        finally:
            self._learn()

    def _learn(self) -> None:
        if self._connection.answer is not None:
            self._budget.observe(self._connection.answer.headers)

    def _in_parts(self) -> recurly.Resource | None:
        answer = self._connection.answer
        return results.page(answer.kept.body) if answer is not None and answer.is_good else None

    def _refused(self, error: Exception) -> Exception:
        answer = self._connection.answer
        if answer is None:
            return errors.not_sent(error)
        if answer.status == http.HTTPStatus.TOO_MANY_REQUESTS:
            return self._budget.refused(retry_after(answer.headers))
        if not answer.is_good:
            return self._errors.of_answer(answer.status, answer.headers, error)
        return errors.unreadable(error)

    def _lost(self, error: Exception) -> Exception:
        reached = self._connection.reached
        self._connection.close()
        self._connection = self._fresh()
        return self._errors.of_network(error, reached)

    def _fresh(self) -> Connection:
        connection = self._connect()
        self._BaseClient__conn = connection
        return connection


def _is_cut_off(error: BaseException) -> bool:
    cause = error.__cause__
    return isinstance(cause, _BROKEN) and errors.cut_off(cause)


class TransportPool:
    """As many as threads ask at once. A forked child starts with none: a shared socket mixes answers."""

    def __init__(self, make: Callable[[], Transport]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._idle: list[Transport] = []
        self._pid = os.getpid()

    @contextmanager
    def one(self) -> Iterator[Transport]:
        """A transport for this thread. It reconnects by itself, so it returns to the pool after an error too."""
        wire = self._take() or self._make()
        try:
            yield wire
        finally:
            with self._lock:
                self._idle.append(wire)

    def close(self) -> None:
        """Close the idle ones."""
        with self._lock:
            idle, self._idle = self._idle, []
        for wire in idle:
            wire.close()

    def _take(self) -> Transport | None:
        with self._lock:
            if self._pid != os.getpid():
                self._pid, self._idle = os.getpid(), []
            return self._idle.pop() if self._idle else None
