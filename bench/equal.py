"""Is the CRM what Recurly says? Record by record, a page of Recurly beside one query of the CRM, in flat memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from connector.cli.local_stack import SITE, Stack
from connector.clients.recurly import RecurlyClient, RecurlyConfig
from connector.clients.salesforce import SalesforceClient, SalesforceConfig
from connector.mappers import external_ids, fields
from connector.mappers.safe_parse import parse_salesforce_time

Fact = Any
Read = Callable[[Fact], object]


@dataclass(frozen=True, slots=True)
class Compared:
    """A kind of Recurly's and its object in the CRM: by which key it is there, and which fields say the same."""

    kind: str
    object: str
    key: Callable[[Fact], str]
    fields: Mapping[str, Read]


def _record(kind: str, id_: str) -> Callable[[Fact], str]:
    return lambda fact: external_ids.record("recurly", SITE, kind, str(getattr(fact, id_)))


def _owner(fact: Fact) -> str:
    return external_ids.subject("recurly", SITE, fact.account_code)


PARENT = f"Account__r.{fields.KEY}"
COMPARED = (
    Compared(
        "account",
        fields.Account.OBJECT,
        lambda fact: external_ids.subject("recurly", SITE, fact.code),
        {
            "Name": lambda fact: fact.company,
            fields.Account.CODE: lambda fact: fact.code,
            fields.Account.STATE: lambda fact: fact.state,
            fields.Account.EMAIL: lambda fact: fact.email,
            fields.Account.CUSTOMER_SINCE: lambda fact: fact.created_at,
        },
    ),
    Compared(
        "account",
        fields.Contact.OBJECT,
        lambda fact: external_ids.record("recurly", SITE, "contact", fact.code),
        {
            fields.Contact.EMAIL: lambda fact: fact.email,
            fields.Contact.LAST_NAME: lambda fact: fact.last_name,
            f"Account.{fields.KEY}": lambda fact: external_ids.subject("recurly", SITE, fact.code),
        },
    ),
    Compared(
        "subscription",
        fields.Subscription.OBJECT,
        _record("subscription", "uuid"),
        {
            fields.Subscription.STATE: lambda fact: fact.state,
            fields.Subscription.PLAN_CODE: lambda fact: fact.plan_code,
            fields.Subscription.UNIT_AMOUNT: lambda fact: fact.unit_amount,
            fields.Subscription.CURRENCY: lambda fact: fact.currency,
            fields.Subscription.PERIOD_ENDS_AT: lambda fact: fact.current_period_ends_at,
            PARENT: _owner,
        },
    ),
    Compared(
        "invoice",
        fields.Invoice.OBJECT,
        _record("invoice", "number"),
        {
            fields.Invoice.STATE: lambda fact: fact.state,
            fields.Invoice.TOTAL: lambda fact: fact.total,
            fields.Invoice.PAID: lambda fact: fact.paid,
            fields.Invoice.BALANCE: lambda fact: fact.balance,
            fields.Invoice.CURRENCY: lambda fact: fact.currency,
            fields.Invoice.ISSUED_AT: lambda fact: fact.created_at,
            fields.Invoice.CLOSED_AT: lambda fact: fact.closed_at,
            PARENT: _owner,
        },
    ),
    Compared(
        "payment",
        fields.Payment.OBJECT,
        _record("payment", "uuid"),
        {
            fields.Payment.STATUS: lambda fact: fact.status,
            fields.Payment.AMOUNT: lambda fact: fact.amount,
            fields.Payment.CURRENCY: lambda fact: fact.currency,
            fields.Payment.AT: lambda fact: fact.collected_at,
            f"Invoice__r.{fields.KEY}": lambda fact: external_ids.record(
                "recurly", SITE, "invoice", str(fact.invoice_number)
            ),
            PARENT: _owner,
        },
    ),
)


@dataclass(slots=True)
class Equality:
    """``compared``: how many records; ``differences``: how many differ, are missing, or are there beyond Recurly's;
    ``examples``: the first of them."""

    compared: int = 0
    differences: int = 0
    examples: tuple[str, ...] = ()

    def differs(self, sentence: str, many: int = 1) -> None:
        self.differences += many
        self.examples = (*self.examples, sentence)[:10]


def equality(stack: Stack) -> Equality:
    """Compare all of it."""
    found = Equality()
    recurly = RecurlyClient(RecurlyConfig(SITE, "sandbox", api_url=stack.vendors.recurly, timeout=60))
    crm = SalesforceClient(
        SalesforceConfig(stack.vendors.salesforce, "sandbox", client_secret="sandbox", timeout=60)
    )
    try:
        for one in COMPARED:
            _compare(one, recurly, crm, found)
    finally:
        recurly.close()
        crm.close()
    return found


def _compare(one: Compared, recurly: RecurlyClient, crm: SalesforceClient, found: Equality) -> None:
    select = f"SELECT {', '.join([fields.KEY, *one.fields])} FROM {one.object}"
    many = 0
    for page in recurly.changed(one.kind):
        facts = {one.key(fact): fact for fact in page.found if fact.object == one.kind}
        there = {row[fields.KEY]: row for row in crm.query_keys(select, fields.KEY, facts)}
        for key, fact in facts.items():
            for sentence in _differences(one, fact, there.get(key)):
                found.differs(f"{one.object} {key}: {sentence}")
        many += len(facts)
    found.compared += many
    total = crm.query(f"SELECT COUNT(Id) n FROM {one.object} WHERE {fields.KEY} != null")[0]["n"]
    if total != many:
        found.differs(f"{one.object}: {total} records, Recurly has {many}", abs(total - many))


def _differences(one: Compared, fact: Fact, row: Mapping[str, Any] | None) -> Iterator[str]:
    if row is None:
        yield "missing"
        return
    for name, read in one.fields.items():
        says, should = _value(row, name), read(fact)
        if not _same(says, should):
            yield f"{name} is {says!r}, Recurly says {should!r}"


def _value(row: Mapping[str, Any], name: str) -> Any:
    """A field, or a parent's."""
    parent, _, rest = name.partition(".")
    if not rest:
        return row[name]
    above = row[parent]
    return above and above[rest]


def _same(says: Any, should: object) -> bool:
    if isinstance(should, datetime):
        return says is not None and parse_salesforce_time(says) == should
    if isinstance(should, Decimal) and says is not None:
        return Decimal(str(says)) == should
    return bool(says == should)
