"""A failed call to a vendor → one of our errors, which say what happens next. The same for every vendor.

Decided by HTTP status and the vendor's code, and by the class of a network error; never by a message.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Final, TypeVar

import requests

from connector.errors import CasewireError, Permanent, Transient, Unavailable
from connector.sources.info import SourceInfo

T = TypeVar("T")

SOON: Final = 10.0
LIMITED: Final = 30.0
MENDED_BY_HAND: Final = 300.0
"""Seconds until the next try: of one failed call; of a destination that is out; of one that a person must repair."""
_KEY_REFUSED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_BUSY: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_EARLY})
_NEVER_CONNECTED: Final = frozenset({"NewConnectionError", "NameResolutionError"})


class NotFound(Exception):
    """404: the vendor has no such object, or not for this key."""


class NetworkProblem(StrEnum):
    """What a network error means: only a connection that was established may have delivered the request."""

    TLS = "tls"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    BROKEN = "network"


def network_problem(error: BaseException, reached: bool | None = None) -> NetworkProblem:
    """Classify an error of requests, urllib3, http.client or a socket.

    ``reached``: whether the connection was established, where the transport knows; else the classes of the error and of
    its causes show it: requests has one class for a refused connection and for one that broke.
    """
    cause = network_cause(error)
    if isinstance(error, requests.exceptions.SSLError) or isinstance(cause, ssl.SSLError):
        return NetworkProblem.TLS
    if reached is None:
        never = any(type(one).__name__ in _NEVER_CONNECTED for one in _chain(error))
        reached = not (never or isinstance(error, requests.exceptions.ConnectTimeout))
    if not reached:
        return NetworkProblem.UNREACHABLE
    if isinstance(error, requests.exceptions.ReadTimeout) or isinstance(cause, TimeoutError):
        return NetworkProblem.TIMEOUT
    return NetworkProblem.BROKEN


def network_cause(error: BaseException) -> BaseException:
    """The OSError that an SDK wraps as the first argument of its own error; else the error."""
    inner = error.args[0] if error.args else error
    return inner if isinstance(inner, OSError) else error


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        yield error
        reason = getattr(error.args[0], "reason", None) if error.args else None
        if isinstance(reason, BaseException):
            yield reason
        error = error.__cause__ or error.__context__


@dataclass(frozen=True, slots=True)
class ErrorFactory:
    """Makes the errors of one vendor. ``title``: its name for people; ``settings``: which of them hold its key.

    ``address``: the setting with its address, for advice. ``busy_codes``: its codes for a request that works later.
    ``unavailable_seconds``: how long it is left alone when it is out and names no time; None: the circuit decides.
    """

    destination: str
    title: str
    settings: str
    address: str = ""
    busy_codes: frozenset[str] = frozenset()
    unavailable_seconds: float | None = LIMITED

    @classmethod
    def of(cls, info: SourceInfo) -> ErrorFactory:
        """For a source that has an API."""
        assert info.api is not None
        return cls(info.name, info.title, info.api.keys)

    def of_status(
        self, status: int, code: str = "", retry_after: float | None = None, detail: str = ""
    ) -> Exception:
        """An answer of 400 or above. ``code``: the vendor's own code, if it gave one; ``detail``: its own text."""
        if status == HTTPStatus.NOT_FOUND:
            return NotFound(detail or code)
        if status in _KEY_REFUSED:
            return self.key_refused(code or str(status), status)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return self.limited(retry_after)
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            wait = retry_after or self.unavailable_seconds
            return self.unavailable(f"{self.title} is unavailable (503).", code or "503", wait)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _BUSY or code in self.busy_codes:
            text = f"{self.title} answered {status} {code}".strip()
            return Transient(f"{text}.", code=code or str(status), retry_after=retry_after or SOON)
        return self.refused(" ".join(filter(None, (str(status), code, detail))), code or str(status))

    def of_network(self, error: BaseException, reached: bool | None = None) -> CasewireError:
        """Never connected: the destination is out. Connected and then lost: this call only."""
        problem, cause = network_problem(error, reached), type(network_cause(error)).__name__
        match problem:
            case NetworkProblem.TLS:
                text = f"{self.title}'s TLS certificate is not accepted. Check the proxy and CA certificates."
                return self.unavailable(text, problem, MENDED_BY_HAND)
            case NetworkProblem.UNREACHABLE:
                check = f"the network and {self.address}" if self.address else "the network"
                text = f"{self.title} cannot be reached ({cause}). Check {check}."
                return self.unavailable(text, problem, self.unavailable_seconds)
            case NetworkProblem.TIMEOUT:
                return Transient(f"{self.title} did not answer in time.", code=problem, retry_after=SOON)
            case _:
                text = f"The connection to {self.title} broke ({cause})."
                return Transient(text, code=problem, retry_after=SOON)

    def key_refused(self, code: str, status: int = HTTPStatus.UNAUTHORIZED) -> Unavailable:
        """``status`` is for vendors whose 403 means something else than their 401."""
        text = f"{self.title} does not accept the key, or it may not read this: set {self.settings} to one that may."
        return self.unavailable(text, code, MENDED_BY_HAND)

    def limited(self, retry_after: float | None) -> Unavailable:
        text = f"{self.title} accepts no more calls at present; work continues when it does."
        return self.unavailable(text, "rate_limited", retry_after or LIMITED)

    def unavailable(self, text: str, code: str, retry_after: float | None) -> Unavailable:
        return Unavailable(self.destination, text, code=code, retry_after=retry_after)

    def refused(self, what: str, code: str) -> Permanent:
        return Permanent(f"{self.title} refused the request: {what.rstrip('. ')}.", code=code)

    def must_be_there(self, ask: Callable[[], T]) -> T:
        """For a list: one that is not there is a wrong address, or a cursor that means nothing any more."""
        try:
            return ask()
        except NotFound as error:
            raise self.refused("404", "404") from error

    def unreadable(self) -> Transient:
        """A good answer that is not what it must be: something between may have answered in its place."""
        return Transient(
            f"{self.title}'s answer could not be read.", code="unreadable_answer", retry_after=SOON
        )
