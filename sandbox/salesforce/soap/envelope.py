"""SOAP envelopes as Salesforce reads and writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from xml.sax.saxutils import escape

from sandbox.salesforce.markup import METADATA, MarkupError, Node, parse, render

_SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
_HEAD: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    f'<soapenv:Envelope xmlns:soapenv="{_SOAP}" xmlns="{METADATA}"'
    f' xmlns:sf="{METADATA}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    "<soapenv:Body>"
)
_TAIL: Final = "</soapenv:Body></soapenv:Envelope>"


class Fault(Exception):
    """``code`` with its namespace prefix: ``sf`` for Salesforce's own codes, ``soapenv`` for SOAP's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code if ":" in code else f"sf:{code}"
        self.message = message if ":" in code else f"{code}: {message}"


@dataclass(frozen=True, slots=True)
class Asked:
    """One call: its name, what it was given, and the session of the header."""

    operation: str
    body: Node
    session: str

    def text(self, name: str) -> str:
        return self.body.value(name) or ""

    def flag(self, name: str) -> bool:
        return truth(self.body, name)


def truth(node: Node, name: str) -> bool:
    """Clients write booleans in more ways than one."""
    return (node.value(name) or "").strip().lower() in ("true", "1")


def read(data: bytes) -> Asked:
    """Raises Fault."""
    try:
        root = parse(data)
    except MarkupError as error:
        raise Fault("soapenv:Client", f"The request is not XML: {error}") from None
    body = root.first(f"{{{_SOAP}}}Body")
    if root.tag != f"{{{_SOAP}}}Envelope" or body is None or len(body.children) != 1:
        raise Fault("soapenv:Client", "The request is no SOAP envelope with one call in its body")
    header = root.first(f"{{{_SOAP}}}Header") or root
    session = next((node.text for node in header.walk("sessionId")), "")
    return Asked(body.children[0].tag, body.children[0], session.strip())


def answer(operation: str, results: Sequence[str]) -> str:
    """``results``: the inside of each ``result`` element, as XML."""
    inner = "".join(f"<result>{result}</result>" for result in results)
    return f"{_HEAD}<{operation}Response>{inner}</{operation}Response>{_TAIL}"


def told(fault: Fault) -> str:
    return (
        f"{_HEAD}<soapenv:Fault><faultcode>{escape(fault.code)}</faultcode>"
        f"<faultstring>{escape(fault.message)}</faultstring></soapenv:Fault>{_TAIL}"
    )


def elements(values: Mapping[str, Any]) -> str:
    """Values by name as XML: lists one element each, what is None not at all."""
    return "".join(_element(name, value) for name, value in values.items())


def _element(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return f"<{name}>{elements(value)}</{name}>"
    if isinstance(value, (list, tuple)):
        return "".join(_element(name, item) for item in value)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"<{name}>{escape(text)}</{name}>"


def record(type_: str, node: Node) -> str:
    """A component as ``readMetadata`` gives it back."""
    inner = "".join(map(render, node.children))
    return f'<records xsi:type="{type_}">{inner}</records>'


def no_record() -> str:
    return '<records xsi:nil="true"/>'
