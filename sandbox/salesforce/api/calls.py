"""A call and its answer, free of the web framework, so that a composite call can hold others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.control import Control
from sandbox.salesforce.api.faults import row_guard
from sandbox.salesforce.errors import not_found, unreadable
from sandbox.salesforce.org import Org
from sandbox.salesforce.schema import Field, ObjectType, Schema
from sandbox.salesforce.writer import Writer


@dataclass(frozen=True, slots=True)
class Answer:
    """``body`` is JSON to be, bytes whose type the headers tell, or None for an empty answer."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """``path`` is what follows ``/services/data/vXX.0/``; header names are lower case; ``body`` is bytes or JSON."""

    org: Org
    control: Control
    method: str
    version: str
    path: str
    args: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any = b""
    user: str = ""

    def json(self) -> Any:
        """The body as JSON. Raises RequestRefused JSON_PARSER_ERROR."""
        if not isinstance(self.body, bytes):
            return self.body
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise unreadable(f"Unexpected character or end of input in the request body: {error}") from None

    def json_object(self) -> dict[str, Any]:
        body = self.json()
        if not isinstance(body, dict):
            raise unreadable("The HTTP entity body must be a JSON object")
        return body

    @property
    def schema(self) -> Schema:
        """The schema as far as the caller sees it."""
        return self.org.seen_by(self.user or self.org.user_id)

    def kind(self, name: str) -> ObjectType:
        kind = self.schema.get(name)
        if kind is None:
            raise not_found()
        return kind

    def key(self, kind: ObjectType, name: str) -> Field:
        """A field to upsert by. Raises RequestRefused NOT_FOUND, as Salesforce does."""
        known = kind.field(name)
        if known is None or not known.upsert_key:
            raise not_found(f"Provided external ID field does not exist or is not accessible: {name}")
        return known

    def writer(self) -> Writer:
        assign = self.headers.get("sforce-auto-assign", "TRUE").strip().upper() != "FALSE"
        return self.org.writer(assign, row_guard(self), self.user or None)

    def flag(self, name: str) -> bool:
        return self.args.get(name, "").lower() == "true"

    def url(self, *parts: str) -> str:
        return "/".join((f"/services/data/v{self.version}", *parts))
