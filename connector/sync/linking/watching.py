"""What people did in the CRM that no webhook tells of: accounts chosen, keyed, merged, deleted, converted.

A look costs no call where nothing waits for it. Whatever is found makes the account due; deciding does the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Engine

from connector.facts import Candidate, Link, LinkState
from connector.ledger import attempts, links, watermarks
from connector.mappers import fields
from connector.mappers.fields import Account, Case
from connector.mappers.orgs import OrgShape
from connector.sync.linking.choosing import holder
from connector.sync.linking.linker import REVIEW_RULE
from connector.sync.linking.records import IS_PERSON, Crm, Record
from connector.sync.linking.searching import Search

log = structlog.get_logger("connector.linking")

TURN: Final = "linking.watch"
"""Whose turn it is to look."""
SEEN: Final = "linking.seen"
"""How far changes of accounts were looked through."""
_OVERLAP: Final = timedelta(minutes=5)
"""Salesforce's clock is not ours, and what is committed late is stamped early."""
_BIN: Final = timedelta(days=15)
"""So long Salesforce keeps what was deleted."""
_FIRST: Final = timedelta(hours=1)
"""So far the first look goes back for what was changed; accounts without a record are looked at anew anyway."""
_MOST_MERGES: Final = 10
"""One after the other, of one account."""


@dataclass(frozen=True, slots=True)
class Watch:
    """One look at one org."""

    engine: Engine
    crm: Crm
    shape: OrgShape

    def look(self, now: datetime) -> int:
        """How many accounts are due by what was found."""
        with self.engine.connect() as connection:
            numbers = links.numbers(connection)
            seen = watermarks.load(connection, SEEN)
            held = set(links.held(connection))
        linked = numbers.get(LinkState.LINKED, 0) > 0
        found = self._chosen() & held if numbers.get(LinkState.REVIEW) else set()
        edited = self._edited(seen or now - _FIRST) if held or (self.shape.person_accounts and linked) else []
        found |= {row[fields.KEY] for row in edited} & held
        with self.engine.begin() as connection:
            links.make_due(connection, found)
        moved = self._converted(edited) if self.shape.person_accounts else 0
        moved += self._deleted(seen or now - _BIN) if linked else 0
        with self.engine.begin() as connection:
            watermarks.save(connection, SEEN, now)
        return len(found) + moved

    def _chosen(self) -> set[str]:
        """Accounts of billing for which a person set an account on the review case."""
        rows = self.crm.query(
            f"SELECT {Case.ACCOUNT_KEY} FROM {Case.OBJECT} WHERE {Case.RULE} = '{REVIEW_RULE}' "
            f"AND {Case.STATE} = 'open' AND {Case.ACCOUNT} != null"
        )
        return {row[Case.ACCOUNT_KEY] for row in rows}

    def _edited(self, since: datetime) -> list[dict[str, Any]]:
        """Accounts with a key that were changed."""
        names = ["Id", fields.KEY, *([IS_PERSON] if self.shape.person_accounts else [])]
        return self.crm.query(
            f"SELECT {', '.join(names)} FROM {Account.OBJECT} "
            f"WHERE {fields.KEY} != null AND SystemModstamp >= {_soql(since)}"
        )

    def _converted(self, edited: Collection[Mapping[str, Any]]) -> int:
        """Linked accounts that became a person's, or a business's."""
        kinds = {row["Id"]: bool(row[IS_PERSON]) for row in edited}
        linked = self._linked(kinds)
        return self._moved(
            {
                subject: replace(link, person=kinds[id_], contact_id=None)
                for id_, (subject, link) in linked.items()
                if link.person != kinds[id_]
            }
        )

    def _deleted(self, since: datetime) -> int:
        """Linked accounts that were deleted, which are looked for anew, or merged, which follow."""
        rows = self.crm.query_all(
            f"SELECT Id, MasterRecordId FROM {Account.OBJECT} "
            f"WHERE IsDeleted = true AND SystemModstamp >= {_soql(since)}"
        )
        masters = {row["Id"]: row["MasterRecordId"] for row in rows}
        linked = self._linked(masters)
        if not linked:
            return 0
        last = {id_: _last(id_, masters) for id_ in linked}
        kept = Search(self.crm, self.shape).by_id(id_ for id_ in last.values() if id_)
        with self.engine.connect() as connection:
            holders = links.holders(connection, kept.keys())
        followed = {
            subject: _followed(subject, link, kept[last[id_] or ""], holders)
            for id_, (subject, link) in linked.items()
            if last[id_] in kept
        }
        gone = sorted(subject for subject, _ in linked.values() if subject not in followed)
        with self.engine.begin() as connection:
            links.forget(connection, gone)
            attempts.forget(connection, gone)
            links.make_due(connection, gone)
        for subject in gone:
            log.info("account_gone", subject=subject, outcome="looked for anew")
        return len(gone) + self._moved(followed)

    def _linked(self, ids: Collection[str]) -> dict[str, tuple[str, Link]]:
        """Of these records of the CRM those that are accounts of billing."""
        with self.engine.connect() as connection:
            holders = links.holders(connection, ids)
            known = links.load(connection, sorted(holders.values()))
        return {id_: (subject, known[subject]) for id_, subject in holders.items() if subject in known}

    def _moved(self, found: Mapping[str, Link]) -> int:
        """All that is known of these accounts is written to their record, as it is now."""
        with self.engine.begin() as connection:
            left = links.move(connection, found)
            links.forget(connection, sorted(left))
            attempts.forget(connection, sorted(found))
        for subject, link in found.items():
            log.info("account_moved", subject=subject, how=link.how, outcome=str(link.state))
        return len(found)


def _last(id_: str, masters: Mapping[str, str | None]) -> str | None:
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
    how = f"merged into {record.name}"
    if other is None:
        return replace(link, account_id=record.id, person=record.person, how=how)
    problem = f"its account was {how}, which is another billing account's"
    return Link(LinkState.REVIEW, how=problem, candidates=(Candidate(record.id, record.name, (how,), other),))


def _soql(since: datetime) -> str:
    return f"{(since - _OVERLAP).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
