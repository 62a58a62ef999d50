"""How certificates are kept, and how they are fetched from a real host on this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from connector.errors import Rejected, Unavailable
from connector.webhooks import registry
from connector.webhooks.paypal import certificates
from connector.webhooks.paypal.certificates import (
    HOSTS,
    KEPT_FOR,
    MOST_BYTES,
    MOST_KEPT,
    MOST_REFUSED,
    REFUSED_FOR,
    Certificates,
    over_http,
)

from .memory import NOW
from .paypal_deliveries import CERT_URL, Host, Settings, certificate, delivery, dispute, event, signed

PATH = "/v1/notifications/certs/CERT-1"
SECOND = timedelta(seconds=1)


def test_a_certificate_is_fetched_once_in_twelve_hours() -> None:
    host = Host()
    kept = Certificates(HOSTS, host)
    for later in (timedelta(), timedelta(hours=1), KEPT_FOR - SECOND):
        kept.key(CERT_URL, NOW + later)
    assert len(host.asked) == 1
    kept.key(CERT_URL, NOW + KEPT_FOR)
    assert len(host.asked) == 2


def test_a_kept_certificate_is_refused_once_it_has_expired() -> None:
    kept = Certificates(HOSTS, Host(certificate(ends=NOW + timedelta(minutes=5))))
    kept.key(CERT_URL, NOW)
    with pytest.raises(Rejected) as raised:
        kept.key(CERT_URL, NOW + timedelta(minutes=6))
    assert raised.value.reason == "expired_cert"


def test_a_refused_certificate_is_asked_for_again_after_some_minutes() -> None:
    host = Host(b"nothing")
    kept = Certificates(HOSTS, host)
    for _ in range(3):
        with pytest.raises(Rejected):
            kept.key(CERT_URL, NOW)
    assert len(host.asked) == 1
    host.pem = certificate()
    assert kept.key(CERT_URL, NOW + REFUSED_FOR)


def test_an_outage_is_not_remembered() -> None:
    host = Host(fault=Unavailable("paypal", "It is out."))
    kept = Certificates(HOSTS, host)
    with pytest.raises(Unavailable):
        kept.key(CERT_URL, NOW)
    host.fault = None
    assert kept.key(CERT_URL, NOW)


def test_made_up_addresses_push_out_no_good_certificate_and_fill_no_memory() -> None:
    host = Host()
    kept = Certificates(HOSTS, host)
    kept.key(CERT_URL, NOW)
    host.pem = b"nothing"
    for number in range(MOST_REFUSED + 10):
        with pytest.raises(Rejected):
            kept.key(f"{CERT_URL}-{number}", NOW)
    asked = len(host.asked)
    assert kept.key(CERT_URL, NOW)
    assert len(host.asked) == asked
    assert len(kept._refused) == MOST_REFUSED


def test_only_so_many_certificates_are_kept() -> None:
    kept = Certificates(HOSTS, Host())
    for number in range(MOST_KEPT + 5):
        kept.key(f"{CERT_URL}-{number}", NOW)
    assert len(kept._kept) == MOST_KEPT


def test_many_at_once_fetch_it_once() -> None:
    started, go = threading.Event(), threading.Event()

    class Slow(Host):
        def __call__(self, address: str) -> bytes:
            started.set()
            go.wait(5)
            return super().__call__(address)

    host = Slow()
    kept = Certificates(HOSTS, host)
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(kept.key(CERT_URL, NOW))) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert started.wait(5)
    go.set()
    for thread in threads:
        thread.join(5)
    assert (len(found), len(host.asked)) == (8, 1)


# A real host -----------------------------------------------------------------------------------------------


class Answering(BaseHTTPRequestHandler):
    status = 200
    body = b""
    asked: list[str] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(self.status)
        self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@contextmanager
def host(status: int = 200, body: bytes = b"") -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []
    handler = type("Handler", (Answering,), {"status": status, "body": body, "asked": asked})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def test_a_delivery_is_verified_with_a_certificate_from_a_host_on_this_machine() -> None:
    with host(body=certificate("sandbox.test")) as (place, asked):
        made = registry.SOURCES["paypal"](Settings(("WH-1",), (place,)))
        assert made
        body = event("CUSTOMER.DISPUTE.CREATED", dispute())
        headers = signed(body, "WH-1", cert_url=f"http://{place}{PATH}")
        assert made.read(delivery(body, headers))
        assert made.read(delivery(body, headers))
        assert asked == [PATH]


@pytest.mark.parametrize("status", [500, 503, 408, 429])
def test_a_host_in_trouble_is_asked_again_later(status: int) -> None:
    with host(status) as (place, _), pytest.raises(Unavailable):
        over_http(f"http://{place}{PATH}")


@pytest.mark.parametrize("status", [301, 302, 307, 204, 400, 403, 404])
def test_a_host_that_has_no_certificate_there_is_believed(status: int) -> None:
    with host(status) as (place, asked):
        with pytest.raises(Rejected) as raised:
            over_http(f"http://{place}{PATH}")
        assert raised.value.reason == "bad_cert"
        assert asked == [PATH]  # a redirect is not followed


def test_an_endless_answer_is_not_read_to_its_end() -> None:
    with host(body=b"x" * (MOST_BYTES + 1)) as (place, _), pytest.raises(Rejected, match="too long"):
        over_http(f"http://{place}{PATH}")


def test_nobody_there_is_an_outage() -> None:
    with host() as (place, _):
        pass
    with pytest.raises(Unavailable):
        over_http(f"http://{place}{PATH}")


def test_a_host_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "SECONDS", -1.0)

    class Answer:
        @staticmethod
        def iter_content(size: int) -> Iterator[bytes]:
            while True:
                yield b"x"

    with pytest.raises(Unavailable, match="slow"):
        certificates._body(Answer())  # type: ignore[arg-type]
