"""What the policy names must be in the org: queues, record types, statuses, priorities and the origin of cases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel

from connector.doctor.result import CheckResult, failed, ok, warning
from connector.doctor.salesforce.org_context import OrgContext
from connector.mappers import fields
from connector.policy import Policy
from connector.policy.base import Cases

_CASE: Final = fields.Case.OBJECT
_KEYS: Final = ("closed", "open", "reopened")


def queues(look: OrgContext) -> Iterator[CheckResult]:
    usable, others = queues_for_cases(look)
    wanted = look.policy.queues()
    for name in sorted(wanted - usable):
        yield _no_queue(look.policy, name, usable, is_there=name in others)
    if wanted <= usable:
        yield ok(f"all {len(wanted)} of the policy may own cases")


def queues_for_cases(look: OrgContext) -> tuple[set[str], set[str]]:
    """Queues that may own cases, and those that may not."""
    for_cases = look.client.query("SELECT QueueId FROM QueueSobject WHERE SobjectType = 'Case'")
    ids = {row["QueueId"] for row in for_cases}
    groups = look.client.query("SELECT Id, DeveloperName FROM Group WHERE Type = 'Queue'")
    usable = {str(row["DeveloperName"]) for row in groups if row["Id"] in ids}
    return usable, {str(row["DeveloperName"]) for row in groups} - usable


def _no_queue(policy: Policy, name: str, usable: set[str], *, is_there: bool) -> CheckResult:
    if is_there:
        mend = f"Setup > Queues > {name} > Edit: add Case to the supported objects."
        return failed(f"the queue {name} may not own cases", mend, name)
    known = f"; the org has {', '.join(sorted(usable))}" if usable else ""
    named = _named(policy, name, "queue")
    return failed(
        f"there is no queue {name} (or it is not visible){known}",
        f"Make it (Setup > Queues, or casewire salesforce deploy), or change {named} in policy.toml.",
        name,
    )


def record_types(look: OrgContext) -> Iterator[CheckResult]:
    infos = {
        str(info["developerName"]): info
        for info in (look.describe(_CASE) or {}).get("recordTypeInfos", ())
        if not info.get("master")
    }
    wanted = _record_types(look.policy)
    for name in sorted(wanted):
        info = infos.get(name)
        if info is None:
            known = f"; it has {', '.join(sorted(infos))}" if infos else ", nor any other"
            mend = (
                "Nothing, if cases need none. Otherwise casewire salesforce deploy, or change "
                f"{_named(look.policy, name, 'record_type')} in policy.toml."
            )
            yield warning(f"the org has no record type {name} of Case{known}: cases get none", mend, name)
        elif not info.get("available"):
            mend = (
                f"Setup > Permission Sets > Casewire Integration > Object Settings > Cases > Edit: assign the record "
                f"type {name}."
            )
            yield failed(f"the integration user may not use the record type {name} of Case", mend, name)
    if all(name in infos and infos[name].get("available") for name in wanted):
        yield ok(f"{', '.join(sorted(wanted))}: there, and for the integration user")


def _record_types(policy: Policy) -> frozenset[str]:
    own = {rule.record_type for rule in policy.case_rules().values() if rule.enabled and rule.record_type}
    return frozenset(own | {policy.cases.record_type})


def statuses(look: OrgContext) -> Iterator[CheckResult]:
    closed = statuses_of(look)
    told = [
        *_status(look.policy, "closed", closed, must_close=True),
        *_status(look.policy, "open", closed, must_close=False),
        *_status(look.policy, "reopened", closed, must_close=False),
    ]
    yield from told
    if not told:
        used = [name for key in _KEYS if (name := _given(look.policy, key))]
        yield ok(f"{', '.join(used)}: as the policy says" if used else "the org's own are used")


def statuses_of(look: OrgContext) -> dict[str, bool]:
    """The values of Case.Status, and whether each closes a case."""
    rows = look.client.query("SELECT ApiName, IsClosed FROM CaseStatus ORDER BY SortOrder")
    return {str(row["ApiName"]): bool(row["IsClosed"]) for row in rows}


def _given(policy: Policy, key: str) -> str | None:
    """None: the org's own, whatever it is called."""
    return getattr(policy.statuses, key) if policy.statuses.is_given(key) else None


def _status(
    policy: Policy, key: str, closed: Mapping[str, bool], *, must_close: bool
) -> Iterator[CheckResult]:
    name, what = _given(policy, key), "closed" if must_close else "open"
    fitting = [status for status, closes in closed.items() if closes is must_close]
    if name is None and not fitting:
        yield failed(f"the org has no {what} case status", "Setup > Case Status: make one.", key)
    if name is None or closed.get(name) is must_close:
        return
    why = (
        f"the org counts {name!r} as {'open' if must_close else 'closed'}"
        if name in closed
        else (f"the org has no case status {name!r}")
    )
    chosen = fitting[0] if fitting else "…"
    known = ", ".join(fitting) or "none"
    mend = f'In policy.toml, section [statuses]: {key} = "{chosen}". The {what} ones of the org: {known}.'
    yield failed(why, mend, key)


def values(look: OrgContext) -> Iterator[CheckResult]:
    """A list that is not restricted takes any text: it shows in the case, in reports and in list views, but it is no
    choice for people and has no translation. So our own word for the origin is right as it is, and another that is
    not in the list may be a slip."""
    told = list(_values(look))
    yield from told
    if not told:
        yield ok("priorities and origin are values of the org")


def _values(look: OrgContext) -> Iterator[CheckResult]:
    found = look.fields(_CASE)
    wanted = {
        fields.Case.PRIORITY: look.policy.case_priorities(),
        fields.Case.ORIGIN: frozenset({look.policy.cases.origin}),
    }
    for name, names in wanted.items():
        field = found.get(name, {})
        for value in sorted(names - _active(field)) if field else ():
            yield _not_in_list(look.policy, name, value, field)


def _not_in_list(policy: Policy, name: str, value: str, field: Mapping[str, Any]) -> CheckResult:
    add = f"Setup > Object Manager > Case > Fields > {name}: add {value}"
    mend = f"{add}; or change {_named(policy, value, name.lower())} in policy.toml."
    told = f"{value!r} is not in the list ({', '.join(sorted(_active(field)))})"
    if field.get("restrictedPicklist"):
        return failed(f"{told}, and Salesforce takes no other value", mend, name)
    accepted = f"{told}: Salesforce takes it all the same, but people can neither pick nor translate it"
    if name == fields.Case.ORIGIN and value == Cases().origin:
        return ok(f"{accepted} ({add}, if they should)", name)
    return warning(accepted, mend, name)


def _active(field: Mapping[str, Any]) -> set[str]:
    return {str(value["value"]) for value in field.get("picklistValues", ()) if value.get("active")}


def keys_of(policy: Policy, value: str, key: str) -> list[str]:
    """Where the policy says so: ``rules.refund.queue`` and ``joining.queue``, of all keys named ``queue``."""
    found = {path for path in _keys(policy, value, ()) if path.rpartition(".")[2] == key}
    return sorted(found)


def _named(policy: Policy, value: str, key: str) -> str:
    return ", ".join(keys_of(policy, value, key))


def _keys(section: BaseModel, value: str, path: tuple[str, ...]) -> Iterator[str]:
    for name in type(section).model_fields:
        held = getattr(section, name)
        here = (*path, name)
        for one in held if isinstance(held, Iterable) and not isinstance(held, str | BaseModel) else (held,):
            if isinstance(one, BaseModel):
                yield from _keys(one, value, here)
            elif one == value:
                yield ".".join(here)
