"""Formats the mistakes of a policy file: key, file, line, and the allowed values."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails


def explain(item: ErrorDetails, path: Path, source: str, shape: type[BaseModel]) -> str:
    """One mistake as one line: ``policy.toml:12: rules.refund.queue: …``."""
    keys, why = [str(part) for part in item["loc"]], item["msg"]
    if item["type"] == "extra_forbidden":
        why = _unknown(keys, shape)
    elif "key" in item.get("ctx", {}):
        keys = [*keys, item["ctx"]["key"]]
        why = why.removeprefix(f"{item['ctx']['key']}: ")
    elif item["type"] != "template":
        why = f"{why} (it is {item['input']!r})"
    return f"{path}:{_line_of(source, keys)}: {'.'.join(keys)}: {why}"


def _unknown(keys: Sequence[str], shape: type[BaseModel]) -> str:
    allowed = _allowed(keys[:-1], shape)
    near = difflib.get_close_matches(keys[-1], allowed, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"there is no such key{hint} (allowed: {', '.join(allowed)})"


def _allowed(path: Sequence[str], section: type[BaseModel]) -> list[str]:
    for key in path:
        field = section.model_fields.get(key)
        section = (_section(field.annotation) if field else None) or section
    return sorted(field.alias or name for name, field in section.model_fields.items())


def _section(annotation: Any) -> type[BaseModel] | None:
    """The section a key holds, or of which it holds a list."""
    shapes = (annotation, *get_args(annotation))
    return next((one for one in shapes if isinstance(one, type) and issubclass(one, BaseModel)), None)


_HEADER: Final = re.compile(r"^\s*\[\[?\s*(?P<path>[^\]\[]+?)\s*\]?\]\s*(#.*)?$")
_KEY: Final = re.compile(r"^\s*(?P<path>[A-Za-z0-9_.\-\"' ]+?)\s*=")
_LONG: Final = re.compile(r"\"\"\"|'''")


def _line_of(source: str, keys: Sequence[str]) -> int:
    """The line of this key, or of the nearest section around it; the TOML parser does not report it."""
    named = [key for key in keys if not key.isdigit()]
    best, line = 0, 1
    for number, path in _paths(source):
        shared = _shared(path, keys if any(part.isdigit() for part in path) else named)
        if shared == len(path) and shared > best:
            best, line = shared, number
    return line


def _paths(source: str) -> list[tuple[int, list[str]]]:
    """Each line with its key. The tables of ``[[mapping]]`` are counted: ``mapping.0``, ``mapping.1``, …"""
    found: list[tuple[int, list[str]]] = []
    section: list[str] = []
    tables: Counter[str] = Counter()
    inside = False
    for number, text in enumerate(source.splitlines(), start=1):
        if not inside and (header := _HEADER.match(text)):
            section = _split(header["path"])
            if text.lstrip().startswith("[["):
                section = [*section, str(tables[header["path"]])]
                tables[header["path"]] += 1
            found.append((number, section))
        elif not inside and (key := _KEY.match(text)):
            found.append((number, [*section, *_split(key["path"])]))
        inside ^= len(_LONG.findall(text)) % 2 == 1
    return found


def _split(path: str) -> list[str]:
    return [part.strip().strip("\"'") for part in path.split(".")]


def _shared(path: Sequence[str], keys: Sequence[str]) -> int:
    return next(
        (i for i, (a, b) in enumerate(zip(path, keys, strict=False)) if a != b), min(len(path), len(keys))
    )
