"""Changes keys in ``policy.toml``; every other line, also comments, stays unchanged."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import tomli_w

from connector.errors import SetupError
from connector.policy import Policy
from connector.sync.org_schema import mapping

HEAD: Final = (
    "# What differs from Casewire's defaults. Every key, with its default: policy.example.toml.\n"
    "# casewire policy check validates it, casewire policy show prints the policy in force.\n"
)


def updated(text: str, values: Mapping[str, object]) -> str:
    """The text with ``values`` set, by dotted key: ``{"statuses.closed": "Done"}``."""
    lines = (text or HEAD).splitlines()
    for dotted, value in values.items():
        _set(lines, dotted, value)
    new = "\n".join(lines) + "\n"
    _require_read_back(text, new, values)
    return new


def checked(path: Path, values: Mapping[str, object]) -> str:
    """The text of the policy in ``path`` with these values; SetupError if one is not valid."""
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    new = updated(old, values) if values else old
    mapping.checked(Policy.parse(new, path))
    return new


def value_of(text: str) -> object:
    """A number, true, false or a list as TOML has them; anything else is text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _set(lines: list[str], dotted: str, value: object) -> None:
    section, _, key = dotted.rpartition(".")
    line = tomli_w.dumps({key: value}).rstrip("\n")
    start = _section(lines, section)
    if start is None:
        lines += ["", f"[{section}]", line]
        return
    end = next((n for n in range(start, len(lines)) if lines[n].lstrip().startswith("[")), len(lines))
    pattern = re.compile(rf"\s*{re.escape(key)}\s*=")
    at = next((n for n in range(start, end) if pattern.match(lines[n])), None)
    if at is None:
        lines.insert(start, line)
    else:
        lines[at] = line


def _section(lines: list[str], section: str) -> int | None:
    """Number of the first line in the section; keys without a section are at the top."""
    if not section:
        return next(
            (n for n, line in enumerate(lines) if line.strip() and not line.startswith("#")), len(lines)
        )
    header = re.compile(rf"\s*\[\s*{re.escape(section)}\s*\]\s*(#.*)?$")
    found = next((n for n, line in enumerate(lines) if header.match(line)), None)
    return None if found is None else found + 1


def _require_read_back(old: str, new: str, values: Mapping[str, object]) -> None:
    """SetupError if the new text has other values than intended, for example after a multi-line value."""
    wanted = tomllib.loads(old)
    for dotted, value in values.items():
        _put(wanted, dotted.split("."), value)
    try:
        good = tomllib.loads(new) == wanted
    except tomllib.TOMLDecodeError:
        good = False
    if not good:
        line = ", ".join(f"{name} = {value!r}" for name, value in values.items())
        raise SetupError(f"policy.toml cannot be changed automatically; change it by hand: {line}")


def _put(content: dict[str, Any], path: list[str], value: object) -> None:
    for key in path[:-1]:
        content = content.setdefault(key, {})
    content[path[-1]] = value
