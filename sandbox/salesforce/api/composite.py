"""Composite: up to 25 calls in one, where a later one may use what an earlier one answered."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from sandbox.salesforce.api.calls import Answer, Call
from sandbox.salesforce.errors import RequestRefused, not_found, unreadable

LARGEST: Final = 25
_HEAVY: Final = 5
_REFERENCE: Final = re.compile(r"@\{(\w+)((?:\.\w+|\[\d+\])*)\}")
_STEP: Final = re.compile(r"\.(\w+)|\[(\d+)\]")
_DATA: Final = re.compile(r"/services/data/v(\d+\.\d)/(.*)")
_ALONE: Final = re.compile(r"jobs/|composite(/(batch|graph|tree/.*))?$")
_HALTED: Final = {
    "errorCode": "PROCESSING_HALTED",
    "message": "The transaction was rolled back since another operation in the same transaction failed.",
}
Handle = Callable[[Call], Answer]
"""Carries out one call; errors come back as answers."""


def composite(call: Call, handle: Handle) -> Answer:
    body = call.json_object()
    requests = subrequests(body, "compositeRequest")
    _within_limits(requests)
    named_apart(requests)
    answers, _ = carried_out(call, requests, handle, body.get("allOrNone") is True)
    return Answer({"compositeResponse": answers})


def subrequests(body: dict[str, Any], name: str) -> list[dict[str, Any]]:
    requests = body.get(name)
    if not isinstance(requests, list) or not all(isinstance(request, dict) for request in requests):
        raise unreadable(f"{name} must be an array of subrequests")
    return requests


def named_apart(requests: list[dict[str, Any]]) -> None:
    names = [request.get("referenceId") for request in requests]
    if len(set(names)) != len(names) or None in names:
        raise RequestRefused(400, "INVALID_INPUT", "Each subrequest needs a referenceId of its own")


def carried_out(
    call: Call, requests: list[dict[str, Any]], handle: Handle, all_or_none: bool
) -> tuple[list[dict[str, Any]], bool]:
    """What each was answered, and whether all went well; if not, ``all_or_none`` undoes them all."""
    with call.org.store.transaction() as undo:
        answers = _run(call, requests, handle)
        well = all(answer["httpStatusCode"] < 400 for answer in answers)
        if all_or_none and not well:
            undo()
            answers = [_halted(answer) for answer in answers]
    return answers, well


def _within_limits(requests: list[dict[str, Any]]) -> None:
    if len(requests) > LARGEST:
        message = f"The request can't contain more than {LARGEST} operations."
        raise RequestRefused(400, "LIMIT_EXCEEDED", message)
    heavy = [
        request for request in requests if re.search(r"/(query|composite/sobjects)", str(request.get("url")))
    ]
    if len(heavy) > _HEAVY:
        message = f"The request can't contain more than {_HEAVY} Query or sObject Collections operations."
        raise RequestRefused(400, "LIMIT_EXCEEDED", message)


def _run(call: Call, requests: list[dict[str, Any]], handle: Handle) -> list[dict[str, Any]]:
    known: dict[str, Any] = {}
    answers = []
    for request in requests:
        answer = _one(call, request, known, handle)
        if answer.status < 400:
            known[request["referenceId"]] = answer.body
        answers.append(_told(request["referenceId"], answer))
    return answers


def _one(call: Call, request: dict[str, Any], known: dict[str, Any], handle: Handle) -> Answer:
    try:
        filled = _filled(request, known)
        headers = {name.lower(): str(value) for name, value in (filled.get("httpHeaders") or {}).items()}
        inner = inner_call(call, filled, str(filled.get("url", "")), filled.get("body", {}))
    except RequestRefused as refused:
        return Answer(refused.body(), refused.status)
    return handle(replace(inner, headers={**call.headers, **headers}))


def inner_call(call: Call, request: dict[str, Any], url: str, body: Any) -> Call:
    """One that stands in another. Jobs and other calls with calls in them may not."""
    parts = urlsplit(url)
    found = _DATA.fullmatch(parts.path)
    path = unquote(found[2]).strip("/") if found else ""
    if found is None or _ALONE.match(path):
        raise not_found()
    return replace(
        call,
        method=str(request.get("method", "GET")).upper(),
        version=found[1],
        path=path,
        args=dict(parse_qsl(parts.query, keep_blank_values=True)),
        body=body,
    )


def _filled(request: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """The request with each ``@{reference.path}`` replaced by what that subrequest answered."""

    def value(found: re.Match[str]) -> str:
        return str(_looked_up(found, known))

    kept: dict[str, Any] = {name: request[name] for name in ("method", "httpHeaders") if name in request}
    kept["url"] = _REFERENCE.sub(value, str(request.get("url", "")))
    if "body" in request:
        kept["body"] = json.loads(_REFERENCE.sub(value, json.dumps(request["body"])))
    return kept


def _looked_up(found: re.Match[str], known: dict[str, Any]) -> Any:
    if found[1] not in known:
        raise _invalid(found[0], f"no successful subrequest {found[1]} came before")
    at: Any = known[found[1]]
    for name, place in _STEP.findall(found[2]):
        try:
            at = at[name] if name else at[int(place)]
        except (KeyError, IndexError, TypeError):
            raise _invalid(found[0], "no such value in its answer") from None
    return at


def _invalid(reference: str, why: str) -> RequestRefused:
    return RequestRefused(400, "PROCESSING_HALTED", f"Invalid reference specified. {reference}: {why}")


def _told(reference: str, answer: Answer) -> dict[str, Any]:
    return {
        "body": answer.body,
        "httpHeaders": dict(answer.headers),
        "httpStatusCode": answer.status,
        "referenceId": reference,
    }


def _halted(answer: dict[str, Any]) -> dict[str, Any]:
    if answer["httpStatusCode"] >= 400:
        return answer
    return {**answer, "body": [_HALTED], "httpHeaders": {}, "httpStatusCode": 400}
