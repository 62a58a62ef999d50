"""What processors tell of refunds, payouts and bank debits, as builders like those of ``world``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from itertools import permutations
from typing import Any

from connector.models.facts import Facts, Kind, Payment, PaymentMethod, ProcessorObject, Status, SubjectKind
from connector.models.observation_merge import fold
from connector.policy import Policy
from connector.sync.decide.decide import decide
from sync.crm import MemoryCrm
from sync.world import NOW, at, charge, facts, payment, told_of

DEFAULT = Policy()
PAYEE = "stripe:payee:acct_1"


def paid(**changed: Any) -> Payment:
    """A payment the processor knows as ``ch_1``."""
    usual = {"gateway": "stripe", "gateway_reference": "ch_1", "created_at": at(1), "updated_at": at(1)}
    return payment(**usual | changed)


def processed(**changed: Any) -> ProcessorObject:
    """A refund as Stripe tells of it: begun on the 18th, and done at once."""
    usual: dict[str, Any] = {
        "status": Status.SUCCEEDED,
        "at": at(18),
        "opened_at": at(18),
        "known_since": at(18),
    }
    return told_of(Kind.REFUND, **{"id_": "re_1"} | usual | changed)


def bounced(**changed: Any) -> ProcessorObject:
    """The same, sent back by the bank on the 20th."""
    usual: dict[str, Any] = {"status": Status.FAILED, "at": at(20), "reason": "lost_or_stolen_card"}
    return processed(**usual | changed)


def payout(**changed: Any) -> ProcessorObject:
    usual: dict[str, Any] = {
        "status": Status.PAID,
        "amount": Decimal("250.00"),
        "payee": "acct_1",
        "at": at(12),
        "opened_at": at(10),
        "settles_at": at(12),
        "references": (),
        "joined_by": "",
    }
    return told_of(Kind.PAYOUT, **{"id_": "po_1"} | usual | changed)


def failed_payout(**changed: Any) -> ProcessorObject:
    return payout(**{"status": Status.FAILED, "reason": "account_closed", "at": at(14)} | changed)


def payee(*objects: object, **changed: Any) -> Facts:
    """The facts of one payee."""
    usual = {
        "subject": PAYEE,
        "source": "stripe",
        "site": "",
        "code": "payee:acct_1",
        "about": SubjectKind.PAYEE,
    }
    return facts(*objects, **{"account": None} | usual | changed)


def debit(**changed: Any) -> ProcessorObject:
    """A debit by ACH that the bank took back on the 19th."""
    usual: dict[str, Any] = {
        "status": Status.RETURNED,
        "at": at(19),
        "opened_at": at(11),
        "network": "ach",
        "network_code": "R01",
    }
    return charge(**usual | changed)


def by_bank(**changed: Any) -> PaymentMethod:
    usual: dict[str, Any] = {"brand": "Bank account", "last_four": "6789", "valid": True}
    return PaymentMethod(**usual | changed)


def mandate(**changed: Any) -> ProcessorObject:
    usual: dict[str, Any] = {
        "source": "gocardless",
        "status": Status.INACTIVE,
        "reason": "mandate_cancelled",
        "at": at(16),
        "opened_at": at(1),
        "amount": None,
        "currency": None,
        "references": (),
        "customer": "CU1",
        "joined_by": "customer CU1",
        "known_since": at(1),
    }
    return told_of(Kind.MANDATE, **{"id_": "MD1"} | usual | changed)


# In every order -------------------------------------------------------------------------------------------------


def in_every_order(
    told: Iterable[object],
    known: Callable[..., Facts] = facts,
    *always: object,
    now: datetime = NOW,
    policy: Policy = DEFAULT,
) -> Iterator[MemoryCrm]:
    """Salesforce after the news came in each order, the first of it twice, with a decision after each. ``always``: what
    is known before."""
    news = list(told)
    for order in permutations(news):
        crm = MemoryCrm()
        heard: list[object] = []
        for one in (*order, order[0]):
            heard.append(one)
            crm.apply(decide(known(*always, *_folded(heard), *crm.cases(), now=now), policy), now)
        yield crm


def _folded(heard: Iterable[object]) -> list[object]:
    """What was told of each processor's object, as one; the last word on everything else."""
    told: dict[tuple[str, str, str], list[ProcessorObject]] = {}
    rest: list[object] = []
    for one in heard:
        if isinstance(one, ProcessorObject):
            told.setdefault((one.source, one.kind, one.id), []).append(one)
        elif one not in rest:
            rest.append(one)
    return [*rest, *(_read(group) for group in told.values())]


def _read(group: list[ProcessorObject]) -> ProcessorObject:
    """As the ledger reads it: what no source says is there too."""
    first = min(one.known_since for one in group if one.known_since)
    return replace(fold(group), joined_by=group[0].joined_by, known_since=first)


def told_cases(crm: MemoryCrm) -> dict[str, tuple[object, ...]]:
    """The cases of Salesforce: key → state, outcome, status."""
    return {
        key: (case["Billing_State__c"], case["Billing_Outcome__c"], case["Status"])
        for key, case in crm.of("Case").items()
    }
