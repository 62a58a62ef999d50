"""Maps failures of calls to a processor to our errors, which decide what happens next.

Decided by HTTP status, and by the class of a network error; never by a message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, TypeVar

import requests

from connector.errors import CasewireError, Permanent, Transient, Unavailable

T = TypeVar("T")

_SOON: Final = 10.0
_LIMITED: Final = 30.0
_FIXED_BY_A_PERSON: Final = 300.0
_KEY_REFUSED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_BUSY: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_EARLY})


class NotFound(Exception):
    """The processor has no such object, or not for this key."""


@dataclass(frozen=True, slots=True)
class ErrorFactory:
    """Speaks of one processor. ``title``: its name for people; ``settings``: which of them hold its key."""

    destination: str
    title: str
    settings: str

    def of_status(self, status: int, code: str = "", retry_after: float | None = None) -> Exception:
        """An answer of 400 or above. ``code``: the processor's own word for it, if it gave one."""
        if status == HTTPStatus.NOT_FOUND:
            return NotFound(code)
        if status in _KEY_REFUSED:
            return self.key_refused(code or str(status))
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return self.limited(retry_after)
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            return self._out(f"{self.title} is unavailable (503).", code or "503", retry_after or _LIMITED)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _BUSY:
            text = f"{self.title} answered {status} {code}".strip()
            return Transient(f"{text}.", code=code or str(status), retry_after=retry_after or _SOON)
        return self.refused(f"{status} {code}".strip(), code or str(status))

    def of_network(self, error: BaseException) -> CasewireError:
        """Never connected: the destination is out. Connected and then lost: this call only."""
        if isinstance(error, requests.exceptions.SSLError):
            text = f"{self.title}'s TLS certificate is not accepted. Check the proxy and CA certificates."
            return self._out(text, "tls", _FIXED_BY_A_PERSON)
        if isinstance(error, requests.exceptions.ReadTimeout):
            return Transient(f"{self.title} did not answer in time.", code="timeout", retry_after=_SOON)
        if isinstance(error, requests.exceptions.ConnectTimeout) or _never_reached(error):
            return self._out(f"{self.title} cannot be reached. Check the network.", "unreachable", _LIMITED)
        return Transient(f"The connection to {self.title} broke.", code="network", retry_after=_SOON)

    def key_refused(self, code: str) -> Unavailable:
        text = f"{self.title} does not accept the key, or it may not read this: set {self.settings} to one that may."
        return self._out(text, code, _FIXED_BY_A_PERSON)

    def limited(self, retry_after: float | None) -> Unavailable:
        text = f"{self.title} takes no more calls for now; work goes on when it does."
        return self._out(text, "rate_limited", retry_after or _LIMITED)

    def refused(self, what: str, code: str) -> Permanent:
        return Permanent(f"{self.title} refused the request: {what}.", code=code)

    def must_be_there(self, ask: Callable[[], T]) -> T:
        """For a list: one that is not there is a wrong address, or a cursor that means nothing any more."""
        try:
            return ask()
        except NotFound as error:
            raise self.refused("404", "404") from error

    def unreadable(self) -> Transient:
        """A good answer that is not what it must be: something between may have answered in its place."""
        return Transient(
            f"{self.title}'s answer could not be read.", code="unreadable_answer", retry_after=_SOON
        )

    def _out(self, text: str, code: str, retry_after: float) -> Unavailable:
        return Unavailable(self.destination, text, code=code, retry_after=retry_after)


def _never_reached(error: BaseException) -> bool:
    """requests gives the same class for a refused connection and for one lost half-way; urllib3 distinguishes them."""
    seen = _chain(error)
    return any(type(one).__name__ in {"NewConnectionError", "NameResolutionError"} for one in seen)


def _chain(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        reason = getattr(error.args[0], "reason", None) if error.args else None
        if isinstance(reason, BaseException):
            found.append(reason)
        error = error.__cause__ or error.__context__
    return found
