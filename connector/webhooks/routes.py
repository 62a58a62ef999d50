"""``POST /webhooks/<source>`` and ``/webhooks/<source>/<site>``: the receiver's Flask routes, without decisions.

Every configured address has a rule without variables, which Werkzeug looks up in one step. All other paths below
``/webhooks`` are answered in JSON too. GET is only for sources whose vendor verifies the address at set-up
(``source.HandshakeSource``)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from flask import Blueprint, Response, request
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.wsgi import get_content_length, get_input_stream

from connector.errors import Rejected
from connector.webhooks.metrics import Metrics
from connector.webhooks.receiver import Answer, FailureLog, receive, rejected
from connector.webhooks.registry import SOURCES
from connector.webhooks.source import Delivery, HandshakeSource, Inbox, Recording, Source

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PREFIX: Final = "/webhooks"
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
"""All methods, so that an unsupported one gets a response in JSON."""
MOST_BYTES: Final = 1_048_576
LONGEST_QUERY: Final = 1024
"""Maximal length of the query of a challenge."""
OTHER: Final = "other"
_ENCODED: Final = json.JSONEncoder(separators=(",", ":")).encode
_JSON: Final = "application/json"
_TEXT: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Serves these sources, by (source, site). ``default_sites``: source → site if the path names none.

    ``refused`` is called for a refused delivery of a configured source, with source, site, reason and message.
    ``clock`` returns an aware time.

    Nothing redirects: sources treat a redirect as a failure."""

    sources: Mapping[tuple[str, str], Source]
    default_sites: Mapping[str, str]
    inbox: Inbox
    wake: Callable[[], None]
    refused: Callable[[str, str, str, str], None]
    metrics: Metrics
    clock: Callable[[], datetime]
    log_failure: FailureLog = field(default_factory=FailureLog)

    def respond(
        self, source: str, site: str, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Receive one delivery. The iterable waits for the commit (``_Committing``)."""
        started = time.perf_counter()
        site = site or self.default_sites.get(source, "")
        reader: object = self.sources.get((source, site))
        if environ["REQUEST_METHOD"] == "GET" and isinstance(reader, HandshakeSource):
            return self._challenged(reader, source, site, environ, start_response)

        def finish(answer: Answer) -> Iterable[bytes]:
            if answer.outcome == "rejected" and reader is not None:
                with suppress(RuntimeError):  # no thread can be started to count it
                    self.refused(source, site, answer.reason, str(answer.body["message"]))
            self.metrics.answered(
                source if source in SOURCES else OTHER, answer, time.perf_counter() - started
            )
            return _response(answer, environ, start_response)

        steps = self._steps(source, site, environ)
        try:
            return _Committing(next(steps), steps, finish)
        except StopIteration as ended:
            return finish(ended.value)

    def _steps(self, source: str, site: str, environ: WSGIEnvironment) -> Generator[Recording, None, Answer]:
        reader = self.sources.get((source, site))
        try:
            if environ["REQUEST_METHOD"] != "POST":
                raise Rejected(405, "method_not_allowed", "Deliveries are sent by POST.")
            if reader is None:
                raise _not_configured(source, site, self.sources)
            delivery = Delivery(source, site, _body(environ), _Headers(environ), self.clock())
        except Rejected as refusal:
            site_key = (source, site) if reader else (OTHER, OTHER)  # unverified text is not logged
            return rejected(*site_key, refusal, self.log_failure)
        return (yield from receive(delivery, reader, self.inbox.record, self.wake, self.log_failure))

    def _challenged(
        self,
        reader: HandshakeSource,
        source: str,
        site: str,
        environ: WSGIEnvironment,
        start_response: StartResponse,
    ) -> Iterable[bytes]:
        """Answer the challenge at set-up. It contains no event, and is not counted as a delivery."""
        query = environ.get("QUERY_STRING", "")
        try:
            asked = dict(reversed(parse_qsl(query[:LONGEST_QUERY], keep_blank_values=True)))
            proof = reader.challenge(asked).encode()
        except Rejected as refusal:
            return _response(rejected(source, site, refusal, self.log_failure), environ, start_response)
        start_response("200 OK", [("Content-Type", _TEXT), ("Content-Length", str(len(proof)))])
        return [proof]


class _Delivered(Response):
    """The response of a view whose status is known only after the commit. Flask calls it as the last step of a request;
    iterating it starts the WSGI response."""

    def __init__(self, respond: Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]) -> None:
        super().__init__()
        self._respond = respond

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._respond(environ, start_response)


def blueprint(endpoint: Endpoint) -> Blueprint:
    """The routes of these sources."""
    routes = Blueprint("webhooks", __name__, url_prefix=PREFIX)

    def never_redirect(state: BlueprintSetupState) -> None:
        state.app.url_map.merge_slashes = state.app.url_map.redirect_defaults = False

    routes.record_once(never_redirect)

    def receive_delivery(source: str = "", site: str = "") -> Response:
        return _Delivered(partial(endpoint.respond, source, site))

    @routes.app_errorhandler(HTTPException)
    def refuse(error: HTTPException) -> Response:
        if request.path == PREFIX or request.path.startswith(f"{PREFIX}/"):
            return receive_delivery()
        body = {"error": error.name.lower().replace(" ", "_"), "message": error.description}
        return Response(_ENCODED(body), error.code, mimetype=_JSON)

    def add(rule: str, **values: str) -> None:
        routes.add_url_rule(
            rule,
            "receive",
            receive_delivery,
            defaults=values,
            methods=METHODS,
            provide_automatic_options=False,
            strict_slashes=False,
        )

    for source, site in endpoint.sources:
        add(f"/{source}/{site}", source=source, site=site)
    for source in dict.fromkeys(source for source, _ in endpoint.sources):
        add(f"/{source}", source=source)
    add("/<source>")
    add("/<source>/<site>")
    add("/")
    return routes


@dataclass(frozen=True, slots=True)
class _Committing:
    """The response to a delivery that is being committed. Iterating it, as a WSGI server does, waits for the commit;
    ``front.py`` registers a callback instead, and frees the thread for the next request."""

    recording: Recording
    steps: Generator[Recording, None, Answer]
    finish: Callable[[Answer], Iterable[bytes]]

    def when_ready(self, call: Callable[[], None]) -> None:
        self.recording.when_done(call)

    def __iter__(self) -> Iterator[bytes]:
        try:
            next(self.steps)
        except StopIteration as ended:
            yield from self.finish(ended.value)


def _not_configured(source: str, site: str, sources: Iterable[tuple[str, str]]) -> Rejected:
    if source not in SOURCES:
        return Rejected(404, "unknown_source", f"The sources are: {', '.join(sorted(SOURCES))}.")
    if any(configured == source for configured, _ in sources):
        return Rejected(
            404, "unknown_site", f"The address is /webhooks/{source}/<site>, with a site configured here."
        )
    return Rejected(
        404,
        "not_configured",
        f"{source} has no webhook secret here. Set one (.env.example) and start again.",
    )


class _Headers(Mapping[str, str]):
    """Headers of a request by lower-case name, read on access, because a source needs only a few."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        self._environ = environ

    def __getitem__(self, name: str) -> str:
        key = name.upper().replace("-", "_")
        value: str = self._environ[key if key in _PLAIN else f"HTTP_{key}"]
        return value

    def __iter__(self) -> Iterator[str]:
        named = (
            key.removeprefix("HTTP_") for key in self._environ if key in _PLAIN or key.startswith("HTTP_")
        )
        return (key.replace("_", "-").lower() for key in named)

    def __len__(self) -> int:
        return sum(1 for _ in self)


_PLAIN: Final = frozenset({"CONTENT_TYPE", "CONTENT_LENGTH"})
"""Headers that WSGI stores without ``HTTP_``."""


def _body(environ: WSGIEnvironment) -> bytes:
    """The raw body. Reads at most the allowed size, with or without a Content-Length."""
    length = get_content_length(environ)
    if length is not None and length > MOST_BYTES:
        raise _too_large()
    ends = bool(environ.get("wsgi.input_terminated"))
    if length is None and environ.get("HTTP_TRANSFER_ENCODING") and not ends:
        raise Rejected(411, "length_required", "Send the body with a Content-Length.")
    try:
        body = _read(environ, MOST_BYTES + 1 if length is None else length)
    except (OSError, ValueError, HTTPException):
        raise _incomplete() from None
    if len(body) > MOST_BYTES:
        raise _too_large()
    if length is not None and len(body) < length:
        raise _incomplete()
    return body


def _read(environ: WSGIEnvironment, most: int) -> bytes:
    if environ.get("wsgi.input_terminated"):
        stream = environ["wsgi.input"]
    else:
        stream = get_input_stream(environ, max_content_length=most + 1)
    pieces: list[bytes] = []
    while most > 0 and (piece := stream.read(min(most, 65_536))):
        pieces.append(piece)
        most -= len(piece)
    return b"".join(pieces)


def _too_large() -> Rejected:
    return Rejected(413, "too_large", "A delivery has at most 1 MiB.")


def _incomplete() -> Rejected:
    return Rejected(400, "incomplete", "The body ended before its Content-Length. Send it again.")


def _response(answer: Answer, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    body = _ENCODED(answer.body).encode()
    headers = [("Content-Type", _JSON), ("Content-Length", str(len(body))), *answer.headers.items()]
    if answer.status == 405:
        headers.append(("Allow", "POST"))
    start_response(f"{answer.status} {HTTP_STATUS_CODES.get(answer.status, 'Refused')}", headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
