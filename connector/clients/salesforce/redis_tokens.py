"""One login for every worker, kept in Redis, unreadable to whoever can read Redis.

The key to it is derived from the app's own secret, which is not in Redis. Redis may vanish at any time: then
each process keeps its own login, which costs one login more and loses nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict
from typing import Any, Final

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from redis import Redis
from redis.exceptions import LockError, RedisError

from connector.clients.salesforce.config import SalesforceConfig
from connector.clients.salesforce.tokens import MemoryTokens, Token

_KEPT_SECONDS: Final = 24 * 3600
_LOCK_SECONDS: Final = 90.0
"""Longer than a login may take (two time-outs), so that a live holder never loses it."""


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
            sealed = self._redis.get(f"{self._name}:token")
        except RedisError:
            return self._local.get()
        return self._opened(sealed) if sealed else None

    def put(self, token: Token) -> None:
        self._local.put(token)
        with suppress(RedisError):
            self._redis.set(f"{self._name}:token", self._sealed(token), ex=_KEPT_SECONDS)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Threads first, then processes. Without Redis, or after too long a wait, threads must do: the worst
        that can happen is a second login."""
        with self._local.lock():
            lock = self._redis.lock(f"{self._name}:lock", timeout=_LOCK_SECONDS, blocking_timeout=self._wait)
            held = False
            with suppress(RedisError):
                held = lock.acquire()
            try:
                yield
            finally:
                if held:
                    with suppress(LockError, RedisError):
                        lock.release()

    def lock(self) -> AbstractContextManager[object]:
        return self._locked()

    def _sealed(self, token: Token) -> bytes:
        return self._fernet.encrypt(json.dumps(asdict(token)).encode())

    def _opened(self, sealed: bytes | str) -> Token | None:
        """None for what another secret sealed, as after a rotation."""
        try:
            return Token(**json.loads(self._fernet.decrypt(sealed)))
        except (InvalidToken, ValueError, TypeError):
            return None


def _key(secret: str) -> bytes:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"casewire salesforce token 1")
    return base64.urlsafe_b64encode(derived.derive(secret.encode()))


def _fingerprint(config: SalesforceConfig) -> str:
    """Different logins must not share a token."""
    told = json.dumps([config.origin, config.client_id, config.username])
    return hashlib.sha256(told.encode()).hexdigest()[:16]
