"""The older XML webhooks, with Basic auth: the same stories, the same records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from connector.cli.local_stack import Stack
from connector.mappers.fields import Account, Case, Event
from flows.crm import Rows, comparable, differences
from flows.playing import fresh, settled, stories, tell

TOLD_BY_EVENTS = frozenset({Account.AS_OF, Case.OPENED_AT, Case.RESOLVED_AT, Case.EVIDENCE})


@contextmanager
def _in_xml(running: Stack) -> Iterator[None]:
    url, given = f"{running.url}/webhooks/recurly", running.environment
    json = {"url": url, "secret": given["RECURLY_WEBHOOK_SECRETS"], "format": "json"}
    xml = {"url": url, "basic_auth": given["RECURLY_WEBHOOK_BASIC_AUTH"], "format": "xml"}
    running.vendors.control("recurly", "PUT", "webhooks", xml)
    try:
        yield
    finally:
        running.vendors.control("recurly", "PUT", "webhooks", json)


@pytest.mark.slow
def test_xml_leaves_the_same_records_as_json(standing: Stack, calm: Rows) -> None:
    fresh(standing)
    with _in_xml(standing):
        tell(standing, stories(standing), beside=8, step_pause_ms=500)
        assert settled(standing)
    found = comparable(standing)
    assert "\n".join(differences(_records(calm), _records(found))) == ""
    assert _timeline(found) == _timeline(calm)


def _records(rows: Rows) -> Rows:
    """Everything but the timeline, without what only an event can tell: its time is here when it came, and its id,
    which the evidence of a dispute refers to, is another."""
    return {
        record: {name: value for name, value in row.items() if name not in _told_by_events(row)}
        for record, row in rows.items()
        if record[0] != Event.OBJECT
    }


def _told_by_events(row: Mapping[str, Any]) -> frozenset[str]:
    return TOLD_BY_EVENTS | ({Case.SUMMARY} if row.get(Case.EVIDENCE) else set())


def _timeline(rows: Rows) -> set[str]:
    """What it says in all. XML has no event ids, which are the keys of its rows, and no times; and two events
    whose bodies are the same (a change of something that XML does not tell) are taken for one."""
    said = (Event.ACCOUNT, Event.CASE, Event.KIND, Event.WHAT, Event.ABOUT)
    return {
        " | ".join(str(row[name]) for name in said)
        for (object_, _), row in rows.items()
        if object_ == Event.OBJECT
    }
