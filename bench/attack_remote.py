"""``python -m bench.attack_remote``: what a stranger who can reach the port achieves against ``casewire web``.

It starts the receiver with embedded engines, attacks it in several ways, and meanwhile posts signed deliveries and
asks ``/healthz``. It prints how long those took and how many failed. Exit code 1 if one was not answered with 200
within five seconds (then Recurly gives up), or if memory grew beyond what the front may buffer.
"""

from __future__ import annotations

import http.client
import json
import multiprocessing
import secrets
import signal
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench import slow
from bench.deliveries import payload
from bench.receive import casewire_web
from connector.cli.local_stack import SITE
from connector.cli.serve import engines, environment
from connector.front import Limits
from sandbox.recurly.notifications import sign

PATIENCE_SECONDS: Final = 5.0
ATTACK_SECONDS: Final = 15.0
PROCESSES: Final = 2
MOST_MEBIBYTES: Final = PROCESSES * 2 * Limits().buffered_bytes / 2**20
"""What is buffered is copied once."""


@dataclass(slots=True)
class Victim:
    """What signed deliveries and probes took while something went on."""

    port: int
    secret: str
    seconds: dict[str, list[float]] = field(default_factory=lambda: {"deliveries": [], "healthz": []})
    failures: list[str] = field(default_factory=list)

    def probe(self, name: str, until: float) -> None:
        """Deliveries, and calls of ``/healthz``, one after another."""
        number = 0
        while time.monotonic() < until:
            number += 1
            self._ask("deliveries", "POST", "/webhooks/recurly", *self._delivery(name, number))
            self._ask("healthz", "GET", "/healthz", b"", {})

    def _delivery(self, name: str, number: int) -> tuple[bytes, dict[str, str]]:
        body = payload("account", "updated", name, number)
        return body, {
            "recurly-notification-id": f"{name}-{number}",
            "recurly-signature": sign(body, (self.secret,), int(time.time() * 1000)),
        }

    def _ask(self, what: str, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        started = time.monotonic()
        status: object
        try:
            status = _answer(self.port, method, path, body, headers)
        except OSError as error:
            status = type(error).__name__
        except http.client.HTTPException as error:
            status = type(error).__name__
        self.seconds[what].append(time.monotonic() - started)
        if status != 200:
            self.failures.append(f"{what}: {status}")

    def told(self) -> str:
        """In words."""
        parts = []
        for what, seconds in self.seconds.items():
            ordered = sorted(seconds)
            p99, worst = ordered[int(len(ordered) * 0.99)], ordered[-1]
            parts.append(f"{len(ordered)} {what}: p99 {p99 * 1000:.0f} ms, worst {worst * 1000:.0f} ms")
        return ", ".join([*parts, f"{len(self.failures)} failed"])


def _answer(port: int, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


# Attacks ---------------------------------------------------------------------------------------------------


@contextmanager
def _slow(port: int, count: int, kind: str) -> Iterator[Callable[[], str]]:
    with slow.slow_clients(port, count, kind) as end:

        def told() -> str:
            clients = end()
            return f"{clients.opened:,} connections opened, {clients.cut_off:,} cut off"

        yield told


@contextmanager
def _flood(
    port: int, threads: int, path: str, make: Callable[[int], tuple[bytes, dict[str, str]]]
) -> Iterator[Callable[[], str]]:
    """Requests one after another from each thread, of a process of its own: it takes no time from what measures."""
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe()

    def run() -> None:
        stop, answers, lock = threading.Event(), Counter[str](), threading.Lock()

        def ask(number: int) -> None:
            while not stop.is_set():
                number += threads
                try:
                    status = str(_answer(port, "POST", path, *make(number)))
                except (OSError, http.client.HTTPException) as error:
                    status = type(error).__name__
                with lock:
                    answers[status] += 1

        running = [threading.Thread(target=ask, args=(number,)) for number in range(threads)]
        for thread in running:
            thread.start()
        theirs.recv()
        stop.set()
        for thread in running:
            thread.join()
        theirs.send(", ".join(f"{count:,} × {status}" for status, count in sorted(answers.items())))

    def told() -> str:
        ours.send("stop")
        return str(ours.recv()) if ours.poll(60) else "no answer"

    process = fork.Process(target=run, daemon=True)
    process.start()
    try:
        yield told
    finally:
        process.kill()
        process.join()


def _invented(cert_port: int) -> Callable[[int], tuple[bytes, dict[str, str]]]:
    """A delivery of PayPal's with an address of a certificate that nobody has seen."""

    def make(number: int) -> tuple[bytes, dict[str, str]]:
        return b"{}", {
            "paypal-auth-algo": "SHA256withRSA",
            "paypal-cert-url": f"http://127.0.0.1:{cert_port}/v1/notifications/certs/CERT-{number:08x}",
            "paypal-transmission-id": f"{number}",
            "paypal-transmission-sig": "AAAA",
            "paypal-transmission-time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    return make


_COSTLY: Final = json.dumps({"notificationItems": [{"a": number} for number in range(65_000)]}).encode()


def _unsigned(_: int) -> tuple[bytes, dict[str, str]]:
    """A mebibyte that Adyen's source must parse before it finds no signature."""
    return _COSTLY, {"content-type": "application/json"}


@contextmanager
def _silent_host() -> Iterator[int]:
    """A certificate host that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as server:
        yield server.getsockname()[1]


# The run ---------------------------------------------------------------------------------------------------


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    secret = secrets.token_hex(32)
    failed = False
    with ExitStack() as cleanup:
        home = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="casewire-attack-")))
        running = cleanup.enter_context(engines(home, None, None))
        cert_port = cleanup.enter_context(_silent_host())
        given = {
            **environment(running, home),
            "RECURLY_SITE": SITE,
            "RECURLY_API_KEY": "attack",
            "RECURLY_WEBHOOK_SECRETS": secret,
            "PAYPAL_WEBHOOK_IDS": "1JE4291016473214C",
            "PAYPAL_CERT_HOSTS": f"127.0.0.1:{cert_port}",
            "ADYEN_HMAC_KEYS": secrets.token_hex(32),
            "CASEWIRE_WEB_PROCESSES": str(PROCESSES),
        }
        server = cleanup.enter_context(casewire_web(given, home))
        port = server.port
        attacks: dict[str, AbstractContextManager[Callable[[], str]]] = {
            "nothing": nullcontext(lambda: "for comparison"),
            "64 bodies that never arrive": _slow(port, 64, "bodies"),
            "1,000 clients: silent, slow headers, slow bodies": _slow(port, 1000, "mixed"),
            "1,000 chunked bodies that never end": _slow(port, 1000, "chunked"),
            "400 bodies of 0.99 MB that never end": _slow(port, 400, "large"),
            "64 threads with invented PayPal certificates": _flood(
                port, 64, "/webhooks/paypal", _invented(cert_port)
            ),
            "8 threads with unsigned mebibytes to Adyen": _flood(port, 8, "/webhooks/adyen", _unsigned),
        }
        before = 0.0
        for number, (name, attack) in enumerate(attacks.items()):
            with attack as achieved:
                victim = Victim(port, secret)
                victim.probe(f"a{number}", time.monotonic() + ATTACK_SECONDS)
                memory = slow.memory(server.pid)
                print(
                    f"{name}\n  attacker: {achieved()}\n  others:   {victim.told()}; memory {memory:.0f} MiB",
                    flush=True,
                )
            before = before or memory
            grown = memory - before > MOST_MEBIBYTES
            failed = failed or bool(victim.failures) or grown
            for failure in sorted(set(victim.failures)):
                print(f"  FAILED    {failure}")
            if grown:
                print(f"  FAILED    memory grew by more than {MOST_MEBIBYTES:.0f} MiB")
    print("The attacker achieved something." if failed else "The attacker achieved nothing.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
