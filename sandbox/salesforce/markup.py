"""XML as Salesforce's metadata has it: elements of one namespace that hold either text or other elements.

Comes in through defusedxml, so that no entity is expanded and nothing is fetched; every element knows its place
in the file, which a deployment's errors tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from xml.etree.ElementTree import ParseError
from xml.sax.saxutils import escape

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

METADATA: Final = "http://soap.sforce.com/2006/04/metadata"
_DEPTH: Final = 100


class MarkupError(ValueError):
    """Not XML, or not XML that is safe to read. ``line`` and ``column`` count from 1."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Node:
    """One element. Two are equal if they say the same, wherever they stand.

    ``tag`` is without the namespace of metadata; of any other namespace it is ``{namespace}name``.
    """

    tag: str
    text: str = ""
    children: tuple[Node, ...] = ()
    line: int = field(default=1, compare=False)
    column: int = field(default=1, compare=False)

    def first(self, tag: str) -> Node | None:
        return next((child for child in self.children if child.tag == tag), None)

    def all(self, tag: str) -> tuple[Node, ...]:
        return tuple(child for child in self.children if child.tag == tag)

    def value(self, tag: str) -> str | None:
        """The text of the first child of this name; None where there is none."""
        found = self.first(tag)
        return None if found is None else found.text

    def walk(self, tag: str) -> Iterator[Node]:
        """All descendants of this name, in order."""
        for child in self.children:
            if child.tag == tag:
                yield child
            yield from child.walk(tag)

    def but(self, children: tuple[Node, ...]) -> Node:
        """The same element around other children."""
        return Node(self.tag, self.text, children, self.line, self.column)


def parse(data: bytes) -> Node:
    """Raises MarkupError."""
    builder = _Builder()
    parser: Any = DefusedXMLParser(target=builder)
    builder.expat = parser.parser
    try:
        parser.feed(data)
        root: Node = parser.close()
    except ParseError as error:
        line, column = error.position
        raise MarkupError(str(error).partition(":")[0], line, column + 1) from None
    except DefusedXmlException as error:
        raise MarkupError(f"forbidden in metadata: {type(error).__name__}", *builder.place) from None
    return root


def render(node: Node) -> str:
    """As XML, without a declaration or namespaces; empty text gives an empty element."""
    if not node.children and not node.text:
        return f"<{node.tag}/>"
    inner = "".join(map(render, node.children)) if node.children else escape(node.text)
    return f"<{node.tag}>{inner}</{node.tag}>"


class _Builder:
    """Collects what the parser meets. Text beside elements is white space and dropped."""

    expat: Any = None

    def __init__(self) -> None:
        self._open: list[tuple[str, int, int, list[str], list[Node]]] = []
        self._done: Node | None = None

    @property
    def place(self) -> tuple[int, int]:
        return self.expat.CurrentLineNumber, self.expat.CurrentColumnNumber + 1

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= _DEPTH:
            raise MarkupError("elements are nested too deep", *self.place)
        line, column = self.place
        self._open.append((tag.removeprefix(f"{{{METADATA}}}"), line, column, [], []))

    def data(self, text: str) -> None:
        if self._open:
            self._open[-1][3].append(text)

    def end(self, tag: str) -> None:
        name, line, column, texts, children = self._open.pop()
        node = Node(name, "" if children else "".join(texts), tuple(children), line, column)
        if self._open:
            self._open[-1][4].append(node)
        else:
            self._done = node

    def close(self) -> Node:
        if self._done is None:
            raise MarkupError("the document is empty")
        return self._done
