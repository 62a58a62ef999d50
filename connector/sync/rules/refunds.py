"""Every refund that a processor tells of has its record, whether its account is known or not."""

from __future__ import annotations

from connector.facts import Facts, Kind, ProcessorObject
from connector.mappers import words
from connector.mappers.fields import Refund as F
from connector.mappers.records import refund as record
from connector.plan import Change
from connector.policy import Policy
from connector.sync.evidence import Evidence, joined

NAME = "refunds"


def changes(facts: Facts, policy: Policy) -> list[Change]:
    evidence = Evidence(facts)
    return [_refund(item, evidence) for item in facts.of(Kind.REFUND)]


def _refund(item: ProcessorObject, evidence: Evidence) -> Change:
    return Change(
        object=F.OBJECT,
        key=record.key(item),
        rule=NAME,
        reason=f"refund {item.id} of {item.source} is {words.plain(item.status or 'not told of in full')}",
        fields=record.record(item, joined.began_at(item, evidence.facts)),
        parents=joined.parents(item, evidence),
        clears=dict.fromkeys(joined.LOOKUPS),
    )
