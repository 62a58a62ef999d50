"""Days are the site's own. Facts hold moments; for a decision they are put on the site's clock, once, so that every day
worked out from them (due, renewal, end, refund) is the day that people of that site mean.

A moment keeps its instant and gets a fixed offset, not a zone: moments of one zone are compared by the clock on the
wall, which goes back an hour once a year.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache
from typing import Any, Final

from connector.models.facts import Facts
from connector.models.processor_objects import ProcessorObject

_ENDS_OF_DAY: Final = (time(0), time(23, 59, 59))


class SiteOffset(tzinfo):
    """The offset of a site's clock at one moment. Only what has it is shown on that clock."""

    def __init__(self, offset: timedelta = timedelta(0)) -> None:
        self._offset = offset

    def __getinitargs__(self) -> tuple[timedelta]:
        return (self._offset,)

    def utcoffset(self, moment: datetime | None) -> timedelta:
        return self._offset

    def dst(self, moment: datetime | None) -> timedelta:
        return timedelta(0)

    def tzname(self, moment: datetime | None) -> str | None:
        return None


def localised(facts: Facts, zone: tzinfo) -> Facts:
    """The same facts, their moments on the clock of this zone. UTC is how they come."""
    if zone is UTC:
        return facts
    moved: Facts = _moved(facts, zone)
    return replace(moved, zone=zone)


def on_clock(moment: datetime, zone: tzinfo) -> datetime:
    """The same instant as the zone's clock shows it."""
    if zone is UTC:
        return moment
    try:
        local = moment.astimezone(zone)
    except OverflowError:  # the first or last day that there is
        return moment
    return local.replace(tzinfo=_offset(local.utcoffset() or timedelta(0)), fold=0)


def day_of(moment: datetime) -> date:
    """The day on the site's clock, of a moment that is on one; else in UTC."""
    return (moment if isinstance(moment.tzinfo, SiteOffset) else moment.astimezone(UTC)).date()


@cache
def _offset(offset: timedelta) -> SiteOffset:
    return SiteOffset(offset)


def _moved(value: Any, zone: tzinfo) -> Any:
    if isinstance(value, datetime):
        return on_clock(value, zone)
    if isinstance(value, tuple):
        return tuple(_moved(one, zone) for one in value) if any(map(_may_move, value)) else value
    if not is_dataclass(value) or isinstance(value, type):
        return value
    held = ((one.name, getattr(value, one.name)) for one in fields(value))
    moving = {name: found for name, found in held if _may_move(found)}
    if isinstance(value, ProcessorObject):
        moving = {name: found for name, found in moving.items() if not _is_day(found)}
    return (
        replace(value, **{name: _moved(found, zone) for name, found in moving.items()}) if moving else value
    )


def _may_move(value: object) -> bool:
    return isinstance(value, datetime | tuple) or (is_dataclass(value) and not isinstance(value, type))


def _is_day(value: object) -> bool:
    """Processors tell many dates as days (a deadline, an arrival): kept as the day's beginning or end in UTC, they are
    that day everywhere."""
    return isinstance(value, datetime) and value.astimezone(UTC).time() in _ENDS_OF_DAY
