"""Every payout that a processor tells of has its record."""

from __future__ import annotations

from connector.mappers import phrases
from connector.mappers.fields import Payout as F
from connector.mappers.records import payout as record
from connector.models.facts import Facts, Kind, ProcessorObject
from connector.models.plan import Change
from connector.policy import Policy

NAME = "payouts"


def changes(facts: Facts, policy: Policy) -> list[Change]:
    return [_payout(item) for item in facts.of(Kind.PAYOUT)]


def _payout(item: ProcessorObject) -> Change:
    return Change(
        object=F.OBJECT,
        key=record.key(item),
        rule=NAME,
        reason=f"payout {item.id} of {item.source} is {phrases.plain(item.status or 'not told of in full')}",
        fields=record.record(item),
    )
