"""Where a person sees a record in the billing system itself."""

from __future__ import annotations

from urllib.parse import quote

from connector.mappers.field_limits import url
from connector.models.facts import Account, Facts, Invoice, Payment, Subscription
from connector.policy import Policy


def account(facts: Facts, policy: Policy) -> str | None:
    return _filled(policy.recurly_link, facts.site, facts.code)


def to(object_: Account | Subscription | Invoice | Payment, facts: Facts, policy: Policy) -> str | None:
    """The page of this object, by the name the billing system's own pages use."""
    match object_:
        case Account(code=code):
            return _filled(policy.recurly_link, facts.site, code)
        case Subscription(uuid=uuid):
            return _filled(policy.recurly_subscription_link, facts.site, uuid)
        case Invoice(number=number):
            return _filled(policy.recurly_invoice_link, facts.site, number)
        case Payment(uuid=uuid):
            return _filled(policy.recurly_payment_link, facts.site, uuid)


def _filled(template: str, site: str, code: str) -> str | None:
    return url(template.format(site=quote(site, safe=""), code=quote(code, safe="")))
