"""Every subscription of the account has its record."""

from __future__ import annotations

from connector.mappers import phrases
from connector.mappers.fields import Subscription as F
from connector.mappers.records import recurly_links
from connector.mappers.records import subscription as record
from connector.models.facts import Facts
from connector.models.plan import Change, Parent
from connector.policy import Policy

NAME = "subscriptions"


def changes(facts: Facts, policy: Policy) -> list[Change]:
    return [
        Change(
            object=F.OBJECT,
            key=record.key(facts, item),
            rule=NAME,
            reason=f"subscription {item.uuid} is {phrases.plain(item.state)}",
            fields=record.record(item, recurly_links.to(item, facts, policy)),
            parents={F.ACCOUNT: Parent("Account", facts.subject)},
        )
        for item in facts.subscriptions
    ]
