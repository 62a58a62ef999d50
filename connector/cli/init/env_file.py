"""Changes settings in ``.env`` and writes it completely or not at all; every other line stays unchanged."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dotenv import dotenv_values
from dotenv.parser import Binding, parse_stream

from connector.errors import SetupError

SECRET = 0o600
OPEN = 0o644


def replace_file(path: Path, text: str, mode: int) -> Path | None:
    """Replace the file. Returns the backup of the old content, None if there was none or it is the same."""
    path = path.resolve()  # a symbolic link stays one, and its target is replaced
    old = path.read_text(encoding="utf-8") if path.exists() else None
    if old == text:
        path.chmod(mode)
        return None
    new = path.with_name(f"{path.name}.new")
    try:
        _write_file(new, text, mode)
        backup = _kept(path, old) if old is not None else None
        new.replace(path)
        _sync_folder(path.parent)
    finally:
        new.unlink(missing_ok=True)
    return backup


def _sync_folder(folder: Path) -> None:
    """Make the new name survive a crash."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _kept(path: Path, old: str) -> Path:
    numbered = (path.with_name(f"{path.name}.bak{number or ''}") for number in range(10_000))
    backup = next(one for one in numbered if not one.exists())
    _write_file(backup, old, SECRET)
    return backup


def _write_file(path: Path, text: str, mode: int) -> None:
    """Create the file with its final mode, so that secrets are never readable by others."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


_BARE: Final = re.compile(r"[A-Za-z0-9_@%+=:,./~?&-]*")
_ASIDE: Final = re.compile(r"(?P<gap>\s+)(?P<comment>#.*)$")


def updated(text: str, values: Mapping[str, str]) -> str:
    """The text with ``values`` set. A name that is commented out (``# NAME=``) is set there, other new names at the
    end."""
    left = dict(values)
    lines = [_line(line, left) for line in parse_stream(io.StringIO(text))]
    new = "".join(lines)
    for name, value in {name: value for name, value in left.items() if value}.items():
        new, placed = _uncommented(new, name, value)
        if not placed:
            new += ("" if not new or new.endswith("\n") else "\n") + f"{name}={quoted(value)}\n"
    _require_read_back(new, values)
    return new


def quoted(value: str) -> str:
    """The value, quoted as needed after ``NAME=``."""
    if _BARE.fullmatch(value):
        return value
    if "\n" in value:
        value = value.replace("\n", "\\n")
        return '"' + value.replace('"', '\\"') + '"'
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def unwritable(name: str, value: str) -> str:
    """Reason why a value cannot be written to ``.env``; empty if it can."""
    found = dotenv_values(stream=io.StringIO(f"{name}={quoted(value)}\n"))
    return "" if found.get(name) == value else f"The value of {name} cannot be written to .env."


def _line(line: Binding, left: dict[str, str]) -> str:
    text = line.original.string
    if line.key is None or line.key not in left:
        return text
    value = left.pop(line.key)
    if value == (line.value or ""):
        return text
    body = text.rstrip("\r\n")
    aside = _ASIDE.search(body) if "\n" not in body.strip("\n") else None
    before = text[: len(text) - len(text.lstrip())]
    comment = f"  {aside['comment']}" if aside else ""
    return f"{before}{line.key}={quoted(value)}{comment}{text[len(body) :]}"


def _uncommented(text: str, name: str, value: str) -> tuple[str, bool]:
    pattern = re.compile(rf"^#[ \t]*{re.escape(name)}=[^#\n]*?(?P<aside>[ \t]+#.*)?$", re.MULTILINE)
    found = pattern.search(text)
    if found is None:
        return text, False
    comment = f"  {found['aside'].strip()}" if found["aside"] else ""
    return f"{text[: found.start()]}{name}={quoted(value)}{comment}{text[found.end() :]}", True


def _require_read_back(text: str, values: Mapping[str, str]) -> None:
    """SetupError for a value that would be read differently, as ``${…}`` is expanded on reading."""
    found = dotenv_values(stream=io.StringIO(text))
    for name, value in values.items():
        if (found.get(name) or "") != value:
            raise SetupError(f"The value of {name} cannot be written to .env: set it in the environment.")
