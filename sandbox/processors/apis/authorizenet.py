"""Authorize.Net: one address for everything, in JSON: one transaction, batches, what a batch holds, what waits for one.

Login and transaction key are ``sandbox``. Errors come with status 200 and the answer begins with a byte order mark,
as the vendor's does. https://developer.authorize.net/api/reference/ (looked at in November 2026; which code refuses
a span of more than 31 days it does not say)
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any, Final

from flask import Blueprint, Response, request

from sandbox.processors import authorizenet
from sandbox.processors.apis.answers import Refusal
from sandbox.processors.objects import Charge, Refund
from sandbox.processors.store import Store

Json = dict[str, Any]
Transaction = Charge | Refund
KEY: Final = "sandbox"
MOST: Final = 1_000
SPAN: Final = timedelta(days=31)


def authorizenet_api(store: Store) -> Blueprint:
    api = Blueprint("authorizenet_api", __name__)

    @api.post("/xml/v1/request.api")
    def ask() -> Response:
        body = request.get_json(force=True, silent=True)
        for name, answered in _REQUESTS.items():
            asked = body.get(name) if isinstance(body, dict) else None
            if isinstance(asked, dict):
                _admit(asked)
                return answered(store, asked)
        raise refusal("E00003", "The request is not one this sandbox knows.")

    return api


def _admit(asked: Json) -> None:
    given = asked.get("merchantAuthentication") or {}
    if (given.get("name"), given.get("transactionKey")) != (KEY, KEY):
        raise refusal("E00007", "User authentication failed due to invalid authentication values.")


def _details(store: Store, asked: Json) -> Response:
    id_ = str(asked.get("transId"))
    if charge := store.get(Charge, authorizenet.NAME, id_):
        return _good({"transaction": authorizenet.details(charge)})
    if refund := store.get(Refund, authorizenet.NAME, id_):
        return _good({"transaction": authorizenet.refund_details(refund)})
    raise refusal("E00040", "The record cannot be found.")


def _batches(store: Store, asked: Json) -> Response:
    first, last = _time(asked, "firstSettlementDate"), _time(asked, "lastSettlementDate")
    if not first <= last <= first + SPAN:
        raise refusal(
            "E00013", "The settlement dates are invalid: at most 31 days, the first before the last."
        )
    days = {day: max(row.created_at for row in rows) for day, rows in _settled(store).items()}
    found = [authorizenet.batch(day, at) for day, at in days.items() if first <= at <= last]
    return _good({"batchList": found}) if found else _nothing()


def _batch(store: Store, asked: Json) -> Response:
    wanted = str(asked.get("batchId"))
    for day, rows in _settled(store).items():
        if authorizenet.batch_id(day) == wanted:
            return _page(rows, asked)
    raise refusal("E00040", "The record cannot be found.")


def _unsettled(store: Store, asked: Json) -> Response:
    return _page([row for row in _all(store) if row.status in authorizenet.UNSETTLED], asked)


def _settled(store: Store) -> dict[date, list[Transaction]]:
    """By the day of their making, the oldest first."""
    rows = (row for row in _all(store) if row.status not in authorizenet.UNSETTLED)
    return {day: list(found) for day, found in groupby(rows, key=lambda row: row.created_at.date())}


def _all(store: Store) -> list[Transaction]:
    charges: list[Transaction] = [*store.created(Charge, authorizenet.NAME)]
    return sorted((*charges, *store.created(Refund, authorizenet.NAME)), key=lambda row: row.created_at)


def _page(rows: list[Transaction], asked: Json) -> Response:
    """``offset`` is the number of the page, from 1."""
    paging = asked.get("paging") or {}
    limit, number = int(paging.get("limit", MOST)), int(paging.get("offset", 1))
    if not 1 <= limit <= MOST or number < 1:
        raise refusal("E00013", "Paging is invalid.")
    ordered = rows[::-1] if (asked.get("sorting") or {}).get("orderDescending") else rows
    told = [authorizenet.line(row) for row in ordered[(number - 1) * limit : number * limit]]
    return _good({"transactions": told, "totalNumInResultSet": len(told)}) if told else _nothing()


_REQUESTS: Final[dict[str, Callable[[Store, Json], Response]]] = {
    "getTransactionDetailsRequest": _details,
    "getSettledBatchListRequest": _batches,
    "getTransactionListRequest": _batch,
    "getUnsettledTransactionListRequest": _unsettled,
}


def _time(asked: Json, name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(str(asked.get(name)))
    except ValueError:
        raise refusal("E00003", f"The element '{name}' is invalid.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _good(told: Json) -> Response:
    return _said(told, "Ok", "I00001", "Successful.")


def _nothing() -> Response:
    return _said({}, "Ok", "I00004", "No records found.")


def _said(told: Json, result: str, code: str, text: str, status: int = 200) -> Response:
    messages = {"resultCode": result, "message": [{"code": code, "text": text}]}
    body = "\ufeff" + json.dumps({**told, "messages": messages})
    return Response(body.encode(), status=status, content_type="application/json; charset=utf-8")


def refusal(code: str, text: str, status: int = 200) -> Refusal:
    return Refusal(_said({}, "Error", code, text, status))


def too_many() -> Refusal:
    """No documented answer of its own was found: the general error, with the status every client knows."""
    return refusal("E00053", "The server is currently too busy, please try again later.", 429)
