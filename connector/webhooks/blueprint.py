"""``POST /webhooks/<source>`` and ``/webhooks/<source>/<site>``: HTTP in, HTTP out, nothing decided here.

A GET is answered only by a source whose vendor proves the address so when it is set up (``source.Challenged``).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final

from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException

from connector.errors import Rejected
from connector.webhooks.metrics import Metrics
from connector.webhooks.receiver import Answer, receive, rejected
from connector.webhooks.registry import SOURCES
from connector.webhooks.source import Challenged, Delivery, Inbox, Source

MOST_BYTES: Final = 1_048_576
OTHER: Final = "other"
_ENCODED: Final = json.JSONEncoder(separators=(",", ":")).encode
_METHODS: Final = ("POST", "GET", "PUT", "PATCH", "DELETE", "OPTIONS")


def blueprint(
    sources: Mapping[tuple[str, str], Source],
    default_sites: Mapping[str, str],
    inbox: Inbox,
    wake: Callable[[], None],
    refused: Callable[[str, str, str, str], None],
    metrics: Metrics,
    *,
    clock: Callable[[], datetime],
) -> Blueprint:
    """Serve these sources, by (source, site). ``default_sites``: the site of a source when none is named.

    ``refused`` hears the source, the site, the reason and what is answered of a delivery that is not taken, of
    sources that are configured. ``clock`` gives aware time.

    No route redirects: a source takes a redirect for a failure."""

    def deliver(source: str, site: str | None = None) -> Response:
        started = time.perf_counter()
        site = site or default_sites.get(source, "")
        reader: object = sources.get((source, site))
        if request.method == "GET" and isinstance(reader, Challenged):
            return _challenged(reader, source, site)
        answer = answered(source, site)
        if answer.outcome == "rejected" and reader is not None:
            refused(source, site, answer.reason, str(answer.body["message"]))
        metrics.answered(source if source in SOURCES else OTHER, answer, time.perf_counter() - started)
        return _response(answer)

    def answered(source: str, site: str) -> Answer:
        reader = sources.get((source, site))
        try:
            _require_post()
            if reader is None:
                raise _not_configured(source, site, sources)
            delivery = Delivery(source, site, _body(), _headers(), clock())
        except Rejected as refusal:
            known = (source, site) if reader else (OTHER, OTHER)  # a stranger's words are not logged
            return rejected(*known, refusal)
        return receive(delivery, reader, inbox.record, wake)

    routes = Blueprint("webhooks", __name__)
    for rule in ("/webhooks/<source>", "/webhooks/<source>/<site>"):
        routes.add_url_rule(
            rule,
            view_func=deliver,
            methods=_METHODS,
            strict_slashes=False,
            merge_slashes=False,
            provide_automatic_options=False,
        )
    return routes


def _challenged(reader: Challenged, source: str, site: str) -> Response:
    """The vendor's question when the address is set up. It delivers nothing, and is not counted as a delivery."""
    try:
        return Response(reader.challenge(request.args), mimetype="text/plain")
    except Rejected as refusal:
        return _response(rejected(source, site, refusal))


def _require_post() -> None:
    if request.method != "POST":
        raise Rejected(405, "method_not_allowed", "Deliveries are sent by POST.")


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


def _headers() -> dict[str, str]:
    """Straight from WSGI: ``request.headers`` makes the same several times more slowly."""
    environ = request.environ
    given = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if value := environ.get(name):
            given[name.replace("_", "-").lower()] = value
    return given


def _body() -> bytes:
    """The body as it was sent. Reads no more than is taken, whether or not a length was announced."""
    request.max_content_length = MOST_BYTES + 2  # an application's own limit must not cut in before ours
    length = request.content_length
    if length is not None and length > MOST_BYTES:
        raise _too_large()
    if length is None and request.headers.get("Transfer-Encoding") and not _server_ends_body():
        raise Rejected(411, "length_required", "Send the body with a Content-Length.")
    try:
        body = _read(MOST_BYTES + 1)
    except (OSError, ValueError, HTTPException):
        raise _incomplete() from None
    if len(body) > MOST_BYTES:
        raise _too_large()
    if length is not None and len(body) < length:
        raise _incomplete()
    return body


def _server_ends_body() -> bool:
    return bool(request.environ.get("wsgi.input_terminated"))


def _read(most: int) -> bytes:
    stream, pieces = request.stream, list[bytes]()
    while most > 0 and (piece := stream.read(min(most, 65_536))):
        pieces.append(piece)
        most -= len(piece)
    return b"".join(pieces)


def _too_large() -> Rejected:
    return Rejected(413, "too_large", "A delivery has at most 1 MiB.")


def _incomplete() -> Rejected:
    return Rejected(400, "incomplete", "The body ended before its Content-Length. Send it again.")


def _response(answer: Answer) -> Response:
    response = Response(_ENCODED(answer.body), answer.status, mimetype="application/json")
    if answer.headers:
        response.headers.update(answer.headers)
    if answer.status == 405:
        response.headers["Allow"] = "POST"
    return response
