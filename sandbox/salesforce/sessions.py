"""Access tokens: opaque, shared by all who hold them, good for a while or until revoked."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from datetime import datetime, timedelta


class Sessions:
    def __init__(self, clock: Callable[[], datetime], seconds: float) -> None:
        self._clock = clock
        self._life = timedelta(seconds=seconds)
        self._lock = threading.Lock()
        self._tokens: dict[str, tuple[str, datetime]] = {}

    def issue(self, org_id: str, user_id: str) -> str:
        token = f"{org_id[:15]}!{secrets.token_urlsafe(48)}"
        with self._lock:
            self._tokens[token] = (user_id, self._clock() + self._life)
        return token

    def user(self, token: str) -> str | None:
        """Whose token it is; None for one that is unknown, expired or revoked."""
        with self._lock:
            user, until = self._tokens.get(token, (None, None))
        return user if until is not None and self._clock() < until else None

    def revoke_all(self) -> None:
        with self._lock:
            self._tokens.clear()
