"""The Flask app of a local Salesforce: login, REST API, control plane and the agents' page."""

from __future__ import annotations

import gzip
import json
import re
import secrets
from collections.abc import Iterator
from typing import Any, Final

from flask import Flask, Response, request

from sandbox.control import Control, control_blueprint
from sandbox.salesforce.api import describe
from sandbox.salesforce.api.calls import Answer, Call
from sandbox.salesforce.api.routes import handle, route
from sandbox.salesforce.bulk.plane import bulk_plane
from sandbox.salesforce.bulk.work import advance
from sandbox.salesforce.errors import RequestRefused, unreadable
from sandbox.salesforce.jackson import compact, pretty
from sandbox.salesforce.oauth import bearer, oauth_blueprint
from sandbox.salesforce.org import Org
from sandbox.salesforce.page import page_blueprint
from sandbox.salesforce.plane import org_plane
from sandbox.salesforce.soap import metadata_blueprint
from sandbox.salesforce.soap_login import soap_login_blueprint
from sandbox.server import drop_connection

_JSON: Final = "application/json;charset=UTF-8"
_VERSION: Final = re.compile(r"v(\d+)\.0")
_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_MAINTENANCE: Final = (
    "<!DOCTYPE html><html><head><title>Service Unavailable</title></head>"
    "<body><h1>We are down for maintenance.</h1><p>Sorry for the inconvenience.</p></body></html>"
)


def create_app(org: Org, control: Control) -> Flask:
    """Everything under one address, as an instance of Salesforce is."""
    app = Flask(__name__)
    app.url_map.redirect_defaults = False
    app.register_blueprint(control_blueprint(control, org.reset, org.records))
    app.register_blueprint(org_plane(org))
    app.register_blueprint(bulk_plane(org.jobs))
    app.register_blueprint(oauth_blueprint(org))
    app.register_blueprint(soap_login_blueprint(org))
    app.register_blueprint(metadata_blueprint(org, control))
    app.register_blueprint(page_blueprint(org, control))
    app.before_request(lambda: _before(control))
    app.after_request(_headers)
    _data_routes(app, org, control)
    return app


def _data_routes(app: Flask, org: Org, control: Control) -> None:
    methods = ["GET", "POST", "PATCH", "PUT", "DELETE"]

    @app.get("/services/data")
    @app.get("/services/data/")
    def versions() -> Response:
        return _respond(Answer(describe.versions()))

    @app.route("/services/data/<version>", defaults={"path": ""}, methods=methods)
    @app.route("/services/data/<version>/", defaults={"path": ""}, methods=methods)
    @app.route("/services/data/<version>/<path:path>", methods=methods)
    def data(version: str, path: str) -> Response:
        return _data(org, control, version, path)


def _data(org: Org, control: Control, version: str, path: str) -> Response:
    known = _VERSION.fullmatch(version)
    if known is None or not describe.FIRST_VERSION <= int(known[1]) <= describe.LAST_VERSION:
        return _refuse(404, "NOT_FOUND", "The requested resource does not exist")
    subject = _subject(org, control)
    if control.take_fault(("session_expired",), subject):
        org.sessions.revoke_all()
    user = org.sessions.user(bearer(request.headers.get("Authorization", "")))
    if user is None:
        return _refuse(401, "INVALID_SESSION_ID", "Session expired or invalid")
    refused = _limited(org, control, subject)
    if refused:
        return refused
    dropped = request.method in _WRITES and control.take_fault(("drop_after_commit",), subject)
    advance(org, control, path.strip("/"))
    answer = _answer(org, control, version[1:], path.strip("/"), user)
    if dropped:
        return drop_connection()
    response = _respond(answer)
    response.headers["Sforce-Limit-Info"] = _usage(org)
    return response


def _usage(org: Org) -> str:
    return f"api-usage={org.api_used}/{org.api_limit}"


def _limited(org: Org, control: Control, subject: str) -> Response | None:
    if control.take_fault(("concurrent_limit",), subject):
        message = "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
        return _refuse(403, "REQUEST_LIMIT_EXCEEDED", message)
    if control.take_fault(("server_unavailable",), subject):
        return _refuse(503, "SERVER_UNAVAILABLE", "Server too busy")
    within = org.count_call()
    if not within or control.take_fault(("daily_limit",), subject):
        refused = _refuse(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        refused.headers["Sforce-Limit-Info"] = _usage(org)
        return refused
    return None


def _answer(org: Org, control: Control, version: str, path: str, user: str) -> Answer:
    try:
        body = _body()
    except RequestRefused as refused:
        return Answer(refused.body(), refused.status)
    headers = {name.lower(): value for name, value in request.headers.items()}
    return handle(
        Call(org, control, request.method, version, path, request.args.to_dict(), headers, body, user)
    )


def _body() -> bytes:
    body = request.get_data()
    if request.headers.get("Content-Encoding", "").lower() != "gzip":
        return body
    try:
        return gzip.decompress(body)
    except (OSError, EOFError) as error:
        raise unreadable(f"The request body is not gzip: {error}") from None


# -- before and after each answer


def _before(control: Control) -> Response | None:
    path = request.path
    if not path.startswith(("/services/", "/id/")):
        return None
    control.count(request.method, _counted(path))
    control.sleep_latency()
    place = f"{request.method} {path}"
    slow = control.take_fault(("slow",), place)
    if slow:
        control.hold(slow.seconds or 1.0)
    held = control.take_fault(("timeout",), place)
    if held:
        control.hold(held.seconds if held.seconds is not None else 60.0)
        return drop_connection()
    if control.take_fault(("unavailable",), place):
        return Response(_MAINTENANCE, 503, mimetype="text/html")
    return None


def _counted(path: str) -> str:
    found = re.fullmatch(r"/services/data/(v[^/]+)(?:/(.*))?", path)
    if found is None:
        return "/id/<org>/<user>" if path.startswith("/id/") else path.rstrip("/")
    return f"/services/data/vXX.0/{route(request.method, (found[2] or '').strip('/'))}".rstrip("/")


def _subject(org: Org, control: Control) -> str:
    """Method, address and, one to a line, the external ids in the body."""
    if not control.faults():
        return ""
    names = {key.name for kind in org.schema for key in kind.upsert_keys}
    place = f"{request.method} {request.path}?{request.query_string.decode()} {request.args.get('q', '')}"
    try:
        body = json.loads(_body() or b"null")
    except (ValueError, RequestRefused):
        body = None
    return "\n".join((place, *_keys(body, names)))


def _keys(body: Any, names: set[str]) -> Iterator[str]:
    if isinstance(body, dict):
        for name, value in body.items():
            if name in names and isinstance(value, str):
                yield value
            else:
                yield from _keys(value, names)
    elif isinstance(body, list):
        for item in body:
            yield from _keys(item, names)


def _headers(response: Response) -> Response:
    if not request.path.startswith(("/services/", "/id/")):
        return response
    trace = secrets.token_hex(16)
    response.headers["X-Sfdc-Request-Id"] = trace
    response.headers["X-Request-Id"] = trace
    response.headers["Cache-Control"] = "no-cache,must-revalidate,max-age=0,no-store,private"
    response.headers["Server"] = "sfdcedge"
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["X-Robots-Tag"] = "none"
    if response.mimetype == "application/json":
        response.headers["Content-Type"] = _JSON
    return response


def _respond(answer: Answer) -> Response:
    if answer.body is None:
        return Response(status=answer.status, headers=dict(answer.headers))
    if isinstance(answer.body, bytes):
        return Response(answer.body, answer.status, dict(answer.headers))
    spread = request.headers.get("X-PrettyPrint", "0").strip() == "1"
    text = pretty(answer.body) if spread else compact(answer.body)
    return Response(text, answer.status, dict(answer.headers), content_type=_JSON)


def _refuse(status: int, code: str, message: str) -> Response:
    return _respond(Answer([{"message": message, "errorCode": code}], status))
