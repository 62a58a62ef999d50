"""Where a login is kept, so that it is shared: Salesforce allows 3,600 logins an hour and one is enough.

``TokenStore.lock`` is held by whoever logs in; the others wait and then find the new token.
"""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Token:
    """A login: whom to call (``instance_url``) and in which org we are. Its expiry is not told."""

    access_token: str = field(repr=False)
    instance_url: str
    org_id: str


class TokenStore(Protocol):
    """Every implementation passes the same suite (tests/clients/test_salesforce_tokens.py)."""

    def get(self) -> Token | None:
        """The newest token anybody put, if there is one."""

    def put(self, token: Token) -> None:
        """Replace it."""

    def lock(self) -> AbstractContextManager[object]:
        """One holder at a time."""


class MemoryTokens:
    """For one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._token: Token | None = None

    def get(self) -> Token | None:
        return self._token

    def put(self, token: Token) -> None:
        self._token = token

    def lock(self) -> AbstractContextManager[object]:
        return self._lock
