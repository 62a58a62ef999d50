"""Putting metadata into the org: one archive, deployed whole or not at all.

https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_rest_deploy.htm
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from urllib3.fields import RequestField
from urllib3.filepost import encode_multipart_formdata

from connector.clients.salesforce.encoding import to_json
from connector.clients.salesforce.errors import LATER
from connector.clients.salesforce.http import Request, content, fixed
from connector.clients.salesforce.polling import PollSchedule
from connector.clients.salesforce.session import Session
from connector.errors import Transient

_NAME: Final = "deploy"
_MISSED_POLLS: Final = 5


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
    """How far a deployment is. ``status`` in Salesforce's words: Pending, InProgress, Succeeded, Failed, …"""

    id: str
    status: str
    succeeded: bool
    total: int
    deployed: int
    failed: int
    problems: tuple[Problem, ...]


class Deployer:
    """Deploying needs the permission Modify Metadata Through Metadata API Functions."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def deploy(
        self,
        archive: bytes,
        check_only: bool,
        patience: PollSchedule,
        on_progress: Callable[[Deployment], None],
    ) -> Deployment:
        """Its end. ``archive``: a zip with package.xml at its root."""
        id_ = str(self._started(archive, check_only)["id"])
        missed = 0
        while patience.pause():
            try:
                told = self._session.call(_NAME, "GET", f"metadata/deployRequest/{id_}", params=_DETAILS)
            except Transient:
                missed += 1
                if missed == _MISSED_POLLS:
                    raise
                continue
            missed = 0
            deployment = _deployment(id_, told["deployResult"])
            on_progress(deployment)
            if told["deployResult"]["done"]:
                return deployment
        text = f"The deployment {id_} goes on without us: see Setup > Deployment Status in the org."
        raise Transient(text, code="deploy_too_slow", retry_after=LATER)

    def _started(self, archive: bytes, check_only: bool) -> Mapping[str, Any]:
        """Sent twice after a lost answer it is done twice, one after the other, and comes to the same."""
        options = {"checkOnly": check_only, "rollbackOnError": True, "singlePackage": True}
        json = RequestField("json", to_json({"deployOptions": options}))
        json.make_multipart(content_type="application/json")
        file = RequestField("file", archive, filename="casewire.zip")
        file.make_multipart(content_type="application/zip")
        body, content_type = encode_multipart_formdata([json, file])
        path = self._session.path("metadata/deployRequest")
        headers = {"Content-Type": content_type}
        told: Mapping[str, Any] = content(
            self._session.ask(Request(_NAME, "POST", path, headers, body=fixed(body))), _NAME
        )
        return told


_DETAILS: Final = {"includeDetails": "true"}


def _deployment(id_: str, told: Mapping[str, Any]) -> Deployment:
    return Deployment(
        id_,
        str(told["status"]),
        told.get("success") is True,
        told.get("numberComponentsTotal") or 0,
        told.get("numberComponentsDeployed") or 0,
        told.get("numberComponentErrors") or 0,
        tuple(_problems(told)),
    )


def _problems(told: Mapping[str, Any]) -> Iterator[Problem]:
    if told.get("errorMessage"):
        yield Problem("", "", "", str(told["errorMessage"]))
    details = told.get("details") or {}
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
