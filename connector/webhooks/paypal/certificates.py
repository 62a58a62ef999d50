"""PayPal's signing certificates: fetched in the background, from PayPal's own hosts and nowhere else.

The address comes with the delivery, so it is the sender's choice until the signature is right. It must therefore be
one of PayPal's certificate addresses, letter by letter; no redirect is followed, and at most the length of a
certificate is read. Trust comes from TLS to the pinned host; the certificate must also be valid now and be issued to
PayPal.
"""

from __future__ import annotations

import re
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import requests
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509.oid import NameOID

from connector.errors import Rejected, Unavailable

log = structlog.get_logger(__name__)

HOSTS: Final = (
    "api.paypal.com",
    "api-m.paypal.com",
    "api.sandbox.paypal.com",
    "api-m.sandbox.paypal.com",
)
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost"})

SECONDS: Final = 3.0
MOST_BYTES: Final = 64 * 1024
REFRESHED_AFTER: Final = timedelta(hours=12)
REFUSED_FOR: Final = timedelta(minutes=5)
RETRY_AFTER: Final = 5
MINUTE: Final = timedelta(minutes=1)
FETCHES_PER_MINUTE: Final = 10
"""From each host."""
MOST_KEPT: Final = 64
MOST_REFUSED: Final = 256

_ADDRESS: Final = re.compile(
    r"(https?)://(([a-z0-9.-]{1,100})(?::[0-9]{1,5})?)/v1/notifications/certs/CERT-[A-Za-z0-9-]{1,100}"
)
_DO: Final = "PayPal's own are used unless PAYPAL_CERT_HOSTS names others."

Fetch = Callable[[str], bytes]
"""Fetches an address. Unavailable if it cannot be fetched now, Rejected if it never can."""


def host_of(address: str, allowed: Sequence[str]) -> str:
    """The host of a certificate's address. Refuses (401) every address but a certificate's on an allowed host.

    ``allowed``: ``host`` or ``host:port``. Plain http is for a sandbox on this machine only.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise Rejected(401, "bad_cert_url", f"PAYPAL-CERT-URL is not the address of a certificate. {_DO}")
    scheme, place, host = match.groups()
    if place not in allowed or (scheme == "http" and host not in LOOPBACK):
        raise Rejected(401, "bad_cert_url", f"PAYPAL-CERT-URL points to a host that is not allowed. {_DO}")
    return host


@dataclass(frozen=True, slots=True)
class Certificate:
    """A public key with its period of validity."""

    key: RSAPublicKey
    begins: datetime
    ends: datetime


def in_thread(run: Callable[[], None]) -> None:
    threading.Thread(target=run, name="paypal-certificates", daemon=True).start()


@dataclass(slots=True)
class Certificates:
    """Cache of certificates by address. No delivery waits for a fetch: a background thread fetches one at a time.

    A certificate that was fetched is used until it expires, and is fetched again from time to time. An invented
    address uses one of the few fetches that each host gets in a minute. It is then cached separately, so that it evicts
    no certificate. ``start`` runs the background thread.
    """

    allowed: Sequence[str]
    fetch: Fetch
    start: Callable[[Callable[[], None]], None] = in_thread
    _kept: OrderedDict[str, tuple[Certificate, datetime]] = field(default_factory=OrderedDict)
    _refused: OrderedDict[str, datetime] = field(default_factory=OrderedDict)
    _pending: OrderedDict[str, tuple[str, datetime]] = field(default_factory=OrderedDict)
    _fetches: dict[str, deque[datetime]] = field(default_factory=dict)
    _running: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def key(self, address: str, now: datetime) -> RSAPublicKey:
        """The key of the certificate at an address. Rejected, or Unavailable while it is not fetched."""
        host = host_of(address, self.allowed)
        found = self._cached(address, now)
        if found is None or now - found[1] >= REFRESHED_AFTER:
            self._request(address, host, now)
            found = self._cached(address, now)
        if found is None:
            raise Unavailable("paypal", "PayPal's certificate is not fetched yet.", retry_after=RETRY_AFTER)
        certificate = found[0]
        if not certificate.begins <= now <= certificate.ends:
            raise Rejected(
                401, "expired_cert", "PayPal's certificate is not valid now. Check this machine's clock."
            )
        return certificate.key

    def _cached(self, address: str, now: datetime) -> tuple[Certificate, datetime] | None:
        with self._lock:
            if (kept := self._kept.get(address)) is not None:
                self._kept.move_to_end(address)
                return kept
            refused = self._refused.get(address)
        if refused is not None and now - refused < REFUSED_FOR:
            raise _no_certificate("It was refused a moment ago.")
        return None

    def _request(self, address: str, host: str, now: datetime) -> None:
        """Queue a fetch, unless the host has reached its limit."""
        with self._lock:
            if address in self._pending:
                return
            times = self._fetches.setdefault(host, deque(maxlen=FETCHES_PER_MINUTE))
            if len(times) == FETCHES_PER_MINUTE and timedelta() <= now - times[0] < MINUTE:
                return
            times.append(now)
            self._pending[address] = (host, now)
            start, self._running = not self._running, True
        if start:
            try:
                self.start(self._run)
            except RuntimeError:  # no thread can be started: the next delivery tries again
                with self._lock:
                    self._running = False
                    self._pending.clear()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._pending:
                    self._running = False
                    return
                address, (host, asked_at) = next(iter(self._pending.items()))
            outcome = "fetched"
            try:
                found = read(self.fetch(address), ours=host in LOOPBACK)
                with self._lock:
                    _remember(self._kept, address, (found, asked_at), MOST_KEPT)
            except Rejected:
                outcome = "refused"
                with self._lock:
                    self._kept.pop(address, None)
                    _remember(self._refused, address, asked_at, MOST_REFUSED)
            except Exception as error:  # noqa: BLE001 - the thread must go on; the next delivery asks again
                outcome = type(error).__name__
            finally:
                with self._lock:
                    self._pending.pop(address, None)
            log.info("paypal_certificate", host=host, outcome=outcome)


def _remember(memory: OrderedDict[str, Any], address: str, value: object, most: int) -> None:
    memory[address] = value
    memory.move_to_end(address)
    while len(memory) > most:
        memory.popitem(last=False)


# The certificate -------------------------------------------------------------------------------------------


def read(pem: bytes, *, ours: bool = False) -> Certificate:
    """The first certificate of a chain in PEM. ``ours``: it is from a sandbox, so any name is valid."""
    try:
        leaf = x509.load_pem_x509_certificates(pem)[0]
        key, names = leaf.public_key(), _names(leaf)
    except Exception as error:  # noqa: BLE001 - what is behind the address may be anything
        raise _no_certificate(f"What is there cannot be read ({type(error).__name__}).") from None
    if not isinstance(key, RSAPublicKey):
        raise _no_certificate("Its key is not RSA.")
    if not ours and not any(name == "paypal.com" or name.endswith(".paypal.com") for name in names):
        raise _no_certificate("It is not issued to PayPal.")
    return Certificate(key, leaf.not_valid_before_utc, leaf.not_valid_after_utc)


def _names(leaf: x509.Certificate) -> list[str]:
    common = [str(one.value) for one in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    try:
        also = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return [name.lower() for name in common]
    return [name.lower() for name in (*common, *also.get_values_for_type(x509.DNSName))]


def _no_certificate(why: str) -> Rejected:
    return Rejected(401, "bad_cert", f"There is no certificate of PayPal at PAYPAL-CERT-URL. {why}")


# Fetching --------------------------------------------------------------------------------------------------


def over_http(address: str) -> bytes:
    """The complete body of a 200 response, within the time limit; redirects are not followed."""
    try:
        with requests.get(address, timeout=SECONDS, allow_redirects=False, stream=True) as answer:
            if answer.status_code >= 500 or answer.status_code in (408, 429):
                raise _out(f"it answered {answer.status_code}")
            if answer.status_code != 200:
                raise _no_certificate(f"Its host answered {answer.status_code}.")
            return _body(answer)
    except requests.RequestException as error:
        raise _out(type(error).__name__) from None


def _body(answer: requests.Response) -> bytes:
    """Read with a total time limit: the time-out of the library applies to each chunk only."""
    until = time.monotonic() + SECONDS
    body = b""
    for piece in answer.iter_content(8192):
        body += piece
        if len(body) > MOST_BYTES:
            raise _no_certificate("What is there is too long for one.")
        if time.monotonic() > until:
            raise _out("it is too slow")
    return body


def _out(why: str) -> Unavailable:
    return Unavailable("paypal", f"PayPal's certificate host cannot be asked now: {why}.")
