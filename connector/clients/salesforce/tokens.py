"""Where the access token is kept, so that all workers share one: Salesforce allows 3,600 logins an hour.

The worker that logs in has ``TokenStore.lock``; the others wait and then find the new token. In Redis the token is
encrypted with a key derived from the app's own secret, which is not in Redis. If Redis is lost, each process keeps a
token of its own: that costs one login more.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Protocol

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from redis import Redis
from redis.exceptions import LockError, RedisError

from connector.clients.salesforce.config import SalesforceConfig

_KEPT_SECONDS: Final = 24 * 3600
_LOCK_SECONDS: Final = 90.0
"""Longer than a login may take (two time-outs), so that a live worker never loses the lock."""


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, the address of its instance and its org. Salesforce does not report when it expires."""

    access_token: str = field(repr=False)
    instance_url: str
    org_id: str


class TokenStore(Protocol):
    """Every implementation passes the same suite (tests/clients/salesforce/test_tokens.py)."""

    def get(self) -> Token | None:
        """The newest token, if there is one."""

    def put(self, token: Token) -> None:
        """Replace it."""

    def lock(self) -> AbstractContextManager[object]:
        """Held by one worker at a time."""


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


class RedisTokens:
    """A TokenStore for any number of processes. Give it a client with socket time-outs."""

    def __init__(self, redis: Redis, config: SalesforceConfig, *, wait: float = _LOCK_SECONDS) -> None:
        self._redis: Any = redis
        self._fernet = Fernet(_key(config.secret))
        self._name = f"casewire:salesforce:{_fingerprint(config)}"
        self._wait = wait
        self._local = MemoryTokens()

    def get(self) -> Token | None:
        try:
            encrypted = self._redis.get(f"{self._name}:token")
        except RedisError:
            return self._local.get()
        return self._decrypt(encrypted) if encrypted else None

    def put(self, token: Token) -> None:
        self._local.put(token)
        with suppress(RedisError):
            self._redis.set(f"{self._name}:token", self._encrypt(token), ex=_KEPT_SECONDS)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Threads first, then processes. Without Redis, or after too long a wait, only the threads of this process
        exclude each other; the cost is a second login."""
        with self._local.lock():
            lock = self._redis.lock(f"{self._name}:lock", timeout=_LOCK_SECONDS, blocking_timeout=self._wait)
            acquired = False
            with suppress(RedisError):
                acquired = lock.acquire()
            try:
                yield
            finally:
                if acquired:
                    with suppress(LockError, RedisError):
                        lock.release()

    def lock(self) -> AbstractContextManager[object]:
        return self._locked()

    def _encrypt(self, token: Token) -> bytes:
        return self._fernet.encrypt(json.dumps(asdict(token)).encode())

    def _decrypt(self, encrypted: bytes | str) -> Token | None:
        """None for a token that was encrypted with another secret, as after a rotation."""
        try:
            return Token(**json.loads(self._fernet.decrypt(encrypted)))
        except (InvalidToken, ValueError, TypeError):
            return None


def _key(secret: str) -> bytes:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"casewire salesforce token 1")
    return base64.urlsafe_b64encode(derived.derive(secret.encode()))


def _fingerprint(config: SalesforceConfig) -> str:
    """Different logins must not share a token."""
    login = json.dumps([config.origin, config.client_id, config.username])
    return hashlib.sha256(login.encode()).hexdigest()[:16]
