"""The Metadata API over SOAP: ``/services/Soap/m/<version>``."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Final

from flask import Blueprint, Response, request

from sandbox.control import Control
from sandbox.salesforce.api.describe import FIRST_VERSION, LAST_VERSION
from sandbox.salesforce.deploy.deployments import Deployment
from sandbox.salesforce.deploy.results import options_of, result
from sandbox.salesforce.org import Org
from sandbox.salesforce.soap import reading
from sandbox.salesforce.soap.envelope import Asked, Fault, answer, elements, read, told, truth
from sandbox.server import drop_connection

_OPTIONS: Final = (
    "allowMissingFiles",
    "autoUpdatePackage",
    "checkOnly",
    "ignoreWarnings",
    "performRetrieve",
    "purgeOnDelete",
    "rollbackOnError",
    "singlePackage",
)


def metadata_blueprint(org: Org, control: Control) -> Blueprint:
    pages = Blueprint("salesforce_metadata", __name__)

    @pages.post("/services/Soap/m/<version>")
    @pages.post("/services/Soap/m/<version>/")
    @pages.post("/services/Soap/m/<version>/<path:rest>")
    def metadata(version: str, rest: str = "") -> Response:
        """Clients put their organization, or the name of the call, behind the version."""
        dropped = control.take_fault(("drop_after_commit",), f"POST {request.path}")
        try:
            text = _answer(org, control, version)
        except Fault as fault:
            return Response(told(fault), 500, content_type="text/xml;charset=UTF-8")
        return drop_connection() if dropped else Response(text, content_type="text/xml;charset=UTF-8")

    return pages


def _answer(org: Org, control: Control, version: str) -> str:
    number = re.fullmatch(r"(\d+)\.0", version)
    if number is None or not FIRST_VERSION <= int(number[1]) <= LAST_VERSION:
        raise Fault("UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL")
    asked = read(request.get_data())
    user = _user(org, control, asked)
    carry_out = _OPERATIONS.get(asked.operation)
    if carry_out is None:
        raise Fault("soapenv:Client", f"No operation available for request {asked.operation}")
    return answer(asked.operation, carry_out(org, asked, user))


def _user(org: Org, control: Control, asked: Asked) -> str:
    subject = f"POST {request.path} {asked.operation}"
    if control.take_fault(("session_expired",), subject):
        org.sessions.revoke_all()
    user = org.sessions.user(asked.session)
    if user is None:
        raise Fault("INVALID_SESSION_ID", "Invalid Session ID found in SessionHeader: Illegal Session")
    if control.take_fault(("concurrent_limit",), subject):
        message = "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
        raise Fault("REQUEST_LIMIT_EXCEEDED", message)
    if control.take_fault(("server_unavailable",), subject):
        raise Fault("SERVER_UNAVAILABLE", "Server too busy")
    if not org.count_call() or control.take_fault(("daily_limit",), subject):
        raise Fault("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    return user


def _deploy(org: Org, asked: Asked, user: str) -> list[str]:
    """Element names as Salesforce has them, and as older clients write them."""
    encoded = asked.text("ZipFile") or asked.text("zipFile")
    sent = asked.body.first("DeployOptions") or asked.body.first("deployOptions") or asked.body
    try:
        data = base64.b64decode("".join(encoded.split()), validate=True)
    except binascii.Error:
        raise Fault("soapenv:Client", "ZipFile is not base64") from None
    flags = {name: truth(sent, name) for name in _OPTIONS if sent.first(name) is not None}
    made = org.deployments.start(data, options_of(flags, sent.value("testLevel")), user)
    return [elements({"done": False, "id": made.id, "state": "Queued"})]


def _status(org: Org, asked: Asked, user: str) -> list[str]:
    made = _known(org.deployments.ask(asked.text("asyncProcessId")), asked.text("asyncProcessId"))
    return [elements(result(org, made, details=asked.flag("includeDetails")))]


def _cancel(org: Org, asked: Asked, user: str) -> list[str]:
    sent = asked.text("String") or asked.text("asyncProcessId")
    made = _known(org.deployments.cancel(sent, user), sent)
    return [elements({"done": made.done, "id": made.id})]


def _known(made: Deployment | None, sent: str) -> Deployment:
    if made is None:
        raise Fault("INVALID_CROSS_REFERENCE_KEY", f"invalid cross reference id: {sent}")
    return made


_OPERATIONS: Final[dict[str, Callable[[Org, Asked, str], list[str]]]] = {
    "deploy": _deploy,
    "checkDeployStatus": _status,
    "cancelDeploy": _cancel,
    "describeMetadata": reading.describe,
    "listMetadata": reading.listing,
    "readMetadata": reading.components,
}
