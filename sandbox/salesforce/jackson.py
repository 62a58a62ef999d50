"""JSON as Salesforce writes it: compact, or spread out as its Jackson does when ``X-PrettyPrint: 1`` asks."""

from __future__ import annotations

import json
from typing import Any


def compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def pretty(value: Any, depth: int = 0) -> str:
    if isinstance(value, dict):
        if not value:
            return "{ }"
        indent = "  " * (depth + 1)
        lines = [f"{indent}{json.dumps(name)} : {pretty(inner, depth + 1)}" for name, inner in value.items()]
        return "{\n" + ",\n".join(lines) + "\n" + "  " * depth + "}"
    if isinstance(value, list):
        return "[ " + ", ".join(pretty(inner, depth) for inner in value) + " ]" if value else "[ ]"
    return json.dumps(value, ensure_ascii=False)
