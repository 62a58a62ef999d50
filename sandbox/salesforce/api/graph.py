"""``composite/graph``: composite calls of up to 500 parts, each graph all or nothing on its own."""

from __future__ import annotations

from typing import Any, Final

from sandbox.salesforce.api.calls import Answer, Call
from sandbox.salesforce.api.composite import Handle, carried_out, named_apart, subrequests
from sandbox.salesforce.errors import RequestRefused

_GRAPHS: Final = 75
_NODES: Final = 500


def graph(call: Call, handle: Handle) -> Answer:
    graphs = subrequests(call.json_object(), "graphs")
    parts = [(str(one.get("graphId", "")), subrequests(one, "compositeRequest")) for one in graphs]
    if len({name for name, _ in parts}) != len(parts) or not all(name for name, _ in parts):
        raise RequestRefused(400, "INVALID_INPUT", "Each graph needs a graphId of its own")
    _within(len(parts), _GRAPHS, "graphs")
    _within(sum(len(requests) for _, requests in parts), _NODES, "nodes")
    for _, requests in parts:
        named_apart(requests)
    return Answer({"graphs": [_one(call, name, requests, handle) for name, requests in parts]})


def _one(call: Call, name: str, requests: list[dict[str, Any]], handle: Handle) -> dict[str, Any]:
    answers, well = carried_out(call, requests, handle, all_or_none=True)
    return {"graphId": name, "graphResponse": {"compositeResponse": answers}, "isSuccessful": well}


def _within(number: int, largest: int, what: str) -> None:
    if number > largest:
        raise RequestRefused(400, "LIMIT_EXCEEDED", f"The request can't contain more than {largest} {what}.")
