"""Looking while others go on: what was read whole grows old, and Salesforce may be away for a while."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from connector.errors import Unavailable
from connector.ledger.subject_query import SubjectFilter
from connector.mappers import fields
from connector.mappers.fields import Account
from connector.mappers.fields import Invoice as F
from connector.retry import RetryPolicy
from connector.sync.apply.applier import Applier
from connector.sync.drift.detector import DriftScan, scan_drift
from connector.sync.drift.org_baseline import OrgBaseline
from connector.sync.drift.org_reader import BulkReader, SoqlReader, load
from connector.sync.drift.owned_fields import Owned
from sync.world import account, paid_invoice

from .conftest import BILL, BOB, HeldCrm, Rig, shape

ACCOUNT, INVOICE = (Account.OBJECT, BOB), (F.OBJECT, BILL)


class Bulk:
    """Gives whole objects as they are when they are asked for."""

    def __init__(self, crm: HeldCrm) -> None:
        self.crm = crm

    def bulk_query(self, soql: str, *, wait: Any) -> Iterator[dict[str, Any]]:
        object_ = soql.split(" FROM ")[1].split(" ")[0]
        found = [self.crm._told(row) for (of, _), row in self.crm.records.items() if of == object_]
        return iter([{**dict.fromkeys(_columns(soql)), **row} for row in found])


def _columns(soql: str) -> Mapping[str, None]:
    names = soql.removeprefix("SELECT ").split(" FROM ")[0].split(", ")
    return dict.fromkeys(name for name in names if "." not in name)


@contextmanager
def read_whole(rig: Rig) -> Iterator[Applier]:
    """One that compares with what Salesforce held just now."""
    owned = Owned.of(shape(), ())
    with rig.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        objects = [name for name in fields.ORDER if name in owned.names]
        began = load(connection, Bulk(rig.crm), owned, objects, lambda _: None, lambda *_: None)
        reader = BulkReader(connection, SoqlReader(rig.crm, owned), began)
        known = OrgBaseline(rig.engine, rig.crm, owned, reader, scanning=True)
        yield replace(rig.applier(), known=known)


def records(look: DriftScan) -> set[tuple[str, str]]:
    return {one.row.record for one in look.drifted}


def test_what_a_worker_wrote_after_it_was_read_does_not_drift(rig: Rig) -> None:
    with read_whole(rig) as applier:
        rig.learn(paid_invoice(), account(state="closed"))
        rig.work()
        (look, *_) = scan_drift(applier, SubjectFilter())
    assert (records(look), look.scanned, look.pending) == (set(), 1, 0)


def test_what_was_typed_beside_it_still_does(rig: Rig) -> None:
    rig.crm.type(ACCOUNT, **{Account.EMAIL: None})
    with read_whole(rig) as applier:
        rig.learn(paid_invoice())
        rig.work()
        (look, *_) = scan_drift(applier, SubjectFilter())
    assert records(look) == {ACCOUNT}


def test_what_was_not_written_since_is_not_asked_for_again(rig: Rig) -> None:
    rig.crm.type(INVOICE, **{F.TOTAL: 1})
    with read_whole(rig) as applier:
        rig.crm.queries.clear()
        (look, *_) = scan_drift(applier, SubjectFilter())
    assert records(look) == {INVOICE}
    assert not any(query.endswith(f"FROM {F.OBJECT}") for query in rig.crm.queries)


class Gone(HeldCrm):
    """Away at these questions, by their numbers."""

    def __init__(self, crm: HeldCrm, away: set[int]) -> None:
        super().__init__(crm.records)
        self.away, self.asked = away, 0

    def query_keys(self, *asked: Any) -> list[dict[str, Any]]:
        self.asked += 1
        if self.asked in self.away:
            raise Unavailable("salesforce", "Salesforce is unavailable (503).")
        return super().query_keys(*asked)


def test_salesforce_is_waited_for_while_it_is_looked_at(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.crm.type(INVOICE, **{F.TOTAL: 1})
    rig.crm = Gone(rig.crm, {3, 4})
    waited: list[float] = []
    patience = RetryPolicy(waited.append, lambda _: None)
    patience.done()
    (look, *_) = scan_drift(rig.against(), SubjectFilter(), patience)
    assert (records(look), waited) == ({INVOICE}, [1.0, 2.0])


def test_salesforce_that_was_never_there_is_not_waited_for(rig: Rig) -> None:
    rig.crm = Gone(rig.crm, {1})
    with pytest.raises(Unavailable):
        list(scan_drift(rig.against(), SubjectFilter(), RetryPolicy(lambda _: None, lambda _: None)))
