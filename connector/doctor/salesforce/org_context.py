"""Reads of an org for the checks, each thing once, with a login of their own.

A fresh login notices a changed secret. Its token stays in memory: checks write nothing, not even a token into Redis.
A check, not the client, compares the org with the pinned one, so that its message can name the org.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, Final

from connector.clients.salesforce import MemoryTokens, SalesforceClient, SalesforceConfig
from connector.container import Container
from connector.doctor.result import CheckSkipped
from connector.errors import Permanent, SetupError
from connector.policy import Policy

SECONDS: Final = 15.0
_NOT_THERE: Final = frozenset({"NOT_FOUND", "INVALID_TYPE"})
_NOT_ALLOWED: Final = _NOT_THERE | {
    "INSUFFICIENT_ACCESS",
    "INSUFFICIENT_ACCESS_OR_READONLY",
    "INVALID_FIELD",
    "API_DISABLED_FOR_ORG",
}

Described = Mapping[str, Any]
Row = Mapping[str, Any]


class OrgContext:
    """One org during one run of the checks."""

    def __init__(self, container: Container) -> None:
        self.container = container
        self._described: dict[str, Described | None] = {}

    @cached_property
    def config(self) -> SalesforceConfig:
        """SetupError names the missing setting."""
        return self.container.salesforce_config()

    @cached_property
    def client(self) -> SalesforceClient:
        return SalesforceClient(replace(self.config, org_id=None, timeout=SECONDS), MemoryTokens())

    @cached_property
    def policy(self) -> Policy:
        try:
            return self.container.policy
        except SetupError as error:
            raise CheckSkipped("the policy cannot be read") from error

    def describe(self, object_: str) -> Described | None:
        """None: there is no such object, or the integration user may not see it."""
        if object_ not in self._described:
            try:
                self._described[object_] = self.client.describe(object_)
            except Permanent as error:
                if error.code not in _NOT_THERE:
                    raise
                self._described[object_] = None
        return self._described[object_]

    def fields(self, object_: str) -> Mapping[str, Described]:
        """By name; empty where there is no such object."""
        return {str(field["name"]): field for field in (self.describe(object_) or {}).get("fields", ())}

    def rows(self, soql: str) -> list[Row] | None:
        """None: the integration user may not read these objects."""
        try:
            return list(self.client.query(soql))
        except Permanent as error:
            if error.code in _NOT_ALLOWED:
                return None
            raise

    def close(self) -> None:
        if "client" in self.__dict__:
            self.client.close()
