"""The errors of the API: ``{"error": {"type", "message", "params"}}`` and the status of each type."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class Refusal(Exception):
    """The request is answered with an error. ``retry_after`` in seconds."""

    def __init__(
        self,
        status: int,
        type_: str,
        message: str,
        params: Iterable[tuple[str, str]] = (),
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.type, self.message = status, type_, message
        self.params = [{"param": param, "message": text} for param, text in params]
        self.retry_after = retry_after

    def told(self) -> dict[str, Any]:
        return {"error": {"type": self.type, "message": self.message, "params": self.params}}


def not_found(what: str, form: str) -> Refusal:
    """``form`` as it was asked for; Recurly leaves the prefix of a form out of its message."""
    field, _, value = form.partition("-")
    if field in ("code", "uuid", "number") and value:
        return Refusal(404, "not_found", f"Couldn't find {what} with {field} = {value}")
    return Refusal(404, "not_found", f"Couldn't find {what} with id = {form}")


def bad(param: str, message: str) -> Refusal:
    return Refusal(400, "bad_request", f"{param} {message}", [(param, message)])
