"""Lightning record pages: components Salesforce documents, on fields, relationships and values that exist.

A page whose component, property or region Salesforce does not know is refused as a whole, and with it the
deployment; a field that is not there shows an empty place. Facets are the slots of containers: a property names
each, exactly once.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable

from lxml import etree

from . import standard
from .components import FACETS, PROPERTIES, STANDARD_TABS, TEMPLATES
from .folder import NAMESPACE, Component, Folder, text, texts
from .names import Complaints, absent, not_a_value, unknown_columns, unknown_fields

RECORD_FIELD = re.compile(r"\{!Record\.(\w+)\}")
LABEL_LIMIT = 80
IDENTIFIER_LIMIT = 120
CRITERIA_LIMIT = 5
COLUMN_LIMIT = 10
REGION_LIMIT = 100

OPERATORS = frozenset({"CONTAINS", "EQUAL", "GE", "GT", "LE", "LT", "NE"})
LIST_OPERATORS = frozenset({"EQUALS", "NOT_EQUAL"})
SORT_ORDERS = frozenset({"Ascending", "Default", "Descending"})


def pages(folder: Folder) -> Complaints:
    for c in folder.of("FlexiPage"):
        for check in CHECKS:
            yield from check(folder, c)


def _words(folder: Folder, page: Component) -> Complaints:
    if page.text("sobjectType") not in standard.OBJECTS | folder.names("CustomObject"):
        yield f"{page.name}: about {page.text('sobjectType')}, which does not exist"
    if not 0 < len(page.text("masterLabel")) <= LABEL_LIMIT or not page.text("description"):
        yield f"{page.name}: label missing or too long, or no description"


def _regions(folder: Folder, page: Component) -> Complaints:
    """The template's regions are filled, and every facet is in one place."""
    template = "".join(text(t, "name") for t in page.each("template"))
    regions = page.each("flexiPageRegions")
    filled = {text(r, "name") for r in regions if text(r, "type") == "Region"}
    if filled != TEMPLATES.get(template):
        yield f"{page.name}: fills {sorted(filled)} of template {template!r}"
    facets = {text(r, "name") for r in regions if text(r, "type") == "Facet"}
    named = Counter(property_(c, FACETS[name]) for c in _instances(page) if (name := _component(c)) in FACETS)
    yield from absent(page, set(named), facets, "facet")
    yield from (f"{page.name}: facet {f} is in {named[f]} places" for f in sorted(facets) if named[f] != 1)
    for name, count in Counter(text(r, "name") for r in regions).items():
        if count > 1:
            yield f"{page.name}: region {name} stands twice"
    if any(len(r.findall(NAMESPACE + "itemInstances")) > REGION_LIMIT for r in regions):
        yield f"{page.name}: a region holds more than {REGION_LIMIT} components"


def _components(folder: Folder, page: Component) -> Complaints:
    for c in _instances(page):
        known = PROPERTIES.get(_component(c))
        if known is None:
            yield f"{page.name}: component {_component(c)} is not one we know of"
            continue
        yield from absent(page, _properties(c), known, f"property of {_component(c)}")
        title = property_(c, "title")
        if title.startswith("Standard.") and title not in STANDARD_TABS:
            yield f"{page.name}: tab {title} is not one of Salesforce's"


def _identifiers(folder: Folder, page: Component) -> Complaints:
    for name, count in Counter(page.deep("identifier")).items():
        if count > 1 or not 0 < len(name) <= IDENTIFIER_LIMIT:
            yield f"{page.name}: identifier {name!r} is missing, too long or used {count} times"
    if len(page.deep("identifier")) != len(page.deep("componentName")) + len(page.deep("fieldItem")):
        yield f"{page.name}: a component has no identifier"


def _tabs(folder: Folder, page: Component) -> Complaints:
    """One tab of each set is open at first."""
    bodies = {text(r, "name"): r for r in page.each("flexiPageRegions")}
    for tabset in (c for c in _instances(page) if _component(c) == "flexipage:tabset"):
        body = bodies.get(property_(tabset, "tabs"))
        tabs = [] if body is None else list(body.iter(NAMESPACE + "componentInstance"))
        if [property_(t, "active") for t in tabs].count("true") != 1:
            yield f"{page.name}: {property_(tabset, 'tabs')} does not open with one tab"


def _fields(folder: Folder, page: Component) -> Complaints:
    for item in page.deep("fieldItem"):
        record, _, path = item.partition(".")
        relationship, _, field = path.rpartition(".")
        object_ = page.text("sobjectType")
        if relationship:
            object_ = _parent(folder, object_, relationship)
        if record != "Record" or not object_:
            yield f"{page.name}: {item} leads nowhere"
            continue
        yield from unknown_fields(folder, page, [field], object_)
    yield from (
        f"{page.name}: {f} is placed twice" for f, n in Counter(page.deep("fieldItem")).items() if n > 1
    )


def _parent(folder: Folder, object_: str, relationship: str) -> str:
    """The object a relationship leads to, empty if to none: ``Account``, ``Billing_Dispute__r``."""
    lookup = folder.field(f"{object_}.{relationship.removesuffix('__r')}__c")
    if relationship.endswith("__r"):
        return lookup.text("referenceTo") if lookup else ""
    return standard.PARENTS.get(f"{object_}.{relationship}", "")


def _related_lists(folder: Folder, page: Component) -> Complaints:
    object_ = page.text("sobjectType")
    for c in (c for c in _instances(page) if "relatedListApiName" in _properties(c)):
        name = property_(c, "relatedListApiName")
        if property_(c, "parentFieldApiName") != f"{object_}.Id":
            yield f"{page.name}: {name} is not a list of this {object_}"
        child = _child(folder, object_, name)
        if child is None:
            yield f"{page.name}: related list {name} leads nowhere"
        elif _component(c) == "lst:dynamicRelatedList":
            yield from _dynamic_list(folder, page, c, child)


def _child(folder: Folder, object_: str, name: str) -> str | None:
    for lookup in folder.of("CustomField"):
        if f"{lookup.text('relationshipName')}__r" == name and lookup.text("referenceTo") == object_:
            return lookup.object
    return standard.CHILDREN.get(f"{object_}.{name}")


def _dynamic_list(folder: Folder, page: Component, list_: etree._Element, child: str) -> Complaints:
    columns = _values(list_, "relatedListFieldAliases")
    sort = property_(list_, "sortFieldAlias")
    if not 0 < len(columns) <= COLUMN_LIMIT or len(set(columns)) < len(columns):
        yield f"{page.name}: the list of {child} shows no column, too many, or one twice"
    yield from unknown_columns(folder, page, {*columns, sort} - {"__DEFAULT__"}, child)
    yield from absent(page, {property_(list_, "sortFieldOrder")}, SORT_ORDERS, "sort order")
    for filter_ in _values(list_, "adminFilters"):
        field, operator, values = filter_.split("|")
        yield from unknown_fields(folder, page, [field], child)
        yield from absent(page, {operator}, LIST_OPERATORS, "list operator")
        yield from not_a_value(folder, page, f"{child}.{field}", set(json.loads(values)))


def _visibility(folder: Folder, page: Component) -> Complaints:
    for rule in page.root.iter(NAMESPACE + "visibilityRule"):
        criteria = rule.findall(NAMESPACE + "criteria")
        if not 0 < len(criteria) <= CRITERIA_LIMIT:
            yield f"{page.name}: a rule with {len(criteria)} criteria"
        numbers = re.findall(r"\d+", text(rule, "booleanFilter"))
        if numbers != [str(i + 1) for i in range(len(criteria))] and (numbers or len(criteria) > 1):
            yield f"{page.name}: {text(rule, 'booleanFilter')!r} does not join {len(criteria)} criteria"
        for criterion in criteria:
            yield from _criterion(folder, page, criterion)


def _criterion(folder: Folder, page: Component, criterion: etree._Element) -> Complaints:
    yield from absent(page, {text(criterion, "operator")}, OPERATORS, "operator")
    found = RECORD_FIELD.fullmatch(text(criterion, "leftValue"))
    if found is None:
        yield f"{page.name}: shown by {text(criterion, 'leftValue')}, not by a field of the record"
        return
    field = f"{page.text('sobjectType')}.{found[1]}"
    yield from unknown_fields(folder, page, [found[1]], page.text("sobjectType"))
    yield from not_a_value(folder, page, field, {text(criterion, "rightValue")})


def _instances(page: Component) -> list[etree._Element]:
    return list(page.root.iter(NAMESPACE + "componentInstance"))


def _component(instance: etree._Element) -> str:
    return text(instance, "componentName")


def _properties(instance: etree._Element) -> set[str]:
    return {text(p, "name") for p in instance.findall(NAMESPACE + "componentInstanceProperties")}


def property_(instance: etree._Element, name: str) -> str:
    """What a component's property says, empty if it has none."""
    found = instance.findall(NAMESPACE + "componentInstanceProperties")
    return next((text(p, "value") for p in found if text(p, "name") == name), "")


def _values(instance: etree._Element, name: str) -> list[str]:
    found = instance.findall(NAMESPACE + "componentInstanceProperties")
    lists = [
        items for p in found if text(p, "name") == name for items in p.iter(NAMESPACE + "valueListItems")
    ]
    return [value for items in lists for value in texts(items, "value")]


CHECKS: tuple[Callable[[Folder, Component], Complaints], ...] = (
    _words,
    _regions,
    _components,
    _identifiers,
    _tabs,
    _fields,
    _related_lists,
    _visibility,
)
