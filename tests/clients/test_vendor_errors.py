"""One mapping from network errors and HTTP statuses to ours, for every vendor."""

from __future__ import annotations

import ssl

import pytest
import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError

from connector.clients.errors import ErrorFactory, NetworkProblem, NotFound, network_problem
from connector.clients.recurly.errors import RecurlyErrors
from connector.errors import Permanent, Transient, Unavailable
from connector.sources.registry import PROCESSORS

REFUSED = requests.ConnectionError(
    MaxRetryError(None, "/", NewConnectionError(None, "refused"))  # type: ignore[arg-type]
)


class WrappedError(Exception):
    """As Recurly's SDK wraps an OSError."""


@pytest.mark.parametrize(
    ("error", "reached", "problem"),
    [
        (requests.exceptions.SSLError("certificate"), None, NetworkProblem.TLS),
        (WrappedError(ssl.SSLError("certificate")), False, NetworkProblem.TLS),
        (requests.exceptions.ConnectTimeout(), None, NetworkProblem.UNREACHABLE),
        (REFUSED, None, NetworkProblem.UNREACHABLE),
        (WrappedError(ConnectionRefusedError()), False, NetworkProblem.UNREACHABLE),
        (WrappedError(TimeoutError()), False, NetworkProblem.UNREACHABLE),
        (requests.exceptions.ReadTimeout(), None, NetworkProblem.TIMEOUT),
        (WrappedError(TimeoutError()), True, NetworkProblem.TIMEOUT),
        (requests.ConnectionError("reset"), None, NetworkProblem.BROKEN),
        (WrappedError(ConnectionResetError()), True, NetworkProblem.BROKEN),
    ],
)
def test_a_network_error_is_one_of_four_problems(
    error: Exception, reached: bool | None, problem: NetworkProblem
) -> None:
    assert network_problem(error, reached) is problem


FACTORIES = [
    *(ErrorFactory.of(info) for info in PROCESSORS.values() if info.api),
    RecurlyErrors.of_site("acme"),
]


@pytest.mark.parametrize("errors", FACTORIES, ids=lambda factory: factory.destination)
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Permanent),
        (401, Unavailable),
        (403, Unavailable),
        (404, NotFound),
        (408, Transient),
        (409, Transient),
        (422, Permanent),
        (429, Unavailable),
        (500, Transient),
        (502, Transient),
        (503, Unavailable),
    ],
)
def test_a_status_has_the_same_meaning_for_every_vendor(
    errors: ErrorFactory, status: int, kind: type[Exception]
) -> None:
    found = errors.of_status(status)
    assert type(found) is kind
    if isinstance(found, Unavailable):
        assert found.destination == errors.destination
