"""Stripe's ``/v1``: charges, payment intents, refunds. Any key that begins with ``sk_test_sandbox`` is good.

https://docs.stripe.com/api (looked at in November 2026)
"""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, Response, request

from sandbox.processors import stripe
from sandbox.processors.apis.answers import Refusal, answer
from sandbox.processors.objects import Charge, Refund
from sandbox.processors.store import Store

Json = dict[str, Any]
KEY: Final = "sk_test_sandbox"


def stripe_api(store: Store) -> Blueprint:
    api = Blueprint("stripe_api", __name__, url_prefix="/v1")
    api.before_request(_admit)

    @api.get("/charges/<id_>")
    def charge(id_: str) -> Response:
        row = _charge(store, id_, "charge")
        return _expanded(stripe.charge(row), {"payment_intent": lambda: stripe.intent(row)})

    @api.get("/payment_intents/<id_>")
    def intent(id_: str) -> Response:
        row = _charge(store, "ch_" + id_.removeprefix("pi_"), "payment_intent", id_)
        return _expanded(stripe.intent(row), {"latest_charge": lambda: stripe.charge(row)})

    @api.get("/refunds/<id_>")
    def refund(id_: str) -> Response:
        row = store.get(Refund, stripe.NAME, id_)
        if row is None:
            raise missing("refund", id_)
        paid = store.must(Charge, stripe.NAME, row.charge_id)
        parts = {"charge": lambda: stripe.charge(paid), "payment_intent": lambda: stripe.intent(paid)}
        return _expanded(stripe.refund(row), parts)

    return api


def _charge(store: Store, id_: str, what: str, asked: str | None = None) -> Charge:
    row = store.get(Charge, stripe.NAME, id_)
    if row is None:
        raise missing(what, asked or id_)
    return row


def _expanded(told: Json, parts: dict[str, Any]) -> Response:
    """With the objects asked for by ``expand[]`` (or ``expand[0]``) in the place of their ids."""
    wanted = [value for name, value in request.args.items(multi=True) if name.startswith("expand[")]
    for name in wanted:
        if name not in parts:
            message = f"This property cannot be expanded ({name})."
            raise refusal(400, message)
        told = {**told, name: parts[name]()}
    return answer(told, headers={"Request-Id": "req_sandbox"})


def _admit() -> None:
    given = request.authorization
    key = "" if given is None else (given.token or given.username or "")
    if not key.startswith(KEY):
        shown = f"{key[:7]}****" if key else ""
        message = f"Invalid API Key provided: {shown}" if key else "You did not provide an API key."
        raise refusal(401, message)


def refusal(status: int, message: str, **more: str) -> Refusal:
    error = {"message": message, "type": "invalid_request_error", **more}
    return Refusal(answer({"error": error}, status, {"Request-Id": "req_sandbox"}))


def missing(what: str, id_: str) -> Refusal:
    return refusal(404, f"No such {what}: '{id_}'", code="resource_missing", param="id")


def too_many() -> Refusal:
    return refusal(429, "Request rate limit exceeded.", code="rate_limit")
