"""How a setting's text is read."""

from __future__ import annotations


def listed(text: str) -> tuple[str, ...]:
    """The parts of a comma-separated list, without blanks."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
