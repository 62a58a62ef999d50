"""GoCardless: payments, refunds, mandates, payouts, each alone or in a list. The token is ``sandbox``.

https://developer.gocardless.com/api-reference/ (looked at in November 2026)
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, TypeVar

from flask import Blueprint, Response, request

from sandbox.processors import gocardless
from sandbox.processors.apis.answers import Refusal, answer
from sandbox.processors.apis.asking import window
from sandbox.processors.objects import Charge, Mandate, Payout, Refund
from sandbox.processors.store import Store

TOKEN: Final = "sandbox"
DOCUMENTATION: Final = "https://developer.gocardless.com/api-reference"
MOST: Final = 500
_USUAL: Final = 50
_ENDS: Final = ("gt", "gte", "lt", "lte")
T = TypeVar("T", Charge, Refund, Mandate, Payout)


def gocardless_api(store: Store) -> Blueprint:
    api = Blueprint("gocardless_api", __name__)
    api.before_request(_admit)
    _resource(api, store, "payments", Charge, gocardless.payment)
    _resource(api, store, "refunds", Refund, gocardless.refund)
    _resource(api, store, "mandates", Mandate, gocardless.mandate)
    _resource(api, store, "payouts", Payout, gocardless.payout)
    return api


def _resource(
    api: Blueprint, store: Store, name: str, kind: type[T], told: Callable[[T], dict[str, Any]]
) -> None:
    def get(id_: str) -> Response:
        row = store.get(kind, gocardless.NAME, id_)
        if row is None:
            raise refusal(404, "invalid_api_usage", "resource_not_found", "Resource not found")
        return answer({name: told(row)}, headers=_LIMITS)

    def listed() -> Response:
        rows = store.created(kind, gocardless.NAME, **window(_ends()))[::-1]
        limit = _limit()
        page, more = _page(rows, limit)
        cursors = {"before": _before(page), "after": page[-1].id if more else None}
        body = {name: [told(row) for row in page], "meta": {"cursors": cursors, "limit": limit}}
        return answer(body, headers=_LIMITS)

    api.add_url_rule(f"/{name}/<id_>", f"get_{name}", get)
    api.add_url_rule(f"/{name}", f"list_{name}", listed)


def _page(rows: list[T], limit: int) -> tuple[list[T], bool]:
    """The newest first. A cursor is the id of a row beside the page."""
    places = {row.id: place for place, row in enumerate(rows)}
    after, before = (_place(places, name) for name in ("after", "before"))
    if before is not None:
        return rows[max(0, before - limit) : before], True
    first = 0 if after is None else after + 1
    return rows[first : first + limit], first + limit < len(rows)


def _place(places: dict[str, int], name: str) -> int | None:
    id_ = request.args.get(name)
    if id_ and id_ not in places:
        raise refusal(400, "invalid_api_usage", "cursor_not_found", "An invalid cursor was provided")
    return places[id_] if id_ else None


def _before(page: list[T]) -> str | None:
    return page[0].id if page and ("after" in request.args or "before" in request.args) else None


def _limit() -> int:
    given = request.args.get("limit", str(_USUAL))
    if not given.isdecimal() or not 1 <= int(given) <= MOST:
        raise refusal(400, "invalid_api_usage", "invalid_filters", f"limit must be from 1 to {MOST}")
    return int(given)


def _ends() -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for name, value in request.args.items():
        if name in ("limit", "after", "before"):
            continue
        end = name.removeprefix("created_at[").removesuffix("]")
        if end not in _ENDS:
            raise refusal(400, "invalid_api_usage", "invalid_filters", f"unknown filter {name}")
        found[end] = _time(name, value)
    return found


def _time(name: str, value: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
        assert moment.tzinfo
    except (ValueError, AssertionError):
        raise refusal(400, "invalid_api_usage", "invalid_filters", f"{name} is no ISO 8601 time") from None
    return moment


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
