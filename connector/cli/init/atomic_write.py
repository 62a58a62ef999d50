"""Writing a file whole or not at all, for its owner only where it holds secrets, and keeping what was there."""

from __future__ import annotations

import os
from pathlib import Path

SECRET = 0o600
OPEN = 0o644


def replace(path: Path, text: str, mode: int) -> Path | None:
    """The backup of what was there before, if there was anything else."""
    path = path.resolve()  # a link stays a link, and the file it leads to is replaced
    old = path.read_text(encoding="utf-8") if path.exists() else None
    if old == text:
        path.chmod(mode)
        return None
    new = path.with_name(f"{path.name}.new")
    try:
        _write(new, text, mode)
        backup = _kept(path, old) if old is not None else None
        new.replace(path)
        _sync_folder(path.parent)
    finally:
        new.unlink(missing_ok=True)
    return backup


def _sync_folder(folder: Path) -> None:
    """The new name survives a crash too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
