"""GoCardless: payments, refunds, mandates, payouts. The token is ``sandbox``.

https://developer.gocardless.com/api-reference/ (looked at in November 2026)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from flask import Blueprint, Response, request

from sandbox.processors import gocardless
from sandbox.processors.apis.answers import Refusal, answer
from sandbox.processors.objects import Charge, Mandate, Payout, Refund
from sandbox.processors.store import Store

TOKEN: Final = "sandbox"
DOCUMENTATION: Final = "https://developer.gocardless.com/api-reference"
T = TypeVar("T", Charge, Refund, Mandate, Payout)


def gocardless_api(store: Store) -> Blueprint:
    api = Blueprint("gocardless_api", __name__)
    api.before_request(_admit)
    _single(api, store, "payments", Charge, gocardless.payment)
    _single(api, store, "refunds", Refund, gocardless.refund)
    _single(api, store, "mandates", Mandate, gocardless.mandate)
    _single(api, store, "payouts", Payout, gocardless.payout)
    return api


def _single(
    api: Blueprint, store: Store, name: str, kind: type[T], told: Callable[[T], dict[str, Any]]
) -> None:
    def get(id_: str) -> Response:
        row = store.get(kind, gocardless.NAME, id_)
        if row is None:
            raise refusal(404, "invalid_api_usage", "resource_not_found", "Resource not found")
        return answer({name: told(row)}, headers=_LIMITS)

    api.add_url_rule(f"/{name}/<id_>", f"get_{name}", get)


_LIMITS: Final = {"ratelimit-limit": "1000", "ratelimit-remaining": "999"}


def _admit() -> None:
    if "GoCardless-Version" not in request.headers:
        raise refusal(400, "invalid_api_usage", "missing_version_header", "Version header required")
    given = request.authorization
    if given is None or given.type != "bearer" or given.token != TOKEN:
        raise refusal(401, "invalid_api_usage", "access_token_not_found", "The access token was not found")


def refusal(status: int, type_: str, reason: str, message: str) -> Refusal:
    error = {
        "message": message,
        "documentation_url": f"{DOCUMENTATION}#{reason}",
        "type": type_,
        "request_id": "sandbox",
        "errors": [{"reason": reason, "message": message}],
        "code": status,
    }
    return Refusal(answer({"error": error}, status))


def too_many() -> Refusal:
    return refusal(429, "invalid_api_usage", "rate_limit_exceeded", "Rate limit exceeded")
