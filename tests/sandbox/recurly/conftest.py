"""A local Recurly, its official client pointed at it, and a receiver of webhooks that can be told to fail."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import recurly
import requests

from sandbox.control import Control
from sandbox.recurly import Site, create_app
from sandbox.server import Server, serve

AT = "2026-11-20T10:00:00Z"


class LocalClient(recurly.Client):
    """The official client over plain HTTP: it has no option for that (see the facts of its 4.79 release)."""

    def __init__(self, key: str, port: int) -> None:
        super().__init__(key, timeout=10)
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self._BaseClient__conn = self.connection


@pytest.fixture
def control() -> Control:
    return Control()


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()


@pytest.fixture
def server(site: Site, control: Control) -> Iterator[Server]:
    with serve(create_app(site, control)) as server:
        yield server


@pytest.fixture
def client_with(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], LocalClient]]:
    """In strict mode the client raises for a field it does not know."""
    monkeypatch.setattr(recurly, "STRICT_MODE", True)
    made: list[LocalClient] = []

    def make(key: str) -> LocalClient:
        made.append(LocalClient(key, server.port))
        return made[-1]

    yield make
    for client in made:
        client.connection.close()


@pytest.fixture
def client(client_with: Callable[[str], LocalClient]) -> LocalClient:
    return client_with("sandbox")


@dataclass
class Plane:
    """The control plane."""

    url: str

    def play(self, name: str, **body: Any) -> dict[str, Any]:
        answer = self.post(f"/scenarios/{name}", {"at": AT, "seed": 7, **body})
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def post(self, path: str, body: dict[str, Any]) -> requests.Response:
        return requests.post(self.url + path, json=body, timeout=30)

    def put(self, path: str, body: dict[str, Any]) -> requests.Response:
        return requests.put(self.url + path, json=body, timeout=10)

    def get(self, path: str) -> Any:
        return requests.get(self.url + path, timeout=10).json()

    def state(self) -> dict[str, Any]:
        names = ("account", "subscription", "invoice", "transaction", "credit_payment")
        return {name: self.get(f"/records/{name}") for name in names}

    def settled(self) -> dict[str, dict[str, Any]]:
        """The notifications by id, once none is under way."""
        deadline = time.monotonic() + 30
        while (told := self.get("/webhooks"))["pending"]:
            assert time.monotonic() < deadline, "notifications are still under way"
            time.sleep(0.02)
        return {note["id"]: note for note in told["notifications"]}


@pytest.fixture
def plane(server: Server) -> Plane:
    return Plane(server.url + "/__sandbox__")


@dataclass
class Receiver:
    """``answers``: statuses to give first; then 200."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def ids(self) -> list[str]:
        return [headers["recurly-notification-id"] for headers, _ in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                status = receiver.answers.pop(0) if receiver.answers else 200
                receiver.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(status)
            if status == 302:
                self.send_header("Location", receiver.url)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/webhooks/recurly"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield receiver
    server.shutdown()
    thread.join()
    server.server_close()
