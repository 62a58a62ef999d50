"""An org in which people have worked for years: every account of billing is linked right, asked about, or made."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from connector.cli.local_stack import SITE, Stack, casewire
from connector.ledger import snapshots, subjects
from connector.ledger.subjects import Due
from connector.mappers import external_ids
from connector.models.events import Urgency
from connector.models.facts import Account
from flows.playing import scalar, settled, started, wait_for

EXISTING = 5_000
POLICY = """
[linking]
keys = [{ by = "field", field = "AccountNumber", value = "account_code" }, { by = "email" }, { by = "domain_and_name" }]
none = "create"
taken = "ask"
"""
KINDS = {
    "by field": 500,
    "by e-mail": 3_400,
    "by domain and name": 450,
    "ambiguous": 50,
    "taken": 50,
    "unknown": 200,
    "without e-mail": 100,
}
"""How many accounts of billing there are of each kind."""
ASKED = ("ambiguous", "taken")
MADE = ("unknown", "without e-mail")
MERGED, MERGED_INTO_ANOTHERS, DELETED = 100, 10, 10


@dataclass(frozen=True)
class Customer:
    """An account of billing, and the records of the CRM that people typed for it."""

    kind: str
    number: int

    @property
    def code(self) -> str:
        return f"{self.kind.replace(' ', '-')}-{self.number:04}"

    @property
    def subject(self) -> str:
        return external_ids.subject("recurly", SITE, self.code)

    @property
    def email(self) -> str | None:
        return None if self.kind == "without e-mail" else f"billing@{self.code}.example"

    def in_billing(self) -> Account:
        name = f"Shop {self.code}"
        return Account(
            f"id-{self.code}", self.code, "active", email=self.email, company=name, last_name="Rivera"
        )

    def in_crm(self) -> list[dict[str, Any]]:
        """Nothing where it is not there; two where nobody can tell which it is."""
        match self.kind:
            case "by field":
                return [{"Name": f"Number {self.number}", "AccountNumber": self.code}]
            case "by domain and name":
                return [{"Name": f"SHOP {self.code}, Inc.", "Website": f"https://www.{self.code}.example/"}]
            case "ambiguous":
                return [{"Name": f"{where} {self.code}"} for where in ("East", "West")]
            case "taken":
                return [
                    {"Name": f"Taken {self.number}", "Billing_Key__c": f"recurly:other:account:{self.code}"}
                ]
            case "by e-mail":
                return [{"Name": f"Mail {self.number}"}]
            case _:
                return []


CUSTOMERS = tuple(Customer(kind, number) for kind, count in KINDS.items() for number in range(count))


@dataclass(frozen=True)
class Org:
    """What people did in the CRM, and what it has. ``ids``: the records typed for a customer."""

    running: Stack
    ids: Mapping[Customer, Sequence[str]]

    def control(self, method: str, path: str, body: object = None) -> Any:
        return self.running.vendors.control("salesforce", method, path, body)

    def accounts(self) -> dict[str, dict[str, Any]]:
        return {row["Id"]: row for row in self.running.vendors.records("Account")}

    def reviews(self) -> dict[str, dict[str, Any]]:
        """Subject → its review case."""
        rows = self.running.vendors.records("Case")
        return {r["Billing_Account_Key__c"]: r for r in rows if r["Billing_Rule__c"] == "account_match"}

    def holders(self) -> dict[str, str]:
        """Subject → the record that has its key; no two have it."""
        keyed = [row for row in self.accounts().values() if row["Billing_Key__c"]]
        found = {row["Billing_Key__c"]: row["Id"] for row in keyed}
        assert len(found) == len(keyed)
        return found

    def of(self, *kinds: str) -> list[Customer]:
        return [one for one in CUSTOMERS if one.kind in kinds]


def _typed(running: Stack) -> Org:
    """5,000 accounts, a contact with an e-mail on those that are found by it."""
    wanted = [(one, row) for one in CUSTOMERS for row in one.in_crm()]
    others = [{"Name": f"Prospect {n}"} for n in range(EXISTING - len(wanted))]
    written = _written(running, "Account", [*(row for _, row in wanted), *others])
    ids: dict[Customer, list[str]] = {}
    for (one, _), id_ in zip(wanted, written, strict=False):
        ids.setdefault(one, []).append(id_)
    with_contact = [
        (one, id_)
        for one, found in ids.items()
        for id_ in found
        if one.kind not in ("by field", "by domain and name")
    ]
    people = [
        {"LastName": "Rivera", "AccountId": id_, "Email": str(one.email).upper()} for one, id_ in with_contact
    ]
    _written(running, "Contact", people)
    return Org(running, ids)


def _written(running: Stack, object_: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    made: list[str] = running.vendors.control("salesforce", "POST", f"records/{object_}", rows)
    return made


def _told(running: Stack) -> None:
    """Billing has told of every customer."""
    due = [Due(one.subject, "recurly", SITE, one.code, Urgency.ROUTINE) for one in CUSTOMERS]
    with running.engine.begin() as connection:
        found = [one.in_billing() for one in CUSTOMERS]
        snapshots.store(connection, "recurly", SITE, snapshots.clock(connection), found)
        subjects.mark_due(connection, due)
        subjects.decide_history(connection, (), (), done=[one.key for one in due])


def _watched(running: Stack) -> None:
    """The next look at the CRM is over, and all that it found is worked."""
    with running.engine.begin() as connection:
        connection.execute(text("DELETE FROM watermark WHERE name = 'linking.watch'"))
    before = scalar(running, "SELECT max(at) FROM watermark WHERE name = 'linking.seen'")
    wait_for(lambda: _seen_after(running, before), "somebody looked at the CRM")
    assert settled(running)


def _seen_after(running: Stack, before: object) -> bool:
    seen = scalar(running, "SELECT max(at) FROM watermark WHERE name = 'linking.seen'")
    return seen is not None and seen != before


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    """After Casewire has met all of it for the first time."""
    policy = tmp_path_factory.mktemp("policy") / "policy.toml"
    policy.write_text(POLICY)
    with (
        tempfile.TemporaryDirectory(prefix="casewire-", ignore_cleanup_errors=True) as home,
        started(Path(home), workers=2, changes={"CASEWIRE_POLICY": str(policy)}) as running,
    ):
        found = _typed(running)
        _told(running)
        assert settled(running)
        yield found


def _show(title: str, counts: Mapping[str, int]) -> None:
    print(f"\n{title}: " + ", ".join(f"{count:,} {what}" for what, count in sorted(counts.items())))


@pytest.mark.slow
def test_every_account_finds_its_record_and_follows_it(org: Org) -> None:
    """First what the CRM has is met, then people work in it."""
    _every_account_is_linked_right_asked_about_or_made(org)
    _what_people_decide_and_what_becomes_of_records_is_followed(org)


def _every_account_is_linked_right_asked_about_or_made(org: Org) -> None:
    holders, reviews, accounts = org.holders(), org.reviews(), org.accounts()
    outcome: Counter[str] = Counter()
    for one in CUSTOMERS:
        mine, here = org.ids.get(one, ()), holders.get(one.subject)
        if one.kind in ASKED:
            assert here is None, one
            assert all(id_ in reviews[one.subject]["Billing_Candidates__c"] for id_ in mine), one
            assert reviews[one.subject]["AccountId"] is None
            outcome["asked"] += 1
        elif one.kind in MADE:
            assert here, one
            assert accounts[here]["Billing_Linked_By__c"] == "made by Casewire: nothing fitted"
            outcome["made"] += 1
        else:
            assert here == mine[0], one
            outcome[f"linked {one.kind}"] += 1
    _show("first meeting", outcome)
    assert len(reviews) == sum(KINDS[kind] for kind in ASKED)
    assert len(accounts) == EXISTING + sum(KINDS[kind] for kind in MADE), "no duplicate was made"
    assert scalar(org.running, "SELECT count(*) FROM subject WHERE status = 'dead'") == 0
    _no_contact_is_doubled(org)


def _no_contact_is_doubled(org: Org) -> None:
    rows = org.running.vendors.records("Contact")
    once = Counter((row["AccountId"], str(row["Email"]).lower()) for row in rows)
    assert [who for who, count in once.items() if count > 1] == []


def _what_people_decide_and_what_becomes_of_records_is_followed(org: Org) -> None:
    """On the case, by a key, by command; merged, merged into another's, deleted."""
    on_case, by_key, by_command = _third_each(org.of("ambiguous"))
    reviews, chosen = org.reviews(), {one: org.ids[one][1] for one in org.of("ambiguous")}
    for one in on_case:
        org.control("PATCH", f"records/Case/{reviews[one.subject]['Id']}", {"AccountId": chosen[one]})
    for one in by_key:
        org.control("PATCH", f"records/Account/{chosen[one]}", {"Billing_Key__c": one.subject})
    for one in by_command:
        ran = casewire(org.running.environment, "link", one.code, chosen[one], "--yes")
        assert ran.returncode == 0, ran.stderr
    linked = org.of("by e-mail")
    masters = _written(org.running, "Account", [{"Name": f"Holding {n}"} for n in range(MERGED)])
    expected = {one.subject: id_ for one, id_ in chosen.items()}
    for one, master in zip(linked[:MERGED], masters, strict=True):
        org.control("POST", "merge", {"object": "Account", "master": master, "losers": [org.ids[one][0]]})
        expected[one.subject] = master
    lost = linked[MERGED : MERGED + MERGED_INTO_ANOTHERS]
    for one, other in zip(lost, reversed(linked), strict=False):
        loser, master = org.ids[one][0], org.ids[other][0]
        org.control("POST", "merge", {"object": "Account", "master": master, "losers": [loser]})
    deleted = linked[MERGED + MERGED_INTO_ANOTHERS :][:DELETED]
    for one in deleted:
        org.control("DELETE", f"records/Account/{org.ids[one][0]}")
    before = len(org.accounts())
    _watched(org.running)
    holders = org.holders()
    assert {subject: holders.get(subject) for subject in expected} == expected
    for one in on_case + by_key + by_command:
        assert org.reviews()[one.subject]["Billing_Outcome__c"] == "Linked"
    for one in lost:
        assert one.subject not in holders
        assert org.reviews()[one.subject]["Billing_State__c"] == "open"
    assert all(one.subject in holders for one in deleted), "the policy says: made again"
    assert len(org.accounts()) == before + DELETED, "and nothing else was made"
    assert scalar(org.running, "SELECT count(*) FROM subject WHERE status = 'dead'") == 0
    _no_contact_is_doubled(org)
    _show(
        "afterwards",
        {
            "followed an answer": len(chosen),
            "followed a merge": MERGED,
            "asked after a merge": len(lost),
            "made again": DELETED,
        },
    )


def _third_each(all_: Sequence[Customer]) -> tuple[list[Customer], list[Customer], list[Customer]]:
    """Few by command: each is a process of its own."""
    return list(all_[:35]), list(all_[35:47]), list(all_[47:])
