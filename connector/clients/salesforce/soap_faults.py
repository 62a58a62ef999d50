"""XML of Salesforce, read safely: SOAP envelopes and the faults in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

_ENVELOPE: Final = "{http://schemas.xmlsoap.org/soap/envelope/}"


def fault_of(content: bytes) -> Mapping[str, str] | None:
    """A SOAP fault in the shape of a REST error; None if there is none to be read."""
    envelope = element_of(content)
    fault = envelope.find(f"{_ENVELOPE}Body/{_ENVELOPE}Fault") if envelope is not None else None
    if fault is None:
        return None
    code = fault.findtext("{*}faultcode", "").rpartition(":")[2]
    said = fault.findtext("{*}faultstring", "")
    return {"errorCode": code, "message": said.removeprefix(f"{code}:").strip()}


def body_of(content: bytes) -> Element | None:
    """What a SOAP envelope carries."""
    envelope = element_of(content)
    body = envelope.find(f"{_ENVELOPE}Body") if envelope is not None else None
    return next(iter(body), None) if body is not None else None


def element_of(content: bytes) -> Element | None:
    """None for what is not XML, or has a document type or entities in it."""
    try:
        return fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError):
        return None
