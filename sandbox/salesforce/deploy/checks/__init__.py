"""What an org refuses of a component that reads well: names that lead nowhere, and values it does not take.

A check is a generator of complaints; each is a message in Salesforce's words and the element it is about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from sandbox.salesforce.deploy.catalog import Component
from sandbox.salesforce.deploy.checks import access, fields, lists, objects, pages, reports
from sandbox.salesforce.deploy.problems import Problem, problem
from sandbox.salesforce.deploy.vocabulary import misspelt
from sandbox.salesforce.deploy.world import World
from sandbox.salesforce.markup import Node

Check = Callable[[Component, World], Iterator[tuple[str, Node]]]

_CHECKS: Final[dict[str, Check]] = {
    "CustomObject": objects.custom_object,
    "CustomField": fields.reaches,
    "BusinessProcess": objects.business_process,
    "CompactLayout": lists.compact_layout,
    "ListView": lists.list_view,
    "RecordType": objects.record_type,
    "ValidationRule": objects.validation_rule,
    "CustomApplication": pages.application,
    "CustomTab": pages.tab,
    "Dashboard": reports.dashboard,
    "FlexiPage": pages.flexi_page,
    "Layout": pages.layout,
    "PermissionSet": access.permission_set,
    "Queue": access.queue,
    "Report": reports.report,
    "ReportType": reports.report_type,
}


def unreadable(component: Component) -> list[Problem]:
    """What is wrong with a component whatever org it is for."""
    found = list(misspelt(component.type, component.node))
    if component.type == "CustomField" and not found:
        found = list(fields.made_well(component))
    return [problem(component, message, node) for message, node in found]


def unfitting(component: Component, world: World) -> list[Problem]:
    """What is wrong with a component in this org."""
    check = _CHECKS.get(component.type)
    return [problem(component, *found) for found in check(component, world)] if check else []
