"""A scripted Salesforce with a login, and a client of it."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

from connector.clients.salesforce import SalesforceClient, SalesforceConfig

from .scripted import Asked, Reply, Script, Scripted

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


class Rig:
    """``rig(script)`` gives a client of a Salesforce that answers by the script once a session is valid."""

    def __init__(self) -> None:
        self.logins = Logins()
        self.server: Scripted | None = None
        self.clients: list[SalesforceClient] = []

    def __call__(self, then: Script, tokens: Any = None, **more: Any) -> SalesforceClient:
        if self.server is None:
            self.server = Scripted(self.logins.script(then))
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


def rigged() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.close()


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
