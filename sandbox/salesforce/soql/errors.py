"""Salesforce points at the place in a query that it does not understand."""

from __future__ import annotations

from typing import Final

from sandbox.salesforce.errors import RequestRefused

_BEFORE: Final = 40
_AFTER: Final = 40


def pointed(query: str, at: int, code: str, message: str) -> RequestRefused:
    """``\\n<excerpt>\\n      ^\\nERROR at Row:1:Column:21\\n<message>``; ``at`` counts from 0."""
    at = min(at, len(query))
    line_start = query.rfind("\n", 0, at) + 1
    row, column = query.count("\n", 0, at) + 1, at - line_start + 1
    start = max(line_start, at - _BEFORE)
    end = min(len(query), at + _AFTER)
    excerpt = query[start:end].split("\n")[0]
    caret = " " * (at - start) + "^"
    text = f"\n{excerpt}\n{caret}\nERROR at Row:{row}:Column:{column}\n{message}"
    return RequestRefused(400, code, text)


def no_such_column(query: str, at: int, column: str, entity: str) -> RequestRefused:
    message = (
        f"No such column '{column}' on entity '{entity}'. If you are attempting to use a custom field, be sure to "
        "append the '__c' after the custom field name. Please reference your WSDL or the describe call for the "
        "appropriate names."
    )
    return pointed(query, at, "INVALID_FIELD", message)


def no_such_relationship(query: str, at: int, name: str) -> RequestRefused:
    message = (
        f"Didn't understand relationship '{name}' in field path. If you are attempting to use a custom "
        "relationship, be sure to append the '__r' after the custom relationship name. Please reference your WSDL "
        "or the describe call for the appropriate names."
    )
    return pointed(query, at, "INVALID_FIELD", message)


def no_such_object(query: str, at: int, name: str) -> RequestRefused:
    message = (
        f"sObject type '{name}' is not supported. If you are attempting to use a custom object, be sure to append "
        "the '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate "
        "names."
    )
    return pointed(query, at, "INVALID_TYPE", message)
