"""Checks that the org has what the policy names: queues, record types, statuses, priorities, origin of cases."""

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


def queues(context: OrgContext) -> Iterator[CheckResult]:
    usable, others = queues_for_cases(context)
    wanted = context.policy.queues()
    for name in sorted(wanted - usable):
        yield _no_queue(context.policy, name, usable, is_there=name in others)
    if wanted <= usable:
        yield ok(f"all {len(wanted)} of the policy may own cases")


def queues_for_cases(context: OrgContext) -> tuple[set[str], set[str]]:
    """Queues that may own cases, and those that may not."""
    for_cases = context.client.query("SELECT QueueId FROM QueueSobject WHERE SobjectType = 'Case'")
    ids = {row["QueueId"] for row in for_cases}
    groups = context.client.query("SELECT Id, DeveloperName FROM Group WHERE Type = 'Queue'")
    usable = {str(row["DeveloperName"]) for row in groups if row["Id"] in ids}
    return usable, {str(row["DeveloperName"]) for row in groups} - usable


def _no_queue(policy: Policy, name: str, usable: set[str], *, is_there: bool) -> CheckResult:
    if is_there:
        fix = f"Setup > Queues > {name} > Edit: add Case to the supported objects."
        return failed(f"the queue {name} may not own cases", fix, name)
    others = f"; the org has {', '.join(sorted(usable))}" if usable else ""
    named = _named(policy, name, "queue")
    return failed(
        f"there is no queue {name} (or it is not visible){others}",
        f"Make it (Setup > Queues, or casewire salesforce deploy), or change {named} in policy.toml.",
        name,
    )


def record_types(context: OrgContext) -> Iterator[CheckResult]:
    infos = {
        str(info["developerName"]): info
        for info in (context.describe(_CASE) or {}).get("recordTypeInfos", ())
        if not info.get("master")
    }
    wanted = _record_types(context.policy)
    for name in sorted(wanted):
        info = infos.get(name)
        if info is None:
            others = f"; it has {', '.join(sorted(infos))}" if infos else ", nor any other"
            fix = (
                "Nothing, if cases need none. Otherwise casewire salesforce deploy, or change "
                f"{_named(context.policy, name, 'record_type')} in policy.toml."
            )
            yield warning(f"the org has no record type {name} of Case{others}: cases get none", fix, name)
        elif not info.get("available"):
            fix = (
                f"Setup > Permission Sets > Casewire Integration > Object Settings > Cases > Edit: assign the record "
                f"type {name}."
            )
            yield failed(f"the integration user may not use the record type {name} of Case", fix, name)
    if all(name in infos and infos[name].get("available") for name in wanted):
        yield ok(f"{', '.join(sorted(wanted))}: there, and for the integration user")


def _record_types(policy: Policy) -> frozenset[str]:
    own = {rule.record_type for rule in policy.case_rules().values() if rule.enabled and rule.record_type}
    return frozenset(own | {policy.cases.record_type})


def statuses(context: OrgContext) -> Iterator[CheckResult]:
    closed = statuses_of(context)
    findings = [
        *_status(context.policy, "closed", closed, must_close=True),
        *_status(context.policy, "open", closed, must_close=False),
        *_status(context.policy, "reopened", closed, must_close=False),
    ]
    yield from findings
    if not findings:
        used = [name for key in _KEYS if (name := _given(context.policy, key))]
        yield ok(f"{', '.join(used)}: as the policy says" if used else "the org's own are used")


def statuses_of(context: OrgContext) -> dict[str, bool]:
    """Values of Case.Status → whether the value closes a case."""
    rows = context.client.query("SELECT ApiName, IsClosed FROM CaseStatus ORDER BY SortOrder")
    return {str(row["ApiName"]): bool(row["IsClosed"]) for row in rows}


def _given(policy: Policy, key: str) -> str | None:
    """None: the org's own status, under any name."""
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
    others = ", ".join(fitting) or "none"
    fix = f'In policy.toml, section [statuses]: {key} = "{chosen}". The {what} ones of the org: {others}.'
    yield failed(why, fix, key)


def values(context: OrgContext) -> Iterator[CheckResult]:
    """Checks priorities and origin. An unrestricted picklist accepts any text: it is shown in cases, reports and list
    views, but people cannot pick it and it has no translation. So the default origin is ok; any other value outside
    the list may be a typing mistake."""
    findings = list(_values(context))
    yield from findings
    if not findings:
        yield ok("priorities and origin are values of the org")


def _values(context: OrgContext) -> Iterator[CheckResult]:
    found = context.fields(_CASE)
    wanted = {
        fields.Case.PRIORITY: context.policy.case_priorities(),
        fields.Case.ORIGIN: frozenset({context.policy.cases.origin}),
    }
    for name, names in wanted.items():
        field = found.get(name, {})
        for value in sorted(names - _active(field)) if field else ():
            yield _not_in_list(context.policy, name, value, field)


def _not_in_list(policy: Policy, name: str, value: str, field: Mapping[str, Any]) -> CheckResult:
    add = f"Setup > Object Manager > Case > Fields > {name}: add {value}"
    fix = f"{add}; or change {_named(policy, value, name.lower())} in policy.toml."
    message = f"{value!r} is not in the list ({', '.join(sorted(_active(field)))})"
    if field.get("restrictedPicklist"):
        return failed(f"{message}, and Salesforce accepts no other value", fix, name)
    accepted = f"{message}: Salesforce accepts it, but people can neither pick nor translate it"
    if name == fields.Case.ORIGIN and value == Cases().origin:
        return ok(f"{accepted} ({add}, if they should)", name)
    return warning(accepted, fix, name)


def _active(field: Mapping[str, Any]) -> set[str]:
    return {str(value["value"]) for value in field.get("picklistValues", ()) if value.get("active")}


def keys_of(policy: Policy, value: str, key: str) -> list[str]:
    """Dotted paths of the policy's keys named ``key`` that have this value: ``rules.refund.queue``,
    ``joining.queue``."""
    found = {path for path in _keys(policy, value, ()) if path.rpartition(".")[2] == key}
    return sorted(found)


def _named(policy: Policy, value: str, key: str) -> str:
    return ", ".join(keys_of(policy, value, key))


def _keys(section: BaseModel, value: str, path: tuple[str, ...]) -> Iterator[str]:
    for name in type(section).model_fields:
        setting = getattr(section, name)
        here = (*path, name)
        for one in (
            setting
            if isinstance(setting, Iterable) and not isinstance(setting, str | BaseModel)
            else (setting,)
        ):
            if isinstance(one, BaseModel):
                yield from _keys(one, value, here)
            elif one == value:
                yield ".".join(here)
