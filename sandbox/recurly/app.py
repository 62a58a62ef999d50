"""The local Recurly as a web application: the API, and the control plane."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from flask import Flask

from sandbox.control import Control, control_blueprint
from sandbox.recurly import render
from sandbox.recurly.api import SLASH, api_blueprint
from sandbox.recurly.objects import Account, CreditPayment, Invoice, Subscription, Thing, Transaction
from sandbox.recurly.plane import plane_blueprint
from sandbox.recurly.site import Site
from sandbox.recurly.store import OBJECTS, Store

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def create_app(site: Site, control: Control) -> Flask:
    """The caller closes the site when the server is gone."""
    app = Flask("sandbox.recurly")
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.register_blueprint(api_blueprint(site, control))
    app.register_blueprint(control_blueprint(control, site.reset, lambda name: records(site.store, name)))
    app.register_blueprint(plane_blueprint(site))
    app.wsgi_app = keep_slashes(app.wsgi_app)  # type: ignore[assignment, method-assign]
    return app


def records(store: Store, name: str) -> list[dict[str, Any]]:
    """Raises LookupError for an object Recurly has not."""
    if name not in OBJECTS:
        raise LookupError(f"unknown object {name}; one of {', '.join(OBJECTS)}")
    rows: dict[str, Iterable[Thing]] = {
        "account": store.rows(Account),
        "subscription": store.rows(Subscription),
        "invoice": store.rows(Invoice),
        "transaction": store.rows(Transaction),
        "credit_payment": store.rows(CreditPayment),
    }
    return [render.thing(store, row) for row in rows[name]]


def keep_slashes(inner: WSGIApplication) -> WSGIApplication:
    """WSGI decodes the path before it is routed, so ``code-a%2Fb`` would become two segments."""

    def app(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        raw = str(environ.get("REQUEST_URI") or environ.get("RAW_URI") or "").partition("?")[0]
        if "%2f" in raw.lower():
            parts = [unquote(part).replace("/", SLASH) for part in raw.split("/")]
            environ["PATH_INFO"] = "/".join(parts).encode().decode("latin-1")
        return inner(environ, start)

    return app
