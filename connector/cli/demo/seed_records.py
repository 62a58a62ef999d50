"""What people had typed into the demo's CRM before Casewire came, and what must become of it: no org is empty."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from connector.cli.local_stack import SITE, Vendors
from connector.mappers import external_ids, fields
from connector.mappers.fields import Account, Case, Contact
from connector.models.linking import MADE
from connector.policy.linking import Key
from connector.sync.decide.rules import account_match
from connector.sync.linking.crm_records import WEBSITE

BY_EMAIL, BY_NAME, TWICE = 8, 4, 1
"""Customers who are in the CRM: with their billing contact, by web site and name only, and once too often."""
PROSPECTS = 5
"""Companies that never bought anything: nothing in billing is theirs."""

BY_CONTACT: Final = Key(by="email").how
BY_SITE: Final = Key(by="domain_and_name").how
NOT_THERE: Final = f"{MADE}: nothing fitted"

Expectation = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BillingCustomer:
    """One of billing, before it is known which record of the CRM it is."""

    code: str
    company: str
    first_name: str
    last_name: str

    @property
    def email(self) -> str:
        return f"billing@{self.domain}"

    @property
    def domain(self) -> str:
        return f"{self.code}.example"

    @property
    def key(self) -> str:
        return external_ids.subject("recurly", SITE, self.code)


@dataclass(frozen=True, slots=True)
class SeedOrg:
    """People's desk: what is typed at it costs no API call."""

    vendors: Vendors

    def accounts(self, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        return self._typed(Account.OBJECT, rows)

    def contacts(self, of: Sequence[tuple[BillingCustomer, str]]) -> list[str]:
        """Billing contacts of these accounts, their addresses in capitals, as some people write them."""
        rows = [
            {
                Contact.FIRST_NAME: one.first_name,
                Contact.LAST_NAME: one.last_name,
                Contact.EMAIL: one.email.upper(),
                Contact.ACCOUNT: id_,
            }
            for one, id_ in of
        ]
        return self._typed(Contact.OBJECT, rows)

    def _typed(self, object_: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        made: list[str] = self.vendors.control("salesforce", "POST", f"records/{object_}", list(rows))
        return made


@dataclass(frozen=True, slots=True)
class SeedRecords:
    """``accounts``: how many people typed. ``expectations``: what must have become of all customers in the end."""

    accounts: int
    expectations: tuple[Expectation, ...]


def type_in(vendors: Vendors, seed: int) -> SeedRecords:
    """About half of the customers that billing has now, and some that it has not. The seed says which."""
    everyone = _customers(vendors)
    random.Random(seed).shuffle(everyone)
    by_email, rest = everyone[:BY_EMAIL], everyone[BY_EMAIL:]
    by_name, rest = rest[:BY_NAME], rest[BY_NAME:]
    twice, unknown = rest[:TWICE], rest[TWICE:]
    desk = SeedOrg(vendors)
    expectations = [
        *_known_by_contact(desk, by_email),
        *_known_by_name(desk, by_name),
        *_known_twice(desk, twice),
        *_strangers(desk),
        *(_account(one, NOT_THERE) for one in unknown),
    ]
    return SeedRecords(len(by_email) + len(by_name) + 2 * len(twice) + PROSPECTS, tuple(expectations))


def _customers(vendors: Vendors) -> list[BillingCustomer]:
    rows = vendors.control("recurly", "GET", "records/account")
    return [BillingCustomer(row["code"], row["company"], row["first_name"], row["last_name"]) for row in rows]


def _known_by_contact(desk: SeedOrg, customers: Sequence[BillingCustomer]) -> list[Expectation]:
    """Under a name by which they are not found."""
    ids = desk.accounts([{Account.NAME: f"{one.company} (web shop)"} for one in customers])
    people = desk.contacts(list(zip(customers, ids, strict=True)))
    linked = [_account(one, BY_CONTACT, id_) for one, id_ in zip(customers, ids, strict=True)]
    same = [
        _expect(Contact.OBJECT, {Contact.ACCOUNT: id_}, {"Id": person, fields.KEY: _contact_key(one)})
        for one, id_, person in zip(customers, ids, people, strict=True)
    ]
    return linked + same


def _known_by_name(desk: SeedOrg, customers: Sequence[BillingCustomer]) -> list[Expectation]:
    ids = desk.accounts([_with_site(one) for one in customers])
    return [_account(one, BY_SITE, id_) for one, id_ in zip(customers, ids, strict=True)]


def _known_twice(desk: SeedOrg, customers: Sequence[BillingCustomer]) -> list[Expectation]:
    """Only a person can tell which it is, and may have told already."""
    told: list[Expectation] = []
    for one in customers:
        ids = desk.accounts([_with_site(one), {Account.NAME: f"{one.company}, accounting"}])
        desk.contacts([(one, id_) for id_ in ids])
        review = {Case.RULE: account_match.NAME, Case.ACCOUNT_KEY: one.key}
        told.append(_expect(Case.OBJECT, review, {Case.CANDIDATES: ids}))
        for how in (BY_CONTACT, BY_SITE, NOT_THERE):
            guessed = {fields.KEY: one.key, Account.LINKED_BY: how}
            told.append(_expect(Account.OBJECT, guessed, {}, count=0))
    return told


def _strangers(desk: SeedOrg) -> list[Expectation]:
    ids = desk.accounts([{Account.NAME: f"Prospect {number}"} for number in range(1, PROSPECTS + 1)])
    return [_expect(Account.OBJECT, {"Id": id_}, {fields.KEY: None}) for id_ in ids]


def _with_site(one: BillingCustomer) -> dict[str, str]:
    return {Account.NAME: one.company.upper(), WEBSITE: f"https://www.{one.domain}/"}


def _account(one: BillingCustomer, how: str, id_: str | None = None) -> Expectation:
    """It has one record: this one, if it was there before."""
    same = {} if id_ is None else {"Id": id_}
    return _expect(Account.OBJECT, {fields.KEY: one.key}, {Account.LINKED_BY: how, **same})


def _expect(object_: str, match: Mapping[str, Any], found: Mapping[str, Any], count: int = 1) -> Expectation:
    return {"object": object_, "match": match, "count": count, "fields": found}


def _contact_key(one: BillingCustomer) -> str:
    return external_ids.record("recurly", SITE, "contact", one.code)
