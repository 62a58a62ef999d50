"""Fields that the org lacks or that the integration user may not write: refused by name or left out, by the policy."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from connector.errors import SetupError
from connector.mappers import fields
from connector.mappers.fields import Account, Case, Contact
from connector.mappers.org_schema import OrgShape
from connector.models.plan import Change, Parent

Lacking = Mapping[str, Collection[str]]
"""Object → fields that are not there or not writable."""

_MEND: Final = (
    "Deploy salesforce/ (salesforce/README.md) and assign the permission set Casewire_Integration to the "
    "integration user"
)
_STANDARD: Final = (Account.OBJECT, Contact.OBJECT, Case.OBJECT)
_NEEDED: Final = {
    Account.OBJECT: frozenset({Account.NAME}),
    Contact.OBJECT: frozenset({Contact.LAST_NAME}),
    Case.OBJECT: frozenset({Case.ACCOUNT_KEY, Case.RULE, Case.STATE, Case.ESCALATION, Case.STATUS}),
}
"""Without these Salesforce makes no record, or a case is not found again."""
_OF_PERSONS: Final = frozenset({fields.PERSON_KEY, Contact.LAST_NAME})


def lacking(shape: OrgShape, required: Lacking) -> dict[str, tuple[str, ...]]:
    """An object that is not there lacks all its fields. A key must also be an external id and unique."""
    found = {
        object_: tuple(name for name in sorted(names) if not _usable(shape, object_, name))
        for object_, names in required.items()
    }
    return {object_: names for object_, names in found.items() if names}


def refuse(shape: OrgShape, lacks: Lacking) -> None:
    """SetupError naming every object and field of these, and what to do."""
    if lacks:
        instead = (
            "" if needed(shape, lacks) else ', or leave it out: missing = "leave_out" in [orgs] of the policy'
        )
        raise SetupError(f"Missing or not writable in Salesforce: {_told(lacks)}. {_MEND}{instead}.")


def refuse_needed(shape: OrgShape, lacks: Lacking) -> None:
    """SetupError naming those that cannot be left out."""
    if told := needed(shape, lacks):
        raise SetupError(
            f"Missing or not writable in Salesforce, and nothing works without it: {_told(told)}. {_MEND}."
        )


def needed(shape: OrgShape, lacks: Lacking) -> Lacking:
    """Those of them that cannot be left out."""
    found = {
        object_: indispensable(object_, names, there=object_ in shape.objects, persons=shape.person_accounts)
        for object_, names in lacks.items()
    }
    return {object_: names for object_, names in found.items() if names}


def indispensable(
    object_: str, names: Collection[str], *, there: bool, persons: bool = False
) -> tuple[str, ...]:
    """Those of an object's fields that cannot be left out. Of an object of ours that is not there at all its rows are
    left out: then it needs none."""
    if not there and object_ not in _STANDARD:
        return ()
    always = {fields.KEY} | _NEEDED.get(object_, frozenset())
    if persons and object_ == Account.OBJECT:
        always |= _OF_PERSONS
    return tuple(sorted(always & set(names)))


@dataclass(frozen=True, slots=True)
class OmittedFields:
    """Objects and fields that are not written."""

    objects: frozenset[str] = frozenset()
    fields: Mapping[str, frozenset[str]] | None = None

    @classmethod
    def of(cls, shape: OrgShape, lacks: Lacking) -> OmittedFields:
        return cls(
            objects=frozenset(object_ for object_ in lacks if object_ not in shape.objects),
            fields={object_: frozenset(names) for object_, names in lacks.items()},
        )

    def __bool__(self) -> bool:
        return bool(self.objects or self.fields)

    def sentences(self) -> Iterable[str]:
        """A line for each object."""
        for object_, names in (self.fields or {}).items():
            what = object_ if object_ in self.objects else f"{object_}: {', '.join(sorted(names))}"
            yield f"left out, as the org lacks it or it may not be written: {what}"

    def leave(self, changes: Sequence[Change]) -> list[Change]:
        """The changes without what is left out, and without lookups to it."""
        kept = (change for change in changes if change.object not in self.objects)
        return [self._without(change) for change in kept]

    def _without(self, change: Change) -> Change:
        names = (self.fields or {}).get(change.object, frozenset())
        parents = {
            name: parent
            for name, parent in change.parents.items()
            if name not in names and parent.object not in self.objects
        }
        return replace(
            change,
            fields=_but(change.fields, names),
            parents=parents,
            clears={name: kept for name, kept in change.clears.items() if name not in names},
            on_create=_but(change.on_create, names, self.objects),
            transition_fields=_but(change.transition_fields, names, self.objects),
        )


Held = TypeVar("Held")


def _but(
    values: Mapping[str, Held], names: Collection[str], objects: Collection[str] = ()
) -> dict[str, Held]:
    return {
        name: value
        for name, value in values.items()
        if name not in names and not (isinstance(value, Parent) and value.object in objects)
    }


def _usable(shape: OrgShape, object_: str, name: str) -> bool:
    found = shape.field(object_, name)
    return found is not None and found.writable and (name != fields.KEY or found.is_key)


def _told(lacks: Lacking) -> str:
    return "; ".join(f"{object_}: {', '.join(sorted(names))}" for object_, names in lacks.items())
