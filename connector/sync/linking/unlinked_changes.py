"""What may be written of an account while it is not known which record of the CRM it is. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from connector.mappers.fields import Account, Contact
from connector.models.facts import Facts
from connector.models.plan import Change, CreateValue, Parent

_OF_THE_RECORD: Final = frozenset({Account.OBJECT, Contact.OBJECT})
Kept = TypeVar("Kept", bound=CreateValue)


def without_account(changes: Sequence[Change], facts: Facts) -> Sequence[Change]:
    """All but the account and its contact, and without a lookup to them, while the link is held. So the account that
    a person sets on a review case is not overwritten either."""
    if facts.link is None or not facts.link.held:
        return changes
    return [_unlinked(change) for change in changes if change.object not in _OF_THE_RECORD]


def _unlinked(change: Change) -> Change:
    """A lookup that was written for another account is emptied."""
    left_out = {name: value.key for name, value in change.parents.items() if _is_of_the_record(value)}
    return replace(
        change,
        parents=_without(change.parents),
        clears={**change.clears, **left_out},
        on_create=_without(change.on_create),
        transition_fields=_without(change.transition_fields),
    )


def _without(values: Mapping[str, Kept]) -> dict[str, Kept]:
    return {name: value for name, value in values.items() if not _is_of_the_record(value)}


def _is_of_the_record(value: CreateValue) -> bool:
    return isinstance(value, Parent) and value.object in _OF_THE_RECORD
