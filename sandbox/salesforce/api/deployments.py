"""Deployments over REST: ``metadata/deployRequest``."""

from __future__ import annotations

import io
import json
from typing import Any

from werkzeug.formparser import parse_form_data

from sandbox.salesforce.api.calls import Answer, Call
from sandbox.salesforce.deploy.deployments import Deployment
from sandbox.salesforce.deploy.results import options_of, result, told_options
from sandbox.salesforce.errors import RequestRefused, not_found, unreadable


def start(call: Call) -> Answer:
    """A multipart body: the options as JSON, and the zip as ``file``. Clients call the first part otherwise too."""
    sent, data = _parts(call)
    options = sent.get("deployOptions", {})
    if not isinstance(options, dict):
        raise unreadable("deployOptions must be a JSON object")
    flags = {name: value for name, value in options.items() if isinstance(value, bool)}
    made = call.org.deployments.start(data, options_of(flags, options.get("testLevel")), call.user)
    return Answer(_told(call, made, details=False), 201)


def status(call: Call, id: str) -> Answer:
    return Answer(_told(call, _known(call.org.deployments.ask(id)), details=call.flag("includeDetails")))


def cancel(call: Call, id: str) -> Answer:
    asked = call.json_object().get("deployResult")
    if not isinstance(asked, dict) or asked.get("status") != "Canceling":
        message = 'only {"deployResult": {"status": "Canceling"}} can be asked of a deployment'
        raise RequestRefused(400, "INVALID_FIELD", message)
    return Answer(_told(call, _known(call.org.deployments.cancel(id, call.user)), details=False), 202)


def _known(made: Deployment | None) -> Deployment:
    if made is None:
        raise not_found()
    return made


def _told(call: Call, made: Deployment, *, details: bool) -> dict[str, Any]:
    return {
        "id": made.id,
        "validatedDeployRequestId": None,
        "deployOptions": told_options(made.options),
        "deployResult": result(call.org, made, details=details),
    }


def _parts(call: Call) -> tuple[dict[str, Any], bytes]:
    environ = {
        "wsgi.input": io.BytesIO(call.body),
        "CONTENT_TYPE": call.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(call.body)),
        "REQUEST_METHOD": "POST",
    }
    _, form, files = parse_form_data(environ, stream_factory=lambda *_, **__: io.BytesIO())
    uploads = files.to_dict()
    packed = uploads.pop("file", None)
    texts = [*form.values(), *(upload.read() for upload in uploads.values())]
    if packed is None or len(texts) != 1:
        raise RequestRefused(
            400, "INVALID_MULTIPART_REQUEST", "one part of JSON and one named file are needed"
        )
    try:
        sent = json.loads(texts[0])
    except ValueError as error:
        raise unreadable(f"The deploy options are not JSON: {error}") from None
    if not isinstance(sent, dict):
        raise unreadable("The deploy options must be a JSON object")
    return sent, packed.read()
