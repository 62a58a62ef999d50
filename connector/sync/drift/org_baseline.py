"""A baseline from Salesforce's present values instead of the mirror. The rows that differ from it are the drift, and
correct it when written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Engine

from connector.ledger import mirror
from connector.ledger import mirror as mirrors
from connector.ledger.attempts import Mirrored, MovedCase
from connector.mappers import fields
from connector.models.facts import ExistingCase
from connector.models.plan import Change
from connector.sync.apply import link_updates
from connector.sync.apply.baseline import Fit, MirrorBaseline
from connector.sync.apply.facts_loader import LoadedFacts, SalesforceReader
from connector.sync.apply.outcomes import Decision
from connector.sync.apply.row_diff import OrgIds, Record, Row, row_for
from connector.sync.drift.case_lookup import as_written
from connector.sync.drift.field_compare import Ids, compared
from connector.sync.drift.org_reader import OrgReader, SalesforceRecord
from connector.sync.drift.owned_fields import ExpectedRecord, Owned, parent_of, should


@dataclass(frozen=True, slots=True)
class IdentifiedRecords:
    """``held``: the records that are there. ``carriers``: record → the id of another one that carries its key."""

    held: Mapping[Record, SalesforceRecord]
    carriers: Mapping[Record, str]


def find_records(engine: Engine, reader: OrgReader, wanted: Mapping[Record, str | None]) -> IdentifiedRecords:
    """``wanted``: record → its Salesforce id, where that is known."""
    read = _read(reader, wanted)
    odd = {record: one for record, one in read.items() if not _is_as_written(record, one, wanted)}
    theirs = set(_other_records(engine, odd)) if odd else set()
    held = {record: one for record, one in read.items() if record not in theirs}
    keyless = {record for record, one in held.items() if one.key != record[1]}
    carrying = _read(reader, dict.fromkeys(keyless)) if keyless else {}
    carriers = {record: one.id for record, one in carrying.items() if one.id != held[record].id}
    taken = {record: one.id for record, one in read.items() if record in theirs and one.key == record[1]}
    return IdentifiedRecords(held, carriers | taken)


def _read(reader: OrgReader, wanted: Mapping[Record, str | None]) -> dict[Record, SalesforceRecord]:
    by_object: dict[str, dict[str, str | None]] = defaultdict(dict)
    for (object_, key), id_ in wanted.items():
        by_object[object_][key] = id_
    return {
        (object_, key): held
        for object_, keys in by_object.items()
        for key, held in reader.read(object_, keys).items()
    }


def _is_as_written(record: Record, held: SalesforceRecord, wanted: Mapping[Record, str | None]) -> bool:
    return held.key == record[1] and (wanted[record] or "")[:15] == held.id[:15]


def _other_records(engine: Engine, odd: Mapping[Record, SalesforceRecord]) -> Iterator[Record]:
    """Those for which a record was found that is another one. Where two were written to the same, it is the one whose
    key it carries."""
    with engine.connect() as connection:
        known = mirror.under(connection, {(object_, held.id) for (object_, _), held in odd.items()})
    for (object_, key), held in odd.items():
        keys = known.get((object_, held.id), set())
        if (held.key in keys) if held.key != key else (keys and key not in keys):
            yield object_, key


@dataclass(frozen=True, slots=True)
class DriftFilter:
    """Which drift is meant: of an object, of a rule, or all."""

    object: str | None = None
    rule: str | None = None

    def __bool__(self) -> bool:
        return self.object is not None or self.rule is not None

    def means(self, change: Change) -> bool:
        """A record of which two rules speak is either's."""
        ours = self.object is None or self.object == change.object
        return ours and (self.rule is None or self.rule in change.rule.split(", "))


@dataclass(frozen=True, slots=True)
class OrgBaseline:
    """``apply.baseline.Known``. What ``only`` does not mean is compared with what was last written, as ever.

    ``looking``: nothing is going to be written. Then only what ``only`` means is told, and also records that are gone
    and that nothing makes again.
    """

    engine: Engine
    crm: SalesforceReader
    owned: Owned
    reader: OrgReader
    only: DriftFilter = DriftFilter()
    scanning: bool = False

    @property
    def objects(self) -> list[str]:
        """Those that are meant."""
        return [
            name for name in fields.ORDER if name in self.owned.names and self.only.object in (None, name)
        ]

    def cases(
        self, readings: Mapping[str, LoadedFacts], moved: Sequence[MovedCase]
    ) -> Mapping[str, tuple[ExistingCase, ...]]:
        return as_written(self.engine, self.crm, readings, moved)

    def rows(self, decisions: Sequence[Decision], fit: Fit, org: OrgIds) -> Sequence[tuple[Row, ...]]:
        wanted = [self._should(decision, fit) for decision in decisions]
        narrow = bool(self.only) and not self.scanning
        usual = MirrorBaseline(self.crm).rows(decisions, fit, org) if narrow else [()] * len(decisions)
        scanned = self._looked(decisions, {record: one for some in wanted for record, one in some.items()})
        made = {
            record: row for record in scanned.should if (row := self._row(record, scanned, org)) is not None
        }
        made = self._explained(self._without_lost(made, scanned))
        meant = {record: row for record, row in made.items() if self.only.means(row.change)}
        return [
            (
                *(meant[record] for record in expected if record in meant),
                *(row for row in others if row.record not in meant and not self.only.means(row.change)),
            )
            for expected, others in zip(wanted, usual, strict=True)
        ]

    def _should(self, decision: Decision, fit: Fit) -> dict[Record, ExpectedRecord]:
        """Nothing where the plan could not be decided."""
        if decision.failure:
            return {}
        plan = decision.plan.changes
        return should(fit(plan, decision.facts) if plan else (), decision.mirror, self.owned)

    def _looked(self, decisions: Sequence[Decision], every: Mapping[Record, ExpectedRecord]) -> _Looked:
        whole = {record: one for record, one in every.items() if self.only.object in (None, record[0])}
        mirror = {record: row for one in decisions for record, row in one.mirror.items()}
        linked = {
            record: id_
            for one in decisions
            if one.reading is not None
            for record, id_ in link_updates.ids(one.facts).items()
        }
        ids = {record: row.salesforce_id for record, row in mirror.items()} | linked
        read = find_records(self.engine, self.reader, {record: ids.get(record) or None for record in whole})
        found = {
            record: held
            for record, held in read.held.items()
            if linked.get(record, held.id)[:15] == held.id[:15]
        }
        here = {record: held.id for record, held in found.items()}
        again = frozenset(record for record, one in every.items() if not one.is_lost)
        known = self._elsewhere(whole, linked) | here
        return _Looked(whole, found, again, mirror, linked, known, read.carriers)

    def _elsewhere(self, whole: Mapping[Record, ExpectedRecord], linked: Ids) -> dict[Record, str]:
        """The ids of records that are not looked at, but led to."""
        led_to = {
            parent
            for one in whole.values()
            for value in one.change.parents.values()
            if (parent := parent_of(value)) not in whole and parent is not None
        }
        if not led_to:
            return {}
        with self.engine.connect() as connection:
            known = mirrors.ids(connection, led_to)
        return known | {record: id_ for record, id_ in linked.items() if record in led_to}

    def _row(self, record: Record, scanned: _Looked, org: OrgIds) -> Row | None:
        row = self._made(record, scanned, org)
        frees = scanned.carriers.get(record)
        return row if row is None or frees is None else replace(row, frees=frees)

    def _made(self, record: Record, scanned: _Looked, org: OrgIds) -> Row | None:
        expected, held, linked = scanned.should[record], scanned.found.get(record), scanned.linked.get(record)
        change = expected.change
        if held is None:
            hidden = expected.is_lost and not self.scanning
            return None if hidden else row_for(change, None, exists=False, org=org, id_=linked)
        told = compared(change, held, scanned.ids, self.owned)
        if held.key != change.key:
            change = replace(change, fields={**change.fields, fields.KEY: change.key})
            told, linked = {**told, fields.KEY: held.key or None}, held.id
        before = scanned.mirror.get(record)
        last = Mirrored(held.id, {**(before.fields if before else {}), **told})
        return row_for(change, last, exists=True, org=org, id_=linked)

    def _without_lost(self, rows: Mapping[Record, Row], scanned: _Looked) -> dict[Record, Row]:
        """Without lookups, told of by the mirror alone, to what is gone and does not come again."""
        leads = {
            (record, name): parent
            for record, row in rows.items()
            for name in scanned.should[record].kept & row.after.keys()
            if (parent := parent_of(row.change.parents.get(name)))
        }
        there = scanned.again | scanned.found.keys()
        elsewhere = {parent: None for parent in leads.values() if parent not in there}
        there |= find_records(self.engine, self.reader, elsewhere).held.keys()
        lost: dict[Record, set[str]] = defaultdict(set)
        for (record, name), parent in leads.items():
            if parent not in there:
                lost[record].add(name)
        left = {record: row.but(lost[record]) if record in lost else row for record, row in rows.items()}
        return {record: row for record, row in left.items() if row.after or not row.exists}

    def _explained(self, rows: Mapping[Record, Row]) -> dict[Record, Row]:
        """With why it was last written, where the plan does not speak of a record, and what else is done for it."""
        silent = {record for record, row in rows.items() if not row.change.rule}
        told: dict[Record, tuple[str, str]] = {}
        if silent:
            with self.engine.connect() as connection:
                told = mirrors.told(connection, silent)
        return {record: _explained(row, *told.get(record, _EARLIER)) for record, row in rows.items()}


_EARLIER: Final = ("earlier", "as it was last written")


def _explained(row: Row, rule: str, reason: str) -> Row:
    change = row.change if row.change.rule else replace(row.change, rule=rule, reason=reason)
    if row.frees is not None:
        reason = f"{change.reason}; its key is on the record {row.frees}, from which it is taken"
        change = replace(change, reason=reason)
    return replace(row, change=change)


@dataclass(frozen=True, slots=True)
class _Looked:
    """``found``: the records that are there; ``again``: those that are made again if they are not. ``linked``: the ids
    of those that an account's link tells of; ``ids``: all that are known. ``carriers``: the ids of other records that
    carry their keys."""

    should: Mapping[Record, ExpectedRecord]
    found: Mapping[Record, SalesforceRecord]
    again: Set[Record]
    mirror: Mapping[Record, Mirrored]
    linked: Ids
    ids: Ids
    carriers: Ids
