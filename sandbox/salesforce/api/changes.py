"""Which records of an object were written or deleted in a span of time, to the minute."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from sandbox.salesforce.api.calls import Answer, Call
from sandbox.salesforce.errors import RequestRefused
from sandbox.salesforce.store import Row
from sandbox.salesforce.values import parse_time, salesforce_time

_KEPT: Final = timedelta(days=30)
_MINUTE: Final = timedelta(minutes=1)


def updated(call: Call, object: str) -> Answer:
    """Ids of the records written between ``start`` and ``end`` that are still there."""
    kind, start, end = call.kind(object), *_span(call)
    with call.org.store.lock:
        rows = call.org.store.table(kind).live.values()
        ids = [row["Id"] for row in rows if _within(row, start, end)]
    return Answer({"ids": ids, "latestDateCovered": salesforce_time(end)})


def deleted(call: Call, object: str) -> Answer:
    """Ids of the records that went to the recycle bin between ``start`` and ``end``, and when."""
    kind, start, end = call.kind(object), *_span(call)
    with call.org.store.lock:
        rows = call.org.store.table(kind).deleted.values()
        gone: list[dict[str, Any]] = [
            {"deletedDate": row["SystemModstamp"], "id": row["Id"]}
            for row in rows
            if _within(row, start, end)
        ]
    earliest = _minute(call.org.clock() - _KEPT)
    covered = {"earliestDateAvailable": salesforce_time(earliest), "latestDateCovered": salesforce_time(end)}
    return Answer({"deletedRecords": gone, **covered})


def _within(row: Row, start: datetime, end: datetime) -> bool:
    moment = parse_time(row["SystemModstamp"])
    return moment is not None and start <= moment < end


def _span(call: Call) -> tuple[datetime, datetime]:
    """The minutes they stand in. A plus sign that the address had unquoted comes as a space."""
    start, end = (_moment(call, name) for name in ("start", "end"))
    if start < call.org.clock() - _KEPT - _MINUTE:
        raise _refused("startDate cannot be more than 30 days ago")
    if end < start + _MINUTE:
        raise _refused("startDate must be before endDate by at least one minute")
    return start, end


def _moment(call: Call, name: str) -> datetime:
    text = call.args.get(name)
    if text is None:
        raise RequestRefused(400, "MISSING_ARGUMENT", f"The {name} parameter is required")
    moment = parse_time(text.replace(" ", "+"))
    if moment is None:
        raise RequestRefused(400, "INVALID_FIELD", f"{name} is not a date and time: {text}")
    return _minute(moment)


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _refused(message: str) -> RequestRefused:
    return RequestRefused(400, "INVALID_REPLICATION_DATE", message)
