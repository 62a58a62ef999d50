"""A scripted Salesforce with a login, and a client of it: HTTP mocked by ``responses``, or over a real socket."""

from __future__ import annotations

import gzip
import itertools
import re
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import requests
import responses

from clients.scripted import HANG, Asked, Reply, Script, Scripted
from connector.clients.salesforce import SalesforceClient, SalesforceConfig

URL = "https://acme.my.salesforce.com"
ORG = "00Dxx0000001gPLEAY"
API = "/services/data/v66.0"
TOKEN_PATH = "/services/oauth2/token"
SESSION_REFUSED = Reply([{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}], 401)


XML = {"Content-Type": "text/xml; charset=utf-8"}


def envelope(inner: str) -> Reply:
    """An answer of the metadata API."""
    return Reply(
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns="http://soap.sforce.com/2006/04/metadata" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<soapenv:Body>{inner}</soapenv:Body></soapenv:Envelope>",
        headers=XML,
    )


def soap_fault(code: str, said: str) -> Reply:
    """Its refusal. The parts of a fault are in no namespace."""
    parts = f"<faultcode>sf:{code}</faultcode><faultstring>{code}: {said}</faultstring>"
    return Reply(
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:sf="http://soap.sforce.com/2006/04/metadata">'
        f"<soapenv:Body><soapenv:Fault>{parts}</soapenv:Fault></soapenv:Body></soapenv:Envelope>",
        500,
        XML,
    )


def fault(status: int, code: str, message: str = "because", **more: Any) -> Reply:
    return Reply([{"errorCode": code, "message": message, **more}], status)


class Logins:
    """Answers logins with session-1, session-2, … and refuses every session but the newest, or all of them."""

    def __init__(self) -> None:
        self.url = ""
        self.org = ORG
        self.count = 0
        self.refuse_all = False
        self.valid: set[str] = set()
        self._lock = threading.Lock()

    def login(self) -> Reply:
        with self._lock:
            self.count += 1
            token = f"session-{self.count}"
            self.valid.add(token)
        id_ = f"https://login.salesforce.com/id/{self.org}/005xx000001SwiUAAS"
        return Reply({"access_token": token, "instance_url": self.url, "id": id_, "token_type": "Bearer"})

    def refuses(self, asked: Asked) -> bool:
        return self.refuse_all or _session(asked) not in self.valid

    def script(self, then: Script) -> Script:
        def answer(asked: Asked) -> Reply:
            if asked.path == TOKEN_PATH:
                return self.login()
            if not self.refuses(asked):
                return then(asked)
            soap = soap_fault("INVALID_SESSION_ID", "Invalid Session ID found in SessionHeader")
            return soap if _of_soap(asked) else SESSION_REFUSED

        return answer


def _of_soap(asked: Asked) -> bool:
    return asked.path.startswith("/services/Soap/")


def _session(asked: Asked) -> str:
    """In the header; SOAP has it in its envelope."""
    if _of_soap(asked):
        return asked.body.decode().partition("<sessionId>")[2].partition("<")[0]
    return asked.headers.get("authorization", "").removeprefix("Bearer ")


class Mocked:
    """As ``Scripted``, without sockets: ``responses`` passes every request to ``url`` to the script."""

    def __init__(self, script: Script, url: str = URL) -> None:
        self.url = url
        self.asked: list[Asked] = []
        self._script = script
        self._mock = responses.RequestsMock(assert_all_requests_are_fired=False)
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            self._mock.add_callback(method, re.compile(re.escape(url)), self._respond)
        self._mock.start()

    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]

    def __enter__(self) -> Mocked:
        return self

    def __exit__(self, *_: object) -> None:
        self._mock.stop(allow_assert=False)

    def _respond(self, request: requests.PreparedRequest) -> Any:
        asked = _asked(request)
        self.asked.append(asked)
        reply = self._script(asked)
        if reply is HANG:
            return requests.ReadTimeout("timed out")
        if reply.status < 0:
            return requests.ConnectionError("connection aborted")
        if reply.cut:
            return requests.exceptions.ChunkedEncodingError("incomplete read")
        headers = {"Content-Type": "application/json", **reply.headers}
        return reply.status, {name: value for name, value in headers.items() if value}, reply.encoded()


def _asked(request: requests.PreparedRequest) -> Asked:
    parts = urlsplit(str(request.url))
    headers = {name.lower(): str(value) for name, value in request.headers.items()}
    body = request.body or b""
    content = body.encode() if isinstance(body, str) else body
    if headers.get("content-encoding") == "gzip":
        content = gzip.decompress(content)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    path = unquote(parts.path)
    return Asked(
        str(request.method), path, query, {**headers, "host": parts.netloc}, content, request.path_url
    )


class Rig:
    """``rig(script)`` gives a client of a Salesforce that answers by the script once a session is valid.

    ``serve``: how it is reached, by ``Mocked`` or ``Scripted``.
    """

    def __init__(self, serve: Callable[[Script], Mocked | Scripted] = Mocked) -> None:
        self.logins = Logins()
        self.server: Mocked | Scripted | None = None
        self.clients: list[SalesforceClient] = []
        self._serve = serve

    def __call__(self, then: Script, tokens: Any = None, **more: Any) -> SalesforceClient:
        if self.server is None:
            self.server = self._serve(self.logins.script(then))
            self.logins.url = self.server.url
        return self.client(self.server.url, tokens, **more)

    def client(self, url: str, tokens: Any = None, **more: Any) -> SalesforceClient:
        names = ("clock", "sleep", "on_call")
        ours = {name: more.pop(name) for name in names if name in more}
        settings = {"client_id": "sandbox", "client_secret": "sandbox", "timeout": 5.0, **more}
        ours.setdefault("sleep", lambda _: None)
        client = SalesforceClient(SalesforceConfig(url, **settings), tokens, pause=lambda: 0.0, **ours)
        self.clients.append(client)
        return client

    @property
    def asked(self) -> list[Asked]:
        """What was asked, logins aside."""
        assert self.server is not None
        return [asked for asked in self.server.asked if asked.path != TOKEN_PATH]

    def close(self) -> None:
        for client in self.clients:
            client.close()
        if self.server is not None:
            self.server.__exit__()


def one_by_one(*replies: Reply) -> Script:
    """Each reply once, the last one for ever."""
    left = itertools.chain(replies, itertools.repeat(replies[-1]))
    lock = threading.Lock()

    def answer(asked: Asked) -> Reply:
        with lock:
            return next(left)

    return answer


def written(asked: Asked) -> Reply:
    """Every row of a collections upsert as created."""
    rows = asked.json()["records"]
    return Reply(
        [{"id": f"001{n:015d}", "success": True, "errors": [], "created": True} for n in range(len(rows))]
    )


def side_by_side(count: int, work: Callable[[], object]) -> list[BaseException]:
    """Run ``work`` in so many threads at once; what they raised."""
    raised: list[BaseException] = []
    start = threading.Barrier(count)

    def run() -> None:
        start.wait()
        try:
            work()
        except Exception as error:  # noqa: BLE001  # told to the test
            raised.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised
