"""How certificates are kept, and how they are fetched from a real host on this machine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from waiting import wait_until

from connector.errors import Rejected, Unavailable
from connector.webhooks import registry
from connector.webhooks.paypal import certificates
from connector.webhooks.paypal.certificates import (
    FETCHES_PER_MINUTE,
    HOSTS,
    MINUTE,
    MOST_BYTES,
    MOST_KEPT,
    MOST_REFUSED,
    REFRESHED_AFTER,
    REFUSED_FOR,
    Certificates,
    over_http,
)

from .memory import NOW
from .paypal_deliveries import (
    CERT_URL,
    SANDBOX_CERT_URL,
    Host,
    Settings,
    at_once,
    certificate,
    delivery,
    dispute,
    event,
    signed,
)

PATH = "/v1/notifications/certs/CERT-1"
SECOND = timedelta(seconds=1)


class Background:
    """Runs what is put off when it is told to."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def __call__(self, run: Callable[[], None]) -> None:
        self.waiting.append(run)

    def run(self) -> None:
        waiting, self.waiting = self.waiting, []
        for run in waiting:
            run()


def test_no_delivery_waits_for_a_certificate() -> None:
    host, background = Host(), Background()
    kept = Certificates(HOSTS, host, background)
    for _ in range(3):
        with pytest.raises(Unavailable) as raised:
            kept.key(CERT_URL, NOW)
        assert raised.value.retry_after == 5
    assert (host.asked, len(background.waiting)) == ([], 1)
    background.run()
    assert kept.key(CERT_URL, NOW)
    assert host.asked == [CERT_URL]


def test_a_certificate_is_refreshed_in_the_background_and_used_meanwhile() -> None:
    host, background = Host(), Background()
    kept = Certificates(HOSTS, host, background)
    with pytest.raises(Unavailable):
        kept.key(CERT_URL, NOW)
    background.run()
    for later in (timedelta(), timedelta(hours=1), REFRESHED_AFTER - SECOND):
        assert kept.key(CERT_URL, NOW + later)
    assert not background.waiting
    host.fault = Unavailable("paypal", "It is out.")
    assert kept.key(CERT_URL, NOW + REFRESHED_AFTER)
    background.run()
    assert len(host.asked) == 2
    assert kept.key(CERT_URL, NOW + REFRESHED_AFTER + SECOND)


def test_a_certificate_that_paypal_takes_back_is_no_longer_used() -> None:
    host = Host()
    kept = Certificates(HOSTS, host, at_once)
    kept.key(CERT_URL, NOW)
    host.pem = b"nothing"
    with pytest.raises(Rejected):
        kept.key(CERT_URL, NOW + REFRESHED_AFTER)


def test_each_host_is_asked_so_often_in_a_minute_and_no_more() -> None:
    host = Host(b"nothing")
    kept = Certificates(HOSTS, host, at_once)
    for number in range(FETCHES_PER_MINUTE):
        with pytest.raises(Rejected):
            kept.key(f"{CERT_URL}-{number}", NOW + number * SECOND)
    for later in (10 * SECOND, MINUTE - SECOND):
        with pytest.raises(Unavailable):
            kept.key(f"{CERT_URL}-more", NOW + later)
    assert len(host.asked) == FETCHES_PER_MINUTE
    with pytest.raises(Rejected):
        kept.key(f"{SANDBOX_CERT_URL}-other-host", NOW + 10 * SECOND)
    with pytest.raises(Rejected):
        kept.key(f"{CERT_URL}-more", NOW + MINUTE)
    with pytest.raises(Unavailable):
        kept.key(f"{CERT_URL}-more-again", NOW + MINUTE)


def test_a_clock_that_is_set_back_stops_no_fetching() -> None:
    host = Host()
    kept = Certificates(HOSTS, host, at_once)
    for number in range(FETCHES_PER_MINUTE):
        kept.key(f"{CERT_URL}-{number}", NOW)
    assert kept.key(f"{CERT_URL}-more", NOW - timedelta(hours=1))


def test_a_thread_that_cannot_be_started_is_tried_again() -> None:
    host, failing = Host(), [True]

    def start(run: Callable[[], None]) -> None:
        if failing:
            failing.clear()
            raise RuntimeError("can't start new thread")
        run()

    kept = Certificates(HOSTS, host, start)
    with pytest.raises(Unavailable):
        kept.key(CERT_URL, NOW)
    assert kept.key(CERT_URL, NOW)


def test_a_kept_certificate_is_refused_once_it_has_expired() -> None:
    kept = Certificates(HOSTS, Host(certificate(ends=NOW + timedelta(minutes=5))), at_once)
    kept.key(CERT_URL, NOW)
    with pytest.raises(Rejected) as raised:
        kept.key(CERT_URL, NOW + timedelta(minutes=6))
    assert raised.value.reason == "expired_cert"


def test_a_refused_certificate_is_asked_for_again_after_some_minutes() -> None:
    host = Host(b"nothing")
    kept = Certificates(HOSTS, host, at_once)
    for _ in range(3):
        with pytest.raises(Rejected):
            kept.key(CERT_URL, NOW)
    assert len(host.asked) == 1
    host.pem = certificate()
    assert kept.key(CERT_URL, NOW + REFUSED_FOR)


def test_an_outage_is_not_remembered() -> None:
    host = Host(fault=Unavailable("paypal", "It is out."))
    kept = Certificates(HOSTS, host, at_once)
    with pytest.raises(Unavailable):
        kept.key(CERT_URL, NOW)
    host.fault = None
    assert kept.key(CERT_URL, NOW)


def test_made_up_addresses_push_out_no_good_certificate_and_fill_no_memory() -> None:
    host = Host()
    kept = Certificates(HOSTS, host, at_once)
    kept.key(CERT_URL, NOW)
    host.pem = b"nothing"
    for number in range(MOST_REFUSED + 10):
        with pytest.raises(Rejected):
            kept.key(f"{CERT_URL}-{number}", NOW + (number + 1) * MINUTE)
        assert kept.key(CERT_URL, NOW)
    assert len(host.asked) == MOST_REFUSED + 11
    assert len(kept._refused) == MOST_REFUSED


def test_only_so_many_certificates_are_kept() -> None:
    host = Host()
    kept = Certificates(HOSTS, host, at_once)
    for number in range(MOST_KEPT + 5):
        kept.key(f"{CERT_URL}-{number}", NOW + number * MINUTE)
        kept.key(f"{CERT_URL}-0", NOW + number * MINUTE)  # what is in use is not evicted
    assert len(kept._kept) == MOST_KEPT
    assert f"{CERT_URL}-0" in kept._kept


def test_fetches_run_one_after_another_in_a_thread_of_their_own() -> None:
    started, go = threading.Event(), threading.Event()

    class Slow(Host):
        under_way = at_once = 0

        def __call__(self, address: str) -> bytes:
            self.under_way += 1
            self.at_once = max(self.at_once, self.under_way)
            started.set()
            assert go.wait(60)
            self.under_way -= 1
            return super().__call__(address)

    host = Slow()
    kept = Certificates(HOSTS, host)
    kept_meanwhile = f"{CERT_URL}-kept"
    kept._kept[kept_meanwhile] = (certificates.read(certificate()), NOW)
    with pytest.raises(Unavailable):
        kept.key(CERT_URL, NOW)
    assert started.wait(60)
    for number in range(100):  # the fetch hangs: nobody waits for it
        with pytest.raises(Unavailable):
            kept.key(CERT_URL, NOW)
        with pytest.raises(Unavailable):
            kept.key(f"{CERT_URL}-{number}", NOW)
        assert kept.key(kept_meanwhile, NOW)
    assert len(kept._pending) == FETCHES_PER_MINUTE
    go.set()
    wait_until(lambda: not kept._running)
    assert kept.key(CERT_URL, NOW)
    assert len(host.asked) == FETCHES_PER_MINUTE
    assert host.at_once == 1


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
        with pytest.raises(Unavailable):
            made.read(delivery(body, headers))
        wait_until(lambda: made.certificates._kept)  # type: ignore[attr-defined]
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
