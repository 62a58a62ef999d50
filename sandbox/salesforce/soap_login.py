"""SOAP ``login()``: user name and password, as older clients log in. Gone from API 65.0 on."""

from __future__ import annotations

import re
from typing import Any, Final
from xml.sax.saxutils import escape

from defusedxml import ElementTree
from flask import Blueprint, Response, request

from sandbox.salesforce.org import CLIENT_SECRET, Org

_LAST: Final = 64
_PARTNER: Final = "{urn:partner.soap.sforce.com}"
_ENVELOPE: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:sf="urn:fault.partner.soap.sforce.com" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xmlns="urn:partner.soap.sforce.com"><soapenv:Body>{0}</soapenv:Body></soapenv:Envelope>'
)


def soap_login_blueprint(org: Org) -> Blueprint:
    """Every user's password is the client's secret; a security token behind it is taken too."""
    pages = Blueprint("salesforce_soap_login", __name__)

    @pages.post("/services/Soap/u/<version>")
    def login(version: str) -> Response:
        if not re.fullmatch(r"\d+\.0", version):
            return _fault("UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL")
        if float(version) > _LAST:
            message = (
                f"The SOAP Login operation is not available in the API version specified ({version}). Refer to the "
                "documentation for supported versions."
            )
            return _fault("INVALID_OPERATION", message)
        user = _user(org, request.get_data())
        if user is None:
            message = (
                "Invalid username, password, security token; or user locked out. Are you at the right url?"
            )
            return _fault("INVALID_LOGIN", message)
        return _answered(org, user, version)

    return pages


def _user(org: Org, body: bytes) -> str | None:
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        return None
    username, password = (root.findtext(f".//{_PARTNER}{name}", "") for name in ("username", "password"))
    if not password.startswith(CLIENT_SECRET):
        return None
    users = org.store.tables["User"].live
    return next((at for at, row in users.items() if row["Username"] == username.lower()), None)


def _answered(org: Org, user: str, version: str) -> Response:
    row, base = org.store.tables["User"].live[user], request.host_url.rstrip("/")
    organization = org.org_id[:15]
    told = {
        "metadataServerUrl": f"{base}/services/Soap/m/{version}/{organization}",
        "passwordExpired": "false",
        "sandbox": "true",
        "serverUrl": f"{base}/services/Soap/u/{version}/{organization}",
        "sessionId": org.sessions.issue(org.org_id, user),
        "userId": user,
    }
    info = {
        "organizationId": org.org_id,
        "userEmail": row["Email"],
        "userFullName": row["Name"],
        "userId": user,
        "userName": row["Username"],
        "userType": row["UserType"],
    }
    result = _elements(told) + f"<userInfo>{_elements(info)}</userInfo>"
    return _said(f"<loginResponse><result>{result}</result></loginResponse>", 200)


def _elements(values: dict[str, Any]) -> str:
    return "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in values.items())


def _fault(code: str, message: str) -> Response:
    detail = f"<sf:exceptionCode>{code}</sf:exceptionCode><sf:exceptionMessage>{escape(message)}</sf:exceptionMessage>"
    fault = (
        f"<soapenv:Fault><faultcode>sf:{code}</faultcode><faultstring>{code}: {escape(message)}</faultstring>"
        f'<detail><sf:LoginFault xsi:type="sf:LoginFault">{detail}</sf:LoginFault></detail></soapenv:Fault>'
    )
    return _said(fault, 500)


def _said(body: str, status: int) -> Response:
    return Response(_ENVELOPE.format(body), status, content_type="text/xml;charset=UTF-8")
