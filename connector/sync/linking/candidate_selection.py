"""Select a link from the candidates: one that no other account has is linked; several are for a person. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from connector.mappers import phrases
from connector.models.facts import Candidate, Link, LinkState
from connector.models.linking import MADE
from connector.policy.linking import Key, Linking
from connector.sync.linking.crm_records import Record

MOST_CANDIDATES: Final = 20
CHOSEN: Final = "chosen by a person"
NAMED: Final = "named by a duplicate rule"
MERGED: Final = "merged into "
"""What ``Link.how`` begins with where the record before was merged into another."""


@dataclass(frozen=True, slots=True)
class CandidateSelection:
    """What the CRM has for an account of billing. ``own``: a record with its key; ``chosen``: the one that a person
    set on the review case; ``fits``: what fits by ``key``, the first of the policy's keys that fits anything;
    ``told``: what a duplicate rule named or its record was merged into, whatever fits; ``reasons``: why each does."""

    own: Record | None = None
    chosen: Record | None = None
    key: Key | None = None
    fits: tuple[Record, ...] = ()
    told: tuple[Record, ...] = ()
    reasons: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def records(self) -> tuple[Record, ...]:
        return tuple(filter(None, (self.own, self.chosen, *self.fits, *self.told)))


def holder(record: Record, subject: str, holders: Mapping[str, str]) -> str | None:
    """The other account of billing that a record belongs to."""
    others = (record.key, holders.get(record.id))
    return next((other for other in others if other and other != subject), None)


def choose(subject: str, found: CandidateSelection, holders: Mapping[str, str], settings: Linking) -> Link:
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
    if found.key is None and found.told:
        return _of_told(found, [record for record in found.told if is_free(record)], candidates, settings)
    if found.key is None:
        return _nothing(settings)
    if not free and not found.told and settings.taken == "create":
        return Link(LinkState.NEW, how=f"{MADE}: what fits is linked to other billing accounts")
    return replace(_asked(_problem(found, len(free))), candidates=candidates)


def standing(link: Link | None) -> dict[str, tuple[str, ...]]:
    """Of the candidates of a question those that no key finds again, with why they are: while they are there it is
    not answered by finding nothing."""
    if link is None or link.state is not LinkState.REVIEW:
        return {}
    found = {one.id: tuple(filter(_is_told, one.reasons)) for one in link.candidates}
    return {id_: reasons for id_, reasons in found.items() if reasons}


def _is_told(reason: str) -> bool:
    return reason == NAMED or reason.startswith(MERGED)


def _of_told(
    found: CandidateSelection, free: Sequence[Record], candidates: tuple[Candidate, ...], settings: Linking
) -> Link:
    """The only one that is nobody's is the one, unless the policy wants a person to say so."""
    reasons = [reason for record in found.told for reason in found.reasons[record.id]]
    if len(free) == 1 and (NAMED not in reasons or settings.duplicates == "link"):
        return _linked(free[0], found.reasons[free[0].id][0])
    if NAMED in reasons:
        return replace(
            _asked("a duplicate rule of the org does not let its account be made"), candidates=candidates
        )
    return replace(
        _asked(f"its account was {reasons[0]}, which is another billing account's"), candidates=candidates
    )


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


def _problem(found: CandidateSelection, free: int) -> str:
    how = found.key.how if found.key else ""
    if free == 0:
        return f"what fits by {how} is linked to other billing accounts"
    return f"{phrases.count(len(found.fits), 'account')} fit by {how}"


def _candidates(subject: str, found: CandidateSelection, holders: Mapping[str, str]) -> tuple[Candidate, ...]:
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
