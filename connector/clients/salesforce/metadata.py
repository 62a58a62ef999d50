"""Metadata of the org: deployed as one archive by REST, listed and read by SOAP, which REST cannot do.

simple-salesforce's metadata API is not used: its WSDL is of API 63.0, and its deployment has neither progress nor our
time limit. The access token is in the SOAP envelope, so the session fills it in.

https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_rest_deploy.htm
https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_listmetadata.htm
https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_readMetadata.htm
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import islice
from typing import Any, Final, TypeVar
from xml.etree.ElementTree import Element

from urllib3.fields import RequestField
from urllib3.filepost import encode_multipart_formdata

from connector.clients.salesforce.errors import LATER
from connector.clients.salesforce.formats import soap_body, to_json
from connector.clients.salesforce.jobs import PollSchedule
from connector.clients.salesforce.rest import RestApi
from connector.clients.salesforce.session import SESSION_ID
from connector.errors import Transient

NAMESPACE: Final = "{http://soap.sforce.com/2006/04/metadata}"
_TYPES_IN_A_CALL: Final = 3
_NAMES_IN_A_CALL: Final = 10
_SOAP_HEADERS: Final = {"Content-Type": "text/xml; charset=UTF-8", "Accept": "text/xml", "SOAPAction": '""'}
_ENVELOPE: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">'
    '<soap:Header xmlns="http://soap.sforce.com/2006/04/metadata">'
    "<CallOptions><client>Casewire</client></CallOptions>"
    f"<SessionHeader><sessionId>{SESSION_ID}</sessionId></SessionHeader></soap:Header>"
    '<soap:Body xmlns="http://soap.sforce.com/2006/04/metadata">%s</soap:Body></soap:Envelope>'
)

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why one component was refused. ``type`` is empty for what concerns the whole deployment."""

    type: str
    name: str
    file: str
    text: str
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True)
class Deployment:
    """The progress of a deployment. ``status`` is Salesforce's: Pending, InProgress, Succeeded, Failed, …"""

    id: str
    status: str
    succeeded: bool
    total: int
    deployed: int
    failed: int
    problems: tuple[Problem, ...]


class MetadataApi:
    """All of it needs the permission Modify Metadata Through Metadata API Functions."""

    def __init__(self, api: RestApi) -> None:
        self._api = api

    def deploy(
        self,
        archive: bytes,
        check_only: bool,
        schedule: PollSchedule,
        on_progress: Callable[[Deployment], None],
    ) -> Deployment:
        """The ended deployment. ``archive``: a zip with package.xml at its root."""
        id_ = self._start(archive, check_only)

        def read() -> tuple[Deployment, bool]:
            path = f"metadata/deployRequest/{id_}"
            result = self._api.call("deploy", "GET", path, params={"includeDetails": "true"})["deployResult"]
            return _deployment(id_, result), result["done"]

        def ended(state: tuple[Deployment, bool]) -> bool:
            on_progress(state[0])
            return state[1]

        text = f"The deployment {id_} goes on without us: see Setup > Deployment Status in the org."
        too_slow = Transient(text, code="deploy_too_slow", retry_after=LATER)
        return schedule.poll(read, ended, too_slow)[0]

    def _start(self, archive: bytes, check_only: bool) -> str:
        """The deployment's id. Sent twice after a lost response, it is deployed twice, with the same outcome."""
        options = {"checkOnly": check_only, "rollbackOnError": True, "singlePackage": True}
        json = RequestField("json", to_json({"deployOptions": options}))
        json.make_multipart(content_type="application/json")
        file = RequestField("file", archive, filename="casewire.zip")
        file.make_multipart(content_type="application/zip")
        body, content_type = encode_multipart_formdata([json, file])
        headers = {"Content-Type": content_type}
        return str(
            self._api.call("deploy", "POST", "metadata/deployRequest", body=body, headers=headers)["id"]
        )

    def listed(self, wanted: Mapping[str, str | None]) -> dict[str, list[str]]:
        """Type → full names, sorted. ``wanted``: type → folder, None where the type has none."""
        found: dict[str, list[str]] = {type_: [] for type_ in wanted}
        for some in _slices(list(wanted.items()), _TYPES_IN_A_CALL):
            queries = "".join(_query(type_, folder) for type_, folder in some)
            body = f"{queries}<asOfVersion>{self._api.version}</asOfVersion>"
            for result in self._soap("listMetadata", body):
                type_, name = _text(result, "type"), _text(result, "fullName")
                found.setdefault(type_, []).append(name)
        return {type_: sorted(names) for type_, names in found.items()}

    def read(self, type_: str, names: Sequence[str]) -> dict[str, Element]:
        """Full name → component, its elements in Salesforce's namespace; what the org lacks is left out."""
        found: dict[str, Element] = {}
        for some in _slices(names, _NAMES_IN_A_CALL):
            wanted = "".join(f"<fullNames>{escape(name, quote=False)}</fullNames>" for name in some)
            for result in self._soap("readMetadata", f"<type>{escape(type_)}</type>{wanted}"):
                records = result.iterfind(f"{NAMESPACE}records")
                found |= {name: record for record in records if (name := _text(record, "fullName"))}
        return found

    def _soap(self, method: str, body: str) -> Iterator[Element]:
        """The ``result`` elements of a response."""
        envelope = _ENVELOPE % f"<{method}>{body}</{method}>"
        content = soap_body(self._api.soap(method, envelope.encode(), _SOAP_HEADERS).content)
        if content is None:
            text = f"Salesforce's answer to {method} was not SOAP; something between answers in its place."
            raise Transient(text, code="not_soap", retry_after=LATER)
        return content.iterfind(f"{NAMESPACE}result")


def _deployment(id_: str, result: Mapping[str, Any]) -> Deployment:
    return Deployment(
        id_,
        str(result["status"]),
        result.get("success") is True,
        result.get("numberComponentsTotal") or 0,
        result.get("numberComponentsDeployed") or 0,
        result.get("numberComponentErrors") or 0,
        tuple(_problems(result)),
    )


def _problems(result: Mapping[str, Any]) -> Iterator[Problem]:
    if result.get("errorMessage"):
        yield Problem("", "", "", str(result["errorMessage"]))
    details = result.get("details") or {}
    for item in details.get("componentFailures") or ():
        yield Problem(
            item.get("componentType") or "",
            item.get("fullName") or "",
            item.get("fileName") or "",
            item.get("problem") or "",
            item.get("lineNumber"),
            item.get("columnNumber"),
        )
    for item in (details.get("runTestResult") or {}).get("failures") or ():
        name = f"{item.get('name')}.{item.get('methodName')}"
        yield Problem("ApexTest", name, "", str(item.get("message") or ""))


def _query(type_: str, folder: str | None) -> str:
    where = f"<folder>{escape(folder, quote=False)}</folder>" if folder else ""
    return f"<queries>{where}<type>{escape(type_)}</type></queries>"


def _text(element: Element, name: str) -> str:
    return element.findtext(f"{NAMESPACE}{name}", "")


def _slices(items: Sequence[Item], size: int) -> Iterator[list[Item]]:
    left = iter(items)
    while some := list(islice(left, size)):
        yield some
