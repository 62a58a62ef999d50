"""A Salesforce of dictionaries: applies plans and tells what its cases say, as the real one would."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from connector.models.facts import ExistingCase
from connector.models.plan import Change, CreateValue, Plan, Queue

Record = dict[str, CreateValue]


class MemoryCrm:
    def __init__(self) -> None:
        self.records: dict[tuple[str, str], Record] = {}
        self.closed_at: dict[str, datetime] = {}
        self.created: list[str] = []

    def apply(self, plan: Plan, now: datetime) -> None:
        for change in plan.changes:
            self._apply(change, now)

    def _apply(self, change: Change, now: datetime) -> None:
        record = self.records.get((change.object, change.key))
        for parent in change.parents.values():
            assert (parent.object, parent.key) in self.records, f"{change.key} came before {parent.key}"
        if record is None:
            record = dict(change.on_create)
            self.records[change.object, change.key] = record
            self.created.append(change.key)
        record |= {**change.fields, **change.parents, **change.transition_fields}
        if change.object == "Case":
            self._mark(change.key, record, now)

    def _mark(self, key: str, record: Record, now: datetime) -> None:
        if record["Status"] != "Closed":
            self.closed_at.pop(key, None)
        else:
            self.closed_at.setdefault(key, now)

    def close(self, key: str, now: datetime) -> None:
        """An agent closes a case."""
        record = self.records["Case", key]
        record["Status"] = "Closed"
        self._mark(key, record, now)

    def take(self, key: str) -> None:
        """An agent takes a case from its queue."""
        self.records["Case", key]["OwnerId"] = "005A"

    def cases(self) -> tuple[ExistingCase, ...]:
        return tuple(
            ExistingCase(
                id=f"500{number}",
                key=key,
                rule=str(record["Billing_Rule__c"]),
                state=str(record["Billing_State__c"]),
                closed=key in self.closed_at,
                closed_at=self.closed_at.get(key),
                escalation=int(str(record["Billing_Escalation__c"])),
                in_queue=isinstance(record["OwnerId"], Queue),
                subject=str(record["Billing_Account_Key__c"]),
                priority=str(record["Priority"]),
            )
            for number, ((object_, key), record) in enumerate(sorted(self.records.items()))
            if object_ == "Case"
        )

    def written(self) -> frozenset[str]:
        """The keys of the timeline rows it has."""
        return frozenset(key for object_, key in self.records if object_ == "Billing_Event__c")

    def of(self, object_: str) -> Mapping[str, Record]:
        return {key: record for (name, key), record in self.records.items() if name == object_}
