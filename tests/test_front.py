"""The server's front: what clients may cost. Deadlines are passed by moving the clock, never by waiting for them."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from structlog.testing import capture_logs
from waiting import wait_until

from connector.front import Call, Connections, Front, GuardedProtocol, Limits, environ_of

CALM = Limits(request_seconds=3600, answer_seconds=3600, wait_seconds=60, threads=2)
PARTIAL = b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"


class Commit:
    """An answer that waits: 200 once it is done, 503 if it is iterated before."""

    def __init__(self, body: bytes, start_response: Callable[..., Any], commits: list[Commit]) -> None:
        self.body, self.start_response = body, start_response
        self.done = False
        self.iterated = 0
        commits.append(self)

    def when_ready(self, call: Callable[[], None]) -> None:
        self.call = call

    def __iter__(self) -> Iterator[bytes]:
        self.iterated += 1
        self.start_response("200 OK" if self.done else "503 Service Unavailable", [])
        yield self.body

    def finish(self) -> None:
        self.done = True
        self.call()


@dataclass
class App:
    """A WSGI application that answers with what it was sent. ``/hold`` waits for ``release``."""

    environs: list[dict[str, Any]] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)
    held: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    commits: list[Commit] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.environs.append(environ)
        body = environ["wsgi.input"].read()
        if environ["PATH_INFO"].startswith("/hold"):
            self.held.release()
            assert self.release.wait(60)
        if environ["PATH_INFO"].startswith("/commit"):
            return Commit(body, start_response, self.commits)
        if environ["PATH_INFO"] == "/large":
            body = b"x" * 20_000_000
        if environ["PATH_INFO"] == "/broken":
            raise LookupError("a secret of the application")
        if environ["PATH_INFO"] == "/exit":
            raise SystemExit(1)
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
        return [body]


@dataclass
class Served:
    """A front on a port of this machine, in a thread."""

    front: Front
    app: App
    port: int
    loop: asyncio.AbstractEventLoop

    @property
    def connections(self) -> Connections:
        return self.front.connections

    def ask(self, path: str = "/", body: bytes | None = None, method: str = "POST") -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def open(self, sent: bytes = b"", **options: int) -> socket.socket:
        client = socket.socket()
        if "receive" in options:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, options["receive"])
        client.settimeout(60)
        client.connect(("127.0.0.1", self.port))
        client.sendall(sent)
        return client

    def on_loop(self, do: Callable[[], object]) -> None:
        async def run() -> None:
            do()

        asyncio.run_coroutine_threadsafe(run(), self.loop).result(60)

    def after(self, seconds: float) -> None:
        """What the sweeps would do after so long."""

        def sweep() -> None:
            for number in range(1, 4):
                self.connections.expire(self.loop.time() + number * seconds)

        self.on_loop(sweep)

    def wait_for_connections(self, count: int, received: int = 0) -> None:
        wait_until(
            lambda: (
                len(self.connections.open) == count
                and sum(_was_heard(one) for one in list(self.connections.open)) >= received
            )
        )


def _was_heard(connection: GuardedProtocol) -> bool:
    return connection.received > 0 or connection.cycle is not None


@contextmanager
def serving(limits: Limits = CALM, lane_of: Callable[[str], str] = lambda _: "web") -> Iterator[Served]:
    app = App()
    front = Front(app, limits, lane_of)
    config = uvicorn.Config(
        front, port=0, http=GuardedProtocol, loop="uvloop", ws="none", lifespan="off", proxy_headers=False,
        interface="asgi3", log_level="critical", access_log=False, server_header=False, timeout_keep_alive=3600,
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    loops: list[asyncio.AbstractEventLoop] = []

    async def run() -> None:
        loops.append(asyncio.get_running_loop())
        await server.serve()

    factory = config.get_loop_factory()
    assert factory

    def main() -> None:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(run())

    thread = threading.Thread(target=main)
    thread.start()
    try:
        wait_until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Served(front, app, port, loops[0])
    finally:
        app.release.set()
        server.should_exit = True
        thread.join(60)
    assert not thread.is_alive()


def everything(client: socket.socket) -> bytes:
    """What is sent until the connection ends."""
    found = b""
    try:
        while piece := client.recv(65_536):
            found += piece
    except ConnectionResetError:
        pass
    client.close()
    return found


def error(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/json" in head
    assert b"connection: close" in head
    found = json.loads(body)
    assert found["message"].endswith(".")
    return int(head.split()[1]), found["error"]


# Slow clients ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [
        PARTIAL,
        b"POST /slow HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"POST /slow HTTP/1.1\r\nHost: x\r\nX-Slow: 1",
        b"\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1POST /slow HTTP/1.1\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1" + PARTIAL,
    ],
    ids=["body", "chunked body", "headers", "blank lines", "second headers", "second body"],
)
def test_requests_that_never_end_take_no_thread_and_are_cut_off(sent: bytes) -> None:
    with serving() as served, ExitStack() as cleanup:
        slow = [cleanup.enter_context(served.open(sent)) for _ in range(64)]
        served.wait_for_connections(64, received=64)
        assert served.ask("/", b"good") == (200, b"good")
        assert all(environ["PATH_INFO"] != "/slow" for environ in served.app.environs)
        wait_until(lambda: len(served.connections.open) == 64)
        served.after(3601)
        for client in slow:
            answer = everything(client)
            assert error(answer[answer.rindex(b"HTTP/1.1 ") :]) == (408, "timeout")
        served.wait_for_connections(0)
        assert served.connections.buffered == 0
        assert not served.connections.waiting


def test_refusals_are_counted_in_one_line_of_the_log() -> None:
    with serving() as served, ExitStack() as cleanup, capture_logs() as lines:
        clients = [cleanup.enter_context(served.open(PARTIAL)) for _ in range(3)]
        served.wait_for_connections(3, received=3)
        served.on_loop(lambda: setattr(served.connections, "_next_check", served.loop.time() + 3600))
        served.after(3601)
        for client in clients:
            everything(client)
        served.wait_for_connections(0)
        wait_until(lambda: any(line["event"] == "requests_refused" for line in lines))
    (line,) = [line for line in lines if line["event"] == "requests_refused"]
    assert (line["timeout"], line["log_level"]) == (3, "warning")


def test_a_connection_that_sends_nothing_is_cut_off_and_an_idle_one_is_kept() -> None:
    with serving() as served, served.open() as silent, served.open(PARTIAL) as used:
        served.wait_for_connections(2, received=1)
        used.sendall(b"}" * 999)
        assert used.recv(65_536).startswith(b"HTTP/1.1 200")
        served.after(3601)
        assert error(everything(silent)) == (408, "timeout")
        used.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert used.recv(65_536).startswith(b"HTTP/1.1 200")
        used.sendall(b"P")
        served.wait_for_connections(1, received=1)
        served.after(3601)
        assert error(everything(used)) == (408, "timeout")


def test_the_deadline_counts_from_the_first_byte_however_many_follow() -> None:
    with serving() as served, served.open(b"POST") as slow:
        served.wait_for_connections(1, received=1)
        (connection,) = served.connections.open
        started = connection.started
        for piece in (b" / HTT", b"P/1.1\r\n", b"Host: x\r\nContent-Length: 9\r\n\r\n", b"1", b"2"):
            before = connection.received
            slow.sendall(piece)
            wait_until(lambda before=before: connection.received > before)
            assert connection.started == started


def test_an_answer_that_is_not_taken_holds_no_thread_and_ends() -> None:
    # room for all four answers: the bound on their memory has a test of its own
    limits = Limits(request_seconds=3600, answer_seconds=3600, threads=2, buffered_bytes=1_000_000_000)
    with serving(limits) as served, ExitStack() as cleanup:
        asked = b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n"
        slow = [cleanup.enter_context(served.open(asked, receive=4096)) for _ in range(4)]
        wait_until(lambda: sum(one.unsent() > 0 for one in list(served.connections.open)) == 4)
        assert served.ask("/", b"good") == (200, b"good")
        wait_until(lambda: len(served.connections.open) == 4)
        served.after(3601)
        served.wait_for_connections(0)
        assert all(len(everything(client)) < 20_000_000 for client in slow)


def test_answers_that_are_not_taken_are_bounded_in_memory() -> None:
    limits = Limits(request_seconds=3600, answer_seconds=3600, threads=2, buffered_bytes=30_000_000)
    with serving(limits) as served, ExitStack() as cleanup:
        asked = b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n"
        for _ in range(3):
            cleanup.enter_context(served.open(asked, receive=4096))
        wait_until(lambda: len(served.app.environs) == 3 and len(served.connections.open) < 3)
        assert served.ask("/", b"good") == (200, b"good")


# Limits ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n", (413, "too_large")),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551615\r\n\r\n", (413, "too_large")),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n100001\r\n" + b"x" * 0x100001,
            (413, "too_large"),
        ),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 400_000,
            (413, "too_large"),
        ),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 40_000, (431, "headers_too_large")),
        (b"GET /" + b"x" * 40_000, (431, "headers_too_large")),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 120, (431, "headers_too_large")),
        (b"nonsense\r\n\r\n", (400, "malformed")),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n12", (400, "malformed")),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", (400, "malformed")),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", (400, "malformed")),
        (b"CONNECT example.com:80 HTTP/1.1\r\nHost: x\r\n\r\n", (400, "malformed")),
    ],
    ids=lambda value: value[:50].decode() if isinstance(value, bytes) else None,
)
def test_what_is_too_large_or_malformed_is_refused_at_once(sent: bytes, answered: tuple[int, str]) -> None:
    with serving() as served, served.open() as client:
        try:
            client.sendall(sent)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it was refused before all of it was sent
        else:
            assert error(everything(client)) == answered
        served.wait_for_connections(0)
        assert not served.app.environs
        assert served.connections.buffered == 0


def test_a_whole_mebibyte_is_taken() -> None:
    with serving() as served:
        status, body = served.ask("/", b"x" * 1_048_576)
        assert (status, len(body)) == (200, 1_048_576)


def test_trailers_are_bounded_as_headers_are() -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    with serving() as served, served.open(head + b"a: b\r\n" * 120) as client:
        assert error(everything(client)) == (431, "headers_too_large")


def test_many_requests_at_once_over_one_connection_are_bounded() -> None:
    with serving() as served, served.open(b"GET /hold HTTP/1.1\r\nHost: x\r\n\r\n" * 200) as client:
        served.wait_for_connections(0)
        assert everything(client) == b""
        assert len(served.app.environs) <= 1


def test_bodies_are_bounded_together_and_the_oldest_gives_way() -> None:
    limits = Limits(request_seconds=3600, wait_seconds=60, threads=2, buffered_bytes=3_000_000)
    head = b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
    with serving(limits) as served, ExitStack() as cleanup:
        clients = []
        for number in range(1, 5):
            clients.append(cleanup.enter_context(served.open(head + b"x" * 900_000)))
            wanted = min(number, 3) * 900_000
            wait_until(lambda wanted=wanted: served.connections.buffered >= wanted)
            wait_until(lambda number=number: len(served.connections.open) == min(number, 3))
        assert error(everything(clients[0])) == (503, "busy")
        assert served.connections.buffered <= 3_000_000
        clients[3].sendall(b"x" * 100_000)
        assert clients[3].recv(65_536).startswith(b"HTTP/1.1 200")


LARGE = b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"


def test_large_requests_wait_for_a_place_and_small_ones_do_not() -> None:
    limits = Limits(request_seconds=3600, wait_seconds=60, threads=2, large_requests=1, large_seconds=900)
    with serving(limits) as served, ExitStack() as cleanup:
        first = cleanup.enter_context(served.open(LARGE + b"x" * 100_000))
        wait_until(lambda: len(served.connections.large) == 1)
        held = [cleanup.enter_context(served.open(LARGE + b"x" * 100_000)) for _ in range(2)]
        wait_until(lambda: len(served.connections.held) == 2)
        older, newer = list(served.connections.held)
        received = newer.received
        for client in held:
            client.sendall(b"x" * 50_000)
        assert served.ask(body=b"small") == (200, b"small")
        served.after(0)
        assert newer.received == received  # what was sent meanwhile is not read
        assert set(served.connections.held) == {older, newer}

        first.sendall(b"x" * 900_000)
        assert first.recv(65_536).startswith(b"HTTP/1.1 200")
        wait_until(lambda: newer.received > received)
        assert served.connections.large == {newer}
        assert set(served.connections.held) == {older}


def test_a_large_request_that_takes_long_gives_way_to_those_that_wait() -> None:
    limits = Limits(request_seconds=3600, wait_seconds=60, threads=2, large_requests=1, large_seconds=900)
    with serving(limits) as served, ExitStack() as cleanup:
        first = cleanup.enter_context(served.open(LARGE + b"x" * 100_000))
        wait_until(lambda: len(served.connections.large) == 1)
        served.on_loop(lambda: served.connections.expire(served.loop.time() + 1000))
        assert len(served.connections.open) == 1  # nobody waits

        second = cleanup.enter_context(served.open(LARGE + b"x" * 999_999))
        wait_until(lambda: len(served.connections.held) == 1)
        served.on_loop(lambda: served.connections.expire(served.loop.time() + 1000))
        assert error(everything(first)) == (503, "busy")
        second.sendall(b"x")
        assert second.recv(65_536).startswith(b"HTTP/1.1 200")
        wait_until(lambda: not served.connections.large)


def test_a_client_that_waits_for_a_place_may_leave() -> None:
    limits = Limits(request_seconds=3600, wait_seconds=60, threads=2, large_requests=1, large_seconds=900)
    with serving(limits) as served, ExitStack() as cleanup:
        first = cleanup.enter_context(served.open(LARGE + b"x" * 100_000))
        wait_until(lambda: len(served.connections.large) == 1)
        served.open(LARGE + b"x" * 100_000).close()
        wait_until(lambda: len(served.connections.held) == 1)
        first.sendall(b"x" * 900_000)
        assert first.recv(65_536).startswith(b"HTTP/1.1 200")
        wait_until(lambda: not served.connections.large and not served.connections.held)
        assert served.connections.buffered == 0


def test_small_requests_outlive_large_ones_where_memory_is_full() -> None:
    limits = Limits(request_seconds=3600, wait_seconds=60, threads=2, buffered_bytes=1_000_000)
    with serving(limits) as served, ExitStack() as cleanup:
        small = cleanup.enter_context(served.open(PARTIAL))
        served.wait_for_connections(1, 1)
        first = cleanup.enter_context(served.open(LARGE + b"x" * 900_000))
        wait_until(lambda: served.connections.buffered > 900_000)
        cleanup.enter_context(served.open(LARGE + b"x" * 900_000))
        assert error(everything(first)) == (503, "busy")
        small.sendall(b"x" * 999)
        assert small.recv(65_536).startswith(b"HTTP/1.1 200")


def test_complete_requests_that_wait_for_a_thread_count_too() -> None:
    limits = Limits(request_seconds=3600, wait_seconds=60, threads=1, buffered_bytes=3_000_000)
    head = b"POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n"
    with serving(limits) as served, ExitStack() as cleanup:
        for number in range(1, 4):
            cleanup.enter_context(served.open(head + b"x" * 900_000))
            wait_until(lambda number=number: served.connections.buffered >= number * 900_000)
        client = cleanup.enter_context(served.open(head + b"x" * 900_000))
        assert error(everything(client)) == (503, "busy")


def test_beyond_the_limit_the_connection_that_waits_longest_gives_way() -> None:
    limits = Limits(request_seconds=3600, connections=10, threads=2)
    with serving(limits) as served, ExitStack() as cleanup:
        clients = []
        for number in range(10):
            clients.append(cleanup.enter_context(served.open(PARTIAL)))
            served.wait_for_connections(number + 1, received=number + 1)
        assert served.ask("/", b"good") == (200, b"good")
        assert error(everything(clients[0])) == (503, "busy")
        clients[9].sendall(b"}" * 999)
        assert clients[9].recv(65_536).startswith(b"HTTP/1.1 200")


def test_where_all_connections_are_at_work_a_new_one_is_turned_away() -> None:
    limits = Limits(request_seconds=3600, wait_seconds=60, connections=2, threads=2)
    with serving(limits) as served, ExitStack() as cleanup:
        for _ in range(2):
            cleanup.enter_context(served.open(b"GET /hold HTTP/1.1\r\nHost: x\r\n\r\n"))
            assert served.app.held.acquire(timeout=60)
        assert error(everything(cleanup.enter_context(served.open()))) == (503, "busy")


def test_no_more_connections_are_taken_than_files_may_be_open(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = [(1024, 2000)]
    monkeypatch.setattr("connector.front.resource.getrlimit", lambda _: limits[-1])
    monkeypatch.setattr("connector.front.resource.setrlimit", lambda _, given: limits.append(given))
    assert Limits(connections=4096).connections == 2000 - 256
    assert limits[-1] == (2000, 2000)
    assert Limits(connections=100).connections == 100


# Lanes -----------------------------------------------------------------------------------------------------


def test_one_lane_that_hangs_leaves_the_others_their_threads() -> None:
    with serving(lane_of=lambda path: path.split("/")[1]) as served, ExitStack() as cleanup:
        for _ in range(5):
            cleanup.enter_context(served.open(b"GET /hold HTTP/1.1\r\nHost: x\r\n\r\n"))
        for _ in range(2):
            assert served.app.held.acquire(timeout=60)
        assert served.ask("/other", b"good") == (200, b"good")
        assert sum(environ["PATH_INFO"] == "/hold" for environ in served.app.environs) == 2
        served.app.release.set()
        wait_until(lambda: sum(one["PATH_INFO"] == "/hold" for one in served.app.environs) == 5)


def test_an_answer_that_waits_holds_no_thread() -> None:
    limits = Limits(request_seconds=3600, wait_seconds=3600, threads=1)
    head = b"POST /commit HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n"
    with serving(limits) as served, ExitStack() as cleanup:
        clients = [cleanup.enter_context(served.open(head + b"%d" % number)) for number in range(5)]
        commits = served.app.commits
        wait_until(lambda: sum(hasattr(one, "call") for one in commits) == 5)
        assert served.ask(body=b"other") == (200, b"other")
        for commit in reversed(commits):
            commit.finish()
            commit.call()  # twice is once
        answers = [client.recv(65_536) for client in clients]
        assert [answer[:12] + answer[-1:] for answer in answers] == [
            b"HTTP/1.1 200%d" % number for number in range(5)
        ]
        assert [commit.iterated for commit in commits] == [1] * 5


def test_an_answer_that_waits_too_long_is_finished_as_it_is() -> None:
    with serving(Limits(request_seconds=3600, wait_seconds=0.01, threads=1)) as served:
        assert served.ask("/commit", b"late") == (503, b"late")
        (commit,) = served.app.commits
        commit.finish()
        assert served.ask(body=b"next") == (200, b"next")
        assert commit.iterated == 1


def test_large_requests_take_no_thread_from_small_ones() -> None:
    head = b"POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"
    with serving(Limits(request_seconds=3600, wait_seconds=60, threads=3)) as served, ExitStack() as cleanup:
        for _ in range(5):
            cleanup.enter_context(served.open(head + b"x" * 100_000))
        for _ in range(2):
            assert served.app.held.acquire(timeout=60)
        served.wait_for_connections(5, 5)
        wait_until(lambda: served.connections.buffered >= 500_000)
        assert served.ask(body=b"small") == (200, b"small")
        assert len(served.app.environs) == 3  # two large ones at work, three wait
        served.app.release.set()
        for _ in range(3):
            assert served.app.held.acquire(timeout=60)


def test_without_a_free_thread_in_time_the_answer_is_503_and_nothing_ran() -> None:
    limits = Limits(request_seconds=3600, wait_seconds=0.01, threads=1)
    with serving(limits) as served, served.open(b"GET /hold HTTP/1.1\r\nHost: x\r\n\r\n"):
        assert served.app.held.acquire(timeout=60)
        connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
        connection.request("POST", "/", b"x")
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        assert json.loads(answer.read())["error"] == "busy"
        connection.close()
        assert len(served.app.environs) == 1


# WSGI ------------------------------------------------------------------------------------------------------


def test_an_upgrade_is_not_made_and_the_request_is_answered() -> None:
    head = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    with serving() as served, served.open(head) as client:
        assert client.recv(65_536).startswith(b"HTTP/1.1 200")


def test_without_a_thread_to_start_the_answer_is_503(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with serving() as served:
        with monkeypatch.context() as patched:
            patched.setattr("connector.front.threading.Thread.start", start)
            assert served.ask("/", b"x")[0] == 503
        assert served.ask("/", b"x") == (200, b"x")


def test_a_request_arrives_as_pep_3333_has_it() -> None:
    sent = (
        b"POST /caf%C3%A9/a%2Fb?x=%20y HTTP/1.1\r\nHost: example.com\r\nContent-Type: text/plain\r\n"
        b"X-Twice: 1\r\nX-Twice: 2\r\nX_Forged: 1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    with serving() as served, served.open(sent) as client:
        assert client.recv(65_536).endswith(b"abcde")
        (environ,) = served.app.environs
    wanted = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/café/a/b".encode().decode("latin-1"),
        "QUERY_STRING": "x=%20y",
        "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "5",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "example.com",
        "HTTP_X_TWICE": "1,2",
    }
    assert {name: environ[name] for name in wanted} == wanted
    assert not {"HTTP_X_FORGED", "HTTP_TRANSFER_ENCODING", "HTTP_CONTENT_LENGTH"} & set(environ)


def test_a_client_that_expects_100_continue_is_told_to_go_on() -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    with serving() as served, served.open(head) as client:
        assert client.recv(65_536).startswith(b"HTTP/1.1 100")
        client.sendall(b"ok")
        assert client.recv(65_536).endswith(b"ok")


def test_an_application_that_fails_is_a_500_without_its_words() -> None:
    with serving() as served:
        status, body = served.ask("/broken")
        assert (status, json.loads(body)["error"]) == (500, "internal")
        assert b"secret" not in body
        assert [served.ask("/exit")[0] for _ in range(3)] == [500, 500, 500]
        assert served.ask("/", b"good") == (200, b"good")


@pytest.mark.parametrize(("method", "length"), [("GET", b"5"), ("HEAD", None)])
def test_an_answer_gets_its_length_and_is_closed(method: str, length: bytes | None) -> None:
    closed: list[bool] = []

    class Pieces(list[bytes]):
        def close(self) -> None:
            closed.append(True)

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Sequence[bytes]:
        write = start_response("201 Created", [("X-Name", "value")])
        write(b"he")
        return Pieces([b"l", b"lo"])

    call = Call(app, {"REQUEST_METHOD": method})
    assert call.begin() is None
    answer = call.finish()
    assert (answer.status, answer.body, closed) == (201, b"hello", [True])
    assert dict(answer.headers) == {b"x-name": b"value"} | ({b"content-length": length} if length else {})


def test_a_scope_without_addresses_is_served() -> None:
    scope: Any = {
        "method": "GET", "raw_path": b"/", "query_string": b"", "http_version": "1.1", "scheme": "http",
        "server": None, "client": None, "headers": [],
    }  # fmt: skip
    environ = environ_of(scope, b"")
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"], environ["REMOTE_ADDR"]) == ("", "", "")


# The end ---------------------------------------------------------------------------------------------------


def test_a_request_that_is_at_work_when_the_server_stops_is_answered() -> None:
    answers: list[tuple[int, bytes]] = []
    with serving() as served:
        thread = threading.Thread(target=lambda: answers.append(served.ask("/hold", b"good")))
        thread.start()
        assert served.app.held.acquire(timeout=60)
    thread.join(60)
    assert answers == [(200, b"good")]
