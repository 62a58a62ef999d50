"""From what fits to a link: one that nobody else has is taken, several are for a person. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from connector.facts import Candidate, Link, LinkState
from connector.facts.linking import MADE
from connector.mappers import words
from connector.policy.linking import Key, Linking
from connector.sync.linking.records import Record

MOST_CANDIDATES: Final = 20
CHOSEN: Final = "chosen by a person"


@dataclass(frozen=True, slots=True)
class Found:
    """What the CRM has for an account of billing. ``own``: a record with its key; ``chosen``: the one that a person
    set on the review case; ``fits``: what fits by ``key``, the first of the policy's keys that fits anything, and
    ``reasons`` by which keys each does."""

    own: Record | None = None
    chosen: Record | None = None
    key: Key | None = None
    fits: tuple[Record, ...] = ()
    reasons: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def records(self) -> tuple[Record, ...]:
        return tuple(filter(None, (self.own, self.chosen, *self.fits)))


def holder(record: Record, subject: str, holders: Mapping[str, str]) -> str | None:
    """The other account of billing that a record belongs to."""
    others = (record.key, holders.get(record.id))
    return next((other for other in others if other and other != subject), None)


def choose(subject: str, found: Found, holders: Mapping[str, str], settings: Linking) -> Link:
    """``holders``: CRM account → the account of billing that is linked to it."""

    def is_free(record: Record | None) -> bool:
        return record is not None and holder(record, subject, holders) is None

    if found.own and is_free(found.own):
        return _linked(found.own, found.own.linked_by or "its Billing Key")
    if found.chosen and is_free(found.chosen):
        return _linked(found.chosen, CHOSEN)
    candidates = _candidates(subject, found, holders)
    if found.own or found.chosen:
        return replace(_asked("its account is another billing account's already"), candidates=candidates)
    if not settings.enabled:
        return Link(LinkState.NEW, how=MADE)
    free = [record for record in found.fits if is_free(record)]
    if len(free) == 1 and found.key:
        return _linked(free[0], found.key.how)
    if found.key is None:
        return _nothing(settings)
    if not free and settings.taken == "create":
        return Link(LinkState.NEW, how=f"{MADE}: what fits is linked to other billing accounts")
    return replace(_asked(_problem(found, len(free))), candidates=candidates)


def _linked(record: Record, how: str) -> Link:
    return Link(LinkState.LINKED, record.id, how=how, person=record.person)


def _asked(why: str) -> Link:
    return Link(LinkState.REVIEW, how=why)


def _nothing(settings: Linking) -> Link:
    match settings.none:
        case "create":
            return Link(LinkState.NEW, how=f"{MADE}: nothing fitted")
        case "wait":
            return Link(LinkState.WAITING, how="no account fits yet")
        case "ask":
            return _asked("no account fits")


def _problem(found: Found, free: int) -> str:
    how = found.key.how if found.key else ""
    if free == 0:
        return f"what fits by {how} is linked to other billing accounts"
    return f"{words.count(len(found.fits), 'account')} fit by {how}"


def _candidates(subject: str, found: Found, holders: Mapping[str, str]) -> tuple[Candidate, ...]:
    given = {record.id: ("has its key",) for record in filter(None, [found.own])}
    given |= {record.id: (CHOSEN,) for record in filter(None, [found.chosen])}
    once = {record.id: record for record in found.records}
    return tuple(
        Candidate(
            record.id,
            record.name,
            (*given.get(record.id, ()), *found.reasons.get(record.id, ())),
            holder(record, subject, holders),
        )
        for record in list(once.values())[:MOST_CANDIDATES]
    )
