"""The billing contact. Values that the billing system lacks (or no longer has) are never cleared in the CRM."""

from __future__ import annotations

from collections.abc import Mapping

from connector.mappers import external_ids
from connector.mappers.field_limits import EMAIL, FIRST_NAME, NAME, PHONE, line, utf16_length
from connector.mappers.fields import Contact as F
from connector.models.facts import Account, Facts
from connector.models.plan import Value


def key(facts: Facts) -> str:
    return external_ids.record(facts.source, facts.site, "contact", facts.code)


def is_known(account: Account | None) -> bool:
    """Whether there is a person to speak of: a name or an address to write to."""
    return account is not None and any((account.first_name, account.last_name, account.email))


def record(account: Account) -> Mapping[str, Value]:
    told: Mapping[str, Value] = {
        F.FIRST_NAME: line(account.first_name, FIRST_NAME),
        F.LAST_NAME: line(account.last_name, NAME),
        F.EMAIL: line(account.email, EMAIL) if is_address(account.email) else None,
        F.PHONE: line(account.phone, PHONE),
    }
    return {field: value for field, value in told.items() if value is not None}


def on_create(account: Account) -> Mapping[str, Value]:
    """Salesforce takes no contact without a last name: the next best name, only while there is none."""
    if line(account.last_name, NAME):
        return {}
    mailbox = (account.email or "").partition("@")[0]
    named = (line(name, NAME) for name in (account.first_name, account.company, mailbox, account.code))
    return {F.LAST_NAME: next((name for name in named if name), account.code)}


def is_address(value: str | None) -> bool:
    """An e-mail field refuses what is none, and the whole row with it; a cut address would be someone else's."""
    if value is None or utf16_length(value) > EMAIL or len(value.split()) != 1:
        return False
    mailbox, at, domain = value.rpartition("@")
    return bool(mailbox and at and "." in domain.strip(".") and "@" not in mailbox)
