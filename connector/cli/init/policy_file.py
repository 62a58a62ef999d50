"""``policy.toml`` with some keys changed; every other line, comments too, stays as it is."""

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
    "# casewire policy check says what is wrong, casewire policy show prints the policy in force.\n"
)


def updated(text: str, values: Mapping[str, object]) -> str:
    """``values`` by dotted key: ``{"statuses.closed": "Done"}``."""
    lines = (text or HEAD).splitlines()
    for dotted, value in values.items():
        _set(lines, dotted, value)
    new = "\n".join(lines) + "\n"
    _require_read_back(text, new, values)
    return new


def checked(path: Path, values: Mapping[str, object]) -> str:
    """The text of the policy in ``path`` with these values; SetupError says what is wrong with one."""
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
    told = tomli_w.dumps({key: value}).rstrip("\n")
    start = _section(lines, section)
    if start is None:
        lines += ["", f"[{section}]", told]
        return
    end = next((n for n in range(start, len(lines)) if lines[n].lstrip().startswith("[")), len(lines))
    pattern = re.compile(rf"\s*{re.escape(key)}\s*=")
    at = next((n for n in range(start, end) if pattern.match(lines[n])), None)
    if at is None:
        lines.insert(start, told)
    else:
        lines[at] = told


def _section(lines: list[str], section: str) -> int | None:
    """The first line within it; the keys without a section stand at the top."""
    if not section:
        return next(
            (n for n, line in enumerate(lines) if line.strip() and not line.startswith("#")), len(lines)
        )
    header = re.compile(rf"\s*\[\s*{re.escape(section)}\s*\]\s*(#.*)?$")
    found = next((n for n, line in enumerate(lines) if header.match(line)), None)
    return None if found is None else found + 1


def _require_read_back(old: str, new: str, values: Mapping[str, object]) -> None:
    """A value of several lines, or one written in a way not foreseen here, is the operator's to change."""
    wanted = tomllib.loads(old)
    for dotted, value in values.items():
        _put(wanted, dotted.split("."), value)
    try:
        good = tomllib.loads(new) == wanted
    except tomllib.TOMLDecodeError:
        good = False
    if not good:
        told = ", ".join(f"{name} = {value!r}" for name, value in values.items())
        raise SetupError(f"policy.toml cannot be changed by itself; change it by hand: {told}")


def _put(content: dict[str, Any], path: list[str], value: object) -> None:
    for key in path[:-1]:
        content = content.setdefault(key, {})
    content[path[-1]] = value
