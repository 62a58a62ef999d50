"""Writes the account and its billing contact as the billing system has them now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from connector.mappers import external_ids, phrases
from connector.mappers.field_limits import line
from connector.mappers.fields import Account as F
from connector.mappers.fields import Contact
from connector.mappers.records import account as record
from connector.mappers.records import contact, recurly_links
from connector.models.facts import Account, Facts, Kind, Money, Payment
from connector.models.plan import Change, Parent
from connector.models.processor_objects import SETTLED
from connector.policy import Policy
from connector.sync.decide.context import processor_helpers
from connector.sync.decide.context.facts_index import FactsIndex, as_of

NAME = "account"


def changes(facts: Facts, policy: Policy) -> list[Change]:
    account = facts.account
    if account is None:
        return []
    person = [_contact(facts, account)] if contact.is_known(account) else []
    return [_account(facts, account, policy), *person]


def look_again_at(facts: Facts, policy: Policy) -> datetime | None:
    """Next search for the record of an account that is not linked."""
    if facts.link is None or not facts.link.held:
        return None
    return facts.now + timedelta(minutes=policy.linking.look_again_minutes)


def gone(facts: Facts) -> Change:
    """The source no longer has the account. Only the state of its record changes."""
    named = facts.account.code if facts.account else facts.code
    return Change(
        object=F.OBJECT,
        key=facts.subject,
        rule=NAME,
        reason=f"{facts.source} no longer has account {facts.code}",
        fields={F.STATE: "gone"},
        on_create={F.NAME: line(named), F.CODE: line(facts.code), F.SITE: line(facts.site)},
    )


def _account(facts: Facts, account: Account, policy: Policy) -> Change:
    fields = {
        **record.record(facts, account, _disputed(facts)),
        F.AS_OF: as_of(facts),
        F.LINK: recurly_links.account(facts, policy),
        **({F.LINKED_BY: line(facts.link.how)} if facts.link else {}),
    }
    return Change(
        object=F.OBJECT,
        key=facts.subject,
        rule=NAME,
        reason=_reason(facts, account),
        fields=fields,
        on_create={F.NAME: record.name(account)},
    )


def _reason(facts: Facts, account: Account) -> str:
    late = sum(invoice.state == "past_due" for invoice in facts.invoices)
    owing = f" with {phrases.count(late, 'invoice')} past due" if late else ""
    return f"account {account.code} is {phrases.plain(account.state)}{owing}"


def _contact(facts: Facts, account: Account) -> Change:
    return Change(
        object=Contact.OBJECT,
        key=contact.key(facts),
        rule=NAME,
        reason=f"the billing contact of account {account.code}",
        fields=contact.record(account),
        parents={Contact.ACCOUNT: Parent(F.OBJECT, facts.subject)},
        on_create=contact.on_create(account),
    )


def _disputed(facts: Facts) -> list[Money | None]:
    """Amounts that can still be lost: undecided disputes, and chargebacks without a dispute at a processor. A payment
    is never counted twice. None: a dispute with an unknown amount."""
    open_ = [item for item in facts.of(Kind.DISPUTE) if item.status not in SETTLED]
    taken = _charged_back(facts)
    if not open_ and not taken:
        return []
    index = FactsIndex(facts)
    return [
        *(processor_helpers.at_stake(item, index) for item in open_),
        *_without_processor_dispute(taken, index),
    ]


def _charged_back(facts: Facts) -> Mapping[str, Payment]:
    """Payment id → its chargeback, without voided ones and those whose case is closed."""
    closed = {case.key.rpartition(":")[0] for case in facts.cases if case.closed}
    found: dict[str, Payment] = {}
    for payment in sorted(facts.payments, key=lambda p: (p.origin == "chargeback", p.uuid)):
        root = payment.original_id or payment.id
        stem = external_ids.case(facts.source, facts.site, "payment", root, "chargeback", 1).rpartition(":")[
            0
        ]
        charged_back = "chargeback" in (payment.status, payment.origin) and payment.status != "void"
        if charged_back and stem not in closed:
            found[root] = payment
    return found


def _without_processor_dispute(taken: Mapping[str, Payment], index: FactsIndex) -> Iterator[Money]:
    for root, payment in taken.items():
        if not processor_helpers.dispute_of((index.payment(root), payment), index):
            yield Money(payment.amount, payment.currency)
