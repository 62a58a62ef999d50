"""Every object and field that is written: there, readable, writable by the integration user; keys as keys must be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from connector.clients.salesforce import Org, format_soql
from connector.doctor.result import CheckResult, NotAsked, State, failed, ok, warning
from connector.doctor.salesforce import cases
from connector.doctor.salesforce.org_context import Described, OrgContext
from connector.errors import SetupError
from connector.mappers import fields
from connector.mappers.field_limits import required_fields
from connector.policy.linking import Key
from connector.sync.linking.crm_records import NEEDS
from connector.sync.org_schema import mapping
from connector.sync.org_schema.adaptation import OrgAdapter
from connector.sync.org_schema.missing_fields import indispensable

PERMISSION_SET: Final = "Casewire_Integration"
_DEPLOY: Final = "Deploy what Casewire writes to: casewire salesforce deploy"
_ASSIGN: Final = (
    f"Assign the permission set {PERMISSION_SET} to the integration user: Setup > Permission Sets > "
    "Casewire Integration > Manage Assignments"
)


@dataclass(frozen=True, slots=True)
class MissingParts:
    """What an object lacks, by name. ``all_missing``: not one of our own fields is there."""

    object: str
    there: bool
    missing: tuple[str, ...]
    fixed: tuple[str, ...]
    all_missing: bool

    def __bool__(self) -> bool:
        return not self.there or bool(self.missing or self.fixed)


def written(look: OrgContext) -> Iterator[CheckResult]:
    required = required_fields()
    lacking = [one for object_, names in required.items() if (one := _lacking(look, object_, names))]
    if not lacking:
        yield ok(f"{sum(map(len, required.values()))} fields of {len(required)} objects can be written")
        return
    mend = _mend(look)
    for one in lacking:
        if _left_out(look) and not indispensable(one.object, (*one.missing, *one.fixed), there=one.there):
            yield warning(f"{_sentence(one)}: left out, as the policy says", mend, one.object)
        else:
            yield failed(_sentence(one), mend, one.object)


def _left_out(look: OrgContext) -> bool:
    """Without a policy that can be read they are refused, as by default."""
    try:
        return look.policy.orgs.missing == "leave_out"
    except NotAsked:
        return False


def missing(look: OrgContext) -> bool:
    """Whether anything that is written is not there or not writable."""
    return any(_lacking(look, object_, names) for object_, names in required_fields().items())


def _lacking(look: OrgContext, object_: str, names: Iterable[str]) -> MissingParts:
    found = look.fields(object_)
    missing = tuple(sorted(name for name in names if name not in found))
    fixed = tuple(sorted(name for name in names if name in found and not _writable(found[name])))
    own = {name for name in names if name.endswith("__c")}
    return MissingParts(object_, bool(found), missing, fixed, own <= set(missing))


def _writable(field: Described) -> bool:
    """A parent that cannot move once it is set is written on create only."""
    updateable = field.get("updateable") or field.get("type") == "reference"
    return bool(field.get("createable") and updateable)


def _sentence(one: MissingParts) -> str:
    if not one.there:
        return "the object is not there, or not visible to the integration user"
    told = []
    if one.missing:
        named = "any of our fields" if one.all_missing else ", ".join(one.missing)
        told.append(f"not there, or not visible to the integration user: {named}")
    if one.fixed:
        told.append(f"the integration user may read but not write: {', '.join(one.fixed)}")
    return "; ".join(told)


def _mend(look: OrgContext) -> str:
    """Which of the two: deployed and not granted, or not deployed. An org that does not tell gets both."""
    sets = look.rows(format_soql("SELECT Id FROM PermissionSet WHERE Name = {}", PERMISSION_SET))
    if sets is None:
        return f"{_DEPLOY}; then: {_ASSIGN}."
    if not sets:
        return f"{_DEPLOY}; then: {_ASSIGN}. (The org has no such permission set yet.)"
    held = look.rows(
        format_soql(
            "SELECT Id FROM PermissionSetAssignment WHERE AssigneeId = {} AND PermissionSetId IN {}",
            look.client.identity().user_id,
            [str(row["Id"]) for row in sets],
        )
    )
    if held is None:
        return f"{_ASSIGN}. If it has it: {_DEPLOY}."
    if not held:
        return f"{_ASSIGN}. (The integration user does not have it.)"
    return f"{_DEPLOY}. (The integration user has the permission set: it is older than these fields, or changed.)"


def keys(look: OrgContext) -> Iterator[CheckResult]:
    """An external id that is not unique makes an upsert match several records, and asks for View All Data."""
    there = _keys(look)
    if not there:
        raise NotAsked(f"{fields.KEY} is nowhere yet")
    for object_, field in there.items():
        lacks = _not_a_key(field)
        if lacks:
            yield failed(
                f"{object_}.{fields.KEY} is not {' and not '.join(lacks)}",
                f"Setup > Object Manager > {object_} > Fields & Relationships > {fields.KEY} > Edit: tick Unique "
                "(case sensitive) and External ID. Or casewire salesforce deploy. Values that are there twice "
                "must be cleared first.",
                object_,
            )
    if not wrong_keys(look):
        yield ok(f"{fields.KEY} is unique and an external id wherever it is")


def wrong_keys(look: OrgContext) -> bool:
    """Whether any key field is there and not as it must be."""
    return any(_not_a_key(field) for field in _keys(look).values())


def _keys(look: OrgContext) -> dict[str, Described]:
    return {name: field for name in required_fields() if (field := look.fields(name).get(fields.KEY))}


def linking(look: OrgContext) -> Iterator[CheckResult]:
    """Fields by which the policy finds an account's record. Without one that it names itself nothing is linked;
    without a standard one its key finds nothing."""
    settings = look.policy.linking
    keys_ = settings.keys if settings.enabled else ()
    told = list(_hidden_keys(look, keys_))
    yield from told
    if not told:
        names = [f"{object_}.{name}" for object_, name in map(_searched, keys_)]
        yield ok(f"accounts are found by {', '.join(names)}" if names else "no account is looked for")


def _hidden_keys(look: OrgContext, keys_: Iterable[Key]) -> Iterator[CheckResult]:
    for key in keys_:
        object_, name = _searched(key)
        if name in look.fields(object_):
            continue
        if key.field:
            told = f"Account has no field {name}, or the integration user may not see it: no account is found by it"
            mend = (
                f"Give the integration user read access to {name}, or change [[linking.keys]] in policy.toml."
            )
            yield failed(told, mend, name)
        else:
            told = f"the integration user may not see {object_}.{name}: no account is found by {key.how}"
            yield warning(told, _mend(look), f"{object_}.{name}")


def _searched(key: Key) -> tuple[str, str]:
    """Object and field."""
    return (fields.Account.OBJECT, key.field) if key.field else NEEDS[key.by]


def _not_a_key(field: Described) -> list[str]:
    asked = {"unique": field.get("unique"), "an external id": field.get("externalId")}
    return [name for name, is_so in asked.items() if not is_so]


_MEND: Final = "Change [[mapping]] in policy.toml, or the field in the org (Setup > Object Manager)."


def fit(look: OrgContext) -> Iterator[CheckResult]:
    policy = look.policy
    refuses = policy.orgs.missing == "refuse"
    if (refuses and missing(look)) or wrong_keys(look):
        raise NotAsked("fields are missing or not as they must be")
    if any(one.state is State.FAILED for one in cases.statuses(look)):
        raise NotAsked("case statuses are not as the policy says")
    org = Org.load(look.client, {one.lookup.object for one in policy.mapping if one.lookup})
    troubles = list(mapping.troubles(policy, org.shape))
    for mapped, why in troubles:
        told = f"{mapped.name}: {why}"
        yield (
            failed(told, _MEND, mapped.name) if refuses else warning(f"{told}: left out", _MEND, mapped.name)
        )
    if refuses and troubles:
        return
    try:
        OrgAdapter.of(policy, org, lambda _: None)
    except SetupError as error:
        yield failed(str(error), "Do what it says; section [orgs] of policy.example.toml has the choices.")
        return
    mapped_fields = f"; {len(policy.mapping)} fields are mapped" if policy.mapping else ""
    yield ok(f"records can be written in the shape of this org{mapped_fields}")
