"""What the records of a subject should say: what its plan says, and for the rest what was last written. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from connector.ledger.attempts import Mirrored
from connector.mappers import fields
from connector.models.plan import Change, Lookup, Parent, Value
from connector.sync.apply.row_diff import Record
from connector.sync.drift.owned_fields import MADE_BY_PLANS, Owned

_RANK: Final = {name: rank for rank, name in enumerate(fields.ORDER)}


@dataclass(frozen=True, slots=True)
class ExpectedRecord:
    """``planned``: the plan speaks of the record. ``kept``: lookups of which only the mirror tells."""

    change: Change
    planned: bool
    kept: frozenset[str] = frozenset()

    @property
    def record(self) -> Record:
        return self.change.object, self.change.key

    @property
    def is_lost(self) -> bool:
        """If it is gone, nothing makes it again."""
        return not self.planned and self.change.object in MADE_BY_PLANS


def should(
    planned: Sequence[Change], mirror: Mapping[Record, Mirrored], owned: Owned
) -> dict[Record, ExpectedRecord]:
    """Parents before children, then by their keys."""
    changes = {(one.object, one.key): one for one in planned}
    records = (record for record in changes.keys() | mirror.keys() if record[0] in owned.names)
    found = {
        record: _with_kept(changes.get(record), record, mirror.get(record), owned)
        for record in sorted(records, key=lambda one: (_RANK[one[0]], one[1]))
    }
    return {record: one for record, one in found.items() if one.change.fields or one.change.parents}


def _with_kept(
    change: Change | None, record: Record, mirrored: Mirrored | None, owned: Owned
) -> ExpectedRecord:
    bare = change or Change(*record, rule="", reason="", fields={})
    values: dict[str, Value | Lookup] = {}
    parents: dict[str, Parent] = {}
    for name, kept in (mirrored.fields if mirrored else {}).items():
        if name in bare.fields or name in bare.parents or owned.field(record[0], name) is None:
            continue
        if name in bare.clears and kept not in (None, bare.clears[name]):
            values[name] = None
            continue
        value = owned.value(record[0], name, kept)
        if isinstance(value, Parent):
            parents[name] = value
        else:
            values[name] = value
    whole = replace(bare, fields={**values, **bare.fields}, parents={**parents, **bare.parents})
    return ExpectedRecord(whole, change is not None, frozenset(parents))
