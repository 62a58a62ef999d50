"""Braintree: one transaction, as XML. Merchant, public and private key are ``sandbox``.

https://developer.paypal.com/braintree/docs/reference/request/transaction/find (looked at in November 2026)
"""

from __future__ import annotations

import gzip
from typing import Final

from flask import Blueprint, Response, request

from sandbox.processors import braintree
from sandbox.processors.apis.answers import Refusal
from sandbox.processors.objects import Charge
from sandbox.processors.store import Store

KEY: Final = "sandbox"


def braintree_api(store: Store) -> Blueprint:
    api = Blueprint("braintree_api", __name__, url_prefix="/merchants")
    api.before_request(_admit)

    @api.get("/<merchant>/transactions/<id_>")
    def transaction(merchant: str, id_: str) -> Response:
        row = store.get(Charge, braintree.NAME, id_) if merchant == KEY else None
        if row is None:
            raise refusal(404)
        return _xml('<?xml version="1.0" encoding="UTF-8"?>\n' + braintree.transaction(row))

    return api


def _xml(text: str) -> Response:
    """Compressed for whoever takes that, as the SDK does."""
    body, headers = text.encode(), {}
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
