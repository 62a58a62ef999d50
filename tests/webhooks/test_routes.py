from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator, Mapping
from io import BytesIO

import pytest
from structlog.testing import capture_logs
from werkzeug.serving import make_server

from connector.errors import Rejected
from connector.models.events import Event
from connector.webhooks.routes import MOST_BYTES
from connector.webhooks.source import Delivery

from .memory import SITE, Desk, desk
from .recurly_deliveries import UUID, signed, source, thin

BODY = thin("payment.failed", uuid=UUID)
HEADERS = signed(BODY, "s3cret")


@pytest.fixture
def at() -> Desk:
    return desk(
        {("recurly", SITE): source("s3cret"), ("recurly", "eu1"): source("eu-s3cret")}, {"recurly": SITE}
    )


@pytest.mark.parametrize(
    ("path", "secret", "site"),
    [
        ("/webhooks/recurly", "s3cret", SITE),
        ("/webhooks/recurly/", "s3cret", SITE),
        ("/webhooks/recurly?a=b", "s3cret", SITE),
        (f"/webhooks/recurly/{SITE}", "s3cret", SITE),
        ("/webhooks/recurly/eu1", "eu-s3cret", "eu1"),
        ("/webhooks/recurly/eu1/", "eu-s3cret", "eu1"),
    ],
)
def test_each_site_has_its_address_and_none_redirects(at: Desk, path: str, secret: str, site: str) -> None:
    answer = at.client.post(path, data=BODY, headers=signed(BODY, secret))
    assert answer.status_code == 200
    assert at.inbox.only.site == site


def test_one_sites_secret_opens_no_other_site(at: Desk) -> None:
    assert at.client.post("/webhooks/recurly/eu1", data=BODY, headers=HEADERS).status_code == 401


@pytest.mark.parametrize(
    ("path", "error", "says"),
    [
        ("/webhooks/nobody", "unknown_source", "recurly"),
        ("/webhooks/recurly/nowhere", "unknown_site", "/webhooks/recurly/<site>"),
        ("/webhooks/nobody/nowhere", "unknown_source", "recurly"),
        ("/webhooks", "unknown_source", "recurly"),
        ("/webhooks/", "unknown_source", "recurly"),
        ("/webhooks//recurly", "unknown_source", "recurly"),
        ("/webhooks/recurly//", "unknown_source", "recurly"),
        (f"/webhooks/recurly/{SITE}/more", "unknown_source", "recurly"),
        ("/webhooks/r%C3%A9curly", "unknown_source", "recurly"),
    ],
)
def test_an_address_that_leads_nowhere_says_what_does(at: Desk, path: str, error: str, says: str) -> None:
    answer = at.client.post(path, data=BODY, headers=HEADERS)
    assert answer.status_code == 404
    assert answer.json
    assert answer.json["error"] == error
    assert says in answer.json["message"]


def test_a_source_that_is_not_configured_says_what_to_set() -> None:
    answer = desk({}).client.post("/webhooks/recurly", data=BODY, headers=HEADERS)
    assert answer.status_code == 404
    assert answer.json
    assert (answer.json["error"], "secret" in answer.json["message"]) == ("not_configured", True)


def test_several_sites_and_no_default_ask_for_the_site() -> None:
    at = desk({("recurly", "us1"): source("a"), ("recurly", "eu1"): source("b")}, {})
    answer = at.client.post("/webhooks/recurly", data=BODY, headers=HEADERS)
    assert (answer.status_code, answer.json and answer.json["error"]) == (404, "unknown_site")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_only_post_is_taken(at: Desk, method: str) -> None:
    answer = at.client.open("/webhooks/recurly", method=method)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert method == "HEAD" or (answer.json and answer.json["error"] == "method_not_allowed")


class Asked:
    """A source whose vendor asks for a proof when the address is set up."""

    name = "recurly"

    def read(self, delivery: Delivery) -> tuple[Event, ...]:
        raise AssertionError("a question is no delivery")

    def challenge(self, query: Mapping[str, str]) -> str:
        if "q" not in query:
            raise Rejected(400, "malformed_challenge", "Ask with q.")
        return f"proof of {query['q']}"


@pytest.mark.parametrize(("method", "path"), [("PROPFIND", "/webhooks/recurly"), ("TRACE", "/webhooks")])
def test_an_unusual_method_is_refused_in_json(at: Desk, method: str, path: str) -> None:
    answer = at.client.open(path, method=method)
    assert (answer.status_code, answer.json["error"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == "POST"


def test_a_vendors_question_is_answered_in_plain_text() -> None:
    at = desk({("recurly", SITE): Asked()})
    for path in ("/webhooks/recurly?q=1", f"/webhooks/recurly/{SITE}/?q=1"):
        answer = at.client.get(path)
        assert (answer.status_code, answer.mimetype, answer.text) == (200, "text/plain", "proof of 1")
    assert not at.inbox.events
    assert at.bell.rung == 0


def test_of_a_long_question_only_the_beginning_is_read() -> None:
    at = desk({("recurly", SITE): Asked()})
    answer = at.client.get("/webhooks/recurly?q=1&" + "x=1&" * 10_000)
    assert (answer.status_code, answer.text) == (200, "proof of 1")
    assert at.client.get("/webhooks/recurly?" + "x=1&" * 10_000 + "q=1").status_code == 400


def test_a_question_that_is_none_says_what_is_missing() -> None:
    answer = desk({("recurly", SITE): Asked()}).client.get("/webhooks/recurly")
    assert (answer.status_code, answer.json) == (
        400,
        {"error": "malformed_challenge", "message": "Ask with q."},
    )


@pytest.mark.parametrize("method", ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_a_question_is_asked_by_get_only(method: str) -> None:
    answer = desk({("recurly", SITE): Asked()}).client.open("/webhooks/recurly?q=1", method=method)
    assert answer.status_code == 405


def test_a_source_that_is_not_asked_or_not_configured_takes_only_post(at: Desk) -> None:
    for path in ("/webhooks/recurly?q=1", "/webhooks/braintree?bt_challenge=" + "0" * 20, "/webhooks/nobody"):
        assert at.client.get(path).status_code == 405


def test_an_announced_length_over_one_mebibyte_is_refused_unread(at: Desk) -> None:
    answer = at.client.post(
        "/webhooks/recurly",
        input_stream=Unreadable(),
        headers=HEADERS,
        environ_overrides={"CONTENT_LENGTH": str(MOST_BYTES + 1)},
    )
    assert (answer.status_code, answer.json and answer.json["error"]) == (413, "too_large")


class Unreadable(BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        raise AssertionError("the body was read")


def test_a_whole_mebibyte_is_taken_and_no_byte_more(at: Desk) -> None:
    whole = BODY.ljust(MOST_BYTES)
    for body, status in ((whole, 200), (whole + b" ", 413)):
        answer = at.client.post("/webhooks/recurly", data=body, headers=signed(whole, "s3cret"))
        assert answer.status_code == status


@pytest.mark.parametrize(("size", "status"), [(len(BODY), 200), (MOST_BYTES, 200), (MOST_BYTES + 1, 413)])
def test_a_body_without_a_length_is_read_to_its_end(at: Desk, size: int, status: int) -> None:
    body = BODY.ljust(size)
    answer = at.client.post(
        "/webhooks/recurly",
        input_stream=BytesIO(body),
        headers={**signed(body, "s3cret"), "Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert answer.status_code == status


def test_a_server_that_cannot_end_a_body_asks_for_its_length(at: Desk) -> None:
    answer = at.client.post(
        "/webhooks/recurly",
        input_stream=BytesIO(BODY),
        headers={**HEADERS, "Transfer-Encoding": "chunked"},
    )
    assert answer.status_code == 411


@pytest.mark.parametrize("terminated", [{}, {"wsgi.input_terminated": True}], ids=["by us", "by the server"])
def test_a_body_that_ends_early_is_asked_for_again(at: Desk, terminated: dict[str, bool]) -> None:
    answer = at.client.post(
        "/webhooks/recurly",
        input_stream=BytesIO(BODY[:-5]),
        headers=HEADERS,
        environ_overrides={"CONTENT_LENGTH": str(len(BODY)), **terminated},
    )
    assert (answer.status_code, answer.json and answer.json["error"]) == (400, "incomplete")


def test_what_strangers_say_is_neither_logged_nor_a_label(at: Desk) -> None:
    with capture_logs() as lines:
        at.client.post("/webhooks/evil%1b%5b31m", data=BODY)
        at.client.post("/webhooks/recurly/evil%0asite", data=BODY)
    assert "evil" not in str(lines)
    assert at.counted("casewire_deliveries_total", source="other", outcome="rejected") == 1


def test_only_what_a_configured_source_is_refused_is_remembered(at: Desk) -> None:
    """Each path of a stranger would be a key of its own in Redis."""
    for path in ("nobody", "recurly/nowhere", "stripe", "a/b", "a/b/c", "", "recurly/"):
        at.client.post(f"/webhooks/{path}", data=BODY)
        at.client.get(f"/webhooks/{path}")
    remembered = {told[:3] for told in at.refusals}
    assert remembered == {("recurly", SITE, "missing_signature"), ("recurly", SITE, "method_not_allowed")}


def test_no_label_is_a_strangers_word_though_it_is_the_name_of_a_vendor(at: Desk) -> None:
    at.client.post("/webhooks/stripe", data=BODY)
    at.client.post("/webhooks/nobody", data=BODY)
    assert at.counted("casewire_deliveries_total", source="stripe", outcome="rejected") == 1
    assert at.counted("casewire_deliveries_total", source="other", outcome="rejected") == 1
    assert at.counted("casewire_deliveries_total", source="nobody", outcome="rejected") == 0


def test_a_metric_that_cannot_be_written_fails_no_delivery(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the folder of the web processes' numbers is gone. The vendor must not be asked to send it again."""

    def gone(*_: object) -> None:
        raise FileNotFoundError("counter_1.db")

    with monkeypatch.context() as broken, capture_logs() as lines:
        broken.setattr("prometheus_client.Counter.labels", gone)
        for _ in range(2):
            assert at.client.post("/webhooks/recurly", data=BODY, headers=HEADERS).status_code == 200
    assert at.inbox.only.site == SITE
    assert [line["event"] for line in lines].count("metrics_failed") == 1
    at.client.post("/webhooks/recurly", data=BODY, headers=HEADERS)
    assert at.counted("casewire_deliveries_total", source="recurly", outcome="duplicate") == 1


def test_deliveries_events_and_refusals_are_counted(at: Desk) -> None:
    for body in (BODY, BODY, thin("item.created"), thin("payment.teleported"), b"{"):
        at.client.post("/webhooks/recurly", data=body, headers=signed(body, "s3cret"))
    at.client.post("/webhooks/recurly", data=BODY)
    at.inbox.fault = RuntimeError()
    at.client.post("/webhooks/recurly", data=BODY, headers=HEADERS)
    outcomes = {"accepted": 4, "duplicate": 1, "rejected": 1, "unavailable": 1}
    for outcome, times in outcomes.items():
        assert at.counted("casewire_deliveries_total", source="recurly", outcome=outcome) == times
    events = [("payment.failed", "handled", 2), ("item.created", "ignored", 1)]
    for kind, fate, times in [*events, ("other", "unknown", 1), ("other", "unreadable", 1)]:
        assert at.counted("casewire_events_total", source="recurly", kind=kind, fate=fate) == times
    assert at.counted("casewire_deliveries_rejected_total", source="recurly", reason="missing_signature") == 1
    assert at.counted("casewire_receive_seconds_count", source="recurly") == 7


@pytest.fixture
def served(at: Desk) -> Iterator[tuple[str, int]]:
    server = make_server("127.0.0.1", 0, at.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield "127.0.0.1", server.port
    server.shutdown()
    thread.join()
    server.server_close()


def test_chunked_over_a_socket(at: Desk, served: tuple[str, int]) -> None:
    connection = http.client.HTTPConnection(*served, timeout=10)
    headers = {**HEADERS, "Transfer-Encoding": "chunked"}
    connection.request(
        "POST", "/webhooks/recurly", iter([BODY[:20], BODY[20:]]), headers, encode_chunked=True
    )
    assert connection.getresponse().status == 200
    connection.close()
    assert at.inbox.only.kind == "payment.failed"


def test_a_sender_that_hangs_up_midway_leaves_nothing(at: Desk, served: tuple[str, int]) -> None:
    with socket.create_connection(served, timeout=10) as connection:
        head = f"POST /webhooks/recurly HTTP/1.1\r\nHost: x\r\nContent-Length: {len(BODY)}\r\n\r\n"
        connection.sendall(head.encode() + BODY[:10])
        connection.shutdown(socket.SHUT_WR)
        assert b" 400 " in connection.recv(4096)
    assert not at.inbox.events
