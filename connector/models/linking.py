"""Which record of the CRM an account of billing is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from connector.redaction import redact_fields

MADE: Final = "made by Casewire"
"""What ``Link.how`` begins with where the record was not there before."""


class LinkState(StrEnum):
    """How far the search for an account's record has come."""

    NEW = "new"
    """Nothing fits: it is made."""
    LINKED = "linked"
    REVIEW = "review"
    """A person is asked."""
    WAITING = "waiting"
    """Nothing fits yet, and the policy says to wait for it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record that may be the account's. ``reasons``: why it fits, a few words each; ``taken_by``: the account of
    billing that it is linked to already."""

    id: str
    name: str
    reasons: tuple[str, ...]
    taken_by: str | None = None

    def __post_init__(self) -> None:
        """People type anything into a CRM's names; candidates are stored and shown in a case."""
        redact_fields(self, frozenset({"taken_by"}))


@dataclass(frozen=True, slots=True)
class Link:
    """``how`` tells by what it was found. ``contact_id``: its billing contact, where the CRM has one already.
    ``person``: it is a person account. Under review ``candidates`` are what the person chooses from. ``since``: when
    this state was kept.
    """

    state: LinkState
    account_id: str | None = None
    contact_id: str | None = None
    how: str = ""
    person: bool = False
    candidates: tuple[Candidate, ...] = ()
    since: datetime | None = field(default=None, compare=False)

    @property
    def made(self) -> bool:
        """Whether Casewire made the record."""
        return self.how.startswith(MADE)

    @property
    def held(self) -> bool:
        """Whether the account has no record now, and gets none until that is decided."""
        return self.state in (LinkState.REVIEW, LinkState.WAITING)
