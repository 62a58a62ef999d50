"""Stripe's ``/v1``: charges, payment intents, refunds, disputes, and lists of them.

Any key that begins with ``sk_test_sandbox`` is good. A restricted key names what it may read:
``rk_test_sandbox_charges.payment_intents``. ``Stripe-Account`` names a connected account: what is in one is there, and
nowhere else. An account that nothing is in is not connected.

https://docs.stripe.com/api (looked at in November 2026)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from flask import Blueprint, Response, request

from sandbox.processors import stripe
from sandbox.processors.apis.answers import Refusal, answer
from sandbox.processors.apis.asking import window
from sandbox.processors.objects import Charge, Dispute, Payout, Refund
from sandbox.processors.store import Store

Json = dict[str, Any]
Parts = Mapping[str, Callable[[], Json]]
"""What may be expanded, by name."""
T = TypeVar("T", Charge, Refund, Dispute)

KEY: Final = "sk_test_sandbox"
RESTRICTED: Final = "rk_test_sandbox_"
MOST: Final = 100
_USUAL: Final = 10
_PAGING: Final = ("limit", "starting_after", "ending_before")


def stripe_api(store: Store) -> Blueprint:
    api = Blueprint("stripe_api", __name__, url_prefix="/v1")
    api.before_request(lambda: _admit(store))

    @api.get("/charges/<id_>")
    def charge(id_: str) -> Response:
        row = _must(store, Charge, id_)
        return _one(stripe.charge(row), _beside_charge(row))

    @api.get("/payment_intents/<id_>")
    def intent(id_: str) -> Response:
        row = store.get(Charge, stripe.NAME, "ch_" + id_.removeprefix("pi_"))
        if row is None or not _is_here(store, row):
            raise missing("payment_intent", id_)
        return _one(stripe.intent(row), {"latest_charge": lambda: stripe.charge(row)})

    @api.get("/refunds/<id_>")
    def refund(id_: str) -> Response:
        row = _must(store, Refund, id_)
        return _one(stripe.refund(row), _beside(store, row))

    @api.get("/disputes/<id_>")
    def dispute(id_: str) -> Response:
        row = _must(store, Dispute, id_)
        return _one(stripe.dispute(row), _beside(store, row))

    @api.get("/charges")
    def charges() -> Response:
        return _list(store, Charge, lambda row: (stripe.charge(row), _beside_charge(row)))

    @api.get("/refunds")
    def refunds() -> Response:
        return _list(store, Refund, lambda row: (stripe.refund(row), _beside(store, row)))

    @api.get("/disputes")
    def disputes() -> Response:
        return _list(store, Dispute, lambda row: (stripe.dispute(row), _beside(store, row)))

    return api


def _must(store: Store, kind: type[T], id_: str, param: str = "id") -> T:
    row = store.get(kind, stripe.NAME, id_)
    if row is None or not _is_here(store, row):
        raise missing(kind.object, id_, param)
    return row


def _is_here(store: Store, row: Charge | Refund | Dispute) -> bool:
    """Whether it is in the account that is asked."""
    paid = row if isinstance(row, Charge) else store.get(Charge, stripe.NAME, row.charge_id)
    return (paid.account if paid else "") == request.headers.get("Stripe-Account", "")


def _beside_charge(row: Charge) -> Parts:
    return {"payment_intent": lambda: stripe.intent(row)}


def _beside(store: Store, row: Refund | Dispute) -> Parts:
    """The payment of it, which the books may lack."""
    paid = store.get(Charge, stripe.NAME, row.charge_id)
    if paid is None:
        return dict.fromkeys(("charge", "payment_intent"), dict)
    return {"charge": lambda: stripe.charge(paid), "payment_intent": lambda: stripe.intent(paid)}


def _one(told: Json, parts: Parts) -> Response:
    return answer(_expanded(told, parts), headers={"Request-Id": "req_sandbox"})


def _expanded(told: Json, parts: Parts, within: str = "") -> Json:
    """With the objects asked for by ``expand[]`` (or ``expand[0]``) in the place of their ids."""
    for asked in (value for name, value in request.args.items(multi=True) if name.startswith("expand[")):
        name = asked.removeprefix(within)
        if name not in parts or not asked.startswith(within):
            raise refusal(400, f"This property cannot be expanded ({asked}).")
        told = {**told, name: parts[name]() or told[name]}
    return told


def _list(store: Store, kind: type[T], told: Callable[[T], tuple[Json, Parts]]) -> Response:
    """The newest first, ``limit`` of them after (or before) one of them."""
    _known_only()
    held = store.created(kind, stripe.NAME, **window(_ends()))[::-1]
    rows = [row for row in held if _is_here(store, row)]
    page, more = _page(rows, _limit(), *(_cursor(store, kind, name) for name in _PAGING[1:]))
    data = [_expanded(*told(row), "data.") for row in page]
    body = {"object": "list", "url": request.path, "has_more": more, "data": data}
    return answer(body, headers={"Request-Id": "req_sandbox"})


def _page(rows: Sequence[T], limit: int, after: T | None, before: T | None) -> tuple[Sequence[T], bool]:
    if before is not None:
        newer, _ = _around(rows, before)
        return newer[-limit:], len(newer) > limit
    left = rows if after is None else _around(rows, after)[1]
    return left[:limit], len(left) > limit


def _around(rows: Sequence[T], one: T) -> tuple[Sequence[T], Sequence[T]]:
    """What is newer, and what is older: a cursor need not be in the window."""
    place = next((place for place, row in enumerate(rows) if row.id == one.id), None)
    if place is not None:
        return rows[:place], rows[place + 1 :]
    place = sum(row.created_at > one.created_at for row in rows)
    return rows[:place], rows[place:]


def _cursor(store: Store, kind: type[T], name: str) -> T | None:
    id_ = request.args.get(name)
    return None if id_ is None else _must(store, kind, id_, name)


def _limit() -> int:
    given = request.args.get("limit", str(_USUAL))
    if not given.isdecimal() or not 1 <= int(given) <= MOST:
        raise refusal(400, f"This value must be from 1 to {MOST} (it currently is '{given}').", param="limit")
    return int(given)


def _ends() -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for name, value in request.args.items():
        if name.startswith("created"):
            if not value.isdecimal():
                raise refusal(400, f"Invalid timestamp: {value}", param=name)
            at = datetime.fromtimestamp(int(value), UTC)
            end = name.removeprefix("created").strip("[]")
            found |= {end: at} if end else {"gte": at, "lte": at}
    return found


def _known_only() -> None:
    ends = ("created", *(f"created[{end}]" for end in ("gt", "gte", "lt", "lte")))
    for name in request.args:
        if name not in (*_PAGING, *ends) and not name.startswith("expand["):
            raise refusal(400, f"Received unknown parameter: {name}", code="parameter_unknown", param=name)


def _admit(store: Store) -> None:
    given = request.authorization
    key = "" if given is None else (given.token or given.username or "")
    if key.startswith(RESTRICTED):
        resource = request.path.split("/")[2]
        if resource not in key.removeprefix(RESTRICTED).split("."):
            message = (
                f"The provided key '{key[:7]}****' does not have the required permissions for this endpoint."
            )
            raise refusal(403, message)
    elif not key.startswith(KEY):
        shown = f"{key[:7]}****" if key else ""
        message = f"Invalid API Key provided: {shown}" if key else "You did not provide an API key."
        raise refusal(401, message)
    account = request.headers.get("Stripe-Account")
    if account is not None and account not in _connected(store):
        message = (
            f"The provided key '{key[:7]}****' does not have access to account '{account}' (or that account does not "
            "exist). Application access may have been revoked."
        )
        raise refusal(403, message, code="account_invalid")


def _connected(store: Store) -> set[str]:
    charges = (row.account for row in store.all(Charge) if row.source == stripe.NAME and row.account)
    return {*charges, *(row.payee for row in store.all(Payout) if row.source == stripe.NAME and row.payee)}


def refusal(status: int, message: str, **more: str) -> Refusal:
    error = {"message": message, "type": "invalid_request_error", **more}
    return Refusal(answer({"error": error}, status, {"Request-Id": "req_sandbox"}))


def missing(what: str, id_: str, param: str = "id") -> Refusal:
    return refusal(404, f"No such {what}: '{id_}'", code="resource_missing", param=param)


def too_many() -> Refusal:
    return refusal(429, "Request rate limit exceeded.", code="rate_limit")
