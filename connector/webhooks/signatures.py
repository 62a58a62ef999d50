"""Compares secrets in constant time; an empty secret never matches."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable, Sequence

from connector.errors import Rejected

MISSING_AUTH = "missing_auth"
BAD_AUTH = "bad_auth"
CHALLENGES = frozenset({MISSING_AUTH, BAD_AUTH})
"""Reasons of refusals that request HTTP Basic authentication."""


def usable(secrets: Iterable[str]) -> tuple[bytes, ...]:
    """The secrets that are not blank, as bytes. An empty secret is a closed door, never an open one."""
    return tuple(secret.strip().encode() for secret in secrets if secret.strip())


def hex_digest(secret: bytes, message: bytes, digest: str = "sha256") -> bytes:
    """The HMAC of a message in lower-case hex."""
    return hmac.digest(secret, message, digest).hex().encode()


def any_match(expected: Iterable[bytes], given: Sequence[bytes]) -> bool:
    """Whether a given value equals an expected one. Compares all, so that the time does not reveal which."""
    found = False
    for wanted in expected:
        for value in given:
            found |= hmac.compare_digest(wanted, value)
    return found


def require_basic_auth(header: str | None, pairs: Sequence[bytes]) -> None:
    """Refuse (401) unless ``Authorization`` has one of the ``user:password`` pairs."""
    if not header:
        raise Rejected(401, MISSING_AUTH, "Send the user and password of this endpoint by HTTP Basic auth.")
    if not any_match(pairs, (_credentials(header),)):
        raise Rejected(401, BAD_AUTH, "The user or password of HTTP Basic auth is not one configured here.")


def _credentials(header: str) -> bytes:
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError):  # ValueError: characters that are not ASCII
        return b""
