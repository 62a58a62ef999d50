"""Builds an XML schema of Salesforce metadata from the WSDL that simple-salesforce carries.

The WSDL is Salesforce's own (API 63.0) and stays where it is installed; only its types are read. It knows
element names, their order, enumerations and booleans, but not what a name points to: see ``references``.
"""

from __future__ import annotations

from pathlib import Path

import simple_salesforce
from lxml import etree

_XSD = "{http://www.w3.org/2001/XMLSchema}"
_METADATA = "http://soap.sforce.com/2006/04/metadata"


def metadata_schema() -> etree.XMLSchema:
    """A schema with one global element for each metadata type, as files have it for their root."""
    wsdl = Path(simple_salesforce.__file__).with_name("metadata.wsdl")
    types = etree.parse(str(wsdl)).getroot().find(f".//{_XSD}schema")
    assert types is not None
    schema = etree.Element(types.tag, dict(types.attrib), nsmap={"xsd": _XSD[1:-1], "tns": _METADATA})
    schema.extend(list(types))
    for name in _metadata_types(schema):
        etree.SubElement(schema, f"{_XSD}element", name=name, type=f"tns:{name}")
    return etree.XMLSchema(etree.fromstring(etree.tostring(schema)))


def _metadata_types(schema: etree._Element) -> list[str]:
    types = schema.findall(f"{_XSD}complexType")
    return [str(t.get("name")) for t in types if t.find(f".//{_XSD}extension") is not None]
