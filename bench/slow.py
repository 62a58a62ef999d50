"""``slow``: deliveries while 1,000 other clients never finish what they send.

A third of them send nothing, a third a header and a third a body byte by byte. One that the server cuts off comes
back at once. The deliveries beside them are paced, and their times count from when they were due.
"""

from __future__ import annotations

import json
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

import psutil

from bench import load
from bench.deliveries import prepared
from bench.progress import say
from bench.report import Row

COMMAND: Final = "python -m bench slow"
CLIENTS: Final = 1000
RATE: Final = 100
"""Deliveries a second beside them: what matters is whether each is answered, not how many there are."""
CONNECTIONS: Final = 8
TARGET_P99: Final = 0.050

_HEAD: Final = b"POST /webhooks/recurly HTTP/1.1\r\nHost: slow\r\n"
_BODY: Final = _HEAD + b"Content-Length: 100000\r\n\r\n{"
KINDS: Final[dict[str, tuple[bytes, ...]]] = {
    "mixed": (b"", _HEAD + b"X-Slow: ", _BODY),
    "bodies": (_BODY,),
    "chunked": (_HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{    \r\n",),
    "large": (_HEAD + b"Content-Length: 1000000\r\n\r\n" + b"x" * 990_000,),
}
"""What each client sends at first; the kinds take turns."""


@dataclass(slots=True)
class Unsent:
    """What of its beginning a client has not sent yet: the server may read slowly. ``dribbles``: whether it goes on."""

    left: bytes
    dribbles: bool


@dataclass
class SlowClients:
    """Connections that are kept open. ``cut_off``: how many the server closed."""

    port: int
    count: int
    beginnings: tuple[bytes, ...]
    dribble: bytes = b"x"
    opened: int = 0
    cut_off: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        with selectors.DefaultSelector() as selector:
            for _ in range(self.count):
                self._open(selector)
            dribble_at = time.monotonic() + 1
            while not self._stop.is_set():
                for key, events in selector.select(0.1):
                    if events & selectors.EVENT_READ:
                        self._read(selector, key)
                    else:
                        self._send(selector, key)
                if time.monotonic() >= dribble_at:
                    dribble_at += 1
                    self._dribble(selector)
            for key in list(selector.get_map().values()):
                self._close(selector, key)

    def stop(self) -> None:
        self._stop.set()

    def _open(self, selector: selectors.BaseSelector) -> None:
        beginning = self.beginnings[self.opened % len(self.beginnings)]
        client = socket.socket()
        client.settimeout(5)
        try:
            client.connect(("127.0.0.1", self.port))
        except OSError:
            client.close()
            return
        client.setblocking(False)
        unsent = Unsent(beginning, bool(beginning))
        self._send(selector, selector.register(client, selectors.EVENT_READ, unsent))
        self.opened += 1

    @staticmethod
    def _send(selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
        """As much of the beginning as fits. One that the server has closed is found when it is read."""
        client = key.fileobj
        assert isinstance(client, socket.socket)
        sent = 0
        with suppress(OSError):
            sent = client.send(key.data.left)
        key.data.left = key.data.left[sent:]
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if key.data.left else 0)
        if events != key.events:
            selector.modify(client, events, key.data)

    def _read(self, selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
        client = key.fileobj
        assert isinstance(client, socket.socket)
        with suppress(BlockingIOError):
            try:
                if client.recv(65_536):
                    return
            except ConnectionError:
                pass
            self.cut_off += 1
            self._close(selector, key)
            self._open(selector)

    def _dribble(self, selector: selectors.BaseSelector) -> None:
        for key in list(selector.get_map().values()):
            client = key.fileobj
            assert isinstance(client, socket.socket)
            if key.data.dribbles and not key.data.left:
                with suppress(OSError):
                    client.send(self.dribble)

    @staticmethod
    def _close(selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
        client = key.fileobj
        assert isinstance(client, socket.socket)
        selector.unregister(client)
        client.close()


@contextmanager
def slow_clients(port: int, count: int = CLIENTS, kind: str = "mixed") -> Iterator[Callable[[], SlowClients]]:
    """Clients in a process of their own, so that they take no time from what measures. Calling it ends them."""
    command = [sys.executable, "-m", "bench.slow", str(port), str(count), kind]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin
    assert process.stdout

    def end() -> SlowClients:
        told, _ = process.communicate(timeout=120)
        return SlowClients(port, count, KINDS[kind], **json.loads(told))

    try:
        process.stdout.readline()  # all are connected
        yield end
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def main(port: str, count: str, kind: str) -> None:
    """The clients, until standard input ends."""
    dribble = b"1\r\nx\r\n" if kind == "chunked" else b"x"
    clients = SlowClients(int(port), int(count), KINDS[kind], dribble)
    thread = threading.Thread(target=clients.run, name="slow clients")
    thread.start()
    deadline = time.monotonic() + 120
    while clients.opened < clients.count and thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.05)
    print("connected", flush=True)
    sys.stdin.read()
    clients.stop()
    thread.join()
    print(json.dumps({"opened": clients.opened, "cut_off": clients.cut_off}))


@dataclass(frozen=True, slots=True)
class Outcome:
    """``measured``: None if deliveries were not answered. ``mebibytes``: memory of the server's processes."""

    measured: load.Measured | None
    cut_off: int
    mebibytes: float

    def told(self) -> str:
        """In words."""
        if self.measured is None:
            return f"deliveries are not answered; {self.cut_off:,} cut off"
        p99 = self.measured.percentile(0.99) * 1000
        return f"p99 {p99:.1f} ms, {self.cut_off:,} cut off, {self.mebibytes:.0f} MiB"


def measure(port: int, pid: int, secret: str, seconds: int) -> Outcome:
    """Paced deliveries beside the slow clients."""
    requests = prepared(secret, RATE * seconds, f"slow{port}")
    with slow_clients(port) as end:
        try:
            measured = load.run(port, requests, connections=CONNECTIONS, rate=RATE)
        except (load.LoadError, OSError) as error:
            say(f"slow: {error}")
            measured = None
        mebibytes = memory(pid)
        return Outcome(measured, end().cut_off, mebibytes)


def memory(pid: int) -> float:
    """The resident memory of a process and all below it, in MiB."""
    process = psutil.Process(pid)
    return float(sum(one.memory_info().rss for one in [process, *process.children(recursive=True)]) / 2**20)


def cpu_seconds(pid: int) -> float:
    """The time that a process and all below it have computed."""
    process = psutil.Process(pid)
    times = [one.cpu_times() for one in [process, *process.children(recursive=True)]]
    return float(sum(time.user + time.system for time in times))


def row(outcome: Outcome, bare: Outcome, gunicorn: Outcome, command: str = COMMAND) -> Row:
    p99 = outcome.measured.percentile(0.99) if outcome.measured else None
    return Row(
        f"receive: {RATE} deliveries/s beside {CLIENTS:,} clients that never finish a request",
        f"{outcome.told()} (bare Flask route behind the same front: {bare.told()}; under gunicorn gthread 2×8: "
        f"{gunicorn.told()})",
        "",
        f"p99 < {TARGET_P99 * 1000:.0f} ms",
        p99 is not None and p99 < TARGET_P99,
        command,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
