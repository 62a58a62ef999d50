"""Salesforce's own part of the control plane: other people's data, the org's rules, permissions and limits."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint, Response, jsonify, request

from sandbox.control import PREFIX
from sandbox.salesforce.access import permissions
from sandbox.salesforce.desk import Desk
from sandbox.salesforce.errors import RequestRefused, RowRefused
from sandbox.salesforce.org import Org
from sandbox.salesforce.rulebook import duplicate_rule, validation_rule
from sandbox.salesforce.sharing import share

Reply = Response | tuple[Response, int]


def org_plane(org: Org) -> Blueprint:
    """The routes under ``/__sandbox__/`` that only an org has. No API call is counted for them."""
    pages = Blueprint("sandbox_org", __name__, url_prefix=PREFIX)
    _record_routes(pages, Desk(org))
    _rule_routes(pages, org)
    _limit_routes(pages, org)
    return pages


def _record_routes(pages: Blueprint, desk: Desk) -> None:
    @pages.post("/records/<name>")
    @_told
    def write(name: str) -> Reply:
        rows = request.get_json(force=True, silent=True)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ValueError("a JSON list of rows is needed")
        return jsonify(desk.write(name, rows)), 201

    @pages.patch("/records/<name>/<record_id>")
    @_told
    def edit(name: str, record_id: str) -> Reply:
        desk.edit(name, record_id, _body())
        return jsonify({"id": record_id})

    @pages.delete("/records/<name>/<record_id>")
    @_told
    def delete(name: str, record_id: str) -> Reply:
        desk.delete(name, record_id)
        return jsonify({"id": record_id})

    @pages.post("/merge")
    @_told
    def merge() -> Reply:
        body = _body()
        losers = body.get("losers")
        if not isinstance(losers, list):
            raise ValueError("losers is a list of ids")
        desk.merge(str(body.get("object")), str(body.get("master")), map(str, losers))
        return jsonify({"master": body["master"]})

    @pages.post("/convert")
    @_told
    def convert() -> Reply:
        return jsonify({"IsPersonAccount": desk.convert(str(_body().get("account")))})


def _rule_routes(pages: Blueprint, org: Org) -> None:
    @pages.post("/duplicate_rules")
    @_told
    def add_duplicate_rule() -> Reply:
        rule = duplicate_rule(org.schema, _body())
        return jsonify({"id": org.add_duplicate_rule(rule), "name": rule.name}), 201

    @pages.delete("/duplicate_rules")
    def drop_duplicate_rules() -> Reply:
        org.drop_duplicate_rules()
        return jsonify([])

    @pages.post("/validation_rules")
    @_told
    def add_validation_rule() -> Reply:
        rule = validation_rule(org.schema, _body())
        org.rulebook.validations.append(rule)
        return jsonify({"object": rule.object, "field": rule.field}), 201

    @pages.delete("/validation_rules")
    def drop_validation_rules() -> Reply:
        org.rulebook.validations.clear()
        return jsonify([])


def _limit_routes(pages: Blueprint, org: Org) -> None:
    @pages.put("/permissions")
    @_told
    def permit() -> Reply:
        org.permit(permissions(org.schema, request.get_json(force=True, silent=True)))
        return jsonify({"permissions": "set"})

    @pages.put("/sharing")
    @_told
    def sharing() -> Reply:
        body = _body()
        share(org, body)
        return jsonify(body)

    @pages.put("/limits")
    @_told
    def limit() -> Reply:
        body = _body()
        limit, used = body.get("api_limit", org.api_limit), body.get("api_used", org.api_used)
        for number in (limit, used):
            if not isinstance(number, int) or isinstance(number, bool) or number < 0:
                raise ValueError("api_limit and api_used are whole numbers, 0 or more")
        org.api_limit, org.api_used = limit, used
        return jsonify({"api_limit": limit, "api_used": used})


def _told(view: Callable[..., Reply]) -> Callable[..., Reply]:
    """Say what was wrong with the asking: 404 for what is not there, 400 for the rest."""

    @wraps(view)
    def guarded(**values: Any) -> Reply:
        try:
            return view(**values)
        except LookupError as error:
            return jsonify({"error": str(error)}), 404
        except (ValueError, RowRefused, RequestRefused) as error:
            return jsonify({"error": str(error)}), 400

    return guarded


def _body() -> dict[str, Any]:
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        raise ValueError("a JSON object is needed")
    return body
