"""The generator sends everything once, waits for every answer, and takes none but a whole 200."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench import load
from bench.deliveries import prepared
from bench.load import LoadError, Measured, is_whole

SECRET = "s" * 64


@pytest.mark.parametrize("connections", [1, 3])
@pytest.mark.parametrize("rate", [None, 400.0])
def test_every_request_is_sent_once(connections: int, rate: float | None) -> None:
    with _server(200) as (port, seen):
        measured = load.run(port, prepared(SECRET, 20, "x"), connections=connections, rate=rate)
    assert len(measured.latencies) == 20
    assert sorted(seen) == sorted(f"x-{number}" for number in range(20))


def test_an_answer_that_is_not_200_ends_the_measurement() -> None:
    with _server(503) as (port, _), pytest.raises(LoadError, match="503"):
        load.run(port, prepared(SECRET, 3, "x"), connections=1)


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{", False),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", True),
    ],
)
def test_an_answer_is_whole_with_its_last_byte(text: bytes, whole: bool) -> None:
    assert is_whole(text) is whole


def test_a_closed_connection_ends_the_measurement() -> None:
    with pytest.raises(LoadError, match="closed"):
        is_whole(b"")


def test_a_percentile_is_the_time_within_which_so_many_were_answered() -> None:
    measured = Measured(2.0, tuple(n / 100 for n in range(1, 101)))
    assert measured.per_second == 50
    assert (measured.percentile(0.5), measured.percentile(0.99), measured.percentile(1.0)) == (0.51, 1.0, 1.0)


@contextmanager
def _server(status: int) -> Iterator[tuple[int, list[str]]]:
    """Answers every delivery with this status, and notes its id."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            seen.append(self.headers["recurly-notification-id"])
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1], seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
