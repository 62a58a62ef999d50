"""One request to Authorize.Net and its answer.

Its JSON API by hand: the official SDK speaks XML, without time-outs. Every answer is 200 and begins with a byte order
mark; errors are codes in ``messages``. https://developer.authorize.net/api/reference/#transaction-reporting (2026-11)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final

import requests

from connector.clients.errors import ErrorFactory, NotFound
from connector.clients.processors.base import TIMEOUTS
from connector.clients.processors.parsing import moment, part, word
from connector.errors import Permanent, Transient
from connector.sources.authorizenet import INFO, Settings

TROUBLE: Final = ErrorFactory.of(INFO)

_ADDRESSES: Final = {
    True: "https://api.authorize.net/xml/v1/request.api",
    False: "https://apitest.authorize.net/xml/v1/request.api",
}
_NOT_FOUND: Final = "E00040"
_KEY_REFUSED: Final = frozenset({"E00005", "E00006", "E00007", "E00008", "E00009", "E00010", "E00011"})
_BUSY: Final = frozenset({"E00001", "E00053", "E00104"})

Answer = Mapping[str, Any]


class Transport:
    """One account's access."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.api_url or _ADDRESSES[settings.live]
        self._login = {"name": settings.api_login_id, "transactionKey": settings.transaction_key}

    def ask(self, request: str, **asked: Any) -> tuple[Answer, datetime | None]:
        """The answer, and when it was given by the other side's clock. Raises NotThere or one of our errors."""
        # The order matters: the JSON is turned into XML that has a schema.
        told, at = self._post({request: {"merchantAuthentication": self._login, **asked}})
        messages = part(told.get("messages"))
        if messages.get("resultCode") != "Ok":
            raise _refused(_code(messages))
        return told, at

    def _post(self, asked: Mapping[str, object]) -> tuple[Answer, datetime | None]:
        try:
            answer = requests.post(self._url, json=asked, timeout=TIMEOUTS, allow_redirects=False)
        except requests.RequestException as error:
            raise TROUBLE.of_network(error) from error
        if answer.status_code >= HTTPStatus.BAD_REQUEST:
            # Not its own way to say that a transaction is missing: a 404 is a wrong address.
            found = TROUBLE.of_status(answer.status_code, retry_after=_seconds(answer))
            raise TROUBLE.refused("404", "404") if isinstance(found, NotFound) else found
        try:
            return part(json.loads(answer.content.decode("utf-8-sig"))), _date(answer)
        except ValueError:
            raise TROUBLE.unreadable() from None


def _date(answer: requests.Response) -> datetime | None:
    try:
        return moment(parsedate_to_datetime(answer.headers.get("Date", "")))
    except ValueError:
        return None


def _seconds(answer: requests.Response) -> float | None:
    value = answer.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None


def _code(messages: Mapping[str, Any]) -> str | None:
    listed = messages.get("message")
    first = listed[0] if isinstance(listed, list) and listed else None
    return word(part(first).get("code"))


def _refused(code: str | None) -> Exception:
    if code == _NOT_FOUND:
        return NotFound(code)
    if code in _KEY_REFUSED:
        return TROUBLE.key_refused(code or "")
    if code in _BUSY:
        return Transient(f"Authorize.Net is busy ({code}).", code=code or "", retry_after=10.0)
    if code is None:
        return TROUBLE.unreadable()
    return Permanent(f"Authorize.Net refused the request: {code}.", code=code)
