"""Use the records that a duplicate rule of the org named when it refused a row: they are the row's records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Engine

from connector.ledger import links
from connector.mappers import external_ids
from connector.mappers.fields import Account, Contact
from connector.models.facts import Link, LinkState
from connector.policy import Linking
from connector.sync.linking.candidate_search import CandidateSearch
from connector.sync.linking.candidate_selection import NAMED, CandidateSelection, choose
from connector.sync.linking.crm_records import Record

_PREFIXES: Final = {Account.OBJECT: "001", Contact.OBJECT: "003"}
"""What ids begin with: a rule may name records of other objects too."""


@dataclass(frozen=True, slots=True)
class DuplicateRuleMatches:
    engine: Engine
    search: CandidateSearch
    settings: Linking

    def answer(self, named: Mapping[str, Mapping[str, Sequence[str]]]) -> set[str]:
        """Subject → object → ids. The subjects for which that was an answer."""
        with self.engine.connect() as connection:
            known = links.load(connection, sorted(named))
        accounts = {
            subject: _ids(Account.OBJECT, objects)
            for subject, objects in named.items()
            if known.get(subject) is None or known[subject].state is not LinkState.LINKED
        }
        people = {
            subject: _ids(Contact.OBJECT, objects)
            for subject, objects in named.items()
            if subject in known and known[subject].account_id
        }
        return self._accounts(accounts) | self._people(people, known)

    def _accounts(self, named: Mapping[str, Sequence[str]]) -> set[str]:
        records = self.search.by_id(id_ for ids in named.values() for id_ in ids)
        with self.engine.begin() as connection:
            holders = links.holders(connection, records.keys())
            found = {
                subject: choose(subject, _found(ids, records), holders, self.settings)
                for subject, ids in named.items()
                if records.keys() & set(ids)
            }
            taken = links.save(connection, found)
        return found.keys() - taken

    def _people(self, named: Mapping[str, Sequence[str]], known: Mapping[str, Link]) -> set[str]:
        """A contact it named on the account itself is the billing contact."""
        found = {}
        for subject, ids in named.items():
            link = known[subject]
            who = self._contact(subject, link, ids) if ids else None
            if who is not None and who != link.contact_id:
                found[subject] = replace(link, contact_id=who)
        with self.engine.begin() as connection:
            return found.keys() - links.save(connection, found)

    def _contact(self, subject: str, link: Link, ids: Sequence[str]) -> str | None:
        source, site, code = external_ids.account_of(subject)
        key = external_ids.record(source, site, "contact", code)
        rows = self.search.people_by_id(ids)
        free = (one for one in rows if one.account.id == link.account_id and one.key in (None, key))
        return next((one.id for one in free), None)


def _found(ids: Sequence[str], records: Mapping[str, Record]) -> CandidateSelection:
    told = tuple(records[id_] for id_ in ids if id_ in records)
    return CandidateSelection(told=told, reasons={record.id: (NAMED,) for record in told})


def _ids(object_: str, objects: Mapping[str, Sequence[str]]) -> list[str]:
    return [id_ for id_ in objects.get(object_, ()) if id_.startswith(_PREFIXES[object_])]
