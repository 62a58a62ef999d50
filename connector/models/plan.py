"""A plan is a value: the ordered changes that would make Salesforce true, each with its reason.

It holds no Salesforce id and no clock; whoever applies it resolves queues, record types and parents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from connector.models.events import Urgency

Value = str | int | Decimal | bool | date | datetime | None


class Transition(StrEnum):
    """The only ways an agent-owned field of a case may change."""

    OPEN = "open"
    REOPEN = "reopen"
    RESOLVE = "resolve"
    ESCALATE = "escalate"
    DEESCALATE = "deescalate"
    JOIN = "join"


@dataclass(frozen=True, slots=True)
class Parent:
    """A record referred to by its external id: ``Parent("Account", "recurly:acme:account:bob")``."""

    object: str
    key: str


@dataclass(frozen=True, slots=True)
class Lookup:
    """A record that is not ours, by an external id of its own: ``Lookup("Region__c", "Code__c", "EMEA")``."""

    object: str
    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue by its DeveloperName; whoever applies the plan knows its id."""

    name: str


@dataclass(frozen=True, slots=True)
class RecordType:
    """A record type of Case by its DeveloperName, or of another object: ``Account.PersonAccount``. An org without it
    gets none."""

    name: str


CreateValue = Value | Parent | Lookup | Queue | RecordType


@dataclass(frozen=True, slots=True)
class Change:
    """What one Salesforce record should say.

    ``fields``: owned by the connector, always kept true. None clears a field; a field that is absent is left
    alone. ``parents``: lookup field → record (``{"Account__c": Parent("Account", …)}``). ``on_create``: written
    only when the record is made. ``transition``: agent-owned fields an explicit transition writes
    (``{"Status": "Closed"}``) and which transition it is; None leaves them to the agents.
    ``clears``: lookup → the key that it may keep. Where something else was written, because the record was another
    account's, it is emptied. What people have put there is left alone.
    ``rule`` and ``reason`` are what the audit trail tells of it.
    """

    object: str
    key: str
    rule: str
    reason: str
    fields: Mapping[str, Value | Lookup]
    parents: Mapping[str, Parent] = field(default_factory=dict)
    clears: Mapping[str, str | None] = field(default_factory=dict)
    on_create: Mapping[str, CreateValue] = field(default_factory=dict)
    transition: Transition | None = None
    transition_fields: Mapping[str, CreateValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes for one subject, parents before children, at most one for each record.

    ``look_again_at``: when time alone could change the answer (a card about to expire), or None. ``look_again_as``: how
    urgent that is.
    """

    subject: str
    changes: tuple[Change, ...] = ()
    look_again_at: datetime | None = None
    look_again_as: Urgency = Urgency.ROUTINE
