"""How a story is to be played: the body of ``POST scenarios/<name>``, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final


class BadOrder(ValueError):
    """The body asks for something that cannot be."""


class Conflict(ValueError):
    """The same story was played with this seed and prefix already."""


class UnknownScenario(LookupError):
    """No story of this name."""


_KEYS: Final = frozenset(
    {"seed", "count", "duplicates", "shuffle", "drop", "at", "step_pause_ms", "prefix"}
    | {"accounts", "invoices", "events", "send", "file"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """``count``: so many accounts live the story side by side. ``duplicates``: how often each notification, and
    what each processor says, is delivered. ``drop``: how many of Recurly's notifications (or, below 1, what share)
    are never sent. ``at``: when it ends. ``step_pause_ms``: how long each step waits for a ``POST cue``.

    ``accounts``, ``invoices`` (of each), ``events``, ``send`` and ``file`` are for the crowd scenes.
    """

    seed: int
    at: datetime
    count: int = 1
    duplicates: int = 1
    shuffle: bool = False
    drop: float = 0
    step_pause_ms: int = 0
    prefix: str = ""
    accounts: int = 2_000
    invoices: int = 1
    events: int = 10_000
    send: bool = True
    file: str | None = None

    def dropped(self, total: int) -> int:
        return min(total, round(self.drop * total) if self.drop < 1 else int(self.drop))


def read(body: Mapping[str, Any], default_seed: int, default_count: int = 1) -> Order:
    """Raises BadOrder."""
    unknown = sorted(set(body) - _KEYS)
    if unknown:
        raise BadOrder(f"unknown key {unknown[0]}")
    return Order(
        seed=_whole(body, "seed", default_seed, -(2**63)),
        at=_time(body.get("at")),
        count=_whole(body, "count", default_count, 1),
        duplicates=_whole(body, "duplicates", 1, 1),
        shuffle=_flag(body, "shuffle", False),
        drop=_share(body.get("drop", 0)),
        step_pause_ms=_whole(body, "step_pause_ms", 0, 0),
        prefix=str(body.get("prefix") or ""),
        accounts=_whole(body, "accounts", 2_000, 1),
        invoices=_whole(body, "invoices", 1, 1),
        events=_whole(body, "events", 10_000, 1),
        send=_flag(body, "send", True),
        file=None if body.get("file") is None else str(body["file"]),
    )


def _whole(body: Mapping[str, Any], name: str, default: int, least: int) -> int:
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise BadOrder(f"{name} must be a whole number, {least} or more")
    return value


def _flag(body: Mapping[str, Any], name: str, default: bool) -> bool:
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise BadOrder(f"{name} must be true or false")
    return value


def _share(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise BadOrder("drop must be a number, 0 or more")
    return float(value)


def _time(value: Any) -> datetime:
    """Whole seconds; a time without a zone is UTC."""
    if value is None:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise BadOrder("at must be an ISO 8601 time") from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return moment.astimezone(UTC).replace(microsecond=0)
