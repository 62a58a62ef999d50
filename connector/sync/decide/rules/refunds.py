"""Every refund that a processor tells of has its record, whether its account is known or not."""

from __future__ import annotations

from connector.mappers import phrases
from connector.mappers.fields import Refund as F
from connector.mappers.records import refund as record
from connector.models.facts import Facts, Kind, ProcessorObject
from connector.models.plan import Change
from connector.policy import Policy
from connector.sync.decide.context import processor_helpers
from connector.sync.decide.context.facts_index import FactsIndex

NAME = "refunds"


def changes(facts: Facts, policy: Policy) -> list[Change]:
    evidence = FactsIndex(facts)
    return [_refund(item, evidence) for item in facts.of(Kind.REFUND)]


def _refund(item: ProcessorObject, evidence: FactsIndex) -> Change:
    return Change(
        object=F.OBJECT,
        key=record.key(item),
        rule=NAME,
        reason=f"refund {item.id} of {item.source} is {phrases.plain(item.status or 'not told of in full')}",
        fields=record.record(item, processor_helpers.began_at(item, evidence.facts)),
        parents=processor_helpers.parents(item, evidence),
        clears=dict.fromkeys(processor_helpers.LOOKUPS),
    )
