"""What the org's metadata says, by SOAP: REST deploys metadata but neither lists nor reads them.

https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_listmetadata.htm and
…/meta_readMetadata.htm. The session goes within the envelope, so each login makes its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import islice
from typing import Final, TypeVar
from xml.etree.ElementTree import Element

from connector.clients.salesforce.errors import LATER
from connector.clients.salesforce.http import Request
from connector.clients.salesforce.session import Session
from connector.clients.salesforce.soap_faults import body_of
from connector.clients.salesforce.tokens import Token
from connector.errors import Transient

NAMESPACE: Final = "{http://soap.sforce.com/2006/04/metadata}"
_TYPES_IN_A_CALL: Final = 3
_NAMES_IN_A_CALL: Final = 10
_HEADERS: Final = {"Content-Type": "text/xml; charset=UTF-8", "Accept": "text/xml", "SOAPAction": '""'}
_ENVELOPE: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">'
    '<soap:Header xmlns="http://soap.sforce.com/2006/04/metadata">'
    "<CallOptions><client>Casewire</client></CallOptions>"
    "<SessionHeader><sessionId>{session}</sessionId></SessionHeader></soap:Header>"
    '<soap:Body xmlns="http://soap.sforce.com/2006/04/metadata">{body}</soap:Body></soap:Envelope>'
)

Item = TypeVar("Item")


class MetadataApi:
    """Reading needs the permission Modify Metadata Through Metadata API Functions."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def listed(self, wanted: Mapping[str, str | None]) -> dict[str, list[str]]:
        """Type → full names, sorted. ``wanted``: type → folder, None where the type has none."""
        found: dict[str, list[str]] = {type_: [] for type_ in wanted}
        for some in _in_tens(list(wanted.items()), _TYPES_IN_A_CALL):
            queries = "".join(_query(type_, folder) for type_, folder in some)
            body = f"{queries}<asOfVersion>{self._session.api_version}</asOfVersion>"
            for told in self._call("listMetadata", body):
                type_, name = _text(told, "type"), _text(told, "fullName")
                found.setdefault(type_, []).append(name)
        return {type_: sorted(names) for type_, names in found.items()}

    def read(self, type_: str, names: Sequence[str]) -> dict[str, Element]:
        """Full name → component, its elements in Salesforce's namespace; what the org lacks is left out."""
        found: dict[str, Element] = {}
        for some in _in_tens(names, _NAMES_IN_A_CALL):
            wanted = "".join(f"<fullNames>{escape(name, quote=False)}</fullNames>" for name in some)
            for result in self._call("readMetadata", f"<type>{escape(type_)}</type>{wanted}"):
                records = result.iterfind(f"{NAMESPACE}records")
                found |= {name: record for record in records if (name := _text(record, "fullName"))}
        return found

    def _call(self, method: str, body: str) -> Iterator[Element]:
        """The ``result`` elements of an answer."""

        def envelope(token: Token) -> bytes:
            session = escape(token.access_token, quote=False)
            return _ENVELOPE.format(session=session, body=f"<{method}>{body}</{method}>").encode()

        path = f"/services/Soap/m/{self._session.api_version}"
        answer = self._session.ask(Request(method, "POST", path, _HEADERS, body=envelope))
        told = body_of(answer.content)
        if told is None:
            text = f"Salesforce's answer to {method} was not SOAP; something between answers in its place."
            raise Transient(text, code="not_soap", retry_after=LATER)
        return told.iterfind(f"{NAMESPACE}result")


def _query(type_: str, folder: str | None) -> str:
    where = f"<folder>{escape(folder, quote=False)}</folder>" if folder else ""
    return f"<queries>{where}<type>{escape(type_)}</type></queries>"


def _text(element: Element, name: str) -> str:
    return element.findtext(f"{NAMESPACE}{name}", "")


def _in_tens(items: Sequence[Item], size: int) -> Iterator[list[Item]]:
    left = iter(items)
    while some := list(islice(left, size)):
        yield some
