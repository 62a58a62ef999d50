"""Keys that somebody typed onto another record: what is sent by such a key is written to a record that is not its own.

For what is ours alone it can't be known before, without asking for every record that is written; the answer tells it at
no cost. It is a dead letter then, and nothing is forgotten: what was last written to both puts them right
(``sync/drift``). A case that is opened would take the agents' own fields as well, so one that was there is asked for.
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

_MEND: Final = "somebody typed its key there. Both are put right by: casewire drift --fix --apply"


def before(engine: Engine, crm: SalesforceReader, decisions: Sequence[Decision]) -> dict[Record, Refused]:
    """Cases that were there, are not found any more, and whose key another record of ours carries: not to be sent."""
    opened = [row for one in decisions for row in one.rows if _is_opened_again(one, row)]
    if not opened:
        return {}
    keys = [row.change.key for row in opened]
    found = crm.query_keys(f"SELECT Id, {fields.KEY} FROM {Case.OBJECT}", fields.KEY, keys)
    there = {row[fields.KEY]: (Case.OBJECT, row["Id"]) for row in found}
    carried = {there[row.change.key]: row for row in opened if row.change.key in there}
    return dict(_refused(engine, carried, "was not written, as its key is on"))


def after(engine: Engine, decisions: Iterable[Decision], results: Results) -> None:
    """Rows that were written to another record are not written but refused, each with where it went."""
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
    """Where a row was written that was last written to another record."""
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
        known = mirror.under(connection, places.keys())
    for place, row in places.items():
        owners = known.get(place, set())
        if owners and row.change.key not in owners:
            whose = f"the record {place[1]}, which is that of {', '.join(sorted(owners))}"
            text = f"{row.change.object} {row.change.key} {what} {whose}: {_MEND}"
            yield row.record, Refused(ASTRAY, text, transient=False)
