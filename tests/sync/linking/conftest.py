"""An org that people have worked in, and a ledger beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from samples import SITE, SOURCE, due, event, make_ready, one, record, rows, subject
from sqlalchemy import Engine

from connector.clients.salesforce import Org, SalesforceClient, SalesforceConfig
from connector.ledger import links, snapshots, subjects
from connector.mappers.org_schema import OrgShape
from connector.models import facts
from connector.models.facts import Link
from connector.policy import Linking, Policy
from connector.sync.apply.applier import Applier, Outcome
from connector.sync.apply.facts_loader import LoadedFacts
from connector.sync.apply.row_diff import OrgIds
from connector.sync.decide.decide import decide
from connector.sync.linking import Linker, without_account
from connector.sync.linking.crm_poll import CrmPoll
from connector.sync.org_schema.adaptation import OrgAdapter
from sandbox.control import Control
from sandbox.salesforce import Org as SandboxOrg
from sandbox.salesforce import create_app
from sandbox.salesforce.desk import Desk
from sandbox.salesforce.metadata import default_metadata
from sandbox.salesforce.rulebook import duplicate_rule
from sandbox.server import serve
from sync.world import NOW, invoice
from sync.world import facts as known


@dataclass(frozen=True)
class Crm:
    """A local Salesforce: what people do there, what it has, and our client of it."""

    org: SandboxOrg
    desk: Desk
    client: SalesforceClient
    own: Org

    @property
    def shape(self) -> OrgShape:
        return self.own.shape

    def account(self, name: str = "Rivera Books", *, email: str | None = None, **values: Any) -> str:
        """An account that somebody typed, with a contact where there is an e-mail."""
        (id_,) = self.desk.write("Account", [{"Name": name, **values}])
        if email:
            self.contact(id_, email)
        return id_

    def contact(self, account_id: str, email: str, **values: Any) -> str:
        (id_,) = self.desk.write(
            "Contact", [{"LastName": "Rivera", "AccountId": account_id, "Email": email, **values}]
        )
        return id_

    def rows(self, object_: str) -> list[dict[str, Any]]:
        return list(self.org.store.tables[object_].live.values())

    def row(self, object_: str, id_: str) -> dict[str, Any]:
        return next(row for row in self.rows(object_) if row["Id"] == id_)

    def calls(self, work: Callable[[], object]) -> int:
        before = self.client.calls
        work()
        return self.client.calls - before


def _opened(**shape: bool) -> Iterator[Crm]:
    org = SandboxOrg(default_metadata(), assignment_rule=False, **shape)  # type: ignore[arg-type]
    with serve(create_app(org, Control())) as server:
        client = SalesforceClient(SalesforceConfig(server.url, client_id="sandbox", client_secret="sandbox"))
        yield Crm(org, Desk(org), client, Org.load(client))
        client.close()


@pytest.fixture(scope="session")
def _business() -> Iterator[Crm]:
    yield from _opened()


@pytest.fixture(scope="session")
def _persons() -> Iterator[Crm]:
    yield from _opened(person_accounts=True)


@pytest.fixture
def crm(_business: Crm) -> Crm:
    """An org with nothing in it yet."""
    _business.org.reset()
    return _business


@pytest.fixture
def persons(_persons: Crm) -> Crm:
    """One that has person accounts."""
    _persons.org.reset()
    return _persons


def settings(**given: Any) -> Linking:
    return Linking.model_validate(given)


def account(code: str = "bob", **told: Any) -> facts.Account:
    """As billing tells of it."""
    usual = {"id": f"id-{code}", "code": code, "state": "active", "email": f"{code}@rivera.example"}
    return facts.Account(**{**usual, "company": "Rivera Books", **told})


def reading(who: facts.Account, link: Link | None = None, **more: Any) -> LoadedFacts:
    """As stage 4 reads it."""
    about = known(subject=subject(who.code), code=who.code, account=who, link=link, **more)
    return LoadedFacts(about, NOW, (), {})


def learn(engine: Engine, *accounts: facts.Account) -> None:
    """The ledger hears of them, and they are due."""
    with engine.begin() as connection:
        snapshots.store(connection, SOURCE, SITE, snapshots.clock(connection), accounts)
        subjects.mark_due(connection, [due(who.code) for who in accounts])


Find = Callable[..., Mapping[str, Link]]


@pytest.fixture
def find(engine: Engine) -> Find:
    """Look for the records of accounts; what was found by code."""

    def found(where: Crm, *accounts: facts.Account, **policy: Any) -> Mapping[str, Link]:
        linker = Linker(engine, where.client, settings(**policy), lambda: where.shape)
        with engine.connect() as connection:
            before = links.load(connection, [subject(who.code) for who in accounts])
        told = linker.find([reading(who, before.get(subject(who.code))) for who in accounts])
        return {key.rpartition(":")[2]: link for key, link in told.items()}

    return found


def kept(engine: Engine, code: str = "bob") -> Link | None:
    with engine.connect() as connection:
        return links.load(connection, [subject(code)]).get(subject(code))


def keep(engine: Engine, **found: Link) -> None:
    with engine.begin() as connection:
        assert links.save(connection, {subject(code): link for code, link in found.items()}) == set()


def policy(**linking: Any) -> Policy:
    return Policy(linking=settings(**linking))


@dataclass
class Casewire:
    """All of stage 4, on one org."""

    engine: Engine
    crm: Crm
    policy: Policy

    def apply(self, times: int = 1) -> Outcome:
        outcome = Outcome()
        for _ in range(times):
            make_ready(self.engine, "subject")
            outcome = self._applier().run()
        return outcome

    def watch(self) -> int:
        return CrmPoll(self.engine, self.crm.client, self.crm.shape).look(self._now())

    def case(self) -> dict[str, Any]:
        """The only review case."""
        (case,) = [row for row in self.crm.rows("Case") if row["Billing_Rule__c"] == "account_match"]
        return case

    def state(self, code: str = "bob") -> str:
        return str(one(self.engine, "SELECT status FROM subject WHERE code = :code", code=code).status)

    def _now(self) -> Any:
        return one(self.engine, "SELECT now() AS now").now

    def _applier(self) -> Applier:
        return Applier(
            engine=self.engine,
            crm=self.crm.client,
            org=lambda: self._org(),
            decide=partial(decide, policy=self.policy),
            clock=self._now,
            worker="w",
            linker=Linker(self.engine, self.crm.client, self.policy.linking, lambda: self.crm.shape),
            fit=without_account,
        )

    def _org(self) -> OrgIds:
        return self.crm.own


@dataclass
class Whole(Casewire):
    """With plans fitted to the org, as a worker does it. ``told``: what the org can't take."""

    told: list[str] = field(default_factory=list)

    def applier(self) -> Applier:
        shaping = OrgAdapter.of(self.policy, Org.load(self.crm.client), self.told.append)
        return replace(
            super()._applier(),
            org=lambda: shaping.org,
            decide=partial(decide, policy=shaping.policy),
            linker=Linker(self.engine, self.crm.client, self.policy.linking, lambda: shaping.org.shape),
            fit=lambda changes, facts: shaping.fit(without_account(changes, facts), facts),
        )

    def _applier(self) -> Applier:
        return self.applier()


def whole(engine: Engine, where: Crm, **sections: Any) -> Whole:
    """Casewire with these sections of the policy."""
    return Whole(engine, where, Policy.model_validate(sections))


def rule(where: Crm, object_: str, *names: str, action: str = "block") -> None:
    """The org gets a duplicate rule."""
    told = {"object": object_, "fields": list(names), "action": action}
    where.org.add_duplicate_rule(duplicate_rule(where.org.schema, told))


def overdue(engine: Engine, code: str = "bob") -> None:
    """An invoice of the account is past due since yesterday, and an event says so."""
    yesterday = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    late = invoice(
        account_code=code,
        dunning_events_sent=1,
        created_at=yesterday,
        due_at=yesterday,
        updated_at=yesterday,
    )
    with engine.begin() as connection:
        snapshots.store(connection, SOURCE, SITE, snapshots.clock(connection), [late])
    record(engine, event(f"n-{code}"))
    rows(
        engine,
        "UPDATE event SET status = 'fetched', subject = :s WHERE event_id = :id",
        s=subject(code),
        id=f"n-{code}",
    )


Start = Callable[..., Casewire]


@pytest.fixture
def start(engine: Engine, crm: Crm) -> Start:
    """Casewire with these settings of [linking]."""
    return lambda **linking: Casewire(engine, crm, policy(**linking))


def codes(rows_: Sequence[Mapping[str, Any]]) -> list[str]:
    """The billing accounts that have a record, each as often as it has."""
    return sorted(key.rpartition(":")[2] for row in rows_ if (key := row.get("Billing_Key__c")))


def pass_time(engine: Engine) -> None:
    """Whatever was to be looked at again later is looked at now."""
    rows(
        engine,
        "UPDATE subject SET look_again_at = now() - interval '1 second' WHERE look_again_at IS NOT NULL",
    )
    with engine.begin() as connection:
        subjects.wake_by_time(connection)
