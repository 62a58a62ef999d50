"""Update links whose record is gone: follow merged records to the surviving one, search the others again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog
from sqlalchemy import Engine

from connector.ledger import attempts, links
from connector.mappers.fields import Account
from connector.mappers.org_schema import OrgShape
from connector.models.facts import Candidate, Link, LinkState
from connector.sync.linking.candidate_search import CandidateSearch
from connector.sync.linking.candidate_selection import MERGED, holder
from connector.sync.linking.crm_records import Crm, Record

log = structlog.get_logger("connector.linking")

_MOST_MERGES: Final = 10
"""One after the other, of one account."""
_AT_ONCE: Final = 200

Masters = Mapping[str, str | None]
"""Record that is in the bin → the one that it was merged into, if it was."""


@dataclass(frozen=True, slots=True)
class MergedRecords:
    engine: Engine
    crm: Crm
    shape: OrgShape

    def follow(self, linked: Mapping[str, Link], masters: Masters | None = None) -> None:
        """``masters``: what is known of the bin already; without it the org is asked."""
        if masters is None:
            masters = self._masters([link.account_id for link in linked.values() if link.account_id])
        last = {subject: _last(link.account_id or "", masters) for subject, link in linked.items()}
        kept = CandidateSearch(self.crm, self.shape).by_id(id_ for id_ in last.values() if id_)
        with self.engine.connect() as connection:
            holders = links.holders(connection, kept.keys())
        followed = {
            subject: _followed(subject, linked[subject], kept[id_], holders)
            for subject, id_ in last.items()
            if id_ in kept
        }
        self._look_anew(sorted(linked.keys() - followed.keys()))
        self.move(followed)

    def move(self, found: Mapping[str, Link]) -> None:
        """All that is known of these accounts is written to their record, as it is now."""
        with self.engine.begin() as connection:
            left = links.move(connection, found)
            links.forget(connection, sorted(left))
            attempts.forget(connection, sorted(found))
        for subject, link in found.items():
            log.info("account_moved", subject=subject, how=link.how, outcome=str(link.state))

    def _look_anew(self, gone: Sequence[str]) -> None:
        with self.engine.begin() as connection:
            links.forget(connection, gone)
            attempts.forget(connection, gone)
            links.make_due(connection, gone)
        for subject in gone:
            log.info("account_gone", subject=subject, outcome="looked for anew")

    def _masters(self, ids: Sequence[str]) -> Masters:
        """Link by link up the chains of merges."""
        found: dict[str, str | None] = {}
        asked: set[str] = set()
        unread = set(ids)
        for _ in range(_MOST_MERGES):
            asked |= unread
            for chunk in _chunks(sorted(unread)):
                told = ", ".join(f"'{id_}'" for id_ in chunk)
                rows = self.crm.query_all(
                    f"SELECT Id, MasterRecordId FROM {Account.OBJECT} WHERE IsDeleted = true AND Id IN ({told})"
                )
                found |= {row["Id"]: row["MasterRecordId"] for row in rows}
            unread = {master for master in found.values() if master} - asked
        return found


def _last(id_: str, masters: Masters) -> str | None:
    """The record that is left of a chain of merges."""
    for _ in range(_MOST_MERGES):
        master = masters.get(id_)
        if master is None:
            return None
        if master not in masters:
            return master
        id_ = master
    return None


def _followed(subject: str, link: Link, record: Record, holders: Mapping[str, str]) -> Link:
    other = holder(record, subject, holders)
    how = f"{MERGED}{record.name}"
    if other is None:
        return replace(link, account_id=record.id, person=record.person, how=how)
    problem = f"its account was {how}, which is another billing account's"
    return Link(LinkState.REVIEW, how=problem, candidates=(Candidate(record.id, record.name, (how,), other),))


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]
