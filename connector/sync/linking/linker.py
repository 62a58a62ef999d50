"""Search and save the links of accounts. A record is never linked to two accounts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import replace
from typing import Final

import structlog
from sqlalchemy import Engine

from connector.errors import SetupError
from connector.ledger import links, snapshots
from connector.mappers import fields
from connector.mappers.org_schema import OrgShape
from connector.mappers.records import contact
from connector.models.facts import ExistingCase, Facts, Link, LinkState, SubjectKind
from connector.policy import Linking
from connector.policy.linking import Key
from connector.sync.apply.facts_loader import LoadedFacts
from connector.sync.decide.lifecycle import newest
from connector.sync.linking.candidate_search import CandidateQuery, CandidateSearch, ParentAccount
from connector.sync.linking.candidate_selection import CandidateSelection, choose, holder, standing
from connector.sync.linking.crm_records import NEEDS, Crm, Record
from connector.sync.linking.duplicate_rule_matches import DuplicateRuleMatches
from connector.sync.linking.merged_records import MergedRecords

log = structlog.get_logger("connector.linking")

REVIEW_RULE: Final = "account_match"
"""The rule whose case asks a person."""
_RACES: Final = 5
_TEXTS: Final = frozenset({"string", "email", "phone", "url", "picklist", "combobox"})


class Linker:
    """Which record of the CRM an account is (``sync/apply``). ``org`` is asked for late."""

    def __init__(self, engine: Engine, crm: Crm, settings: Linking, org: Callable[[], OrgShape]) -> None:
        self._engine = engine
        self._crm = crm
        self._settings = settings
        self._org = org
        self._told: set[str] = set()

    def find(self, readings: Sequence[LoadedFacts]) -> Mapping[str, Link]:
        """The links of the accounts among them that have no record yet; what is found is kept before it is told."""
        waiting = {reading.facts.subject: reading.facts for reading in readings if _looked_for(reading.facts)}
        if not waiting:
            return {}
        keys = self._usable()
        search = CandidateSearch(self._crm, self._org())
        left = waiting
        while left:
            asked = _parents_first(self._asked(list(left.values())), keys)
            self._keep(asked, self._found(asked, keys, search), search)
            left = {subject: facts for subject, facts in left.items() if subject not in asked}
        with self._engine.connect() as connection:
            return links.load(connection, list(waiting))

    def duplicates(self, named: Mapping[str, Mapping[str, Sequence[str]]]) -> Set[str]:
        """Accounts whose rows a duplicate rule refused, with the records it named: those that have an answer now."""
        if self._settings.duplicates == "refuse" or not self._settings.enabled:
            return set()
        search = CandidateSearch(self._crm, self._org())
        return DuplicateRuleMatches(self._engine, search, self._settings).answer(named)

    def _usable(self) -> Sequence[Key]:
        """The keys by which this org can be searched. SetupError names those of the policy's own fields by which it
        can't; where a standard field is hidden from the integration user, its key finds nothing."""
        shape, keys = self._org(), self._settings.keys if self._settings.enabled else ()
        wrong = [problem for key in keys if key.field and (problem := _problem(key, key.field, shape))]
        if wrong:
            raise SetupError(f"{' '.join(wrong)} Correct [linking] keys in the policy, or the org.")
        return [key for key in keys if key.field or self._can_see(key, *NEEDS[key.by])]

    def _can_see(self, key: Key, object_: str, field: str) -> bool:
        """Said once where it can't."""
        known = self._org().field(object_, field) is not None
        if not known and key.by not in self._told:
            self._told.add(key.by)
            log.warning("linking_key_hidden", key=key.by, field=f"{object_}.{field}", outcome="not used")
        return known

    def _asked(self, waiting: Sequence[Facts]) -> dict[str, CandidateQuery]:
        needed = any(key.by == "parent" or key.value == "parent_code" for key in self._settings.keys)
        parents = self._parents(waiting) if needed else {}
        return {
            facts.subject: CandidateQuery(facts, facts.account, parents.get(facts.subject))
            for facts in waiting
            if facts.account is not None
        }

    def _parents(self, waiting: Sequence[Facts]) -> dict[str, ParentAccount]:
        """What the ledger knows of the parents of these accounts."""
        by_site: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
        for facts in waiting:
            if facts.account and facts.account.parent_account_id:
                by_site[facts.source, facts.site][facts.subject] = facts.account.parent_account_id
        found: dict[str, str] = {}
        with self._engine.connect() as connection:
            for (source, site), ids in by_site.items():
                known = snapshots.find(connection, source, site, [("account", id_) for id_ in ids.values()])
                told = {id_: one.subject for (_, id_), one in known.items()}
                found |= {subject: told[id_] for subject, id_ in ids.items() if id_ in told}
            linked = links.load(connection, sorted(set(found.values())))
        return {subject: _parent(above, linked.get(above)) for subject, above in found.items()}

    def _found(
        self, asked: Mapping[str, CandidateQuery], keys: Sequence[Key], search: CandidateSearch
    ) -> dict[str, CandidateSelection]:
        own = search.keyed(sorted(asked))
        chosen = {one.subject: id_ for one in asked.values() if (id_ := _chosen(one.facts))}
        told = {one.subject: standing(one.facts.link) for one in asked.values()}
        records = search.by_id([*chosen.values(), *(id_ for ids in told.values() for id_ in ids)])
        found = {
            subject: CandidateSelection(own.get(subject), records.get(chosen.get(subject, "")))
            for subject in sorted(asked)
        }
        if keys:
            open_ = [asked[subject] for subject, one in found.items() if not one.records]
            found |= self._fitting(open_, keys, search)
        return {subject: _with_told(one, told[subject], records) for subject, one in found.items()}

    def _fitting(
        self, open_: Sequence[CandidateQuery], keys: Sequence[Key], search: CandidateSearch
    ) -> dict[str, CandidateSelection]:
        """By the first key that fits anything; where that may be for a person, also why else it fits."""
        found: dict[str, CandidateSelection] = {}
        for number, key in enumerate(keys):
            left = [one for one in open_ if one.subject not in found]
            fits = search.fits(key, left) if left else {}
            with self._engine.connect() as connection:
                holders = links.holders(connection, {r.id for records in fits.values() for r in records})
                known = links.load(connection, sorted(holders.values()))
            made = {id_: subject for id_, subject in holders.items() if known[subject].made}
            fits = _not_made_for_others(fits, made)
            doubtful = [one for one in left if _is_doubtful(one.subject, fits.get(one.subject, ()), holders)]
            why = _reasons(key, fits)
            for other in keys[number + 1 :] if doubtful else ():
                for subject, more in _reasons(other, search.fits(other, doubtful)).items():
                    for id_, reasons in more.items():
                        why[subject][id_] = (*why[subject].get(id_, ()), *reasons)
            found |= {
                subject: CandidateSelection(key=key, fits=tuple(records), reasons=why[subject])
                for subject, records in fits.items()
            }
        return found

    def gone(self, subjects: Collection[str]) -> None:
        """The records of these linked accounts are not what they were: one that was merged is followed, the others
        are looked for anew."""
        with self._engine.connect() as connection:
            known = links.load(connection, sorted(subjects))
        MergedRecords(self._engine, self._crm, self._org()).follow(known)

    def _keep(
        self,
        asked: Mapping[str, CandidateQuery],
        found: Mapping[str, CandidateSelection],
        search: CandidateSearch,
    ) -> None:
        """Who loses the race for a record is asked about like everyone whose record is taken."""
        left = found
        for _ in range(_RACES):
            with self._engine.connect() as connection:
                holders = links.holders(connection, {r.id for one in left.values() for r in one.records})
            chosen = {
                subject: choose(subject, one, holders, self._settings)
                for subject, one in sorted(left.items())
            }
            chosen = _with_contacts(chosen, asked, search)
            fresh = {subject: link for subject, link in chosen.items() if asked[subject].facts.link != link}
            with self._engine.begin() as connection:
                taken = links.save(connection, fresh)
            if not taken:
                return
            left = {subject: found[subject] for subject in taken}


def _with_told(
    found: CandidateSelection, told: Mapping[str, tuple[str, ...]], records: Mapping[str, Record]
) -> CandidateSelection:
    """With what an open question is about that no key finds, as far as it is still there."""
    there = {id_: reasons for id_, reasons in told.items() if id_ in records}
    why = {id_: (*there.get(id_, ()), *found.reasons.get(id_, ())) for id_ in (*there, *found.reasons)}
    return replace(found, told=tuple(records[id_] for id_ in there), reasons=why)


def _parents_first(asked: Mapping[str, CandidateQuery], keys: Sequence[Key]) -> Mapping[str, CandidateQuery]:
    """Those whose parent is not looked for at the same time, if it is by their parents that accounts are found: the
    others come after them, whatever the batch. All, where each is another's child."""
    if all(key.by != "parent" for key in keys):
        return asked
    now = {
        subject: one
        for subject, one in asked.items()
        if one.parent is None or one.parent.subject not in asked or one.parent.subject == subject
    }
    return now or asked


def _not_made_for_others(
    fits: Mapping[str, Sequence[Record]], made: Mapping[str, str]
) -> dict[str, list[Record]]:
    """As a record's own word for it, which the integration user may not be allowed to see."""
    kept = {
        subject: [record for record in records if made.get(record.id, subject) == subject]
        for subject, records in fits.items()
    }
    return {subject: records for subject, records in kept.items() if records}


def _looked_for(facts: Facts) -> bool:
    if facts.about is not SubjectKind.ACCOUNT or facts.account is None or facts.gone:
        return False
    return facts.link is None or facts.link.state is not LinkState.LINKED


def _chosen(facts: Facts) -> str | None:
    """The account that a person set on the review case."""
    if facts.link is None or facts.link.state is not LinkState.REVIEW:
        return None
    cases: Iterable[ExistingCase] = newest(facts.cases, REVIEW_RULE).values()
    return next((case.account_id for case in cases if case.state == "open" and case.account_id), None)


def _parent(subject: str, link: Link | None) -> ParentAccount:
    return ParentAccount(subject, link.account_id if link else None)


def _problem(key: Key, name: str, org: OrgShape) -> str | None:
    field = org.field(fields.Account.OBJECT, name)
    named = f"Account.{name}, which [linking] looks for the {key.value} in,"
    if field is None:
        return f"{named} is not in the org, or the integration user may not see it."
    if field.type not in _TEXTS:
        return f"{named} is {field.type} and can't be searched for a text."
    return None


def _is_doubtful(subject: str, records: Sequence[Record], holders: Mapping[str, str]) -> bool:
    return bool(records) and sum(holder(record, subject, holders) is None for record in records) != 1


def _reasons(key: Key, fits: Mapping[str, Sequence[Record]]) -> dict[str, dict[str, tuple[str, ...]]]:
    return {subject: {record.id: (key.how,) for record in records} for subject, records in fits.items()}


def _with_contacts(
    chosen: Mapping[str, Link], asked: Mapping[str, CandidateQuery], search: CandidateSearch
) -> dict[str, Link]:
    """With the billing contact that a linked account has already. One that has our key is found by that."""
    linked = {s: link for s, link in chosen.items() if link.state is LinkState.LINKED and not link.person}
    search.people(asked[subject].email for subject in linked)
    found = {
        subject: (contact.key(asked[subject].facts), who)
        for subject, link in linked.items()
        if (
            who := search.contact_of(
                asked[subject].email, contact.key(asked[subject].facts), link.account_id or ""
            )
        )
    }
    elsewhere = search.keyed_people(sorted(key for key, who in found.values() if who.key is None))
    ids = {subject: who.id for subject, (key, who) in found.items() if elsewhere.get(key, who.id) == who.id}
    return {subject: replace(link, contact_id=ids.get(subject)) for subject, link in chosen.items()}
