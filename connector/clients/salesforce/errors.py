"""Salesforce's errors → what happens next, and what a person should do about it.

Decided by Salesforce's code, not by HTTP status: UNABLE_TO_LOCK_ROW comes as 400 or 500, a limit as 403. The
message text is looked at only where one code means opposite things. Codes: the StatusCode list of the metadata
WSDL, the API fault codes and the REST error codes
(https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_concepts_core_data_objects.htm).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final

import requests

from connector.clients.salesforce.error_messages import ADVICE, OTHERWISE
from connector.clients.salesforce.formats import soap_fault
from connector.errors import CasewireError, Permanent, Transient, Unavailable

DESTINATION: Final = "salesforce"


class Verdict(StrEnum):
    """What happens next with a refused row or call."""

    RETRY = "retry"
    DEAD = "dead"
    RELOGIN = "relogin"
    PAUSE = "pause"


SOON, LATER, LONG, HOUR = 5.0, 60.0, 900.0, 3600.0

RETRIED: Final[Mapping[str, float]] = {
    "ALL_OR_NONE_OPERATION_ROLLED_BACK": SOON,
    "BAD_GATEWAY": SOON,
    "CONFLICT": SOON,
    "ENTITY_IS_LOCKED": LATER,  # perhaps an approval, which lasts: attempts run out
    "INTERNAL_ERROR": SOON,
    "INVALID_QUERY_LOCATOR": SOON,
    "MATCH_SERVICE_TIMED_OUT": LATER,
    "MATCH_SERVICE_UNAVAILABLE_ERROR": LATER,
    "OPERATION_CONFLICT": SOON,
    "PLATFORM_EVENT_PUBLISHING_UNAVAILABLE": LONG,
    "PLATFORM_EVENT_PUBLISH_FAILED": LATER,
    "PROCESSING_HALTED": SOON,
    "QUERY_TIMEOUT": LATER,
    "RECORD_IN_USE_BY_WORKFLOW": LATER,
    "RECORD_LOCKED": LATER,
    "REQUEST_RUNNING_TOO_LONG": LATER,
    "TERRITORY_REALIGN_IN_PROGRESS": LONG,
    "TOO_MANY_APEX_REQUESTS": SOON,
    "TOO_MANY_JOBS": LATER,
    "UNABLE_TO_LOCK_RECORD": SOON,
    "UNABLE_TO_LOCK_ROW": SOON,
    "UNABLE_TO_UPDATE_RECORD_LOCK": LATER,
    "UNKNOWN_EXCEPTION": SOON,
}
"""Code → seconds to wait. The same request may well work then."""

PAUSED: Final[Mapping[str, float | None]] = {
    "API_CURRENTLY_DISABLED": LONG,
    "API_DISABLED_FOR_ORG": HOUR,
    "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE": LONG,
    "LOGIN_RATE_EXCEEDED": LONG,
    "SERVER_UNAVAILABLE": None,
    "SERVICE_UNAVAILABLE": None,
    "STORAGE_LIMIT_EXCEEDED": HOUR,
}
"""Code → seconds to wait; None: Salesforce names no time, and the circuit's own steps are taken, from 2 s up.
No row of any object can be written meanwhile."""

RELOGIN: Final = frozenset({"INVALID_SESSION_ID", "SESSION_EXPIRED", "SESSION_INVALIDATED"})
LIMIT: Final = "REQUEST_LIMIT_EXCEEDED"
DUPLICATE: Final = "DUPLICATE_VALUE"
TWINS: Final = "DUPLICATE_EXTERNAL_ID"
_LOCKED_ROW: Final = "UNABLE_TO_LOCK_ROW"
_WHOLE_DAY: Final = ("totalrequests", "24 hour", "daily")
_HOLDER: Final = re.compile(r"duplicates value on record with id: (\w{15,18})")
_OF_RECORD: Final = re.compile(r"/sobjects/(\w+)/(\w{15,18})$")
_BAD_TOKENS: Final = frozenset({"Bad_OAuth_Token", "Missing_OAuth_Token"})
"""How the identity service says, as plain text with 403, what the data API says as INVALID_SESSION_ID with 401."""
_EDGE: Final = frozenset({HTTPStatus.NOT_ACCEPTABLE, HTTPStatus.TOO_MANY_REQUESTS, 420})
"""What Salesforce's edge answers while an org moves or is set up, whatever the body."""


@dataclass(frozen=True, slots=True)
class Match:
    """A record that the refused one would double. ``object`` is empty where Salesforce names only the id."""

    object: str
    id: str


@dataclass(frozen=True, slots=True)
class RowError:
    """Why one row was refused. ``text`` tells an admin what to do; ``matched``: the records it would double."""

    verdict: Verdict
    code: str
    message: str
    text: str
    fields: tuple[str, ...] = ()
    retry_after: float | None = None
    matched: tuple[Match, ...] = ()

    @property
    def matches(self) -> tuple[str, ...]:
        """The ids of ``matched``."""
        return tuple(match.id for match in self.matched)

    def exception(self) -> CasewireError:
        """The same as an exception to raise."""
        if self.verdict is Verdict.DEAD:
            return Refusal(self)
        if self.verdict is Verdict.RETRY:
            return Transient(self.text, code=self.code, retry_after=self.retry_after)
        return Unavailable(DESTINATION, self.text, code=self.code, retry_after=self.retry_after)


class Refusal(Permanent):
    """A call Salesforce will never accept, with all it said."""

    def __init__(self, problem: RowError) -> None:
        super().__init__(problem.text, code=problem.code)
        self.problem = problem


def classified(problem: Mapping[str, Any], about: str) -> RowError:
    """One error of Salesforce. ``about``: the object, or what was called. In a list of results the code is called
    ``statusCode``, everywhere else ``errorCode``."""
    code = str(problem.get("statusCode") or problem.get("errorCode") or "")
    message = str(problem.get("message") or "")
    fields = tuple(map(str, problem.get("fields") or ()))
    verdict, wait = _verdict(code, message)
    locked = verdict is Verdict.RETRY and code not in RETRIED and code != LIMIT
    text = _advice(_LOCKED_ROW if locked else code, about, fields, message)
    return RowError(verdict, code, message, text, fields, wait, tuple(dict.fromkeys(_matched(problem))))


def of_answer(status: int, body: object, about: str) -> RowError:
    """What a refused call means. ``body``: parsed JSON or SOAP fault, or text where it was neither."""
    if isinstance(body, str) and body.strip() in _BAD_TOKENS:
        return classified({"errorCode": "INVALID_SESSION_ID", "message": body.strip()}, about)
    if status == HTTPStatus.MULTIPLE_CHOICES and isinstance(body, list):
        return _twins(body, about)
    problem = _first(body)
    if problem is not None:
        found = classified(problem, about)
        if found.code:
            return found
    if status in (HTTPStatus.UNAUTHORIZED, *range(300, 400)):
        return _without_code(Verdict.RELOGIN, status, None)
    if status in _EDGE or status == HTTPStatus.SERVICE_UNAVAILABLE or problem is None:
        return _without_code(Verdict.PAUSE, status, None)
    return _without_code(Verdict.RETRY if status >= 500 else Verdict.DEAD, status, SOON)


def error_in(response: requests.Response, about: str) -> RowError | None:
    """The error of a response, None for a good one."""
    if response.status_code < HTTPStatus.MULTIPLE_CHOICES:
        return None
    return of_answer(response.status_code, _parsed(response), about)


def _parsed(response: requests.Response) -> object:
    if "xml" in response.headers.get("Content-Type", ""):
        return soap_fault(response.content) or response.text
    try:
        return response.json()
    except ValueError:
        return response.text


def _verdict(code: str, message: str) -> tuple[Verdict, float | None]:
    if code == LIMIT:
        daily = any(word in message.lower() for word in _WHOLE_DAY)
        return (Verdict.PAUSE, LONG) if daily else (Verdict.RETRY, SOON)
    if code in RELOGIN:
        return Verdict.RELOGIN, None
    if code in PAUSED:
        return Verdict.PAUSE, PAUSED[code]
    if code in RETRIED or _LOCKED_ROW in message:  # a trigger that met a lock wraps it in its own code
        return Verdict.RETRY, RETRIED.get(code, SOON)
    return Verdict.DEAD, None


def _advice(code: str, about: str, fields: tuple[str, ...], message: str) -> str:
    named = f"field{'s' if len(fields) > 1 else ''} {', '.join(fields)}" if fields else "a field"
    template = ADVICE.get(code, OTHERWISE)
    return template.format(object=about, fields=named, code=code or "error", message=message.rstrip(". "))


def _first(body: object) -> Mapping[str, Any] | None:
    if isinstance(body, list) and body:
        body = body[0]
    return body if isinstance(body, Mapping) else None


def _without_code(verdict: Verdict, status: int, wait: float | None) -> RowError:
    text = f"Salesforce answered {status} without saying why; it may be down, moving or behind a proxy."
    return RowError(verdict, f"HTTP_{status}", "", text, retry_after=wait)


def _twins(addresses: Sequence[object], about: str) -> RowError:
    """A key that several records hold: their addresses are the whole answer."""
    found = [match for address in addresses if (match := _OF_RECORD.search(str(address)))]
    records = tuple(Match(match[1], match[2]) for match in found)
    message = f"the key is on {', '.join(record.id for record in records) or 'several records'}"
    return replace(classified({"errorCode": TWINS, "message": message}, about), matched=records)


def _matched(problem: Mapping[str, Any]) -> Iterator[Match]:
    """Records in a duplicate rule's answer, whose key real orgs spell ``duplicateResut``, or in the message."""
    result = problem.get("duplicateResut") or problem.get("duplicateResult") or {}
    for match in _dicts(result.get("matchResults") if isinstance(result, Mapping) else None):
        for record in _dicts(match.get("matchRecords")):
            inner = record.get("record")
            if isinstance(inner, Mapping) and inner.get("Id"):
                yield Match(_type(inner) or str(match.get("entityType") or ""), str(inner["Id"]))
    for holder in _HOLDER.findall(str(problem.get("message") or "")):
        yield Match("", holder)


def _type(record: Mapping[str, Any]) -> str:
    attributes = record.get("attributes")
    return str(attributes.get("type") or "") if isinstance(attributes, Mapping) else ""


def _dicts(value: object) -> Sequence[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
