"""Key conflicts: a user typed the external id of one record onto another, so an upsert writes to the wrong record.

For fields that only Casewire writes, the conflict is detected after the write from the returned record id: a check
before the write would need a query for every record. The subject becomes a dead letter and its mirror is kept:
``sync/drift`` repairs both records from it. Opening a case would also overwrite agent-owned fields, so a case that
existed before is queried before it is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from sqlalchemy import Engine

from connector.ledger import mirror
from connector.mappers import fields
from connector.mappers.fields import Case
from connector.sync.apply.facts_loader import SalesforceReader
from connector.sync.apply.outcomes import ASTRAY, Decision, Refused, Results
from connector.sync.apply.row_diff import Record, Row

Place = tuple[str, str]
"""Object and Salesforce id."""

_REPAIR: Final = "somebody typed its key there. Both are put right by: casewire drift --fix --apply"


def before(engine: Engine, crm: SalesforceReader, decisions: Sequence[Decision]) -> dict[Record, Refused]:
    """Reject cases that existed, are not found any more, and whose key is on another record of ours."""
    opened = [row for one in decisions for row in one.rows if _is_opened_again(one, row)]
    if not opened:
        return {}
    keys = [row.change.key for row in opened]
    found = crm.query_keys(f"SELECT Id, {fields.KEY} FROM {Case.OBJECT}", fields.KEY, keys)
    there = {row[fields.KEY]: (Case.OBJECT, row["Id"]) for row in found}
    carried = {there[row.change.key]: row for row in opened if row.change.key in there}
    return dict(_refused(engine, carried, "was not written, as its key is on"))


def after(engine: Engine, decisions: Iterable[Decision], results: Results) -> None:
    """Turn rows that were written to another record into refusals that name that record."""
    for record, refused in _refused(engine, dict(_moved(decisions, results)), "was written to"):
        del results.written[record]
        results.refused[record] = refused


def _is_opened_again(decision: Decision, row: Row) -> bool:
    return (
        row.change.object == Case.OBJECT
        and not row.exists
        and row.record in decision.mirror
        and not row.frees
    )


def _moved(decisions: Iterable[Decision], results: Results) -> Iterator[tuple[Place, Row]]:
    """Yield the place of each row that was written to another record than before."""
    for decision in decisions:
        for row in decision.rows:
            written, last = results.written.get(row.record), decision.mirror.get(row.record)
            if written is None or last is None or written.created or row.id is not None:
                continue
            if written.id != last.salesforce_id:
                yield (row.change.object, written.id), row


def _refused(engine: Engine, places: Mapping[Place, Row], what: str) -> Iterator[tuple[Record, Refused]]:
    if not places:
        return
    with engine.connect() as connection:
        owners_by_place = mirror.under(connection, places.keys())
    for place, row in places.items():
        owners = owners_by_place.get(place, set())
        if owners and row.change.key not in owners:
            record_text = f"the record {place[1]}, which is that of {', '.join(sorted(owners))}"
            text = f"{row.change.object} {row.change.key} {what} {record_text}: {_REPAIR}"
            yield row.record, Refused(ASTRAY, text, transient=False)
