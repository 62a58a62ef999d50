"""The load generator: one thread, some kept-alive connections, requests that were made beforehand.

Lean, because it shares two cores with what it measures. Without a rate every connection sends its next request
as soon as it has its answer. With a rate requests fall due one after another whether or not there is an answer,
and their time counts from when they were due: a server that stalls cannot hide it by being asked less.
"""

from __future__ import annotations

import gc
import select
import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

ANSWER_SECONDS = 10.0
_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


class LoadError(RuntimeError):
    """An answer was missing or not 200: a measurement with those says nothing."""


@dataclass(frozen=True, slots=True)
class Measured:
    """How long it took in all, and each answer's time, sorted."""

    seconds: float
    latencies: tuple[float, ...]

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """The time within which this share of the answers came."""
        return self.latencies[min(int(len(self.latencies) * share), len(self.latencies) - 1)]


def run(port: int, requests: Sequence[bytes], *, connections: int, rate: float | None = None) -> Measured:
    """Send all requests to 127.0.0.1 and wait for all answers. LoadError unless each is a 200."""
    lines = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections)]
    try:
        for line in lines:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with _without_collection():
            return _Run(lines, requests, rate).measured()
    finally:
        for line in lines:
            line.close()


@dataclass(slots=True)
class _Run:
    lines: Sequence[socket.socket]
    requests: Sequence[bytes]
    rate: float | None
    sent: int = 0
    latencies: list[float] = field(default_factory=list)
    since: dict[int, float] = field(default_factory=dict)
    read: dict[int, bytes] = field(default_factory=dict)

    def measured(self) -> Measured:
        poll, by_number = select.epoll(), {line.fileno(): line for line in self.lines}
        for number in by_number:
            poll.register(number, select.EPOLLIN)
        idle = deque(self.lines)
        started = time.perf_counter()
        with poll:
            while len(self.latencies) < len(self.requests):
                wait = self._send_due(idle, started)
                ready = poll.poll(wait)
                if not ready and wait >= ANSWER_SECONDS:
                    raise LoadError(f"no answer within {ANSWER_SECONDS:.0f} s")
                idle.extend(by_number[number] for number, _ in ready if self._answered(by_number[number]))
        return Measured(time.perf_counter() - started, tuple(sorted(self.latencies)))

    def _send_due(self, idle: deque[socket.socket], started: float) -> float:
        """Send what is due on the lines that are free; how long to wait for an answer."""
        while idle and self.sent < len(self.requests):
            now = time.perf_counter()
            due = now if self.rate is None else started + self.sent / self.rate
            if due > now:
                return due - now
            line = idle.popleft()
            self.since[line.fileno()] = due
            line.sendall(self.requests[self.sent])
            self.sent += 1
        return ANSWER_SECONDS

    def _answered(self, line: socket.socket) -> bool:
        """Read what there is; whether the answer is whole."""
        number = line.fileno()
        text = self.read.pop(number, b"") + line.recv(65_536)
        if not is_whole(text):
            self.read[number] = text
            return False
        if not text.startswith(b"HTTP/1.1 200"):
            raise LoadError(f"answered {text[:120]!r}")
        self.latencies.append(time.perf_counter() - self.since.pop(number))
        return True


def is_whole(text: bytes) -> bool:
    """Whether a response with a Content-Length has arrived to its end. LoadError if it was cut off."""
    if not text:
        raise LoadError("the connection was closed")
    head, end, body = text.partition(_END)
    if not end:
        return False
    _, _, rest = head.lower().partition(_LENGTH)
    return len(body) >= int(rest.partition(b"\r\n")[0])


@contextmanager
def _without_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
