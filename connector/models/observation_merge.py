"""What a processor's object is now, from all that was told of it. Pure, and the same in every order of arrival.

Observations are put in the order of their own moments. Each attribute is as it was told last. For the status:

- a dispute that reached a later stage never goes back to an earlier one, whatever comes late about that;
- within a stage the newest status holds, but what is settled is undone only by another settled status (a reversal)
  or by an open one that is clearly later. Clearly, because processors date events to the second and send several at
  once (Stripe: "don't use ``created`` to determine the order");
- a dispute that was lost after its time was over, and that nobody ever answered, expired, whatever its processor calls
  that (Stripe: ``lost``);
- what a list tells only leads on: lists are vaguer than events (``pending`` for what an event called done), so an open
  status from one never takes the place of a settled status or of one that is further on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final

from connector.models.processor_objects import SETTLED, STATUS_ORDER, Kind, ProcessorObject, Stage, Status

CLEARLY_LATER: Final = timedelta(seconds=60)

_STAGES: Final = {stage: rank for rank, stage in enumerate(Stage)}
_APART: Final = frozenset(
    {"kind", "source", "id", "at", "status", "stage", "references", "opened_at", "truncated"}
    | {"listed", "joined_by", "known_since"}
)
_LATEST: Final = tuple(one.name for one in fields(ProcessorObject) if one.name not in _APART)


def fold(told: Iterable[ProcessorObject]) -> ProcessorObject:
    """One object from one or more observations of it. Raises ValueError for none."""
    ordered = _in_order(told)
    if not ordered:
        raise ValueError("nothing was told of it")
    standing = _standing(ordered)
    latest = {name: _last(ordered, name) for name in _LATEST}
    number = next((one for one in reversed(ordered) if one.invoice_number), None)
    opened = min((one.opened_at for one in ordered if one.opened_at), default=None)
    status = _status(ordered, standing)
    if status is Status.LOST and latest["answered"] is False and _ran_out(ordered, latest["due_at"], opened):
        status = Status.EXPIRED
    return ProcessorObject(
        kind=ordered[0].kind,
        source=ordered[0].source,
        id=ordered[0].id,
        at=ordered[-1].at,
        status=status,
        stage=standing.stage if standing and standing.stage else _last(ordered, "stage"),
        references=tuple(sorted({ref for one in ordered for ref in one.references})),
        opened_at=opened,
        truncated=number.truncated if number else False,
        **latest,
    )


def _status(ordered: Sequence[ProcessorObject], standing: ProcessorObject | None) -> Status | None:
    """A charge that fails after it had succeeded was taken back, whatever its processor calls that."""
    if standing is None:
        return None
    if standing.kind is not Kind.CHARGE or standing.status is not Status.FAILED:
        return standing.status
    had = any(one.status is Status.SUCCEEDED and one.at < standing.at for one in ordered)
    return Status.RETURNED if had else Status.FAILED


def _ran_out(ordered: Sequence[ProcessorObject], due_at: datetime | None, opened: datetime | None) -> bool:
    """Whether the time was over when it was first said to be lost. What is dated by its beginning does not say when."""
    lost = (one.at for one in ordered if one.status is Status.LOST and one.at != opened)
    return due_at is not None and min(lost, default=due_at - timedelta(1)) >= due_at


def _in_order(observations: Iterable[ProcessorObject]) -> list[ProcessorObject]:
    """By time; at the same time the further stage and status last, and then by anything that is fixed."""
    found: list[ProcessorObject] = []
    for _, equal in groupby(sorted(observations, key=_order), key=_order):
        found += sorted(some, key=repr) if len(some := list(equal)) > 1 else some
    return found


def _order(one: ProcessorObject) -> tuple[datetime, int, int]:
    return one.at, _STAGES[one.stage] if one.stage else -1, _order_of(one)


def _standing(ordered: Sequence[ProcessorObject]) -> ProcessorObject | None:
    """The observation whose status holds."""
    said = [one for one in ordered if one.status is not None]
    if not said:
        return None
    furthest = max(_rank(one) for one in said)
    standing: ProcessorObject | None = None
    for one in said:
        if _rank(one) == furthest and (standing is None or _follows(one, standing)):
            standing = one
        elif standing is not None and _ends(one, standing):
            standing = replace(one, stage=standing.stage)
    return standing


def _ends(one: ProcessorObject, standing: ProcessorObject) -> bool:
    """Not every processor says at which stage a dispute was decided: what is settled clearly later ends it all."""
    return one.status in SETTLED and one.at - standing.at > CLEARLY_LATER


def _rank(one: ProcessorObject) -> int:
    return _STAGES[one.stage] if one.stage else 0


def _follows(later: ProcessorObject, standing: ProcessorObject) -> bool:
    if later.status in SETTLED:
        return True
    if later.listed:
        return standing.status not in SETTLED and _order_of(later) >= _order_of(standing)
    return standing.status not in SETTLED or later.at - standing.at > CLEARLY_LATER


def _order_of(one: ProcessorObject) -> int:
    return STATUS_ORDER[one.status] if one.status else -1


def _last(ordered: Sequence[ProcessorObject], name: str) -> Any:
    """The value that was told last, or None where nothing was."""
    found = (getattr(one, name) for one in reversed(ordered))
    return next((value for value in found if value is not None), None)
