"""The local processors beside a local Recurly, and a receiver of what both send."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from connector.sources.registry import read_processors as read_settings
from sandbox import processors, recurly
from sandbox.control import Control
from sandbox.server import serve

AT = "2026-11-20T10:00:00Z"
HMAC_KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
KEYS: dict[str, dict[str, str]] = {
    "stripe": {"secret": "whsec_sandbox"},
    "braintree": {"public_key": "sandbox", "private_key": "sandbox", "merchant_id": "sandbox"},
    "adyen": {"hmac_key": HMAC_KEY, "basic_auth": "adyen:let-me-in"},
    "paypal": {"webhook_id": "1JE4291016473214C"},
    "gocardless": {"secret": "gc-secret"},
    "authorizenet": {"signature_key": "AB" * 64},
}


@dataclass
class Got:
    """One request: to which source, with what."""

    source: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """``answers``: statuses to give first; then 200."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    got: list[Got] = field(default_factory=list)

    def of(self, source: str) -> list[Got]:
        return [one for one in self.got if one.source == source]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            with lock:
                status = receiver.answers.pop(0) if receiver.answers else 200
                receiver.got.append(Got(self.path.rpartition("/")[2], headers, body))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/webhooks"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield receiver
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Town:
    """Where both servers listen. ``store``: what the processors hold."""

    recurly: str
    processors: str
    control: Control
    office: processors.Processors

    def play(self, name: str, **body: Any) -> dict[str, Any]:
        url = f"{self.recurly}/__sandbox__/scenarios/{name}"
        answer = requests.post(url, json={"at": AT, "seed": 7, "count": 1, **body}, timeout=30)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def plane(self, method: str, path: str, body: object = None, server: str = "processors") -> Any:
        url = f"{getattr(self, server)}/__sandbox__/{path}"
        answer = requests.request(method, url, json=body, timeout=10)
        assert answer.ok, answer.text
        return answer.json()

    def records(self, object_: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.plane("GET", f"records/{object_}")
        return found

    def settings(self) -> Mapping[str, Any]:
        """As an operator would set it for this sandbox."""
        host = self.processors.removeprefix("http://")
        environment = {
            "STRIPE_WEBHOOK_SECRETS": "whsec_sandbox",
            "STRIPE_API_KEY": "sk_test_sandbox",
            "STRIPE_API_URL": self.processors,
            "BRAINTREE_MERCHANT_ID": "sandbox",
            "BRAINTREE_PUBLIC_KEY": "sandbox",
            "BRAINTREE_PRIVATE_KEY": "sandbox",
            "BRAINTREE_ENVIRONMENT": "sandbox",
            "BRAINTREE_API_URL": self.processors,
            "ADYEN_HMAC_KEYS": "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056",
            "ADYEN_WEBHOOK_BASIC_AUTH": "adyen:let-me-in",
            "PAYPAL_WEBHOOK_IDS": "1JE4291016473214C",
            "PAYPAL_CERT_HOSTS": host,
            "GOCARDLESS_WEBHOOK_SECRETS": "gc-secret",
            "GOCARDLESS_ACCESS_TOKEN": "sandbox",
            "GOCARDLESS_API_URL": self.processors,
            "AUTHORIZENET_SIGNATURE_KEYS": "AB" * 64,
            "AUTHORIZENET_API_LOGIN_ID": "sandbox",
            "AUTHORIZENET_TRANSACTION_KEY": "sandbox",
            "AUTHORIZENET_API_URL": f"{self.processors}/xml/v1/request.api",
        }
        return read_settings(environment, live=False)

    def listen(self, receiver: Receiver, *sources: str, **more: Any) -> None:
        """Send everything (or what these say) to the receiver, Recurly's notifications too."""
        wanted = {
            name: {"url": f"{receiver.url}/{name}", "delays": [0.01], **more, **KEYS[name]}
            for name in sources or KEYS
        }
        self.plane("PUT", "webhooks", wanted)
        body = {"url": f"{receiver.url}/recurly", "secret": "s", "delays": [0.01]}
        self.plane("PUT", "webhooks", body, server="recurly")

    def settled(self) -> list[dict[str, Any]]:
        """What the processors said, once nothing is under way any more."""
        deadline = time.monotonic() + 30
        while True:
            told = self.plane("GET", "webhooks")
            if not told["pending"] and not self.plane("GET", "webhooks", server="recurly")["pending"]:
                found: list[dict[str, Any]] = told["notifications"]
                return found
            assert time.monotonic() < deadline, "something is still under way"
            time.sleep(0.02)


@pytest.fixture
def town() -> Iterator[Town]:
    office, control = processors.Processors(), Control()
    site = recurly.Site(processors=office)
    with (
        serve(recurly.create_app(site, Control())) as billing,
        serve(processors.create_app(office, control)) as paying,
    ):
        yield Town(billing.url, paying.url, control, office)
    site.close()
