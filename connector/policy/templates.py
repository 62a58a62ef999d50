"""Templates an operator may write: values, ``if`` and a few filters, nothing that can run code or run for ever.

Loops, calls, arithmetic and attributes are refused when the policy is loaded. What is left ends after one pass
through a template of bounded length, and can reach only the values it is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import jinja2
from jinja2 import nodes
from jinja2.sandbox import SandboxedEnvironment
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

Told = str | int | bool | None
"""A value for a template."""

_FILTERS: Final = ("default", "lower", "title", "trim", "truncate", "upper")
_ALLOWED: Final = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Concat,
    nodes.Filter,
    nodes.Test,
)
_TESTS: Final = ("none", "defined", "true", "false")
_LONGEST: Final = 8_000
_BROKEN: Final = (jinja2.TemplateError, RecursionError, SyntaxError, MemoryError, ValueError)
"""Errors of Jinja and Python for invalid templates, deep nesting and too large numbers."""


def _environment() -> SandboxedEnvironment:
    made = SandboxedEnvironment(
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: "" if value is None else value,
    )
    made.globals.clear()
    made.filters = {name: made.filters[name] for name in _FILTERS}
    return made


_JINJA: Final = _environment()


class RenderError(Exception):
    """A template cannot be rendered with these values."""


class UndefinedValue(RenderError):
    """A template names a value that does not exist."""


class Text:
    """One template: its source as the operator wrote it, compiled and found harmless."""

    __slots__ = ("_template", "source")

    def __init__(self, source: str) -> None:
        """Raises ``PydanticCustomError`` for a template that is not allowed or not well-formed."""
        self.source = source
        self._template = _compile(source)

    def render(self, values: Mapping[str, Told]) -> str:
        """Render an operator's template, whose filters and operators may raise anything. RenderError for all of it."""
        try:
            return self._template.render(values)
        except jinja2.UndefinedError as error:
            raise UndefinedValue(str(error)) from error
        except Exception as error:
            raise RenderError(str(error)) from error

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Text) and other.source == self.source

    def __hash__(self) -> int:
        return hash(self.source)

    def __repr__(self) -> str:
        return f"Text({self.source!r})"

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            _text, serialization=core_schema.plain_serializer_function_ser_schema(lambda text: text.source)
        )


def _text(value: object) -> Text:
    if isinstance(value, Text):
        return value
    if not isinstance(value, str):
        raise PydanticCustomError("template", "should be a text in quotes")
    return Text(value)


@lru_cache(maxsize=256)
def _compile(source: str) -> jinja2.Template:
    if len(source) > _LONGEST:
        raise _refused(f"is longer than {_LONGEST} characters")
    try:
        tree = _JINJA.parse(source)
    except _BROKEN as error:
        raise _refused(f"is not a valid template: {error}") from error
    _inspect(tree)
    try:
        return _JINJA.from_string(source)
    except _BROKEN as error:
        raise _refused(f"is not a valid template: {error}") from error


def _inspect(tree: nodes.Node) -> None:
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, _ALLOWED):
            raise _refused(f"may not use {type(node).__name__.lower()} on template line {node.lineno}")
        if isinstance(node, nodes.Name) and node.name == "self":
            raise _refused("may not use 'self'")
        if isinstance(node, nodes.Filter) and node.name not in _FILTERS:
            raise _refused(f"may not use the filter {node.name!r}; allowed: {', '.join(_FILTERS)}")
        if isinstance(node, nodes.Test) and node.name not in _TESTS:
            raise _refused(f"may not use the test {node.name!r}; allowed: {', '.join(_TESTS)}")


def _refused(why: str) -> PydanticCustomError:
    return PydanticCustomError("template", "{why}", {"why": why})
