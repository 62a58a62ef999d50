"""What a deployment says of a component."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.salesforce.deploy.catalog import Component
from sandbox.salesforce.markup import Node


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a component fails; ``line`` is 0 where no place can be told."""

    type: str
    full: str
    file: str
    message: str
    line: int = 0
    column: int = 0


def problem(component: Component, message: str, node: Node | None = None) -> Problem:
    """With the place of the node in the component's file."""
    at = node or component.node
    return Problem(component.type, component.full, component.file, message, at.line, at.column)
