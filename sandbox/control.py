"""The control plane every sandbox server has under ``/__sandbox__/``.

Tests and people use it to reset a server, count the calls it got, slow it down, make it fail, and look at its
records. What is asked here is neither counted nor slowed nor failed.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, Final

from flask import Blueprint, Response, jsonify, request

from sandbox.faults import HOLDING, KINDS, SHARED, Fault

PREFIX: Final = "/__sandbox__"


class Control:
    """Call counts, latency and faults of one server; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()
        self._faults: list[Fault] = []
        self._strikes: Counter[str] = Counter()
        self._made = 0
        self._released = threading.Event()
        self.latency_ms = 0

    def count(self, method: str, route: str) -> None:
        with self._lock:
            self._calls[f"{method} {route}"] += 1

    def calls(self) -> dict[str, int]:
        with self._lock:
            return dict(self._calls)

    def strikes(self) -> dict[str, int]:
        """How often each kind of fault has struck since the calls were last forgotten."""
        with self._lock:
            return dict(self._strikes)

    def forget_calls(self) -> None:
        with self._lock:
            self._calls.clear()
            self._strikes.clear()

    def sleep_latency(self) -> None:
        if self.latency_ms > 0:
            time.sleep(self.latency_ms / 1000)

    def hold(self, seconds: float) -> None:
        """Wait, but no longer than until the next reset, so that no test waits for a held answer."""
        with self._lock:
            released = self._released
        released.wait(seconds)

    def add_fault(
        self,
        kind: str,
        match: str = "",
        times: int | None = None,
        seconds: float | None = None,
        share: float | None = None,
    ) -> Fault:
        """Raises ValueError for an unknown kind, an unreadable ``match`` or a ``share`` that is none."""
        if kind not in KINDS:
            raise ValueError(f"unknown fault kind {kind!r}; one of {', '.join(sorted(KINDS))}")
        try:
            re.compile(match)
        except re.error as error:
            raise ValueError(f"match is not a regular expression: {error}") from error
        if share is not None and (kind not in SHARED or not 0 < share <= 1):
            raise ValueError(f"share is above 0, up to 1, and for {', '.join(sorted(SHARED))} only")
        lives = seconds is not None and kind not in HOLDING
        until = time.monotonic() + seconds if lives and seconds is not None else None
        with self._lock:
            self._made += 1
            fault = Fault(self._made, kind, match, times, seconds, until, share)
            self._faults.append(fault)
        return fault

    def faults(self) -> list[Fault]:
        with self._lock:
            self._expire()
            return list(self._faults)

    def clear_faults(self) -> None:
        with self._lock:
            self._faults.clear()
            self._released.set()
            self._released = threading.Event()

    def take_fault(self, kinds: Collection[str], subject: str, key: str = "") -> Fault | None:
        """The first fault of these kinds that strikes the subject; it has then struck once more.

        ``subject`` is free text, by custom ``METHOD path body-keys``; parts a ``match`` may anchor on
        (the external id of a row) stand on a line of their own. ``key`` tells a row from all others.
        """
        if not self._faults:
            return None
        with self._lock:
            self._expire()
            for place, fault in enumerate(self._faults):
                if fault.kind in kinds and fault.strikes(subject, key):
                    self._spend(place, fault)
                    return fault
        return None

    def reset(self) -> None:
        """As new: no calls counted, no faults, no latency."""
        self.forget_calls()
        self.clear_faults()
        self.latency_ms = 0

    def _expire(self) -> None:
        now = time.monotonic()
        self._faults = [fault for fault in self._faults if fault.until is None or fault.until > now]

    def _spend(self, place: int, fault: Fault) -> None:
        self._strikes[fault.kind] += 1
        if fault.times is None:
            return
        if fault.times <= 1:
            del self._faults[place]
            return
        self._faults[place] = replace(fault, times=fault.times - 1)


def is_control(path: str) -> bool:
    """Whether a request path is the control plane's own, which is never counted, slowed or failed."""
    return path.startswith(PREFIX + "/")


def control_blueprint(
    control: Control, reset: Callable[[], None], records: Callable[[str], list[dict[str, Any]]]
) -> Blueprint:
    """The routes under ``/__sandbox__/``.

    ``reset`` empties the server's own data; ``records`` gives the rows of an object by name and raises
    LookupError for a name the server does not know.
    """
    pages = Blueprint("sandbox_control", __name__, url_prefix=PREFIX)

    @pages.post("/reset")
    def do_reset() -> Response:
        control.reset()
        reset()
        return jsonify({"reset": True})

    @pages.get("/records/<name>")
    def show_records(name: str) -> Response | tuple[Response, int]:
        try:
            rows = _picked(records(name), request.args.get("fields", ""))
        except LookupError as error:
            return jsonify({"error": str(error)}), 404
        return Response(json.dumps(rows, separators=(",", ":")), mimetype="application/json")

    _call_routes(pages, control)
    _fault_routes(pages, control)
    return pages


def _picked(rows: list[dict[str, Any]], names: str) -> list[dict[str, Any]]:
    """Only the fields ``?fields=Id,Name`` names, for who looks at many rows; all without it."""
    wanted = [name for name in names.split(",") if name]
    return [{name: row.get(name) for name in wanted} for row in rows] if wanted else rows


def _call_routes(pages: Blueprint, control: Control) -> None:
    @pages.get("/calls")
    def show_calls() -> Response:
        calls = control.calls()
        struck = dict(sorted(control.strikes().items()))
        return jsonify({"total": sum(calls.values()), "calls": dict(sorted(calls.items())), "faults": struck})

    @pages.delete("/calls")
    def forget_calls() -> Response:
        control.forget_calls()
        return jsonify({"total": 0, "calls": {}, "faults": {}})

    @pages.put("/latency")
    def set_latency() -> Response | tuple[Response, int]:
        milliseconds = _body().get("ms")
        if not isinstance(milliseconds, int) or isinstance(milliseconds, bool) or milliseconds < 0:
            return jsonify({"error": "ms must be a whole number, 0 or more"}), 400
        control.latency_ms = milliseconds
        return jsonify({"ms": milliseconds})


def _fault_routes(pages: Blueprint, control: Control) -> None:
    @pages.get("/faults")
    def show_faults() -> Response:
        return jsonify([fault.told() for fault in control.faults()])

    @pages.post("/faults")
    def add_fault() -> tuple[Response, int]:
        body = _body()
        unknown = set(body) - {"kind", "match", "times", "seconds", "share"}
        if unknown:
            return jsonify({"error": f"unknown key {sorted(unknown)[0]}"}), 400
        try:
            fault = control.add_fault(
                str(body.get("kind", "")),
                str(body.get("match") or ""),
                None if body.get("times") is None else int(body["times"]),
                None if body.get("seconds") is None else float(body["seconds"]),
                None if body.get("share") is None else float(body["share"]),
            )
        except (TypeError, ValueError) as error:
            return jsonify({"error": str(error)}), 400
        return jsonify(fault.told()), 201

    @pages.delete("/faults")
    def clear_faults() -> Response:
        control.clear_faults()
        return jsonify([])


def _body() -> dict[str, Any]:
    body = request.get_json(force=True, silent=True)
    return body if isinstance(body, dict) else {}
