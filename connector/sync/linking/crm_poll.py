"""Poll Salesforce for changes by people that no webhook reports: accounts chosen, keyed, merged, deleted, converted.

A poll costs no call if no account waits for it. A change makes the account due; the decision does the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Engine

from connector.ledger import links, watermarks
from connector.mappers import fields
from connector.mappers.fields import Account, Case
from connector.mappers.org_schema import OrgShape
from connector.models.facts import Link, LinkState
from connector.sync.linking.candidate_selection import CHOSEN
from connector.sync.linking.crm_records import IS_PERSON, Crm
from connector.sync.linking.linker import REVIEW_RULE
from connector.sync.linking.merged_records import MergedRecords

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


@dataclass(frozen=True, slots=True)
class CrmPoll:
    """One look at one org."""

    engine: Engine
    crm: Crm
    shape: OrgShape

    def look(self, now: datetime) -> int:
        """How many accounts are due by what was found."""
        with self.engine.connect() as connection:
            numbers = links.numbers(connection)
            seen = watermarks.load(connection, SEEN)
            held = links.held(connection)
        linked = numbers.get(LinkState.LINKED, 0) > 0
        chosen = self._chosen() if numbers.get(LinkState.REVIEW) else {}
        found = {subject for subject, id_ in chosen.items() if _is_news(held.get(subject), id_)}
        edited = self._edited(seen or now - _FIRST) if held or (self.shape.person_accounts and linked) else []
        found |= {row[fields.KEY] for row in edited} & held.keys()
        with self.engine.begin() as connection:
            links.make_due(connection, found)
        moved = self._converted(edited) if self.shape.person_accounts else 0
        moved += self._deleted(seen or now - _BIN) if linked else 0
        with self.engine.begin() as connection:
            watermarks.save(connection, SEEN, now)
        return len(found) + moved

    def _chosen(self) -> dict[str, str]:
        """Account of billing → the account that a person set on its review case."""
        rows = self.crm.query(
            f"SELECT {Case.ACCOUNT_KEY}, {Case.ACCOUNT} FROM {Case.OBJECT} WHERE {Case.RULE} = '{REVIEW_RULE}' "
            f"AND {Case.STATE} = 'open' AND {Case.ACCOUNT} != null"
        )
        return {row[Case.ACCOUNT_KEY]: row[Case.ACCOUNT] for row in rows}

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
        found = {
            subject: replace(link, person=kinds[id_], contact_id=None)
            for id_, (subject, link) in linked.items()
            if link.person != kinds[id_]
        }
        MergedRecords(self.engine, self.crm, self.shape).move(found)
        return len(found)

    def _deleted(self, since: datetime) -> int:
        """Linked accounts that were deleted, which are looked for anew, or merged, which follow."""
        rows = self.crm.query_all(
            f"SELECT Id, MasterRecordId FROM {Account.OBJECT} "
            f"WHERE IsDeleted = true AND SystemModstamp >= {_soql(since)}"
        )
        linked = self._linked({row["Id"] for row in rows})
        masters = {row["Id"]: row["MasterRecordId"] for row in rows}
        following = MergedRecords(self.engine, self.crm, self.shape)
        following.follow(dict(linked.values()), masters)
        return len(linked)

    def _linked(self, ids: Collection[str]) -> dict[str, tuple[str, Link]]:
        """Of these records of the CRM those that are accounts of billing."""
        with self.engine.connect() as connection:
            holders = links.holders(connection, ids)
            known = links.load(connection, sorted(holders.values()))
        return {id_: (subject, known[subject]) for id_, subject in holders.items() if subject in known}


def _is_news(link: Link | None, chosen: str) -> bool:
    """Whether that answer was not met yet: one that can't be followed is on the case already."""
    if link is None:
        return False
    return not any(one.id == chosen and CHOSEN in one.reasons for one in link.candidates)


def _soql(since: datetime) -> str:
    return f"{(since - _OVERLAP).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
