"""Writing a file whole or not at all, for its owner only where it holds secrets, and keeping what was there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

SECRET = 0o600
OPEN = 0o644


def replace(path: Path, text: str, mode: int, good: Callable[[Path], object] = lambda _: None) -> Path | None:
    """The backup of what was there before, if there was anything else. ``good`` raises if the new file is not."""
    old = path.read_text(encoding="utf-8") if path.exists() else None
    if old == text:
        path.chmod(mode)
        return None
    new = path.with_name(f"{path.name}.new")
    try:
        _write(new, text, mode)
        good(new)
        backup = _kept(path, old) if old is not None else None
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    return backup


def _kept(path: Path, old: str) -> Path:
    numbered = (path.with_name(f"{path.name}.bak{number or ''}") for number in range(10_000))
    backup = next(one for one in numbered if not one.exists())
    _write(backup, old, SECRET)
    return backup


def _write(path: Path, text: str, mode: int) -> None:
    """The mode is right from the first byte on."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
