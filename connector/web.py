"""The web process: settings → container → endpoint and routes, nothing else.

``create_app`` is the WSGI application for any server; ``create_front`` puts it behind the server of ``casewire web``
(``front.py``), and ``web_process`` is one process of that server. No vendor's client and no stage is imported here.
"""

from __future__ import annotations

import hmac
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog
from flask import Flask, Request, Response, jsonify, request
from flask.sessions import SessionInterface
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest, multiprocess
from redis.exceptions import RedisError

from connector import logs, settings
from connector.backlog_metrics import BacklogCollector
from connector.errors import CasewireError
from connector.front import Front, Limits, keep_modules
from connector.ledger.engine import require_current
from connector.ledger.inbox import Inbox
from connector.parent_watch import SERVER, end_with_parent
from connector.queue import RejectionCounter, Stage, waker
from connector.web_container import WebContainer
from connector.webhooks.metrics import Metrics
from connector.webhooks.registry import SOURCES, configured
from connector.webhooks.routes import PREFIX, Endpoint, blueprint

log = structlog.get_logger(__name__)

READINESS_SECONDS: Final = 1.0
"""How long an answer of ``/readyz`` is kept: strangers may ask often."""
STOP_SECONDS: Final = 10
"""How long deliveries under way may take once the web server is told to stop."""


def web_process() -> Front:
    """The application of one process of the web server."""
    end_with_parent(int(os.environ[SERVER]), STOP_SECONDS)  # noqa: TID251 - ours, and no setting
    front = create_front()
    keep_modules()
    return front


def create_front(container: WebContainer | None = None) -> Front:
    """The application behind the limits of the settings, each source with threads of its own."""
    container = container or _from_environment()
    app = create_app(container)
    given = container.settings
    limits = Limits(
        request_seconds=given.casewire_web_request_seconds,
        connections=given.casewire_web_connections,
        threads=given.casewire_web_threads,
    )
    return Front(app, limits, lane_of)


class NoSessions(SessionInterface):
    """No request has a session: Flask's own reads and signs cookies."""

    def open_session(self, app: Flask, request: Request) -> None:
        return None

    def is_null_session(self, obj: object) -> bool:
        return True


_PROBES: Final = {"/healthz": "health", "/readyz": "readiness", "/metrics": "metrics"}


def lane_of(path: str) -> str:
    """Whose threads a request takes: its source's. Each probe has some of its own, whatever strangers ask for."""
    if path in _PROBES:
        return _PROBES[path]
    root, _, rest = path.removeprefix("/").partition("/")
    if f"/{root}" != PREFIX:
        return "web"
    source = rest.partition("/")[0]
    return source if source in SOURCES else "unknown source"


def _from_environment() -> WebContainer:
    container = WebContainer(settings.load())
    logs.configure(container.settings.casewire_log, behind=True)
    return container


def create_app(container: WebContainer | None = None) -> Flask:
    """The receiver with its health, readiness and metrics routes. Makes no connection by itself."""
    container = container or _from_environment()
    app = Flask("casewire", static_folder=None)
    app.json.compact = True  # type: ignore[attr-defined]
    app.session_interface = NoSessions()
    registry = CollectorRegistry()
    sites = container.settings.recurly
    endpoint = Endpoint(
        configured(container.sources),
        {"recurly": sites[0].name} if sites else {},
        Inbox(container.engine),
        waker(container.queue, Stage.REFRESH),
        RejectionCounter(container.queue.refused),
        Metrics(registry),
        container.clock,
    )
    app.register_blueprint(blueprint(endpoint))
    _health(app, Readiness(lambda: not_ready(container)))
    if container.settings.casewire_metrics_address is None:
        _metrics(app, registry, container)
    return app


def create_metrics_app(container: WebContainer, folder: Path) -> Flask:
    """``/metrics`` of all web processes that keep their numbers in this folder, for an address of its own."""
    app = Flask("casewire-metrics", static_folder=None)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]
    _metrics(app, registry, container)
    return app


def _health(app: Flask, readiness: Readiness) -> None:
    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="alive")

    @app.get("/readyz")
    def readyz() -> tuple[Response, int]:
        reasons = readiness.public_reasons()
        return jsonify(status="not ready" if reasons else "ready", reasons=reasons), 503 if reasons else 200


@dataclass(slots=True)
class Readiness:
    """What is missing. Strangers see which part; the log has why, once for each change."""

    check: Callable[[], dict[str, str]]
    now: Callable[[], float] = time.monotonic
    _checked_at: float | None = None
    _found: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def public_reasons(self) -> list[str]:
        with self._lock:
            if self._checked_at is None or self.now() - self._checked_at > READINESS_SECONDS:
                found = self.check()
                for part, detail in found.items():
                    if self._found.get(part) != detail:
                        log.warning("not_ready", part=part, reason=detail)
                self._found, self._checked_at = found, self.now()
            return list(self._found)


def not_ready(container: WebContainer) -> dict[str, str]:
    """What is missing for deliveries to be received and worked, for anybody, and why, for the log."""
    missing = {}
    try:
        require_current(container.engine)
    except CasewireError as error:
        missing["PostgreSQL is not ready. The log says why; casewire doctor says what to do."] = str(error)
    try:
        container.redis.ping()
    except RedisError as error:
        missing["Redis does not answer. Deliveries are still recorded."] = str(error)
    return missing


def _metrics(app: Flask, registry: CollectorRegistry, container: WebContainer) -> None:
    backlog = CollectorRegistry()
    backlog.register(BacklogCollector(container))
    token = container.settings.casewire_metrics_token

    @app.get("/metrics")
    def metrics() -> Response | tuple[Response, int, dict[str, str]]:
        if token and not _has_token(request.headers.get("Authorization", ""), token):
            refusal = jsonify(error="unauthorized", message="Send CASEWIRE_METRICS_TOKEN as a Bearer token.")
            return refusal, 401, {"WWW-Authenticate": "Bearer"}
        return Response(_counters(registry) + generate_latest(backlog), mimetype=CONTENT_TYPE_LATEST)


def _has_token(header: str, token: str) -> bool:
    return hmac.compare_digest(header.encode(), f"Bearer {token}".encode())


def _counters(registry: CollectorRegistry) -> bytes:
    """The counters of all processes; those of this one if the folder they share is gone."""
    try:
        return generate_latest(_collected(registry))
    except (OSError, ValueError):
        return generate_latest(registry)


def _collected(registry: CollectorRegistry) -> CollectorRegistry:
    """With several web processes the numbers of all of them, kept in PROMETHEUS_MULTIPROC_DIR."""
    if not _several_processes():
        return registry
    collected = CollectorRegistry()
    multiprocess.MultiProcessCollector(collected)  # type: ignore[no-untyped-call]
    return collected


def _several_processes() -> bool:
    return "PROMETHEUS_MULTIPROC_DIR" in os.environ  # noqa: TID251 - prometheus_client's own switch
