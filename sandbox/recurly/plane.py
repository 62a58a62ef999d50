"""What the control plane of the local Recurly has beside every server's: webhooks, stories, the rate limit."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request

from sandbox.control import PREFIX
from sandbox.recurly.scenarios import SCENARIOS, play
from sandbox.recurly.scenarios.orders import BadOrder, Conflict, UnknownScenario
from sandbox.recurly.site import Site
from sandbox.recurly.webhooks import Endpoint

Answer = Response | tuple[Response, int]


def plane_blueprint(site: Site) -> Blueprint:
    plane = Blueprint("recurly_plane", __name__, url_prefix=PREFIX)
    _webhook_routes(plane, site)
    _scenario_routes(plane, site)

    @plane.put("/rate_limit")
    def set_limit() -> Answer:
        body = _body()
        try:
            limit, seconds = int(body.get("limit", 5_000)), float(body.get("seconds", 300))
        except (TypeError, ValueError):
            return jsonify({"error": "limit and seconds must be numbers"}), 400
        site.limit.set(limit, seconds)
        return jsonify({"limit": limit, "seconds": seconds})

    return plane


def _webhook_routes(plane: Blueprint, site: Site) -> None:
    webhooks = site.webhooks

    @plane.put("/webhooks")
    def configure() -> Answer:
        try:
            endpoint = _endpoint(_body())
        except (KeyError, TypeError, ValueError) as error:
            return jsonify({"error": str(error)}), 400
        webhooks.configure(endpoint)
        return jsonify(_told(site))

    @plane.delete("/webhooks")
    def forget() -> Response:
        webhooks.configure(None)
        return jsonify(_told(site))

    @plane.get("/webhooks")
    def show() -> Response:
        return jsonify({**_told(site), "pending": webhooks.pending(), "notifications": webhooks.told()})


def _told(site: Site) -> dict[str, Any]:
    """Without the secrets."""
    endpoint = site.webhooks.endpoint
    url = endpoint and endpoint.url
    return {"site": site.name, "site_id": site.id, "url": url, "format": endpoint and endpoint.format}


def _endpoint(body: dict[str, Any]) -> Endpoint:
    """Raises KeyError, TypeError, ValueError with what is wrong."""
    unknown = set(body) - {"url", "secret", "format", "basic_auth", "delays", "tries"}
    if unknown:
        raise ValueError(f"unknown key {sorted(unknown)[0]}")
    secret = body.get("secret") or []
    default = Endpoint("http://127.0.0.1/")
    return Endpoint(
        url=str(body["url"]),
        secrets=(secret,) if isinstance(secret, str) else tuple(map(str, secret)),
        format=str(body.get("format", "json")),
        basic_auth=body.get("basic_auth"),
        delays=tuple(float(delay) for delay in body.get("delays", default.delays)),
        tries=int(body.get("tries", default.tries)),
    )


def _scenario_routes(plane: Blueprint, site: Site) -> None:
    @plane.get("/scenarios")
    def list_scenarios() -> Response:
        told = ("name", "title", "description", "count")
        return jsonify([{name: getattr(one, name) for name in told} for one in SCENARIOS])

    @plane.post("/scenarios/<name>")
    def play_scenario(name: str) -> Answer:
        try:
            return jsonify(play(site, name, _body()))
        except UnknownScenario as error:
            return jsonify({"error": str(error)}), 404
        except BadOrder as error:
            return jsonify({"error": str(error)}), 400
        except Conflict as error:
            return jsonify({"error": str(error)}), 409

    @plane.post("/cue")
    def end_pause() -> Answer:
        """A story that pauses between its steps goes on; if none does, the next one's first pause is none."""
        site.cues.release()
        return jsonify({})


def _body() -> dict[str, Any]:
    body = request.get_json(force=True, silent=True)
    return body if isinstance(body, dict) else {}
