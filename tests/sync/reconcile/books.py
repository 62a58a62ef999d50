"""Three sides that agree, and ways to make them differ: Recurly in the ledger, processors and Salesforce in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from samples import SITE, SOURCE
from sqlalchemy import Engine

from connector.ledger import snapshots
from connector.mappers import external_ids, fields
from connector.models.facts import (
    BillingObject,
    Discrepancy,
    DiscrepancyState,
    Kind,
    Payment,
    ProcessorObject,
    Status,
)
from connector.policy import Compare
from connector.sync.reconcile.reconciliation import ComparedSystems, Reconciliation, Window
from sync.fake_api import Answer, FakeApi
from sync.fake_crm import FakeCrm
from sync.world import at, payment

NOW = at(28)
"""Everything of these tests happened in November."""
WINDOW = Window(at(1), NOW, (SITE,))
SALESFORCE_TIME = "%Y-%m-%dT%H:%M:%S.000+0000"

Page = tuple[ProcessorObject, ...]


@dataclass
class FakeBooks:
    """Two a page, the newest first. ``error``: raised after the first page. ``unlisted``: known, and on no list."""

    items: list[ProcessorObject] = field(default_factory=list)
    lists: frozenset[Kind] = frozenset({Kind.CHARGE, Kind.REFUND, Kind.DISPUTE})
    error: Exception | None = None
    unlisted: list[ProcessorObject] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def listed(self, kind: Kind, since: datetime, until: datetime) -> Iterator[Page]:
        found = [one for one in self.items if one.kind is kind and since <= (one.opened_at or one.at) < until]
        found.sort(key=lambda one: (one.opened_at or one.at, one.id), reverse=True)
        for start in range(0, len(found), 2):
            yield tuple(found[start : start + 2])
            if self.error:
                raise self.error
        if self.error:
            raise self.error

    def look_up(self, item: ProcessorObject) -> tuple[ProcessorObject, ...]:
        self.asked.append(item.id)
        known = (*self.items, *self.unlisted)
        return tuple(one for one in known if (one.id, one.account) == (item.id, item.account))


def charge(id_: str = "ch_1", when: datetime | None = None, **changed: Any) -> ProcessorObject:
    moment = when or at(20)
    usual: dict[str, Any] = {
        "kind": Kind.CHARGE,
        "source": "stripe",
        "id": id_,
        "at": moment,
        "opened_at": moment,
        "status": Status.SUCCEEDED,
        "amount": Decimal("49.00"),
        "currency": "USD",
        "references": (id_,),
        "invoice_number": "1001",
    }
    return ProcessorObject(**usual | changed)


def paid(id_: str = "1", when: datetime | None = None, **changed: Any) -> Payment:
    """A payment whose charge is ``ch_<id>``."""
    moment = when or at(20)
    usual = {
        "id": f"pay{id_}",
        "uuid": f"uuid{id_}",
        "gateway": "stripe",
        "gateway_reference": f"ch_{id_}",
        "created_at": moment,
        "updated_at": moment,
        "collected_at": moment,
    }
    return payment(**usual | changed)


class Api(FakeApi):
    """An invoice comes with its payments."""

    def fetch(self, kind: str, refs_list: Sequence[tuple[str, ...]]) -> Answer:
        if kind != "invoice":
            return super().fetch(kind, refs_list)
        wanted = {ref.removeprefix("number-") for refs in refs_list for ref in refs}
        return Answer(tuple(one for one in self.objects if getattr(one, "invoice_number", "") in wanted))


@dataclass
class ThreeSides:
    """``recurly``: what it says now; the ledger learns of it with ``known``."""

    engine: Engine
    stripe: FakeBooks = field(default_factory=FakeBooks)
    crm: FakeCrm = field(default_factory=FakeCrm)
    api: Api = field(default_factory=Api)
    more: dict[str, FakeBooks] = field(default_factory=dict)

    def agree(self, *payments: Payment) -> ThreeSides:
        """These are the same on all sides; a refund goes by ``re_<its reference>``."""
        for one in payments:
            self.in_recurly(one)
            self.in_salesforce(one)
            self.stripe.items.append(_item(one))
        return self

    def in_recurly(self, *payments: Payment) -> None:
        self.api.replace(*payments)
        self.known(*payments)

    def known(self, *payments: BillingObject) -> None:
        with self.engine.begin() as connection:
            snapshots.store(connection, SOURCE, SITE, snapshots.clock(connection), payments)

    def in_salesforce(self, one: Payment, **changed: Any) -> None:
        key = external_ids.record(SOURCE, SITE, "payment", one.uuid)
        moment = one.collected_at or one.created_at
        self.crm.records[fields.Payment.OBJECT, key] = {
            fields.KEY: key,
            fields.Payment.AMOUNT: float(one.amount),
            fields.Payment.CURRENCY: one.currency,
            fields.Payment.STATUS: one.status,
            fields.Payment.AT: moment.strftime(SALESFORCE_TIME) if moment else None,
            **changed,
        }

    def dispute_in_salesforce(self, item: ProcessorObject, **changed: Any) -> None:
        key = external_ids.record(item.source, "", "dispute", item.id)
        self.crm.records[fields.Dispute.OBJECT, key] = {
            fields.KEY: key,
            fields.Dispute.AMOUNT: float(item.amount or 0),
            fields.Dispute.CURRENCY: item.currency,
            fields.Dispute.STATUS: str(item.status),
            fields.Dispute.OPENED_AT: (item.opened_at or item.at).strftime(SALESFORCE_TIME),
            **changed,
        }

    def charge_is(self, id_: str, **changed: Any) -> None:
        self.stripe.items = [replace(one, **changed) if one.id == id_ else one for one in self.stripe.items]

    def without_charge(self, id_: str) -> None:
        self.stripe.items = [one for one in self.stripe.items if one.id != id_]

    @property
    def sides(self) -> ComparedSystems:
        books = {"stripe": self.stripe, **self.more}
        return ComparedSystems(self.engine, self.crm, {SITE: self.api}, books, books)

    def reconcile(
        self,
        policy: Compare | None = None,
        *,
        window: Window = WINDOW,
        now: datetime = NOW,
        run_id: int | None = None,
    ) -> tuple[Reconciliation, list[Discrepancy]]:
        reconciling = Reconciliation(
            self.sides, policy or Compare(), window, now, run_id, clock=lambda connection: now
        )
        return reconciling, list(reconciling.findings())

    def found(self, policy: Compare | None = None, **how: Any) -> list[tuple[str, str]]:
        """Class and reference of each discrepancy; one that is explained has a ``~`` before its class."""
        return told(self.reconcile(policy, **how)[1])


def told(found: Sequence[Discrepancy]) -> list[tuple[str, str]]:
    mark = {DiscrepancyState.EXPLAINED: "~"}
    return [(f"{mark.get(one.state, '')}{one.difference}", one.reference) for one in found]


def _item(one: Payment) -> ProcessorObject:
    refund = one.type == "refund"
    return charge(
        one.gateway_reference or "",
        one.created_at,
        kind=Kind.REFUND if refund else Kind.CHARGE,
        amount=one.amount,
        currency=one.currency,
        invoice_number=one.invoice_number,
        references=() if refund else (one.gateway_reference or "",),
    )
