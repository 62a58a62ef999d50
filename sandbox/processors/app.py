"""The local processors as a web application: their APIs side by side, PayPal's certificate, the control plane."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from flask import Flask, Response, request

from sandbox.control import Control, control_blueprint, is_control
from sandbox.processors import paypal
from sandbox.processors.apis import authorizenet, braintree, gocardless, stripe
from sandbox.processors.apis.answers import Refusal
from sandbox.processors.office import Processors
from sandbox.processors.plane import plane_blueprint
from sandbox.server import drop_connection

HELD_SECONDS: Final = 30.0
_FAULTS: Final = ("unavailable", "rate_limited", "timeout", "slow", "drop_after_commit")
_TOO_MANY: Final[Mapping[str, Callable[[], Refusal]]] = {
    "v1": stripe.too_many,
    "merchants": braintree.too_many,
    "xml": authorizenet.too_many,
}
"""By the first part of a path; all others are GoCardless's."""
_BRACES: Final = str.maketrans("<>", "{}")


def create_app(processors: Processors, control: Control) -> Flask:
    """The caller closes the processors when the server is gone."""
    app = Flask("sandbox.processors")
    store = processors.store
    app.before_request(lambda: _before(control))
    app.register_error_handler(Refusal, lambda refusal: refusal.response)
    for api in (
        stripe.stripe_api(store),
        gocardless.gocardless_api(store),
        braintree.braintree_api(store),
        authorizenet.authorizenet_api(store),
    ):
        app.register_blueprint(api)
    app.register_blueprint(control_blueprint(control, processors.reset, store.rows))
    app.register_blueprint(plane_blueprint(processors))
    app.add_url_rule(f"{paypal.CERTS}<name>", "certificate", _certificate)
    return app


def _certificate(name: str) -> Response:
    if name != paypal.cert_name():
        return Response("", status=404)
    return Response(paypal.certificate(), content_type="application/x-pem-file")


def _before(control: Control) -> Response | None:
    if is_control(request.path):
        return None
    rule = request.url_rule.rule if request.url_rule else request.path
    control.count(request.method, rule.translate(_BRACES).replace("id_", "id"))
    control.sleep_latency()
    return _fault(control)


def _fault(control: Control) -> Response | None:
    fault = control.take_fault(_FAULTS, f"{request.method} {request.full_path.rstrip('?')}")
    if fault is None:
        return None
    if fault.kind == "rate_limited":
        raise _TOO_MANY.get(request.path.split("/")[1], gocardless.too_many)()
    if fault.kind == "slow":
        control.hold(fault.seconds or 2.0)
        return None
    if fault.kind == "unavailable":
        page = "<html><body><h1>503 Service Unavailable</h1></body></html>"
        return Response(page, status=503, content_type="text/html")
    if fault.kind == "timeout":
        control.hold(fault.seconds or HELD_SECONDS)
    return drop_connection()
