"""Authorize.Net: one address for everything; here it knows ``getTransactionDetailsRequest``, in JSON.

Login and transaction key are ``sandbox``. Errors come with status 200 and the answer begins with a byte order mark,
as the vendor's does. https://developer.authorize.net/api/reference/ (looked at in November 2026)
"""

from __future__ import annotations

import json
from typing import Any, Final

from flask import Blueprint, Response, request

from sandbox.processors import authorizenet
from sandbox.processors.apis.answers import Refusal
from sandbox.processors.objects import Charge
from sandbox.processors.store import Store

KEY: Final = "sandbox"
ASKED: Final = "getTransactionDetailsRequest"


def authorizenet_api(store: Store) -> Blueprint:
    api = Blueprint("authorizenet_api", __name__)

    @api.post("/xml/v1/request.api")
    def ask() -> Response:
        asked = _asked()
        row = store.get(Charge, authorizenet.NAME, str(asked.get("transId")))
        if row is None:
            raise refusal("E00040", "The record cannot be found.")
        return _said({"transaction": authorizenet.details(row)}, "Ok", "I00001", "Successful.")

    return api


def _asked() -> dict[str, Any]:
    body = request.get_json(force=True, silent=True)
    asked = body.get(ASKED) if isinstance(body, dict) else None
    if not isinstance(asked, dict):
        raise refusal("E00003", "The request is not one this sandbox knows.")
    given = asked.get("merchantAuthentication") or {}
    if (given.get("name"), given.get("transactionKey")) != (KEY, KEY):
        raise refusal("E00007", "User authentication failed due to invalid authentication values.")
    return asked


def _said(told: dict[str, Any], result: str, code: str, text: str, status: int = 200) -> Response:
    messages = {"resultCode": result, "message": [{"code": code, "text": text}]}
    body = "\ufeff" + json.dumps({**told, "messages": messages})
    return Response(body.encode(), status=status, content_type="application/json; charset=utf-8")


def refusal(code: str, text: str, status: int = 200) -> Refusal:
    return Refusal(_said({}, "Error", code, text, status))


def too_many() -> Refusal:
    """No documented answer of its own was found: the general error, with the status every client knows."""
    return refusal("E00053", "The server is currently too busy, please try again later.", 429)
