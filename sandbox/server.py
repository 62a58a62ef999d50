"""A small threaded WSGI server for sandbox apps.

Werkzeug's own closes every connection after one answer, which no vendor does: connection pools and keep-alive
of real clients would go untested and each call would pay a handshake. This one keeps connections open
(HTTP/1.1, TCP_NODELAY), sends each answer in one piece, and can close a connection without answering.
"""

from __future__ import annotations

import contextlib
import io
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingMixIn
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes
from wsgiref.simple_server import WSGIServer

from flask import Response, request

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_DROP: Final = "sandbox.drop_connection"
_IDLE_SECONDS: Final = 120


class Server:
    """A running server: ``url`` and ``port`` to reach it, ``close()`` to stop it and cut every connection."""

    def __init__(self, inner: _Inner) -> None:
        self._inner = inner
        self._thread = threading.Thread(
            target=inner.serve_forever, args=(0.05,), name=f"sandbox-{inner.server_port}", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        return self._inner.server_port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._inner.shutdown()
        self._thread.join()
        self._inner.server_close()
        self._inner.cut_connections()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def serve(app: WSGIApplication, port: int = 0) -> Server:
    """Serve a WSGI app on 127.0.0.1 from a background thread; port 0 takes a free one."""
    inner = _Inner(("127.0.0.1", port), _Handler, bind_and_activate=False)
    inner.allow_reuse_address = True
    try:
        inner.server_bind()
        inner.server_activate()
    except OSError:
        inner.server_close()
        raise
    inner.set_app(app)
    return Server(inner)


def drop_connection() -> Response:
    """Answer the current Flask request by closing its connection; return what this returns."""
    request.environ[_DROP] = True
    return Response("connection dropped on purpose", status=500)


class _Inner(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()

    def server_bind(self) -> None:
        """Without the reverse look-up of the host name that http.server makes."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error; anything else is shown."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def cut_connections(self) -> None:
        with self._open_lock:
            still_open = list(self._open)
        for connection in still_open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    server: _Inner
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _IDLE_SECONDS

    def handle_one_request(self) -> None:
        try:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            self._answer(self._environ(self._body()))
        except (OSError, ValueError):
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: what was called is to be seen in the control plane."""

    def _answer(self, environ: dict[str, Any]) -> None:
        answer = _Answer()
        body = answer.run(self.server.get_app(), environ)
        if environ.get(_DROP):
            self.close_connection = True
            return
        self.wfile.write(self._head(answer, len(body)) + (b"" if self.command == "HEAD" else body))

    def _head(self, answer: _Answer, length: int) -> bytes:
        headers = [
            (name, value)
            for name, value in answer.headers
            if name.lower() not in ("content-length", "connection")
        ]
        if answer.status[:3] not in ("204", "304"):
            headers.append(("Content-Length", str(length)))
        headers.append(("Connection", "close" if self.close_connection else "keep-alive"))
        lines = [f"HTTP/1.1 {answer.status}", f"Date: {self.date_time_string()}"]
        lines += [f"{name}: {value}" for name, value in headers]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return b"".join(iter(self._chunk, b""))
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _chunk(self) -> bytes:
        size = int(self.rfile.readline(1024).split(b";")[0], 16)
        data = self.rfile.read(size)
        self.rfile.readline(8)
        return data

    def _environ(self, body: bytes) -> dict[str, Any]:
        path, _, query = self.path.partition("?")
        environ: dict[str, Any] = {
            **self.server.base_environ,
            "SERVER_PROTOCOL": self.request_version,
            "REQUEST_METHOD": self.command,
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "REQUEST_URI": self.path,
            "QUERY_STRING": query,
            "REMOTE_ADDR": self.client_address[0],
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in self.headers.items():
            key = "HTTP_" + name.upper().replace("-", "_")
            if key not in ("HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING"):
                environ[key] = f"{environ[key]},{value}" if key in environ else value
        return environ


class _Answer:
    """What an app said, kept whole so that it leaves in one piece or not at all."""

    def __init__(self) -> None:
        self.status = "500 Internal Server Error"
        self.headers: list[tuple[str, str]] = []

    def run(self, app: Any, environ: dict[str, Any]) -> bytes:
        parts: list[bytes] = []
        chunks: Iterable[bytes] = app(environ, self._starter(parts))
        try:
            parts.extend(chunks)
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
        return b"".join(parts)

    def _starter(self, parts: list[bytes]) -> Callable[..., Callable[[bytes], None]]:
        def start(
            status: str, headers: list[tuple[str, str]], exc_info: object = None
        ) -> Callable[[bytes], None]:
            self.status, self.headers = status, headers
            return parts.append

        return start
