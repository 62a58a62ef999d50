"""What the control plane of the local processors has beside every server's: their webhooks, and their books."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request

from sandbox.control import PREFIX
from sandbox.processors import books
from sandbox.processors.events import Source
from sandbox.processors.office import Processors
from sandbox.processors.sources import SOURCES
from sandbox.processors.store import plain
from sandbox.processors.webhooks import Endpoint

_ROUTE = {"url", "delays", "tries"}


def plane_blueprint(processors: Processors) -> Blueprint:
    plane = Blueprint("processors_plane", __name__, url_prefix=PREFIX)
    webhooks = processors.webhooks

    @plane.put("/webhooks")
    def configure() -> Response | tuple[Response, int]:
        body = request.get_json(force=True, silent=True)
        try:
            webhooks.configure(_endpoints(body, request.host_url))
        except (KeyError, TypeError, ValueError) as error:
            return jsonify({"error": str(error)}), 400
        return jsonify(_told(processors))

    @plane.delete("/webhooks")
    def forget() -> Response:
        webhooks.configure({})
        return jsonify(_told(processors))

    @plane.get("/webhooks")
    def show() -> Response:
        told = {"pending": webhooks.pending(), "notifications": webhooks.told()}
        return jsonify({**_told(processors), **told})

    @plane.post("/books")
    def edit() -> Response | tuple[Response, int]:
        try:
            entry = books.edit(processors.store, request.get_json(force=True, silent=True))
        except LookupError as error:
            return jsonify({"error": str(error.args[0])}), 404
        except ValueError as error:
            return jsonify({"error": str(error)}), 400
        return jsonify(plain(entry))

    return plane


def _told(processors: Processors) -> dict[str, Any]:
    """Without the keys."""
    return {"urls": {name: endpoint.url for name, endpoint in processors.webhooks.endpoints.items()}}


def _endpoints(body: Any, server: str) -> dict[str, Endpoint]:
    """Raises KeyError, TypeError, ValueError with what is wrong."""
    if not isinstance(body, dict):
        raise TypeError("the body must be an object: source → its endpoint")
    unknown = sorted(set(body) - set(SOURCES))
    if unknown:
        raise ValueError(f"unknown source {unknown[0]}; one of {', '.join(SOURCES)}")
    return {name: _endpoint(SOURCES[name], given, server) for name, given in body.items()}


def _endpoint(source: Source, given: Any, server: str) -> Endpoint:
    if not isinstance(given, dict):
        raise TypeError(f"{source.name} must be an object")
    unknown = sorted(set(given) - _ROUTE - source.keys - source.may)
    missing = sorted((source.keys | {"url"}) - set(given))
    if unknown or missing:
        raise ValueError(
            f"{source.name}: unknown key {unknown[0]}" if unknown else f"{source.name}: no {missing[0]}"
        )
    keys = {name: str(given[name]) for name in source.keys | source.may if given.get(name) is not None}
    default = Endpoint("http://127.0.0.1/")
    return Endpoint(
        url=str(given["url"]),
        delays=tuple(float(delay) for delay in given.get("delays", default.delays)),
        tries=int(given.get("tries", default.tries)),
        keys={"server": server, **keys},
    )
