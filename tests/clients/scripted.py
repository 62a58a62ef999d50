"""A server of a few lines for each test: it answers what a function says and remembers what it was asked.

It can also misbehave below HTTP: hang, drop the connection, close a kept-alive one, cut an answer short.
"""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request. ``path`` is unquoted, header names are lower case, a gzipped body is unpacked."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    target: str

    def json(self) -> Any:
        return json.loads(self.body)

    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode()))


@dataclass(frozen=True)
class Reply:
    """``body``: bytes and text go as they are, anything else as JSON. ``then_close``: keep-alive is promised
    and not kept. ``cut``: fewer bytes are sent than announced."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    then_close: bool = False
    cut: bool = False

    def encoded(self) -> bytes:
        if self.body is None:
            return b""
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


DROP = Reply(status=-1)
"""Close the connection instead of answering."""

HANG = Reply(status=-2)
"""Say nothing until the server is closed."""

Script = Callable[[Asked], Reply]


class Scripted:
    """``with Scripted(script) as server``: ``server.url``, ``server.asked``."""

    def __init__(self, script: Script) -> None:
        self.asked: list[Asked] = []
        self.released = threading.Event()
        self._lock = threading.Lock()
        self._script = script
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Scripted:
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def answer(self, asked: Asked) -> Reply:
        with self._lock:
            self.asked.append(asked)
        return self._script(asked)

    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            timeout = 10

            def log_message(self, format: str, *args: Any) -> None:
                pass

            def _serve(self) -> None:
                _send(self, scripted.answer(_asked(self)), scripted.released)

            do_GET = do_POST = do_PATCH = do_PUT = do_HEAD = _serve

        return Handler


def _asked(handler: BaseHTTPRequestHandler) -> Asked:
    parts = urlsplit(handler.path)
    headers = {name.lower(): value for name, value in handler.headers.items()}
    body = handler.rfile.read(int(headers.get("content-length", "0")))
    if headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Asked(handler.command, unquote(parts.path), query, headers, body, handler.path)


def _send(handler: BaseHTTPRequestHandler, reply: Reply, released: threading.Event) -> None:
    if reply is HANG:
        released.wait(10)
    if reply.status < 0:
        handler.close_connection = True
        return
    body = reply.encoded()
    if "Date" in reply.headers:
        handler.send_response_only(reply.status)
    else:
        handler.send_response(reply.status)
    defaults = {"Content-Type": "application/json", "X-Request-Id": "req-1"}
    for name, value in {**defaults, **reply.headers}.items():
        if value:
            handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body) + (10 if reply.cut else 0)))
    handler.end_headers()
    handler.wfile.write(body)
    if reply.then_close or reply.cut:
        handler.close_connection = True
