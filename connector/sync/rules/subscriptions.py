"""Every subscription of the account has its record."""

from __future__ import annotations

from connector.facts import Facts
from connector.mappers import words
from connector.mappers.fields import Subscription as F
from connector.mappers.records import links
from connector.mappers.records import subscription as record
from connector.plan import Change, Parent
from connector.policy import Policy

NAME = "subscriptions"


def changes(facts: Facts, policy: Policy) -> list[Change]:
    return [
        Change(
            object=F.OBJECT,
            key=record.key(facts, item),
            rule=NAME,
            reason=f"subscription {item.uuid} is {words.plain(item.state)}",
            fields=record.record(item, links.to(item, facts, policy)),
            parents={F.ACCOUNT: Parent("Account", facts.subject)},
        )
        for item in facts.subscriptions
    ]
