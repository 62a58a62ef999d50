"""The web process: settings → wiring → endpoint and routes, nothing else."""

from __future__ import annotations

import os

from flask import Flask, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest, multiprocess
from redis.exceptions import RedisError
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from connector import logs
from connector.errors import CasewireError
from connector.gauges import Gauges
from connector.ledger.engine import require_current
from connector.ledger.inbox import Inbox
from connector.queue import Refusals, Stage, waker
from connector.webhooks.endpoint import MOUNTED_AT, Endpoint
from connector.webhooks.metrics import Metrics
from connector.webhooks.registry import configured
from connector.wiring import Wiring, wiring


def create_app(wires: Wiring | None = None) -> Flask:
    """The receiver with its health, readiness and metrics routes. Makes no connection by itself."""
    if wires is None:
        wires = wiring()
        logs.configure(wires.settings.casewire_log, behind=True)
    app = Flask("casewire", static_folder=None)
    app.json.compact = True  # type: ignore[attr-defined]
    registry = CollectorRegistry()
    sites = wires.settings.recurly
    endpoint = Endpoint(
        configured(wires.sources),
        {"recurly": sites[0].name} if sites else {},
        Inbox(wires.engine),
        waker(wires.queue, Stage.REFRESH),
        Refusals(wires.queue.refused),
        Metrics(registry),
        wires.clock,
    )
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {MOUNTED_AT: endpoint})  # type: ignore[method-assign]
    _health(app, wires)
    _metrics(app, registry, Gauges(wires))
    return app


def _health(app: Flask, wires: Wiring) -> None:
    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="alive")

    @app.get("/readyz")
    def readyz() -> tuple[Response, int]:
        reasons = not_ready(wires)
        return jsonify(status="not ready" if reasons else "ready", reasons=reasons), 503 if reasons else 200


def not_ready(wires: Wiring) -> list[str]:
    """What is missing for deliveries to be received and worked; nothing when all is well."""
    reasons = []
    try:
        require_current(wires.engine)
    except CasewireError as error:
        reasons.append(str(error))
    try:
        wires.redis.ping()
    except RedisError as error:
        reasons.append(f"Redis does not answer (deliveries are still recorded): {error}")
    return reasons


def _metrics(app: Flask, registry: CollectorRegistry, gauges: Gauges) -> None:
    waiting = CollectorRegistry()
    waiting.register(gauges)

    @app.get("/metrics")
    def metrics() -> Response:
        told = generate_latest(_collected(registry)) + generate_latest(waiting)
        return Response(told, mimetype=CONTENT_TYPE_LATEST)


def _collected(registry: CollectorRegistry) -> CollectorRegistry:
    """With several web processes the numbers of all of them, kept in PROMETHEUS_MULTIPROC_DIR."""
    if not _several_processes():
        return registry
    collected = CollectorRegistry()
    multiprocess.MultiProcessCollector(collected)  # type: ignore[no-untyped-call]
    return collected


def _several_processes() -> bool:
    return "PROMETHEUS_MULTIPROC_DIR" in os.environ  # noqa: TID251 - prometheus_client's own switch
