"""A Salesforce and a Recurly for commands that read the one and write the other: the sandbox's, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from sandbox import recurly, salesforce
from sandbox.control import Control
from sandbox.salesforce.metadata import default_metadata
from sandbox.server import Server, serve

SITE = "acme"
AT = "2026-11-20T12:00:00Z"


@dataclass(frozen=True)
class Vendors:
    """Both servers, by their control planes."""

    salesforce: Server
    recurly: Server

    def told(self, server: str, method: str, path: str, body: object = None) -> Any:
        url = f"{getattr(self, server).url}/__sandbox__/{path}"
        answer = requests.request(method, url, json=body, timeout=60)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def play(self, story: str, **how: object) -> list[str]:
        """The codes of the accounts in a story. Nobody listens to its webhooks."""
        played = self.told("recurly", "POST", f"scenarios/{story}", {"seed": 3, "at": AT, **how})
        return sorted(played["accounts"])

    def records(self, object_: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.told("salesforce", "GET", f"records/{object_}")
        return found

    def calls(self, server: str, *words: str) -> int:
        """How many requests were answered whose method and route hold all these words."""
        counts = self.told(server, "GET", "calls")["calls"]
        return sum(many for route, many in counts.items() if all(word in route for word in words))

    def forget_calls(self) -> None:
        for server in ("salesforce", "recurly"):
            self.told(server, "DELETE", "calls")

    def reset(self) -> None:
        for server in ("salesforce", "recurly"):
            self.told(server, "POST", "reset")

    def name_in(self, environment: pytest.MonkeyPatch) -> None:
        """The settings of a Casewire that works for them."""
        for name, value in {
            "RECURLY_SITE": SITE,
            "RECURLY_API_KEY": "sandbox",
            "RECURLY_API_URL": self.recurly.url,
            "SALESFORCE_LOGIN_URL": self.salesforce.url,
            "SALESFORCE_CLIENT_ID": "sandbox",
            "SALESFORCE_CLIENT_SECRET": "sandbox",
        }.items():
            environment.setenv(name, value)


@contextmanager
def vendors() -> Iterator[Vendors]:
    metadata = default_metadata()
    assert metadata is not None
    site = recurly.Site()
    crm = salesforce.create_app(salesforce.Org(metadata), Control())
    try:
        with serve(crm) as first, serve(recurly.create_app(site, Control())) as second:
            yield Vendors(first, second)
    finally:
        site.close()
