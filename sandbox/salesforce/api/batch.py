"""``composite/batch``: up to 25 calls in one that know nothing of each other."""

from __future__ import annotations

from typing import Any, Final

from sandbox.salesforce.api.calls import Answer, Call
from sandbox.salesforce.api.composite import LARGEST, Handle, inner_call, subrequests
from sandbox.salesforce.errors import RequestRefused

_HALTED: Final = [
    {"errorCode": "BATCH_PROCESSING_HALTED", "message": "Batch processing halted per request"},
]


def batch(call: Call, handle: Handle) -> Answer:
    """Each of them is a call of its own for the day's allowance, and none is undone for another's failure."""
    body = call.json_object()
    requests = subrequests(body, "batchRequests")
    if len(requests) > LARGEST:
        message = f"The request can't contain more than {LARGEST} operations."
        raise RequestRefused(400, "LIMIT_EXCEEDED", message)
    for _ in requests[1:]:
        call.org.count_call()
    results: list[dict[str, Any]] = []
    failed = False
    for request in requests:
        halted = failed and body.get("haltOnError") is True
        answer = Answer(_HALTED, 412) if halted else _one(call, request, handle)
        failed = failed or answer.status >= 400
        results.append({"statusCode": answer.status, "result": answer.body})
    return Answer({"hasErrors": failed, "results": results})


def _one(call: Call, request: dict[str, Any], handle: Handle) -> Answer:
    """Addresses start with the version: ``v60.0/sobjects/Account``."""
    url = str(request.get("url", "")).removeprefix("/services/data/")
    try:
        return handle(inner_call(call, request, f"/services/data/{url}", request.get("richInput", {})))
    except RequestRefused as refused:
        return Answer(refused.body(), refused.status)
