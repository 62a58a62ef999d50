"""Search Salesforce for candidate records of many billing accounts at once: one or two queries per key for 200."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from connector.mappers import external_ids as keys
from connector.mappers import fields
from connector.mappers.fields import Contact as C
from connector.mappers.org_schema import OrgShape
from connector.models.facts import Account, Facts
from connector.policy.linking import Key
from connector.sync.linking import crm_records, name_normalization
from connector.sync.linking.crm_records import WEBSITE, Crm, Person, Record

_AT_ONCE: Final = 100
"""Domains in one query: its address stays short enough to be answered."""
_CUSTOM: Final = "custom:"


@dataclass(frozen=True, slots=True)
class ParentAccount:
    """The parent of an account in billing, and the record it is linked to."""

    subject: str
    account_id: str | None = None

    @property
    def code(self) -> str:
        return keys.account_of(self.subject)[2]


@dataclass(frozen=True, slots=True)
class CandidateQuery:
    """An account of billing whose record is looked for."""

    facts: Facts
    account: Account
    parent: ParentAccount | None = None

    @property
    def subject(self) -> str:
        return self.facts.subject

    @property
    def email(self) -> str | None:
        return name_normalization.email(self.account.email)

    @property
    def name(self) -> str:
        """As names are compared: the company's, or else the person's."""
        person = " ".join(filter(None, (self.account.first_name, self.account.last_name)))
        return name_normalization.of_company(self.account.company or person)

    def value(self, known: str) -> str | None:
        """What billing tells, by the policy's word for it."""
        if known.startswith(_CUSTOM):
            return dict(self.account.custom_fields).get(known.removeprefix(_CUSTOM)) or None
        told = {
            "account_code": self.account.code,
            "parent_code": self.parent.code if self.parent else None,
            "vat_number": self.account.vat_number,
            "company": self.account.company,
            "email": self.email,
        }
        return (told[known] or "").strip() or None


Fits = dict[str, list[Record]]
"""Subject → the accounts that fit."""


class CandidateSearch:
    """One look at the CRM; what was read is not read again."""

    def __init__(self, crm: Crm, shape: OrgShape) -> None:
        self._crm = crm
        self._shape = shape
        self._people: dict[str, list[Person]] = {}

    def keyed(self, subjects: Sequence[str]) -> dict[str, Record]:
        """Subject → the account that has its key already."""
        rows = self._crm.query_keys(crm_records.accounts(self._shape), fields.KEY, subjects)
        return {row[fields.KEY]: crm_records.account(row) for row in rows}

    def by_id(self, ids: Iterable[str]) -> dict[str, Record]:
        wanted = sorted(set(ids))
        if not wanted:
            return {}
        rows = self._crm.query_keys(crm_records.accounts(self._shape), "Id", wanted)
        return {row["Id"]: crm_records.account(row) for row in rows}

    def fits(self, key: Key, asked: Sequence[CandidateQuery]) -> Fits:
        """By one key of the policy; those that nothing fits are left out."""
        match key.by:
            case "email":
                found = self._by_email(asked)
            case "domain_and_name":
                found = self._by_domain(asked)
            case "parent":
                found = self._by_parent(asked)
            case "field":
                found = self._by_field(key.field or "", key.value or "", asked)
        told = {subject: _in_order(fitting, subject) for subject, fitting in found.items()}
        return {subject: fitting for subject, fitting in told.items() if fitting}

    def people(self, emails: Iterable[str | None]) -> Mapping[str, Sequence[Person]]:
        """E-mail → the contacts that have it, the oldest first."""
        unread = sorted({email for email in emails if email} - self._people.keys())
        if unread:
            self._people |= {email: [] for email in unread}
            select, known = crm_records.people(self._shape), f"AND {C.ACCOUNT} != null"
            rows = self._crm.query_keys(select, C.EMAIL, unread, known)
            for row in sorted(rows, key=_age):
                self._people.setdefault(name_normalization.plain(row[C.EMAIL]), []).append(
                    crm_records.person(row)
                )
        return self._people

    def people_by_id(self, ids: Sequence[str]) -> list[Person]:
        """The contacts with these ids that belong to an account, the oldest first."""
        rows = self._crm.query_keys(crm_records.people(self._shape), "Id", ids, f"AND {C.ACCOUNT} != null")
        return [crm_records.person(row) for row in sorted(rows, key=_age)]

    def contact_of(self, email: str | None, key: str, account_id: str) -> Person | None:
        """The contact of an account with this e-mail: the one with this key, else the oldest that is nobody's."""
        here = [one for one in self.people([email]).get(email or "", ()) if one.account.id == account_id]
        ours = [one for one in here if one.key == key]
        return next(iter([*ours, *(one for one in here if one.key is None)]), None)

    def keyed_people(self, keys: Sequence[str]) -> dict[str, str]:
        """Our key → the contact that has it."""
        if not keys:
            return {}
        rows = self._crm.query_keys(f"SELECT Id, {fields.KEY} FROM {C.OBJECT}", fields.KEY, keys)
        return {row[fields.KEY]: row["Id"] for row in rows}

    def _by_email(self, asked: Sequence[CandidateQuery]) -> Fits:
        people = self.people(one.email for one in asked)
        return {one.subject: [who.account for who in people.get(one.email or "", ())] for one in asked}

    def _by_domain(self, asked: Sequence[CandidateQuery]) -> Fits:
        wanted = {
            one.subject: domain
            for one in asked
            if one.name and (domain := name_normalization.domain(one.email))
        }
        sites = self._sites(sorted(set(wanted.values())))
        return {
            one.subject: [
                site
                for site in sites[wanted[one.subject]]
                if name_normalization.of_company(site.name) == one.name
            ]
            for one in asked
            if one.subject in wanted
        }

    def _sites(self, domains: Sequence[str]) -> dict[str, list[Record]]:
        """Domain → the accounts whose web site is there."""
        found: dict[str, list[Record]] = defaultdict(list)
        for chunk in _chunks(domains):
            likes = " OR ".join(f"{WEBSITE} LIKE '%{domain}%'" for domain in chunk)
            for row in self._crm.query(f"{crm_records.accounts(self._shape)} WHERE {likes}"):
                for domain in chunk:
                    if name_normalization.is_of(row[WEBSITE], domain):
                        found[domain].append(crm_records.account(row))
        return found

    def _by_parent(self, asked: Sequence[CandidateQuery]) -> Fits:
        wanted = {one.subject: one.parent.account_id for one in asked if one.name and one.parent}
        above = sorted({id_ for id_ in wanted.values() if id_})
        if not above:
            return {}
        rows = self._crm.query_keys(crm_records.accounts(self._shape), crm_records.PARENT, above)
        below = [crm_records.account(row) for row in rows]
        return {
            one.subject: [
                record
                for record in below
                if record.parent_id == wanted[one.subject]
                and name_normalization.of_company(record.name) == one.name
            ]
            for one in asked
            if wanted.get(one.subject)
        }

    def _by_field(self, field: str, known: str, asked: Sequence[CandidateQuery]) -> Fits:
        wanted = {one.subject: value for one in asked if (value := one.value(known))}
        if not wanted:
            return {}
        rows = self._crm.query_keys(
            crm_records.accounts(self._shape, [field]), field, sorted(set(wanted.values()))
        )
        by_value: dict[str, list[Record]] = defaultdict(list)
        for row in rows:
            by_value[name_normalization.plain(str(row[field]))].append(crm_records.account(row))
        return {
            subject: by_value.get(name_normalization.plain(value), []) for subject, value in wanted.items()
        }


def _in_order(fitting: Iterable[Record], subject: str) -> list[Record]:
    """Each once, without those that Casewire made for others."""
    once = {record.id: record for record in fitting if not record.made_for_another(subject)}
    return sorted(once.values(), key=lambda record: (record.name, record.id))


def _age(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["CreatedDate"], row["Id"]


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]
