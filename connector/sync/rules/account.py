"""The account and its billing contact say what the billing system says now."""

from __future__ import annotations

from connector.facts import Account, Facts, Payment
from connector.mappers import keys, words
from connector.mappers.fields import Account as F
from connector.mappers.fields import Contact
from connector.mappers.records import account as record
from connector.mappers.records import contact, links
from connector.mappers.salesforce import line
from connector.plan import Change, Parent
from connector.policy import Policy
from connector.sync.evidence import as_of

NAME = "account"


def changes(facts: Facts, policy: Policy) -> list[Change]:
    account = facts.account
    if account is None:
        return []
    person = [_contact(facts, account)] if contact.is_known(account) else []
    return [_account(facts, account, policy), *person]


def gone(facts: Facts) -> Change:
    """The account's source no longer has it. Its record stays as it was last known: only its state changes."""
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
        F.LINK: links.account(facts, policy),
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
    owing = f" with {words.count(late, 'invoice')} past due" if late else ""
    return f"account {account.code} is {words.plain(account.state)}{owing}"


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


def _disputed(facts: Facts) -> list[Payment]:
    """One chargeback for each payment taken back, unless it was voided or its case has been closed."""
    closed = {case.key.rpartition(":")[0] for case in facts.cases if case.closed}
    found: dict[str, Payment] = {}
    for payment in sorted(facts.payments, key=lambda p: (p.origin == "chargeback", p.uuid)):
        root = payment.original_id or payment.id
        stem = keys.case(facts.source, facts.site, "payment", root, "chargeback", 1).rpartition(":")[0]
        if (
            "chargeback" in (payment.status, payment.origin)
            and payment.status != "void"
            and stem not in closed
        ):
            found[root] = payment
    return list(found.values())
