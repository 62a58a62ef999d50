"""Creates records in the demo's CRM as people had typed them before Casewire, with the expected results."""

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
"""Customers in the CRM: with their billing contact, by web site and name only, and as duplicates."""
PROSPECTS = 5
"""Companies without an account in billing."""

BY_CONTACT: Final = Key(by="email").how
BY_SITE: Final = Key(by="domain_and_name").how
NOT_THERE: Final = f"{MADE}: nothing fitted"

Expectation = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BillingCustomer:
    """A customer in billing that is not linked yet."""

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
    """Creates records through the control plane, which costs no API calls."""

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
    """``accounts``: number of accounts that were created. ``expectations``: the state of all customers at the end."""

    accounts: int
    expectations: tuple[Expectation, ...]


def create_seed_records(vendors: Vendors, seed: int) -> SeedRecords:
    """Create about half of the customers of billing, and some prospects. The seed selects them."""
    everyone = _customers(vendors)
    random.Random(seed).shuffle(everyone)
    by_email, rest = everyone[:BY_EMAIL], everyone[BY_EMAIL:]
    by_name, rest = rest[:BY_NAME], rest[BY_NAME:]
    twice, unknown = rest[:TWICE], rest[TWICE:]
    org = SeedOrg(vendors)
    expectations = [
        *_match_by_contact(org, by_email),
        *_match_by_name(org, by_name),
        *_match_twice(org, twice),
        *_prospects(org),
        *(_account(one, NOT_THERE) for one in unknown),
    ]
    return SeedRecords(len(by_email) + len(by_name) + 2 * len(twice) + PROSPECTS, tuple(expectations))


def _customers(vendors: Vendors) -> list[BillingCustomer]:
    rows = vendors.control("recurly", "GET", "records/account")
    return [BillingCustomer(row["code"], row["company"], row["first_name"], row["last_name"]) for row in rows]


def _match_by_contact(org: SeedOrg, customers: Sequence[BillingCustomer]) -> list[Expectation]:
    """Customers with a different name, found by their billing contact."""
    ids = org.accounts([{Account.NAME: f"{one.company} (web shop)"} for one in customers])
    people = org.contacts(list(zip(customers, ids, strict=True)))
    linked = [_account(one, BY_CONTACT, id_) for one, id_ in zip(customers, ids, strict=True)]
    same = [
        _expect(Contact.OBJECT, {Contact.ACCOUNT: id_}, {"Id": person, fields.KEY: _contact_key(one)})
        for one, id_, person in zip(customers, ids, people, strict=True)
    ]
    return linked + same


def _match_by_name(org: SeedOrg, customers: Sequence[BillingCustomer]) -> list[Expectation]:
    ids = org.accounts([_with_site(one) for one in customers])
    return [_account(one, BY_SITE, id_) for one, id_ in zip(customers, ids, strict=True)]


def _match_twice(org: SeedOrg, customers: Sequence[BillingCustomer]) -> list[Expectation]:
    """Customers with two candidates, which a person has to review, and may have already."""
    expectations: list[Expectation] = []
    for one in customers:
        ids = org.accounts([_with_site(one), {Account.NAME: f"{one.company}, accounting"}])
        org.contacts([(one, id_) for id_ in ids])
        review = {Case.RULE: account_match.NAME, Case.ACCOUNT_KEY: one.key}
        expectations.append(_expect(Case.OBJECT, review, {Case.CANDIDATES: ids}))
        for linked_by in (BY_CONTACT, BY_SITE, NOT_THERE):
            guessed = {fields.KEY: one.key, Account.LINKED_BY: linked_by}
            expectations.append(_expect(Account.OBJECT, guessed, {}, count=0))
    return expectations


def _prospects(org: SeedOrg) -> list[Expectation]:
    ids = org.accounts([{Account.NAME: f"Prospect {number}"} for number in range(1, PROSPECTS + 1)])
    return [_expect(Account.OBJECT, {"Id": id_}, {fields.KEY: None}) for id_ in ids]


def _with_site(one: BillingCustomer) -> dict[str, str]:
    return {Account.NAME: one.company.upper(), WEBSITE: f"https://www.{one.domain}/"}


def _account(one: BillingCustomer, linked_by: str, id_: str | None = None) -> Expectation:
    """The customer has one record: the one with ``id_``, if given."""
    same = {} if id_ is None else {"Id": id_}
    return _expect(Account.OBJECT, {fields.KEY: one.key}, {Account.LINKED_BY: linked_by, **same})


def _expect(object_: str, match: Mapping[str, Any], found: Mapping[str, Any], count: int = 1) -> Expectation:
    return {"object": object_, "match": match, "count": count, "fields": found}


def _contact_key(one: BillingCustomer) -> str:
    return external_ids.record("recurly", SITE, "contact", one.code)
