"""Compares the CRM with the expectations of the stories: what was lost, doubled, or differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, text

from connector.ledger import links
from connector.mappers.fields import ORDER
from connector.models.facts import LinkState

Records = Callable[[str], list[dict[str, Any]]]


@dataclass(slots=True)
class Verification:
    """``lost``: notifications that were sent and are not worked. ``doubled``: records with a duplicate key, and more
    cases than expected. ``different``: sentences about all other differences."""

    sent: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not (self.lost or self.doubled or self.different)


def judge(
    engine: Engine,
    records: Records,
    sent: Sequence[Mapping[str, Any]],
    expectations: Sequence[Mapping[str, Any]],
    typed: int | None = None,
) -> Verification:
    """Compare what was sent with the ledger, and what the stories expect with the CRM. ``typed``: number
    of accounts that people typed; None: not checked."""
    crm = {object_: records(object_) for object_ in ORDER}
    verdict = Verification(sent=len(sent), lost=_lost(engine, sent))
    for object_, rows in crm.items():
        keys = Counter(row["Billing_Key__c"] for row in rows if row.get("Billing_Key__c"))
        verdict.doubled += [f"{object_} {key} exists {n} times" for key, n in keys.items() if n > 1]
    for expected in expectations:
        _compare(expected, crm[expected["object"]], verdict)
    if typed is not None:
        _count(typed, linked(engine), len(crm["Account"]), verdict)
    return verdict


def linked(engine: Engine) -> dict[str, int]:
    """Numbers of billing accounts: linked to an existing record, with a created one, waiting for a person, without
    one."""
    with engine.connect() as connection:
        numbers, made = links.numbers(connection), links.made(connection)
    found, asked = numbers.pop(LinkState.LINKED, 0) - made, numbers.pop(LinkState.REVIEW, 0)
    return {"linked": found, "made": made, "asked": asked, "without": sum(numbers.values())}


def _count(typed: int, numbers: Mapping[str, int], there: int, verdict: Verification) -> None:
    """Check that every account of the CRM was typed by people or created by Casewire."""
    about = f"Account: {there}, of which people typed {typed} and the ledger has {numbers['made']} as made"
    if there > typed + numbers["made"]:
        verdict.doubled.append(about)
    elif there < typed + numbers["made"]:
        verdict.different.append(about)


def _lost(engine: Engine, sent: Sequence[Mapping[str, Any]]) -> list[str]:
    """Notifications without a worked event: never acknowledged, never recorded, or still waiting. Events of a source
    without event ids are compared by their number of each kind."""
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT source, event_id, status FROM event WHERE strong_id"))
        status = {(row.source, row.event_id): row.status for row in rows}
        worked = _worked(connection)
    lost = []
    for one in sent:
        found = (
            status.get((one["source"], one["id"]), "missing") if one["acknowledged"] else "never acknowledged"
        )
        if one["id"] is None and one["acknowledged"]:
            continue
        if found not in ("done", "ignored"):
            lost.append(f"{one['source']} {one['kind']} {one['id']} of {one['account_code']}: {found}")
    nameless = Counter((one["source"], one["kind"]) for one in sent if one["id"] is None)
    lost += [
        f"{source} {kind}: {worked[source, kind]} worked of {count} sent"
        for (source, kind), count in nameless.items()
        if worked[source, kind] < count
    ]
    return lost


def _worked(connection: Connection) -> Counter[tuple[str, str]]:
    rows = connection.execute(
        text(
            "SELECT source, kind, count(*) AS n FROM event WHERE status IN ('done', 'ignored') GROUP BY 1, 2"
        )
    )
    return Counter({(row.source, row.kind): row.n for row in rows})


def _compare(expected: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], verdict: Verification) -> None:
    match = expected["match"]
    found = [row for row in rows if all(row.get(name) == value for name, value in match.items())]
    about = f"{expected['object']} {' '.join(str(value) for value in match.values())}"
    if len(found) > expected["count"]:
        verdict.doubled.append(f"{about}: {len(found)}, expected {expected['count']}")
    elif len(found) < expected["count"]:
        verdict.different.append(f"{about}: {len(found)}, expected {expected['count']}")
    for row in found:
        for name, value in expected["fields"].items():
            if not _same(row.get(name), value):
                verdict.different.append(f"{about}: {name} is {row.get(name)!r}, expected {value!r}")


def _same(found: object, expected: object) -> bool:
    """Compare numbers as numbers: Salesforce returns 49.0 for 49. Every element of a list must be in the text."""
    if isinstance(expected, list):
        return isinstance(found, str) and all(one in found for one in expected)
    if isinstance(expected, int | float) and not isinstance(expected, bool):
        return isinstance(found, int | float | str) and abs(float(found) - float(expected)) < 1e-9
    return found == expected
