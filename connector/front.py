"""The HTTP server in front of any WSGI application. A worker thread is taken only for a request that is complete.

uvicorn parses HTTP on an event loop, in several processes that share one port. This module adds what a public
address needs: a deadline for each request, limits on what a connection and all connections may hold in memory,
and a bounded number of threads for each lane, so that one lane (one webhook source) cannot take another's.
Decision 0029 compares the alternatives.

The application's answer is collected before it is sent: a client that reads slowly holds no thread either.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import io
import json
import queue
import resource
import socket
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote_to_bytes

import structlog
import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.supervisors import Multiprocess

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment
    from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, HTTPScope, Scope

log = structlog.get_logger(__name__)

IDLE_SECONDS: Final = 75
"""Longer than proxies keep an idle connection: nginx closes it after 60."""
HUNG_SECONDS: Final = 60
"""A process that does not answer its parent for so long is replaced."""
SWEEP_SECONDS: Final = 0.1
MOST_EXPIRED: Final = 50
"""In one sweep: closing a thousand at once would stop the event loop for as long as that takes."""
CHECK_SECONDS: Final = 1.0
PIPELINED: Final = 8
LARGE_BYTES: Final = 64 * 1024
"""Deliveries are smaller than this, with few exceptions."""
LARGE_THREADS: Final = 2
"""Of a lane, for large requests: reading them costs CPU, and more threads would only take it from the others."""
RECEIVE_BYTES: Final = 64 * 1024
"""What the kernel keeps for a connection that is not read, and so what one read returns at most (about twice this)."""
RESERVED_FILES: Final = 256
"""File descriptors kept free for the database, Redis, the log and outgoing calls."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What strangers may cost one process.

    ``request_seconds``: from the first byte of a request to the last of its body. ``answer_seconds``: for the client
    to take its answer. ``buffered_bytes``: all requests that are not answered yet, together. ``large_requests``: how
    many of these may be above ``LARGE_BYTES``. ``large_seconds``: for one of them to arrive while others wait for its
    place. ``wait_seconds``: for a thread, before 503.
    """

    request_seconds: float = 10.0
    answer_seconds: float = 30.0
    wait_seconds: float = 4.0
    header_bytes: int = 32 * 1024
    headers: int = 100
    body_bytes: int = 1024 * 1024
    buffered_bytes: int = 64 * 1024 * 1024
    large_requests: int = 32
    large_seconds: float = 1.0
    connections: int = 4096
    threads: int = 8

    def __post_init__(self) -> None:
        """The open-files limit is raised as far as it may be; no more connections are taken than it allows."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = self.connections + RESERVED_FILES
        if soft < wanted:
            soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        object.__setattr__(self, "connections", max(min(self.connections, soft - RESERVED_FILES), 1))


# Connections -----------------------------------------------------------------------------------------------


class Connections:
    """The connections of this process. Where room is needed, the one is closed whose request is awaited longest, and a
    large one before a small one.

    Large requests wait for a place: until it is free their connections are not read. Whoever sends many of them is
    slowed down, and the event loop is free for the others.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.open: set[GuardedProtocol] = set()
        self.waiting: dict[GuardedProtocol, None] = {}
        """Those whose request is not complete, or that are idle; the oldest first."""
        self.large: set[GuardedProtocol] = set()
        """Those with a large request that is not answered yet."""
        self.held: dict[GuardedProtocol, None] = {}
        """Those that are not read because too many requests are large; the oldest first."""
        self.buffered = 0
        self.refusals: Counter[str] = Counter()
        """Since the last line in the log."""
        self._swept = False
        self._next_check = 0.0

    def add(self, connection: GuardedProtocol) -> None:
        self.open.add(connection)
        self.waiting[connection] = None
        if len(self.open) > self.limits.connections:
            self._close_oldest(lambda _: True)
        if not self._swept:
            self._swept = True
            connection.loop.call_later(SWEEP_SECONDS, self._sweep, connection.loop)

    def remove(self, connection: GuardedProtocol) -> None:
        self.open.discard(connection)
        self.waiting.pop(connection, None)
        self.release(connection)

    def release(self, connection: GuardedProtocol) -> None:
        """Its requests are answered, or given up."""
        self.buffered -= connection.received
        connection.received = 0
        self.large.discard(connection)
        if connection in self.held:
            del self.held[connection]
            connection.read_on()
        while self.held and len(self.large) < self.limits.large_requests:
            newest, _ = self.held.popitem()  # the oldest may never end, and its client may be gone
            self.large.add(newest)
            newest.read_on()

    def take_place(self, connection: GuardedProtocol) -> None:
        """A large request arrives: it is read on if there is a place, otherwise when there is one."""
        if connection in self.large or connection in self.held:
            return
        if len(self.large) < self.limits.large_requests:
            self.large.add(connection)
        else:
            self.held[connection] = None
            connection.hold()

    def make_room(self) -> bool:
        """Whether all that is not answered yet fits into memory, if need be without the oldest."""
        while self.buffered > self.limits.buffered_bytes:
            if not (
                self._close_oldest(lambda connection: connection.received > LARGE_BYTES)
                or self._close_oldest(lambda connection: connection.received > 0)
            ):
                return False
        return True

    def _close_oldest(self, which: Callable[[GuardedProtocol], bool]) -> bool:
        oldest = next(filter(which, self.waiting), None)
        if oldest is not None:
            oldest.refuse(
                503, "busy", "Requests that arrived sooner took the place of this one. Send it again."
            )
        return oldest is not None

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        self.expire(loop.time())
        self._swept = bool(self.open)
        if self.open:
            loop.call_later(SWEEP_SECONDS, self._sweep, loop)
        else:
            self._log_refusals()

    def expire(self, now: float) -> None:
        """End requests that are overdue, some at a time, and answers that are not taken."""
        oldest = (one for one in self.waiting if one.started is not None)
        overdue = takewhile(lambda one: now - (one.started or now) > self.limits.request_seconds, oldest)
        for connection in list(islice(overdue, MOST_EXPIRED)):
            connection.refuse(408, "timeout", "The request did not arrive in time. Send it again.")
        if self.held:
            self._close_oldest(
                lambda one: one in self.large and now - (one.started or now) > self.limits.large_seconds
            )
        if now >= self._next_check:
            self._next_check = now + CHECK_SECONDS
            self._check_answers(now)
            self._log_refusals()

    def _log_refusals(self) -> None:
        """At most one line a second, however many requests are refused."""
        if self.refusals:
            log.warning("requests_refused", outcome="closed", **self.refusals)
            self.refusals.clear()

    def _check_answers(self, now: float) -> None:
        """Abort what is overdue, and the largest if all together need too much memory."""
        if sum([connection.check_answer(now) for connection in list(self.open)]) > self.limits.buffered_bytes:
            max(self.open, key=GuardedProtocol.unsent).transport.abort()


class Flow(FlowControl):
    """Whether a connection is read. uvicorn asks for more of each body; one that is held has to wait."""

    held = False

    def resume_reading(self) -> None:
        if not self.held:
            super().resume_reading()


class GuardedProtocol(HttpToolsProtocol):
    """One connection. ``received``: bytes of its requests that are not answered yet."""

    app: Front
    headers: list[tuple[bytes, bytes]]
    received = 0
    refused = False
    _earlier = 0
    """What of ``received`` belongs to requests before the one that arrives now."""
    _body_bytes = 0
    _in_headers = True
    started: float | None = None
    """When the first byte of a request came that is not complete."""
    _unsent_since: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow: Flow = Flow(transport)
        self.guard = self.app.connections
        self.limits = self.guard.limits
        self.started = self.loop.time()
        self.guard.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.guard.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.refused:
            return
        self._earlier = self.received if self.started is None else self._earlier
        self.received += len(data)
        self.guard.buffered += len(data)
        self._begin()
        super().data_received(data)
        received = self.received - self._earlier if self.started is not None else 0
        if self._in_headers and received > self.limits.header_bytes:
            self.refuse(431, "headers_too_large", "The headers are too large.")
        elif received > 2 * self.limits.body_bytes + self.limits.header_bytes:
            self._refuse_body()  # chunks of one byte, or endless trailers
        elif not self.guard.make_room():
            self.refuse(503, "busy", "Too many requests are under way. Send it again later.")
        elif received > LARGE_BYTES and not self.refused:
            self.guard.take_place(self)

    # Callbacks of the parser: a request begins, its parts arrive, it is complete

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= PIPELINED:
            raise ValueError("too many requests at once")
        self._body_bytes, self._in_headers = 0, True
        self._begin()
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(self.headers) >= self.limits.headers:
            self.refuse(431, "headers_too_large", f"A request has at most {self.limits.headers} headers.")
        if not self.refused:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        length = next((value for name, value in self.headers if name == b"content-length"), b"0")
        if int(length) > self.limits.body_bytes:
            self._refuse_body()
        if not self.refused:
            super().on_headers_complete()
            self._in_headers = False

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._body_bytes > self.limits.body_bytes:
            self._refuse_body()
        if not self.refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self.refused:
            self.started = None
            self._in_headers = True
            self.guard.waiting.pop(self, None)
            super().on_message_complete()

    def on_response_complete(self) -> None:
        if self._is_idle():
            self._release()
            self.guard.waiting.setdefault(self)
        super().on_response_complete()

    # Ends

    def refuse(self, status: int, error: str, message: str) -> None:
        """Answer and close. An answer that is under way is cut off instead: its request can be sent again."""
        if self.refused:
            return
        self.refused = True
        self.guard.waiting.pop(self, None)
        self._release()
        if self.transport.is_closing():
            return
        self.guard.refusals[error] += 1
        if self._is_idle() or not (self._in_headers or self.pipeline or self.cycle.response_started):
            self.transport.write(_raw_answer(status, error, message))
        self.transport.close()

    def hold(self) -> None:
        self.flow.held = True
        self.flow.pause_reading()

    def read_on(self) -> None:
        self.flow.held = False
        if not self.transport.is_closing():
            self.flow.resume_reading()

    def send_400_response(self, _msg: str) -> None:
        self.refuse(400, "malformed", "This is not a valid HTTP request.")

    def check_answer(self, now: float) -> int:
        """Abort if the client is too slow to take its answer. How many bytes of it are left."""
        unsent = self.unsent()
        if not unsent:
            self._unsent_since = None
        elif self._unsent_since is None:
            self._unsent_since = now
        elif now - self._unsent_since > self.limits.answer_seconds:
            self.transport.abort()
        return unsent

    def unsent(self) -> int:
        return self.transport.get_write_buffer_size()

    def _begin(self) -> None:
        """The first byte of a request is there: from now on the time counts."""
        if self.started is None:
            self.started = self.loop.time()
            self.guard.waiting.pop(self, None)
            self.guard.waiting[self] = None

    def _is_idle(self) -> bool:
        return self.cycle is None or (self.cycle.response_complete and not self.pipeline)

    def _release(self) -> None:
        self.guard.release(self)
        self._earlier = 0

    def _refuse_body(self) -> None:
        self.refuse(413, "too_large", f"A body has at most {self.limits.body_bytes:,} bytes.")


def _raw_answer(status: int, error: str, message: str) -> bytes:
    answer = _json_answer(status, error, message)
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode()]
    lines += [name + b": " + value for name, value in answer.headers]
    return b"\r\n".join([*lines, b"connection: close", b"", answer.body])


# Requests --------------------------------------------------------------------------------------------------


class Answer(NamedTuple):
    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes


def _json_answer(status: int, error: str, message: str) -> Answer:
    body = json.dumps({"error": error, "message": message}, separators=(",", ":")).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if status == 503:
        headers.append((b"retry-after", b"5"))
    return Answer(status, headers, body)


class Lane:
    """The threads that one kind of request may occupy. They start when they are needed.

    An application may return an iterable that has ``when_ready(call)``: its answer waits for something, for example a
    commit. Such a request gives its thread to the next one until ``call`` is called, or for ``wait_seconds`` at most.
    Under any other WSGI server its thread waits.
    """

    def __init__(self, name: str, app: WSGIApplication, threads: int, wait_seconds: float) -> None:
        self._name, self._app, self._wait_seconds = name, app, wait_seconds
        self._free = asyncio.Semaphore(threads)
        self._ready: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._threads = 0
        self._busy = 0
        self._waiting: dict[_Job, float] = {}
        """Those that gave their thread back and since when; the oldest first."""
        self._swept = False
        self._news: deque[tuple[_Job, bool, Answer | None]] = deque()
        """From the threads to the event loop: whether a thread was given back, and the answer if there is one."""
        self._called = False

    async def answer(self, environ: WSGIEnvironment) -> Answer:
        """The application's answer; 503 if no thread is free in time."""
        if self._free.locked():
            try:
                await asyncio.wait_for(self._free.acquire(), self._wait_seconds)
            except TimeoutError:
                return _json_answer(503, "busy", "All threads are busy. Send it again later.")
        else:
            await self._free.acquire()
        self._busy += 1
        if self._busy > self._threads and not self._start_thread() and not self._threads:
            self._busy -= 1
            self._free.release()
            return _json_answer(503, "busy", "No thread can be started. Send it again later.")
        job = _Job(Call(self._app, environ), asyncio.get_running_loop().create_future())
        self._ready.put(job)
        return await job.future

    def _start_thread(self) -> bool:
        thread = threading.Thread(target=self._run, name=f"{self._name}-{self._threads}", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the system has no more
            return False
        self._threads += 1
        return True

    # In the threads

    def _run(self) -> None:
        while True:
            job = self._ready.get()
            if not job.begun:
                job.begun = True
                if when_ready := job.call.begin():
                    job.waits.append(True)
                    self._tell(job, True, None)
                    when_ready(partial(self._ready.put, job))
                else:
                    self._tell(job, True, job.call.finish())
            elif job.waits:
                with suppress(IndexError):  # another thread was faster
                    job.waits.pop()
                    self._tell(job, False, job.call.finish())

    def _tell(self, job: _Job, gives_back: bool, answer: Answer | None) -> None:
        """Many answers for each call of the event loop: a call costs more than the answer."""
        self._news.append((job, gives_back, answer))
        if not self._called:
            self._called = True
            with suppress(RuntimeError):  # the loop is closed: the server has stopped
                job.future.get_loop().call_soon_threadsafe(self._hear)

    # In the event loop

    def _hear(self) -> None:
        self._called = False
        while self._news:
            job, gives_back, answer = self._news.popleft()
            if gives_back:
                self._busy -= 1
                self._free.release()
            if answer is None:
                self._waiting[job] = job.future.get_loop().time()
                self._sweep_later(job.future.get_loop())
            else:
                self._waiting.pop(job, None)
                if not job.future.done():
                    job.future.set_result(answer)

    def _sweep_later(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._swept and self._waiting:
            self._swept = True
            loop.call_later(CHECK_SECONDS, self._sweep, loop)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """What waits too long is finished as it is: the application says why it has no answer."""
        self._swept = False
        overdue = takewhile(
            lambda job: loop.time() - self._waiting[job] > self._wait_seconds, list(self._waiting)
        )
        for job in overdue:
            del self._waiting[job]
            self._ready.put(job)
        self._sweep_later(loop)


class _Job:
    """A request in a lane. ``waits`` is taken out by the thread that finishes it, so that no other does."""

    __slots__ = ("begun", "call", "future", "waits")

    def __init__(self, call: Call, future: asyncio.Future[Answer]) -> None:
        self.call, self.future = call, future
        self.begun = False
        self.waits: list[bool] = []


class Front:
    """The ASGI application that uvicorn serves. ``lane_of`` maps a path to one of a few names."""

    def __init__(
        self, app: WSGIApplication, limits: Limits = Limits(), lane_of: Callable[[str], str] = lambda _: "web"
    ) -> None:
        self.connections = Connections(limits)
        self._app, self._limits, self._lane_of = app, limits, lane_of
        self._lanes: dict[tuple[str, bool], Lane] = {}

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        assert scope["type"] == "http"
        pieces: list[bytes] = []
        complete = False
        while not complete:
            message = await receive()
            if message["type"] != "http.request":
                return
            pieces.append(message["body"])
            complete = not message["more_body"]
        body = b"".join(pieces)
        lane = self._lane(self._lane_of(scope["path"]), len(body) > LARGE_BYTES)
        answer = await lane.answer(environ_of(scope, body))
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": answer.body, "more_body": False})

    def _lane(self, name: str, large: bool) -> Lane:
        lane = self._lanes.get((name, large))
        if lane is None:
            threads = min(self._limits.threads, LARGE_THREADS) if large else self._limits.threads
            lane = self._lanes[name, large] = Lane(name, self._app, threads, self._limits.wait_seconds)
        return lane


def environ_of(scope: HTTPScope, body: bytes) -> WSGIEnvironment:
    """PEP 3333's environment of a request that is complete."""
    host, port = scope["server"] or ("", None)
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port or ""),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": scope["client"][0] if scope["client"] else "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        if b"_" in name or name in _OWN_HEADERS:  # an underscore would pass for a hyphen
            continue
        key = name.decode("latin-1").upper().replace("-", "_")
        key = key if key == "CONTENT_TYPE" else f"HTTP_{key}"
        text = value.decode("latin-1")
        environ[key] = f"{environ[key]},{text}" if key in environ else text
    return environ


_OWN_HEADERS: Final = frozenset({b"content-length", b"transfer-encoding"})


class Call:
    """One call of a WSGI application: begun, and then run to the end of its answer. Never raises."""

    __slots__ = ("_app", "_begun", "_environ", "_failure", "_result", "_written")

    def __init__(self, app: WSGIApplication, environ: WSGIEnvironment) -> None:
        self._app, self._environ = app, environ
        self._begun: tuple[str, list[tuple[str, str]]] | None = None
        self._written: list[bytes] = []
        self._result: Iterable[bytes] = ()
        self._failure: Answer | None = None

    def _start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: object = None
    ) -> Callable[[bytes], object]:
        self._begun = (status, headers)
        return self._written.append

    def begin(self) -> Callable[[Callable[[], None]], None] | None:
        """``when_ready`` of an answer that waits for something."""
        try:
            self._result = self._app(self._environ, self._start_response)
            when_ready: Callable[[Callable[[], None]], None] | None = getattr(
                self._result, "when_ready", None
            )
        except BaseException as error:  # noqa: BLE001 - the end of the application, whatever it raises
            self._failure = _failed(error)
            return None
        return when_ready

    def finish(self) -> Answer:
        try:
            return self._failure or self._collected()
        except BaseException as error:  # noqa: BLE001 - as in ``begin``
            return _failed(error)

    def _collected(self) -> Answer:
        try:
            body = b"".join((*self._written, *self._result))
            if self._begun is None:
                raise RuntimeError("The application did not call start_response.")
        finally:
            if close := getattr(self._result, "close", None):
                close()
        status, headers = self._begun
        encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        code = int(status[:3])
        has_length = any(name == b"content-length" for name, _ in encoded)
        if not has_length and self._environ["REQUEST_METHOD"] != "HEAD" and code not in (204, 304):
            encoded.append((b"content-length", b"%d" % len(body)))
        return Answer(code, encoded, body)


def _failed(error: BaseException) -> Answer:
    log.error("request_failed", reason=type(error).__name__, exc_info=error)
    return _json_answer(500, "internal", "The request failed. The log says why.")


# Memory ----------------------------------------------------------------------------------------------------

YOUNG_OBJECTS: Final = 20_000
"""New objects before the garbage collector looks for cycles; Python's own value, 700, is reached every few requests."""


def keep_modules() -> None:
    """Have the garbage collector leave alone what is loaded now: modules and settings, which stay. Walking through all
    of them again and again took a tenth of the deliveries per second."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 50)


# Server ----------------------------------------------------------------------------------------------------


def serve(factory: str, host: str, port: int, processes: int, stop_seconds: int) -> None:
    """Serve until SIGTERM or SIGINT. ``factory``: ``package.module:function`` that returns a Front. Requests that are
    under way then may take ``stop_seconds``."""
    config = uvicorn.Config(
        factory, factory=True, host=host, port=port, workers=processes, http="connector.front:GuardedProtocol",
        loop="uvloop", ws="none", lifespan="off", interface="asgi3", backlog=2048, log_level="error",
        access_log=False, proxy_headers=False, server_header=False, timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=stop_seconds, timeout_worker_healthcheck=HUNG_SECONDS,
    )  # fmt: skip
    listener = config.bind_socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
    Multiprocess(config, sockets=[listener]).run()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m connector.front")
    parser.add_argument("factory")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--stop-seconds", type=int, default=10)
    serve(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
