"""``/__sandbox__/bulk``: the pace of the bulk jobs, to be looked at and set."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, jsonify, request

from sandbox.control import PREFIX
from sandbox.salesforce.bulk.jobs import Jobs, Pace


def bulk_plane(jobs: Jobs) -> Blueprint:
    """``PUT {"polls": 3, "ms_per_1000": 500, "largest_upload": 1000}``; what is not named is as at the start."""
    pages = Blueprint("salesforce_bulk_plane", __name__, url_prefix=PREFIX)

    @pages.get("/bulk")
    def show() -> Response:
        return jsonify(asdict(jobs.pace))

    @pages.put("/bulk")
    def set_pace() -> Response | tuple[Response, int]:
        body: Any = request.get_json(force=True, silent=True)
        known = asdict(Pace())
        if not isinstance(body, dict) or not all(name in known and _whole(body[name]) for name in body):
            return jsonify({"error": f"whole numbers, 0 or more, by name: {', '.join(known)}"}), 400
        jobs.pace = Pace(**body)
        return jsonify(asdict(jobs.pace))

    return pages


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
