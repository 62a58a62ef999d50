"""Checks every object and field that is written: it exists, the integration user may read and write it, and key
fields are unique external ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from connector.clients.salesforce import Org, format_soql
from connector.doctor.result import CheckResult, CheckSkipped, State, failed, ok, warning
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
    """Names of the fields that an object lacks. ``all_missing``: it has none of our own fields."""

    object: str
    there: bool
    missing: tuple[str, ...]
    fixed: tuple[str, ...]
    all_missing: bool

    def __bool__(self) -> bool:
        return not self.there or bool(self.missing or self.fixed)


def written(context: OrgContext) -> Iterator[CheckResult]:
    required = required_fields()
    lacking = [one for object_, names in required.items() if (one := _lacking(context, object_, names))]
    if not lacking:
        yield ok(f"{sum(map(len, required.values()))} fields of {len(required)} objects can be written")
        return
    fix = _fix(context)
    for one in lacking:
        if _left_out(context) and not indispensable(one.object, (*one.missing, *one.fixed), there=one.there):
            yield warning(f"{_sentence(one)}: left out, as the policy says", fix, one.object)
        else:
            yield failed(_sentence(one), fix, one.object)


def _left_out(context: OrgContext) -> bool:
    """False, the default, if the policy cannot be read."""
    try:
        return context.policy.orgs.missing == "leave_out"
    except CheckSkipped:
        return False


def missing(context: OrgContext) -> bool:
    """Whether any field that is written does not exist or is not writable."""
    return any(_lacking(context, object_, names) for object_, names in required_fields().items())


def _lacking(context: OrgContext, object_: str, names: Iterable[str]) -> MissingParts:
    found = context.fields(object_)
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
    sentences = []
    if one.missing:
        named = "any of our fields" if one.all_missing else ", ".join(one.missing)
        sentences.append(f"not there, or not visible to the integration user: {named}")
    if one.fixed:
        sentences.append(f"the integration user may read but not write: {', '.join(one.fixed)}")
    return "; ".join(sentences)


def _fix(context: OrgContext) -> str:
    """Deploy the fields, or assign the permission set; both, if the org does not show which one is missing."""
    sets = context.rows(format_soql("SELECT Id FROM PermissionSet WHERE Name = {}", PERMISSION_SET))
    if sets is None:
        return f"{_DEPLOY}; then: {_ASSIGN}."
    if not sets:
        return f"{_DEPLOY}; then: {_ASSIGN}. (The org has no such permission set yet.)"
    assigned = context.rows(
        format_soql(
            "SELECT Id FROM PermissionSetAssignment WHERE AssigneeId = {} AND PermissionSetId IN {}",
            context.client.identity().user_id,
            [str(row["Id"]) for row in sets],
        )
    )
    if assigned is None:
        return f"{_ASSIGN}. If it has it: {_DEPLOY}."
    if not assigned:
        return f"{_ASSIGN}. (The integration user does not have it.)"
    return f"{_DEPLOY}. (The integration user has the permission set: it is older than these fields, or changed.)"


def keys(context: OrgContext) -> Iterator[CheckResult]:
    """An external id that is not unique makes an upsert match several records, and asks for View All Data."""
    there = _keys(context)
    if not there:
        raise CheckSkipped(f"{fields.KEY} does not exist yet")
    for object_, field in there.items():
        lacks = _not_a_key(field)
        if lacks:
            yield failed(
                f"{object_}.{fields.KEY} is not {' and not '.join(lacks)}",
                f"Setup > Object Manager > {object_} > Fields & Relationships > {fields.KEY} > Edit: tick Unique "
                "(case sensitive) and External ID. Or casewire salesforce deploy. Duplicate values "
                "must be cleared first.",
                object_,
            )
    if not wrong_keys(context):
        yield ok(f"{fields.KEY} is unique and an external id on every object that has it")


def wrong_keys(context: OrgContext) -> bool:
    """Whether any key field exists and is not a unique external id."""
    return any(_not_a_key(field) for field in _keys(context).values())


def _keys(context: OrgContext) -> dict[str, Described]:
    return {name: field for name in required_fields() if (field := context.fields(name).get(fields.KEY))}


def linking(context: OrgContext) -> Iterator[CheckResult]:
    """Checks the fields by which the policy finds an account's record. A missing field that the policy names is a
    failure: nothing is linked. A missing standard field is a warning: its key finds nothing."""
    settings = context.policy.linking
    keys_ = settings.keys if settings.enabled else ()
    hidden = list(_hidden_keys(context, keys_))
    yield from hidden
    if not hidden:
        names = [f"{object_}.{name}" for object_, name in map(_searched, keys_)]
        yield ok(f"accounts are found by {', '.join(names)}" if names else "accounts are not searched for")


def _hidden_keys(context: OrgContext, keys_: Iterable[Key]) -> Iterator[CheckResult]:
    for key in keys_:
        object_, name = _searched(key)
        if name in context.fields(object_):
            continue
        if key.field:
            text = f"Account has no field {name}, or the integration user may not see it: no account is found by it"
            fix = (
                f"Give the integration user read access to {name}, or change [[linking.keys]] in policy.toml."
            )
            yield failed(text, fix, name)
        else:
            text = f"the integration user may not see {object_}.{name}: no account is found by {key.how}"
            yield warning(text, _fix(context), f"{object_}.{name}")


def _searched(key: Key) -> tuple[str, str]:
    """Object and field."""
    return (fields.Account.OBJECT, key.field) if key.field else NEEDS[key.by]


def _not_a_key(field: Described) -> list[str]:
    asked = {"unique": field.get("unique"), "an external id": field.get("externalId")}
    return [name for name, is_so in asked.items() if not is_so]


_FIX: Final = "Change [[mapping]] in policy.toml, or the field in the org (Setup > Object Manager)."


def fit(context: OrgContext) -> Iterator[CheckResult]:
    policy = context.policy
    refuses = policy.orgs.missing == "refuse"
    if (refuses and missing(context)) or wrong_keys(context):
        raise CheckSkipped("fields are missing or wrong")
    if any(one.state is State.FAILED for one in cases.statuses(context)):
        raise CheckSkipped("the case statuses differ from the policy")
    org = Org.load(context.client, {one.lookup.object for one in policy.mapping if one.lookup})
    problems = list(mapping.troubles(policy, org.shape))
    for mapped, why in problems:
        text = f"{mapped.name}: {why}"
        yield (
            failed(text, _FIX, mapped.name) if refuses else warning(f"{text}: left out", _FIX, mapped.name)
        )
    if refuses and problems:
        return
    try:
        OrgAdapter.of(policy, org, lambda _: None)
    except SetupError as error:
        yield failed(str(error), "Follow the message; section [orgs] of policy.example.toml has the choices.")
        return
    mapped_fields = f"; {len(policy.mapping)} fields are mapped" if policy.mapping else ""
    yield ok(f"records can be adapted to this org{mapped_fields}")
