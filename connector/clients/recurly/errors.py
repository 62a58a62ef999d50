"""Maps failures of calls to Recurly to our errors, which decide what happens next.

Decided by HTTP status, then by ``error.type``: a non-JSON error leaves the client with no ``error`` at all,
and an error without ``X-Request-Id`` makes it raise TypeError, so its exception classes cannot be relied on.
"""

from __future__ import annotations

import http.client
import json
import ssl
from http import HTTPStatus
from typing import Final

from connector.clients.recurly.rate_limit import Headers, retry_after
from connector.errors import CasewireError, Permanent, Transient, Unavailable

_KEY: Final = "RECURLY_API_KEY (for a further site: RECURLY_API_KEY__<SITE>)"
_SOON: Final = 10.0
_FIXED_BY_A_PERSON: Final = 300.0
_BUSY: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT})
_BUSY_TYPES: Final = frozenset({"simultaneous_request"})


class NotFound(Exception):
    """404: Recurly has no such object under this reference."""


def cut_off(error: Exception) -> bool:
    """The connection ended without an answer, as an idle one does: a GET is worth sending again."""
    cause = _cause(error)
    if isinstance(cause, http.client.HTTPException):
        return True
    return isinstance(cause, ConnectionError) and not isinstance(cause, ConnectionRefusedError)


def of_network(site: str, error: Exception, reached: bool) -> CasewireError:
    """Never connected: the destination is out. Connected and then lost: this call only."""
    cause = _cause(error)
    if isinstance(cause, ssl.SSLError):
        text = f"Recurly's TLS certificate is not accepted ({cause}). Check the proxy and CA certificates."
        return Unavailable(_destination(site), text, code="tls", retry_after=_FIXED_BY_A_PERSON)
    if not reached:
        text = f"Recurly cannot be reached ({cause}). Check the network and RECURLY_API_URL."
        return Unavailable(_destination(site), text, code="unreachable")
    if isinstance(cause, TimeoutError):
        return Transient("Recurly did not answer in time.", code="timeout", retry_after=_SOON)
    return Transient(f"The connection to Recurly broke ({cause!r}).", code="network", retry_after=_SOON)


def of_status(site: str, status: int, headers: Headers, error: Exception) -> Exception:
    """An answer of 400 or above other than 429."""
    kind, said = _message(error)
    if status == HTTPStatus.NOT_FOUND:
        return NotFound(said)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return _key_refused(site, status, kind)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        wait = retry_after(headers)
        return Unavailable(_destination(site), "Recurly is unavailable (503).", code=kind, retry_after=wait)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _BUSY or kind in _BUSY_TYPES:
        wait = retry_after(headers) or _SOON
        return Transient(f"Recurly answered {status} {kind}".strip() + ".", code=kind, retry_after=wait)
    return Permanent(f"Recurly refused the request: {status} {kind} {said}".rstrip(), code=kind)


def unreadable(error: Exception) -> CasewireError:
    """A good answer that the client could not read."""
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
        return Transient(
            "Recurly's answer was not JSON; something between answers in its place.",
            code="not_json",
            retry_after=_SOON,
        )
    return Permanent(
        f"The recurly client cannot read this answer ({error}). It knows only the shapes of its version "
        "and times of whole seconds: update the recurly package, then replay.",
        code="unreadable",
    )


def not_sent(error: Exception) -> CasewireError:
    """The client refused its own arguments."""
    return Permanent(f"Recurly cannot be asked for this: {error}", code="bad_reference")


def not_a_list() -> CasewireError:
    """A list endpoint answered with something else."""
    return Transient("Recurly's answer was not a list.", code="not_a_list", retry_after=_SOON)


def _key_refused(site: str, status: int, kind: str) -> Unavailable:
    if status == HTTPStatus.UNAUTHORIZED or kind == "invalid_api_key":
        text = (
            f"Recurly does not accept the API key of site {site}: set {_KEY} to a private key of this site."
        )
    else:
        text = (
            f"The API key of site {site} may not read this: in Recurly, Integrations > API Credentials, give "
            f"it read access and allow this machine's address, or set {_KEY} to another key."
        )
    return Unavailable(_destination(site), text, code=kind or str(status), retry_after=_FIXED_BY_A_PERSON)


def _destination(site: str) -> str:
    return f"recurly:{site}"


def _cause(error: Exception) -> object:
    """The client wraps an OSError as the first argument of its NetworkError."""
    inner = error.args[0] if error.args else error
    return inner if isinstance(inner, OSError) else error


def _message(error: Exception) -> tuple[str, str]:
    """Recurly's own type and message, if its error could be read."""
    detail = getattr(error, "error", None)
    kind = str(getattr(detail, "type", None) or "")
    return kind, str(getattr(detail, "message", None) or "")[:200]
