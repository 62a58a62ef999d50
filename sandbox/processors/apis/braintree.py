"""Braintree: transactions and disputes, one by its id or what a search finds, as XML. Merchant, public and private
key are ``sandbox``.

A search of transactions answers ids, the newest first; whole ones are asked for by their ids, 50 at a time, and come
if they still fit the search. A search of disputes answers pages of 50.
https://developer.paypal.com/braintree/docs/reference/general/searching/search-results (looked at in November 2026)
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from flask import Blueprint, Response, request

from sandbox.processors import braintree
from sandbox.processors.apis.answers import Refusal
from sandbox.processors.apis.asking import window
from sandbox.processors.objects import Charge, Dispute, Refund
from sandbox.processors.store import Store

KEY: Final = "sandbox"
PAGE: Final = 50
MOST: Final = 10_000
"""No search finds more."""

Transaction = Charge | Refund


def braintree_api(store: Store) -> Blueprint:
    api = Blueprint("braintree_api", __name__, url_prefix="/merchants")
    api.before_request(_admit)

    @api.get("/<merchant>/transactions/<id_>")
    def transaction(merchant: str, id_: str) -> Response:
        _mine(merchant)
        row = store.get(Charge, braintree.NAME, id_) or store.get(Refund, braintree.NAME, id_)
        if row is None:
            raise refusal(404)
        return _xml(_whole(row))

    @api.post("/<merchant>/transactions/advanced_search_ids")
    def search(merchant: str) -> Response:
        _mine(merchant)
        found = _transactions(store, _criteria(("type", "created_at")))
        return _xml(braintree.found([row.id for row in found[:MOST]], PAGE))

    @api.post("/<merchant>/transactions/advanced_search")
    def fetch(merchant: str) -> Response:
        _mine(merchant)
        asked = _criteria(("type", "created_at", "ids"))
        wanted = _listed(asked, "ids")
        if len(wanted) > PAGE:
            raise refusal(422)
        rows = [_whole(row) for row in _transactions(store, asked) if row.id in wanted]
        return _xml(braintree.collection("credit-card-transactions", rows, 1, PAGE, len(rows)))

    @api.post("/<merchant>/disputes/advanced_search")
    def disputes(merchant: str) -> Response:
        _mine(merchant)
        page = int(request.args.get("page", "1"))
        found = _disputes(store, _criteria(("received_date",)))
        shown = [_disputed(store, row) for row in found[(page - 1) * PAGE : page * PAGE]]
        return _xml(braintree.collection("disputes", shown, page, PAGE, len(found)))

    return api


def _mine(merchant: str) -> None:
    if merchant != KEY:
        raise refusal(404)


def _transactions(store: Store, asked: dict[str, Element]) -> list[Transaction]:
    """The newest first."""
    types = _listed(asked, "type") or {"sale", "credit"}
    if not types <= {"sale", "credit"}:
        raise refusal(422)
    within = window(_range(asked.get("created_at"), lambda at: at))
    found: list[Transaction] = []
    if "sale" in types:
        found += store.created(Charge, braintree.NAME, **within)
    if "credit" in types:
        found += store.created(Refund, braintree.NAME, **within)
    return sorted(found, key=lambda row: row.created_at, reverse=True)


def _disputes(store: Store, asked: dict[str, Element]) -> list[Dispute]:
    """By the day on which they were received, which here is that of their making; the time of day does not count."""
    ends = _range(asked.get("received_date"), _midnight)
    if "lte" in ends:
        ends["lt"] = ends.pop("lte") + timedelta(days=1)
    return store.created(Dispute, braintree.NAME, **window(ends))[::-1]


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0)


def _whole(row: Transaction) -> str:
    return braintree.transaction(row) if isinstance(row, Charge) else braintree.refund(row)


def _disputed(store: Store, row: Dispute) -> str:
    return braintree.dispute(row, store.get(Charge, braintree.NAME, row.charge_id))


def _criteria(known: tuple[str, ...]) -> dict[str, Element]:
    """Those of a search, by name; one that this sandbox does not know is refused, not overlooked."""
    try:
        root = fromstring(request.get_data())
    except (ParseError, DefusedXmlException):
        raise refusal(400) from None
    found = {one.tag.replace("-", "_"): one for one in root}
    if root.tag != "search" or not set(found) <= set(known):
        raise refusal(422)
    return found


def _listed(asked: dict[str, Element], name: str) -> set[str]:
    return {one.text or "" for one in asked[name]} if name in asked else set()


def _range(asked: Element | None, of: Callable[[datetime], datetime]) -> dict[str, datetime]:
    """Both ends are included."""
    names = {"min": "gte", "max": "lte"}
    return (
        {names[end.tag]: of(_moment(end.text)) for end in asked if end.tag in names}
        if asked is not None
        else {}
    )


def _moment(text: str | None) -> datetime:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        raise refusal(422) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _xml(text: str) -> Response:
    """Compressed for whoever takes that, as the SDK does."""
    body, headers = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode(), {}
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        body, headers = gzip.compress(body), {"Content-Encoding": "gzip"}
    return Response(body, content_type="application/xml; charset=utf-8", headers=headers)


def _admit() -> None:
    given = request.authorization
    if given is None or (given.username, given.password) != (KEY, KEY):
        raise refusal(401)


def refusal(status: int) -> Refusal:
    """Braintree says all by the status."""
    return Refusal(Response("", status=status, content_type="application/xml; charset=utf-8"))


def too_many() -> Refusal:
    return refusal(429)
