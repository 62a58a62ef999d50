"""The read routes of the v3 API, answered from the store.

Headers, errors and refusals are Recurly's; its official client, unchanged, is the test of all of it.
"""

from __future__ import annotations

import hmac
import json
import time
import uuid
from collections.abc import Callable
from typing import Any, Final, TypeVar

from flask import Blueprint, Response, g, request
from werkzeug.exceptions import HTTPException

from sandbox.control import Control, is_control
from sandbox.recurly import render
from sandbox.recurly.objects import Account, CreditPayment, Invoice, Subscription, Transaction
from sandbox.recurly.pages import (
    ACCOUNTS,
    CREDIT_PAYMENTS,
    INVOICES,
    SUBSCRIPTIONS,
    TRANSACTIONS,
    Listing,
    count,
    page,
)
from sandbox.recurly.refusals import Refusal, not_found
from sandbox.recurly.site import API_KEY, Site
from sandbox.server import drop_connection

T = TypeVar("T", Account, Subscription, Invoice, Transaction, CreditPayment)
ACCEPT: Final = "application/vnd.recurly.v2021-02-25"
SLASH: Final = "\x1f"
"""Stands for a slash within an id while the path is taken apart (see ``app.keep_slashes``)."""
HELD_SECONDS: Final = 30.0
_FAULTS: Final = ("unavailable", "rate_limited", "timeout", "slow", "drop_after_commit")


def api_blueprint(site: Site, control: Control) -> Blueprint:
    api = Blueprint("recurly_api", __name__)
    _guards(api, site, control)
    _site_routes(api, site)
    _account_routes(api, site)
    _lists(api, site)
    _single(api, site, "/subscriptions/<form>", Subscription, "Subscription")
    _single(api, site, "/invoices/<form>", Invoice, "Invoice")
    _single(api, site, "/transactions/<form>", Transaction, "Transaction")
    _single(api, site, "/credit_payments/<form>", CreditPayment, "CreditPayment")
    return api


def _guards(api: Blueprint, site: Site, control: Control) -> None:
    @api.before_app_request
    def before() -> Response | None:
        if is_control(request.path):
            return None
        control.count(request.method, _route())
        control.sleep_latency()
        broken = _fault(control)
        if broken is None:
            _admit(site)
        return broken

    @api.after_app_request
    def after(response: Response) -> Response:
        if not is_control(request.path):
            _head(response)
        return response

    @api.app_errorhandler(Refusal)
    def refused(refusal: Refusal) -> Response:
        answer = _json(refusal.told(), refusal.status)
        if refusal.retry_after is not None:
            answer.headers["Retry-After"] = str(refusal.retry_after)
        return answer

    @api.app_errorhandler(HTTPException)
    def unknown(error: HTTPException) -> Response:
        known = {404: "not_found", 405: "bad_request"}.get(error.code or 500, "internal_server_error")
        return _json(Refusal(error.code or 500, known, error.name).told(), error.code or 500)


def _route() -> str:
    return request.url_rule.rule.replace("<form>", "{id}") if request.url_rule else request.path


def _fault(control: Control) -> Response | None:
    fault = control.take_fault(_FAULTS, f"{request.method} {request.full_path.rstrip('?')}")
    if fault is None:
        return None
    if fault.kind == "rate_limited":
        wait = round(fault.seconds or 1)
        raise Refusal(429, "rate_limited", "You have made too many API requests", retry_after=max(1, wait))
    if fault.kind == "slow":
        control.hold(fault.seconds or 2.0)
        return None
    if fault.kind == "unavailable":
        page_ = "<html><body><h1>503 Service Unavailable</h1></body></html>"
        return Response(page_, status=503, content_type="text/html")
    if fault.kind == "timeout":
        control.hold(fault.seconds or HELD_SECONDS)
    return drop_connection()


def _admit(site: Site) -> None:
    """Raises Refusal: who asks, in what language, how often; in that order."""
    given = request.authorization
    if given is None or given.type != "basic":
        raise Refusal(401, "unauthorized", "An API key is required")
    if not hmac.compare_digest((given.username or "").encode(), API_KEY.encode()):
        raise Refusal(403, "invalid_api_key", "The API key is not valid")
    if request.headers.get("Accept", "").split(";")[0].strip() not in (ACCEPT, ACCEPT + "+json"):
        message = f"Accept must be {ACCEPT}"
        raise Refusal(406, "unknown_api_version", message, [("Accept", message)])
    g.allowance = allowance = site.limit.take()
    if allowance.wait:
        message = "You have made too many API requests"
        raise Refusal(429, "rate_limited", message, retry_after=allowance.wait)


def _head(response: Response) -> None:
    response.headers["X-Request-Id"] = uuid.uuid4().hex
    response.headers["Recurly-Version"] = ACCEPT.rpartition(".")[2]
    allowance = g.get("allowance")
    if allowance is not None:
        response.headers["X-RateLimit-Limit"] = str(allowance.limit)
        response.headers["X-RateLimit-Remaining"] = str(allowance.remaining)
        response.headers["X-RateLimit-Reset"] = str(max(allowance.reset, int(time.time())))


def _site_routes(api: Blueprint, site: Site) -> None:
    """Only the site of the key."""
    shown: dict[str, Any] = {
        "id": site.id,
        "object": "site",
        "subdomain": site.name,
        "mode": "sandbox",
        "address": None,
        "settings": {"billing_address_requirement": "none", "accepted_currencies": ["USD"]},
        "features": [],
        "created_at": None,
        "updated_at": None,
        "deleted_at": None,
    }

    @api.get("/sites")
    def list_sites() -> Response:
        return _json({"object": "list", "has_more": False, "next": None, "data": [shown]})

    @api.get("/sites/<form>")
    def get_site(form: str) -> Response:
        if form not in (site.id, f"subdomain-{site.name}"):
            raise not_found("Site", form)
        return _json(shown)


def _account_routes(api: Blueprint, site: Site) -> None:
    store = site.store

    def found(form: str) -> Account:
        asked = form.replace(SLASH, "/")
        account = store.get(Account, asked)
        if account is None:
            raise not_found("Account", asked)
        return account

    @api.get("/accounts/<form>")
    def get_account(form: str) -> Response:
        return _json(render.account(store, found(form)))

    @api.get("/accounts/<form>/billing_info")
    def get_billing_info(form: str) -> Response:
        account = found(form)
        if account.billing_info is None:
            raise not_found("BillingInfo", f"account_id-{account.id}")
        return _json(render.billing_info(account, account.billing_info))

    @api.get("/accounts/<form>/balance")
    def get_balance(form: str) -> Response:
        return _json(render.balance(store, found(form)))

    def of_account(name: str, listing: Listing[T]) -> None:
        def show(form: str) -> Response:
            return _list(site, listing, found(form).id)

        api.add_url_rule(f"/accounts/<form>/{name}", f"account_{name}", show)

    of_account("subscriptions", SUBSCRIPTIONS)
    of_account("invoices", INVOICES)
    of_account("transactions", TRANSACTIONS)
    of_account("credit_payments", CREDIT_PAYMENTS)


def _lists(api: Blueprint, site: Site) -> None:
    def whole(name: str, listing: Listing[T]) -> None:
        def show() -> Response:
            return _list(site, listing, None)

        api.add_url_rule(f"/{name}", f"list_{name}", show)

    whole("accounts", ACCOUNTS)
    whole("subscriptions", SUBSCRIPTIONS)
    whole("invoices", INVOICES)
    whole("transactions", TRANSACTIONS)
    whole("credit_payments", CREDIT_PAYMENTS)


def _single(api: Blueprint, site: Site, rule: str, kind: type[T], name: str) -> None:
    def show(form: str) -> Response:
        found = site.store.get(kind, form)
        if found is None:
            raise not_found(name, form)
        return _json(render.thing(site.store, found))

    shown: Callable[[str], Response] = show
    api.add_url_rule(rule, f"get_{kind.object}", shown)


def _list(site: Site, listing: Listing[T], account_id: str | None) -> Response:
    asked = request.args.to_dict()
    if request.method == "HEAD":
        answer = _json({})
        answer.headers["Recurly-Total-Records"] = str(count(listing, site.store, asked, account_id))
        return answer
    path = request.path.replace(SLASH, "%2F")
    found = page(listing, site.store, path, asked, account_id)
    rows = [render.thing(site.store, row) for row in found.rows]
    told = {"object": "list", "has_more": found.next is not None, "next": found.next, "data": rows}
    return _json(told)


def _json(told: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(told), status=status, content_type="application/json; charset=utf-8")
