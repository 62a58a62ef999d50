"""Base of the policy sections: value types, and the keys that all rules with cases share."""

from __future__ import annotations

import string
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated, Any, ClassVar, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from connector.policy.templates import RenderError, Text, Told, UndefinedValue


def _link(value: str) -> str:
    try:
        named = {name for _, name, _, _ in string.Formatter().parse(value) if name is not None}
        value.format(**dict.fromkeys(named, "x"))
    except (ValueError, IndexError, KeyError, AttributeError) as error:
        raise PydanticCustomError("link", "is not a valid link template") from error
    if not value.startswith("https://") or not named <= {"site", "code"}:
        raise PydanticCustomError("link", "should start with https:// and may hold {site} and {code}")
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        near = get_close_matches(value, available_timezones(), n=1)
        raise PydanticCustomError(
            "time_zone",
            "is no time zone; write one like 'Europe/Berlin'{hint}",
            {"hint": f", perhaps {near[0]!r}" if near else ""},
        ) from error
    return value


TimeZone = Annotated[str, AfterValidator(_zone)]
"""A name of the IANA database, https://www.iana.org/time-zones."""
Link = Annotated[str, AfterValidator(_link)]
Word = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^\S(.*\S)?$")]
DeveloperName = Annotated[str, Field(max_length=80, pattern=r"^[A-Za-z](_?[A-Za-z0-9])*$")]
Amount = Annotated[Decimal, Field(ge=0, max_digits=15)]
Days = Annotated[int, Field(ge=0, le=3650)]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Site(Section):
    """Settings of one Recurly site. ``time_zone``: None for the time zone of the policy."""

    time_zone: TimeZone | None = None


class Statuses(Section):
    """Values of Case.Status. One that is not given is the org's own wherever an org is asked; until then it is called
    as in a new org."""

    open: Word = "New"
    reopened: Word = "New"
    closed: Word = "Closed"

    def is_given(self, key: str) -> bool:
        return key in self.model_fields_set

    @model_serializer(mode="wrap")
    def _given(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without those of the org: a policy that is printed and saved does not pin them."""
        return {key: value for key, value in dump(self).items() if self.is_given(key)}


class Cases(Section):
    """Settings for all cases."""

    origin: Word = "Billing"
    record_type: DeveloperName = "Billing"
    after_close: Literal["reopen", "link"] = "reopen"
    reopen_window_days: Days = 14
    record_already_resolved: bool = True


class Joining(Section):
    """Processor objects without an account: how long they wait before a case is opened, and its queue."""

    wait_minutes: Annotated[int, Field(ge=0, le=100_000)] = 60
    queue: DeveloperName = "Billing_Triage"


class Tier(Section):
    """Priority for this amount and more."""

    amount: Amount
    priority: Word


class Escalation(Section):
    """From so many days before the deadline on: this priority, and this queue while nobody has taken the case."""

    days_left: Annotated[int, Field(ge=0, le=365)]
    priority: Word | None = None
    queue: DeveloperName | None = None


class CaseRule(Section):
    """``subject`` is written once, so it sees only ``STABLE`` values; ``summary`` sees those and ``FRESH``.

    ``record_type`` and ``reopen_window_days``: those of ``[cases]`` where None.
    """

    STABLE: ClassVar[Mapping[str, Told]] = {"account": "bob"}
    FRESH: ClassVar[Mapping[str, Told]] = {}
    COMMON: ClassVar[Mapping[str, Told]] = {
        "link": "https://acme.recurly.com/accounts/bob",
        "opened_on": "2026-11-02",
        "resolved_on": "2026-11-20",
        "outcome": "Recovered",
    }

    enabled: bool = True
    queue: DeveloperName
    priority: Word = "Medium"
    record_type: DeveloperName | None = None
    reopen_window_days: Days | None = None
    escalation: tuple[Escalation, ...] = ()
    subject: Text
    summary: Text

    def reached(self, due_at: datetime | None, now: datetime) -> int:
        """How many steps of the escalation are reached, the earliest first; without a deadline none."""
        if due_at is None:
            return 0
        return sum(due_at - now <= timedelta(days=step.days_left) for step in self.steps)

    def next_step_at(self, due_at: datetime | None, now: datetime) -> datetime | None:
        """When the next step of the escalation is reached."""
        if due_at is None:
            return None
        moments = (due_at - timedelta(days=step.days_left) for step in self.steps)
        return min((at for at in moments if at > now), default=None)

    @property
    def steps(self) -> tuple[Escalation, ...]:
        return tuple(sorted(self.escalation, key=lambda step: -step.days_left))

    def priority_at(self, reached: int) -> str | None:
        """The priority that these steps of the escalation give; None where they give none."""
        given = [step.priority for step in self.steps[:reached] if step.priority]
        return given[-1] if given else None

    def queue_at(self, reached: int) -> str | None:
        """The queue that these steps of the escalation give a case to; None where they leave it in that of the rule."""
        given = [step.queue for step in self.steps[:reached] if step.queue]
        return given[-1] if given else None

    def queues(self) -> frozenset[str]:
        """Every queue the rule may give a case to."""
        return frozenset({self.queue} | {step.queue for step in self.escalation if step.queue})

    def priorities(self) -> frozenset[str]:
        """Every priority the rule may give a case."""
        return frozenset({self.priority} | {step.priority for step in self.escalation if step.priority})

    @model_validator(mode="after")
    def _texts_render(self) -> Self:
        _try_out("subject", self.subject, self.STABLE)
        _try_out("summary", self.summary, {**self.STABLE, **self.COMMON, **self.FRESH})
        return self


def _try_out(key: str, text: Text, sample: Mapping[str, Told]) -> None:
    """With every value there, and with every value missing: both happen."""
    for values in (sample, dict.fromkeys(sample)):
        try:
            text.render(values)
        except UndefinedValue as error:
            allowed = ", ".join(sorted(sample))
            raise PydanticCustomError(
                "template_value",
                "{key}: {error}; allowed: {allowed}",
                {"key": key, "error": str(error), "allowed": allowed},
            ) from error
        except RenderError as error:
            raise PydanticCustomError(
                "template_value", "{key}: cannot be rendered: {error}", {"key": key, "error": str(error)}
            ) from error


class TieredRule(CaseRule):
    """``tiers``: from an amount on, a priority; the highest tier reached wins over ``priority``."""

    tiers: tuple[Tier, ...] = ()

    def priority_of(self, amount: Decimal | None) -> str:
        reached = [tier for tier in self.tiers if amount is not None and amount >= tier.amount]
        return max(reached, key=lambda tier: tier.amount).priority if reached else self.priority

    def priorities(self) -> frozenset[str]:
        return super().priorities() | {tier.priority for tier in self.tiers}
