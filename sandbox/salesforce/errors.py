"""How Salesforce says no. One class for a whole request, one value for a single row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class RowError:
    """Why one row was refused; ``fields`` are API names.

    A row resource tells it with ``errorCode``, a row of a Collections answer with ``statusCode``.
    """

    code: str
    message: str
    fields: tuple[str, ...] = ()
    status: int = 400
    details: dict[str, Any] = field(default_factory=dict)

    def in_collection(self) -> dict[str, Any]:
        return {"statusCode": self.code, "message": self.message, "fields": list(self.fields)}

    def alone(self) -> dict[str, Any]:
        if self.details or self.code == "INVALID_FIELD":
            return {**self.details, "message": self.message, "errorCode": self.code}
        return {"message": self.message, "errorCode": self.code, "fields": list(self.fields)}


class RowRefused(Exception):
    """A row cannot be written; nothing of it was."""

    def __init__(self, *errors: RowError) -> None:
        super().__init__("; ".join(f"{error.code}: {error.message}" for error in errors))
        self.errors = errors


class RequestRefused(Exception):
    """The request as a whole is refused and nothing was done."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message

    def body(self) -> list[dict[str, Any]]:
        return [{"message": self.message, "errorCode": self.code}]


def not_found(message: str = "The requested resource does not exist") -> RequestRefused:
    return RequestRefused(404, "NOT_FOUND", message)


def unreadable(message: str) -> RequestRefused:
    return RequestRefused(400, "JSON_PARSER_ERROR", message)
