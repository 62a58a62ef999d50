"""Whatever goes wrong with whichever processor, the error's class says what happens next."""

from __future__ import annotations

import importlib
import socket
from typing import Any

import pytest

from connector.clients.processors import CLIENTS, base
from connector.errors import Permanent, SetupError, Transient, Unavailable
from connector.models.facts import Kind
from connector.sources.registry import read_processors

from .processor_rig import KEYS, client, item
from .scripted import DROP, HANG, Reply, Scripted

ASKED_FOR = {
    "stripe": item("stripe", Kind.CHARGE, "ch_1"),
    "braintree": item("braintree", Kind.CHARGE, "t1"),
    "gocardless": item("gocardless", Kind.CHARGE, "PM1"),
    "authorizenet": item("authorizenet", Kind.CHARGE, "60000000001"),
}
SOURCES = pytest.mark.parametrize("source", sorted(ASKED_FOR))


def refusal(source: str, status: int, **headers: str) -> Reply:
    """An error as this processor words it."""
    bodies: dict[str, Any] = {
        "stripe": {"error": {"type": "api_error", "message": "no"}},
        "braintree": "<api-error-response/>",
        "gocardless": {"error": {"type": "gocardless", "code": status, "message": "no", "errors": []}},
        "authorizenet": "no",
    }
    return Reply(bodies[source], status, headers)


def outcome(source: str, reply: Reply) -> tuple[type[Exception], str, str]:
    with Scripted(lambda _: reply) as server:
        try:
            client(source, server.url).look_up(ASKED_FOR[source])
        except (Transient, Permanent) as error:
            assert len(server.asked) == 1
            assert "key" not in repr(server.asked[0].target)
            return type(error), getattr(error, "destination", ""), error.code
    raise AssertionError("it did not fail")


def test_every_client_is_tried_here() -> None:
    assert ASKED_FOR.keys() == CLIENTS.keys()


@SOURCES
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, Unavailable),
        (403, Unavailable),
        (429, Unavailable),
        (500, Transient),
        (502, Transient),
        (503, Unavailable),
        (504, Transient),
    ],
)
def test_an_error_says_what_happens_next(source: str, status: int, kind: type[Exception]) -> None:
    found, destination, code = outcome(source, refusal(source, status))
    assert found is kind
    assert destination == (source if kind is Unavailable else "")
    assert code


@SOURCES
@pytest.mark.parametrize(
    "reply",
    [
        Reply("<html>a proxy's page</html>", headers={"Content-Type": "text/html"}),
        Reply("{"),
        Reply("[]"),
        Reply("7"),
    ],
    ids=["HTML", "half", "a list", "a number"],
)
def test_an_answer_that_cannot_be_read_may_be_better_next_time(source: str, reply: Reply) -> None:
    assert outcome(source, reply)[0] is Transient


@SOURCES
def test_a_connection_that_breaks_costs_this_call_only(source: str) -> None:
    assert outcome(source, DROP) == (Transient, "", "network")


@SOURCES
def test_a_processor_that_says_nothing_is_not_waited_for(
    source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = "authorizenet.transport" if source == "authorizenet" else source
    module = importlib.import_module(f"connector.clients.processors.{file}")
    assert module.TIMEOUTS is base.TIMEOUTS
    monkeypatch.setattr(module, "TIMEOUTS", (0.3, 0.3))
    assert outcome(source, HANG) == (Transient, "", "timeout")


@SOURCES
def test_a_processor_that_cannot_be_reached_is_out(source: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(Unavailable) as caught:
        client(source, f"http://127.0.0.1:{port}").look_up(ASKED_FOR[source])
    assert (caught.value.destination, caught.value.code) == (source, "unreachable")


@pytest.mark.parametrize("source", ["stripe", "authorizenet"])
def test_the_time_a_processor_names_is_kept(source: str) -> None:
    """Braintree's and GoCardless's libraries keep no header of an error."""
    with (
        Scripted(lambda _: refusal(source, 429, **{"Retry-After": "17"})) as server,
        pytest.raises(Unavailable) as caught,
    ):
        client(source, server.url).look_up(ASKED_FOR[source])
    assert (caught.value.code, caught.value.retry_after) == ("rate_limited", 17.0)


@SOURCES
def test_no_client_without_a_key(source: str) -> None:
    assert CLIENTS[source](read_processors({}, live=True)[source]) is None


@SOURCES
def test_keys_do_not_show_when_a_client_fails(source: str) -> None:
    with Scripted(lambda _: refusal(source, 401)) as server, pytest.raises(Unavailable) as caught:
        client(source, server.url).look_up(ASKED_FOR[source])
    assert not any(
        value in str(caught.value) for name, value in KEYS.items() if name.endswith(("KEY", "TOKEN"))
    )


@pytest.mark.parametrize(
    "url", ["https://gateway.example.com:8443", "http://gateway.example.com:443", "ftp://x", "nowhere"]
)
def test_an_address_braintrees_library_cannot_use_is_a_fault_of_the_setup(url: str) -> None:
    with pytest.raises(SetupError, match="BRAINTREE_API_URL"):
        client("braintree", url)
