"""A failed call to Recurly → one of our errors: ``clients/errors.py`` with Recurly's own codes.

Decided by HTTP status, then by ``error.type``: a non-JSON error leaves the client with no ``error`` at all,
and an error without ``X-Request-Id`` makes it raise TypeError, so its exception classes cannot be relied on.
"""

from __future__ import annotations

import http.client
import json
from http import HTTPStatus
from typing import Final

from connector.clients.errors import MENDED_BY_HAND, SOON, ErrorFactory, network_cause
from connector.clients.recurly.rate_limit import Headers, retry_after
from connector.errors import CasewireError, Permanent, Transient, Unavailable

_KEY: Final = "RECURLY_API_KEY (for a further site: RECURLY_API_KEY__<SITE>)"


def cut_off(error: BaseException) -> bool:
    """The connection ended without an answer, as an idle one does: a GET is worth sending again."""
    cause = network_cause(error)
    if isinstance(cause, http.client.HTTPException):
        return True
    return isinstance(cause, ConnectionError) and not isinstance(cause, ConnectionRefusedError)


class RecurlyErrors(ErrorFactory):
    """The errors of one site."""

    @classmethod
    def of_site(cls, site: str) -> RecurlyErrors:
        return cls(
            f"recurly:{site}",
            "Recurly",
            _KEY,
            address="RECURLY_API_URL",
            busy_codes=frozenset({"simultaneous_request"}),
            unavailable_seconds=None,
        )

    def of_answer(self, status: int, headers: Headers, error: Exception) -> Exception:
        """An answer of 400 or above other than 429."""
        kind, said = _parsed(error)
        return self.of_status(status, kind, retry_after(headers), said)

    def key_refused(self, code: str, status: int = HTTPStatus.UNAUTHORIZED) -> Unavailable:
        site = self.destination.partition(":")[2]
        if status == HTTPStatus.UNAUTHORIZED or code == "invalid_api_key":
            text = f"Recurly does not accept the API key of site {site}: set {_KEY} to a private key of this site."
        else:
            text = (
                f"The API key of site {site} may not read this: in Recurly, Integrations > API Credentials, give "
                f"it read access and allow this machine's address, or set {_KEY} to another key."
            )
        return self.unavailable(text, code, MENDED_BY_HAND)


def unreadable(error: Exception) -> CasewireError:
    """A good answer that the client could not read."""
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
        return Transient(
            "Recurly's answer was not JSON; something between answers in its place.",
            code="not_json",
            retry_after=SOON,
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
    return Transient("Recurly's answer was not a list.", code="not_a_list", retry_after=SOON)


def _parsed(error: Exception) -> tuple[str, str]:
    """Recurly's own type and message, if its error could be read."""
    detail = getattr(error, "error", None)
    kind = str(getattr(detail, "type", None) or "")
    return kind, str(getattr(detail, "message", None) or "")[:200]
