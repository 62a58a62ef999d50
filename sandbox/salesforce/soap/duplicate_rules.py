"""Duplicate rules as metadata: they are made in set-up, not deployed, and lie in no catalog."""

from __future__ import annotations

from typing import Final

from sandbox.salesforce.deploy.catalog import Component, Kept
from sandbox.salesforce.deploy.types import MetadataType
from sandbox.salesforce.markup import Node
from sandbox.salesforce.org import Org
from sandbox.salesforce.rulebook import DuplicateRule

DUPLICATE_RULE: Final = MetadataType("DuplicateRule", "duplicateRules", "duplicateRule", "0Bm")


def duplicate_rules(org: Org) -> list[Kept]:
    """In order of name. Use it while the store is locked."""
    rows = org.store.tables[DUPLICATE_RULE.name].live.values()
    kept = [
        Kept(_component(rule, order), row["Id"], row["CreatedDate"], "", row["LastModifiedDate"], "")
        for order, (rule, row) in enumerate(zip(org.rulebook.duplicates, rows, strict=True), start=1)
    ]
    return sorted(kept, key=lambda one: one.component.full)


def _component(rule: DuplicateRule, order: int) -> Component:
    full = f"{rule.object}.{rule.name}"
    return Component(DUPLICATE_RULE.name, full, _node(rule, order), f"duplicateRules/{full}.duplicateRule")


def _node(rule: DuplicateRule, order: int) -> Node:
    """A blocking rule refuses; any other lets pass and alerts."""
    action = "Block" if rule.blocks else "Allow"
    operations = (
        () if rule.blocks else (_text("operationsOnInsert", "Alert"), _text("operationsOnUpdate", "Alert"))
    )
    return _of(
        DUPLICATE_RULE.name,
        _text("actionOnInsert", action),
        _text("actionOnUpdate", action),
        _text("alertText", "Use one of these records?"),
        _text("description", ""),
        _of("duplicateRuleFilter", _text("booleanFilter", "")),
        _match(rule),
        _text("isActive", "true"),
        _text("masterLabel", rule.name.replace("_", " ")),
        *operations,
        _text("securityOption", "BypassSharingRules"),
        _text("sortOrder", str(order)),
    )


def _match(rule: DuplicateRule) -> Node:
    pairs = (
        _of("mappingFields", _text("inputField", name), _text("outputField", name)) for name in rule.fields
    )
    mapping = _of(
        "objectMapping", _text("inputObject", rule.object), *pairs, _text("outputObject", rule.object)
    )
    kind = _text("matchRuleSObjectType", rule.object)
    return _of("duplicateRuleMatchRules", kind, _text("matchingRule", f"{rule.name}_Match"), mapping)


def _text(tag: str, text: str) -> Node:
    return Node(tag, text)


def _of(tag: str, *children: Node) -> Node:
    return Node(tag, "", children)
