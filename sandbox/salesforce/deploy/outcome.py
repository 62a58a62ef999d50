"""What a package would make of an org: a function from the components there are to those there will be.

Everything is held against the org as it will be, so that the order of the files does not matter; a component that
fails takes with it those that need it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sandbox.salesforce.custom import build_schema
from sandbox.salesforce.deploy.catalog import Catalog, Component, Name, same
from sandbox.salesforce.deploy.checks import unfitting, unreadable
from sandbox.salesforce.deploy.package import Package
from sandbox.salesforce.deploy.problems import Problem, problem
from sandbox.salesforce.deploy.removal import blamed, refused, remove
from sandbox.salesforce.deploy.world import World
from sandbox.salesforce.shapes import Shape


@dataclass(frozen=True, slots=True)
class Success:
    """A component that was put, or deleted; ``changed`` is false where it was there and said the same."""

    name: Name
    file: str
    created: bool = False
    changed: bool = False
    deleted: bool = False
    warning: str = ""


@dataclass
class Outcome:
    """``catalog``: the components afterwards, were the failures left out."""

    catalog: Catalog
    successes: list[Success] = field(default_factory=list)
    failures: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Setting:
    """The org that is deployed to, by whom and when. ``objects``: names of its standard objects."""

    catalog: Catalog
    shape: Shape
    objects: frozenset[str]
    now: str
    user: str


def outcome(package: Package, setting: Setting) -> Outcome:
    catalog = setting.catalog.copy()
    result = Outcome(catalog, failures=list(package.problems))
    _delete(result, package.before, setting)
    _put(result, package.components, setting)
    _delete(result, package.after, setting)
    return result


# -- what is put


def _put(result: Outcome, components: list[Component], setting: Setting) -> None:
    before = result.catalog
    good = list(components)
    problems: list[Problem] = [found for component in good for found in unreadable(component)]
    while True:
        failed = {(found.type, found.full, found.file) for found in problems}
        good = [component for component in good if _key(component) not in failed]
        after = _with(before, good, setting)
        found = _stranded(good, after, setting) or _over_the_limit(good, after, setting)
        found = found or _unfitting(good, after, setting)
        problems += found
        if not found:
            break
    result.failures += problems
    result.successes += [_success(component, before, setting) for component in good]
    result.catalog = after


def _key(component: Component) -> tuple[str, str, str]:
    named = problem(component, "")
    return named.type, named.full, named.file


def _with(catalog: Catalog, components: Iterable[Component], setting: Setting) -> Catalog:
    after = catalog.copy()
    for component in components:
        known = after.get(component.type, component.full)
        if known is None or not same(known, component):
            after.put(component, setting.now, setting.user)
    return after


def _stranded(components: list[Component], catalog: Catalog, setting: Setting) -> list[Problem]:
    """What a schema cannot even be made with: fields of no object, and lookups to none."""
    objects = setting.objects | {kept.component.full for kept in catalog.of("CustomObject")}
    found = []
    for component in components:
        target = component.node.value("referenceTo") if component.type == "CustomField" else None
        if component.type in ("CustomField", "RecordType") and component.object not in objects:
            message = f"Entity '{component.object}' is not available in this organization"
            found.append(problem(component, message))
        elif component.type == "CustomObject" and not _may_exist(component, setting):
            message = f"fullName must end with: __c, or be a standard object of this org: {component.full}"
            found.append(problem(component, message))
        elif target and target not in objects:
            message = f"referenceTo value of '{target}' does not resolve to a valid sObject type"
            found.append(problem(component, message, component.node.first("referenceTo")))
    return found


def _may_exist(component: Component, setting: Setting) -> bool:
    return component.full.endswith("__c") or component.full in setting.objects


def _over_the_limit(components: list[Component], catalog: Catalog, setting: Setting) -> list[Problem]:
    counts: dict[str, int] = {}
    for kept in catalog.of("CustomField"):
        counts[kept.component.object] = counts.get(kept.component.object, 0) + 1
    most = setting.shape.most_fields
    return [
        problem(
            component, f"You have reached the maximum number of {most} custom fields on {component.object}"
        )
        for component in components
        if component.type == "CustomField" and counts[component.object] > most
    ]


def _unfitting(components: Iterable[Component], catalog: Catalog, setting: Setting) -> list[Problem]:
    world = World(catalog, build_schema(catalog, setting.shape), setting.shape)
    return [found for component in components for found in unfitting(component, world)]


def _success(component: Component, before: Catalog, setting: Setting) -> Success:
    known = before.get(component.type, component.full)
    standard = component.type == "CustomObject" and component.full in setting.objects
    if known is None:
        says = bool(component.node.children)
        return Success(component.name, component.file, created=not standard, changed=says or not standard)
    return Success(component.name, component.file, changed=not same(known, component))


# -- what is deleted


def _delete(result: Outcome, doomed: dict[Name, str], setting: Setting) -> None:
    """All of it or, of what is still needed elsewhere, nothing."""
    if not doomed:
        return
    for name, file in doomed.items():
        message = refused(name)
        if message:
            result.failures.append(Problem(name.type, name.full, file, message))
    names = {name: file for name, file in doomed.items() if not refused(name)}
    kept = _still_needed(result.catalog, names, setting)
    result.failures += [Problem(name.type, name.full, names[name], text) for name, text in kept.items()]
    for name, file in names.items():
        if name not in kept:
            result.successes.append(_deleted(name, file, result.catalog))
    result.catalog = remove(result.catalog, [name for name in names if name not in kept])


def _deleted(name: Name, file: str, catalog: Catalog) -> Success:
    if name in catalog:
        return Success(name, file, changed=True, deleted=True)
    return Success(name, file, warning=f"No {name.type} named: {name.full} found")


def _still_needed(catalog: Catalog, names: Iterable[Name], setting: Setting) -> dict[Name, str]:
    """Of those to delete, which must stay, and why: something that stays would be broken without it."""
    needed: dict[Name, str] = {}
    already = _messages(catalog, setting)
    while True:
        going = [name for name in names if name not in needed]
        after = remove(catalog, going)
        stranded = _stranded(list(after), after, setting)
        broken = stranded or _unfitting(after, after, setting)
        fresh = broken and blamed(broken, going, already)
        if not fresh:
            return needed
        needed |= fresh


def _messages(catalog: Catalog, setting: Setting) -> set[tuple[str, str, str]]:
    """What was wrong before; metadata an org was made with is not checked."""
    found = _unfitting(catalog, catalog, setting)
    return {(made.type, made.full, made.message) for made in found}
