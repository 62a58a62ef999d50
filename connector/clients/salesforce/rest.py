"""simple-salesforce on our session: addresses, pages of queries, JSON with exact amounts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final

import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError

from connector.clients.salesforce.errors import LATER
from connector.clients.salesforce.session import JSON, SalesforceSession
from connector.errors import Transient

_HOST: Final = "https://instance.invalid"
"""simple-salesforce wants a host; the session replaces it by the instance of the shared token."""


class RestApi:
    """One org at one API version. Numbers with decimals are Decimals. Every request must be safe to send twice."""

    def __init__(self, session: SalesforceSession, version: str) -> None:
        self.session = session
        self.version = version
        self._salesforce: Any = Salesforce(
            session_id="",
            instance_url=_HOST,
            version=version,
            session=session,
            parse_float=Decimal,
            object_pairs_hook=None,
        )
        self._salesforce.headers = {"Content-Type": JSON}

    def call(
        self,
        operation: str,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The parsed JSON of a good response, None if it is empty. ``path``: below the API version."""
        data = body.encode() if isinstance(body, str) else body
        with _json_expected(operation):
            return self._salesforce.restful(
                path, params, method, operation=operation, data=data, headers=headers or {}
            )

    def send(
        self,
        operation: str,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        repeat: bool = True,
    ) -> requests.Response:
        """A good response whose content is not JSON, or whose headers matter. ``path``: below the API version."""
        return self.session.request(
            method,
            self._salesforce.base_url + path,
            params,
            body,
            headers,
            operation=operation,
            repeat=repeat,
        )

    def soap(self, operation: str, envelope: bytes, headers: Mapping[str, str]) -> requests.Response:
        """A good response of the Metadata API. The envelope has SESSION_ID in the place of the access token."""
        url = self._salesforce.metadata_url.rstrip("/")
        return self.session.request("POST", url, data=envelope, headers=headers, operation=operation)

    def query(self, soql: str, *, include_deleted: bool = False) -> Iterator[dict[str, Any]]:
        """All rows; the next page of up to 2,000 is requested when its first row is needed."""
        with _json_expected("query"):
            yield from self._salesforce.query_all_iter(soql, include_deleted, operation="query")

    def describe(self, object_: str) -> dict[str, Any]:
        """The schema of one object."""
        with _json_expected(f"describe {object_}"):
            schema: dict[str, Any] = getattr(self._salesforce, object_).describe()
            return schema

    def limits(self) -> dict[str, dict[str, int]]:
        """The limits of the org."""
        with _json_expected("limits"):
            limits: dict[str, dict[str, int]] = self._salesforce.limits(operation="limits")
            return limits

    def userinfo(self) -> Mapping[str, Any]:
        """The integration user, from the identity service."""
        with _json_expected("userinfo"):
            userinfo = self._salesforce.oauth2("userinfo")
        if not isinstance(userinfo, Mapping):
            raise _not_json("userinfo")
        return userinfo

    def versions(self) -> list[dict[str, Any]]:
        """The API versions of the org."""
        with _json_expected("versions"):
            response = self.session.request("GET", f"{_HOST}/services/data", operation="versions")
            versions: list[dict[str, Any]] = response.json()
            return versions


@contextmanager
def _json_expected(operation: str) -> Iterator[None]:
    try:
        yield
    except (requests.exceptions.JSONDecodeError, SalesforceError):
        raise _not_json(operation) from None


def _not_json(operation: str) -> Transient:
    text = f"Salesforce's answer to {operation} was not JSON; something between answers in its place."
    return Transient(text, code="not_json", retry_after=LATER)
