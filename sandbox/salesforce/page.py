"""The web page of the local Salesforce: what an agent would see, and the few things an agent can change.

Server-rendered; the page asks for its own fragment every two seconds. It carries no data of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, Final

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from sandbox.control import Control
from sandbox.salesforce.errors import RowRefused
from sandbox.salesforce.org import Org
from sandbox.salesforce.view import account_page, case_page, overview, payee_page, record_page

_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_EDITABLE: Final = ("Status", "Priority", "OwnerId", "AccountId")


def page_blueprint(org: Org, control: Control) -> Blueprint:
    pages = Blueprint(
        "salesforce_page",
        __name__,
        template_folder="templates",
        static_folder="static",
        static_url_path="/assets",
    )
    for name, shown in _filters(org).items():
        pages.add_app_template_filter(shown, name)

    @pages.get("/")
    def home() -> Response:
        faults = [fault.told() for fault in control.faults()]
        seen = overview(org, request.args.get("rule") or None)
        return _page("home", seen=seen, faults=faults, latency=control.latency_ms)

    @pages.get("/accounts/<account_id>")
    def account(account_id: str) -> Response:
        return _page("account", **(account_page(org, account_id) or abort(404)))

    @pages.get("/records/<record_id>")
    def record(record_id: str) -> Response:
        return _page("record", **(record_page(org, record_id) or abort(404)))

    @pages.get("/payees")
    def payee() -> Response:
        source, name = request.args.get("source", ""), request.args.get("payee", "")
        return _page("payee", **(payee_page(org, source, name) or abort(404)))

    @pages.get("/cases/<case_id>")
    def case(case_id: str) -> Response:
        return _page("case", **(case_page(org, case_id) or abort(404)))

    @pages.post("/cases/<case_id>")
    def edit(case_id: str) -> AnyResponse:
        return _edit(org, case_id)

    return pages


def _filters(org: Org) -> dict[str, Callable[..., object]]:
    """How values are written, by the name templates use. Days are counted by the org's clock, in UTC."""

    def days_left(value: str | None) -> int | None:
        return days_until(value, org.clock().date())

    shown = (when, money, words, in_days)
    return {"days_left": days_left, **{one.__name__: one for one in shown}}


def _edit(org: Org, case_id: str) -> AnyResponse:
    """An agent's change, written under an agent's name and without assignment rules, as the page of an org does."""
    if request.headers.get("Origin", request.host_url.rstrip("/")) != request.host_url.rstrip("/"):
        abort(403)
    if case_page(org, case_id) is None:
        abort(404)
    sent = {name: request.form[name] for name in _EDITABLE if request.form.get(name)}
    try:
        with org.store.transaction():
            writer = org.writer(assign=False, user=org.users[2])
            writer.update(org.schema.objects["Case"], case_id, sent)
    except RowRefused as refused:
        return Response(str(refused), 400, mimetype="text/plain")
    return redirect(url_for("salesforce_page.case", case_id=case_id), 303)


def _page(name: str, **values: Any) -> Response:
    whole = request.args.get("fragment") != "1"
    text = render_template("sandbox_salesforce/page.html", view=name, whole=whole, **values)
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}
    return Response(text, headers=headers, mimetype="text/html")


def when(value: str | None) -> str:
    """``2026-05-01T07:25:37.000+0000`` → ``2026-05-01 07:25``."""
    return "" if not value else value[:16].replace("T", " ")


def money(value: object, currency: str | None = None) -> str:
    """Two decimals, or three where there is something in the third; nothing for a field that is not there."""
    if not isinstance(value, int | float):
        return ""
    text = f"{value:,.3f}"
    text = text[:-1] if text.endswith("0") else text
    return f"{text} {currency}" if currency else text


def words(value: Any) -> str:
    """``payment_failed`` → ``Payment failed``."""
    text = str(value or "").replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def days_until(value: str | None, today: date) -> int | None:
    """Whole days from today to a date, or to the day of a moment; below zero when it is past."""
    return (date.fromisoformat(value[:10]) - today).days if value else None


def in_days(days: int) -> str:
    """``9`` → ``in 9 days``, ``-2`` → ``2 days overdue``."""
    if days < 0:
        return f"{-days} day{'s' if days < -1 else ''} overdue"
    return ("today", "tomorrow")[days] if days < 2 else f"in {days} days"
