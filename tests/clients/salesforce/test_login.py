"""Logging in: both flows, at the address we are told, and refusals that say what to mend."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from clients.scripted import DROP, Asked, Reply, Script, Scripted
from connector.clients.salesforce import SalesforceClient, SalesforceConfig
from connector.errors import SetupError, Unavailable

from .rig import ORG, Mocked, side_by_side

QUERY = "SELECT Id FROM Case"
Start = Callable[..., tuple[SalesforceClient, Mocked | Scripted]]


@pytest.fixture
def start() -> Iterator[Start]:
    servers: list[Any] = []

    def start(
        script: Script, serve: Callable[[Script], Mocked | Scripted] = Mocked, **settings: Any
    ) -> tuple[SalesforceClient, Mocked | Scripted]:
        server = serve(script)
        told = {"client_id": "app", "client_secret": "se:cret", **settings}
        clock = told.pop("clock", None)
        client = SalesforceClient(
            SalesforceConfig(server.url + "/", **told),
            sleep=lambda _: None,
            **({"clock": clock} if clock else {}),
        )
        servers.append((client, server))
        return client, server

    yield start
    for client, server in servers:
        client.close()
        server.__exit__()


def works(asked: Asked) -> Reply:
    if asked.path != "/services/oauth2/token":
        return Reply({"totalSize": 0, "done": True, "records": []})
    origin = f"https://{asked.headers['host']}"
    return Reply(
        {"access_token": "t", "instance_url": origin, "id": f"https://x/id/{ORG}/005", "scope": "api"}
    )


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def pem(key: rsa.RSAPrivateKey) -> str:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


def test_client_credentials_go_in_the_header(start: Start) -> None:
    client, server = start(works)
    client.query(QUERY)
    login = server.asked[0]
    assert (login.method, login.path) == ("POST", "/services/oauth2/token")
    assert login.form() == {"grant_type": "client_credentials"}
    told = login.headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(told) == b"app:se:cret"


@pytest.mark.parametrize("given", ["pem", "pem on one line", "path"])
def test_a_signed_assertion_logs_in_the_user(
    start: Start, key: rsa.RSAPrivateKey, pem: str, tmp_path: Path, given: str
) -> None:
    path = tmp_path / "key.pem"
    path.write_text(pem)
    told = {"pem": pem, "pem on one line": pem.replace("\n", "\\n"), "path": str(path)}[given]
    client, server = start(
        works, client_secret=None, username="bot@acme.example", jwt_key=told, clock=lambda: 2_000_000_000.0
    )
    client.query(QUERY)
    form = server.asked[0].form()
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assert "authorization" not in server.asked[0].headers
    claims = jwt.decode(form["assertion"], key.public_key(), ["RS256"], audience=server.url)
    assert claims == {"iss": "app", "sub": "bot@acme.example", "aud": server.url, "exp": 2_000_000_180}


def test_the_login_may_be_at_another_address_than_the_org_and_stays_there(
    start: Start, key: rsa.RSAPrivateKey, pem: str
) -> None:
    """The audience is the address of the login, at every renewal too; data go to the address the login names."""
    refused = Reply([{"errorCode": "INVALID_SESSION_ID", "message": "expired"}], 401)
    answers = iter([refused])
    with Scripted(lambda asked: next(answers, None) or works(asked)) as org:

        def login(asked: Asked) -> Reply:
            return Reply(
                {**works(asked).body, "instance_url": org.url, "access_token": str(len(server.asked))}
            )

        settings = {"client_secret": None, "username": "bot@acme.example", "jwt_key": pem}
        client, server = start(login, Scripted, **settings)
        assert client.query(QUERY) == []
        assertions = [asked.form()["assertion"] for asked in server.asked]
        told = [jwt.decode(each, key.public_key(), ["RS256"], audience=server.url) for each in assertions]
        assert [claims["aud"] for claims in told] == [server.url] * 2
        assert [asked.headers["authorization"] for asked in org.asked] == ["Bearer 1", "Bearer 2"]


@pytest.mark.parametrize(
    ("error", "description", "words"),
    [
        ("invalid_client", "invalid client credentials", "SALESFORCE_CLIENT_SECRET"),
        ("invalid_client_id", "client identifier invalid", "SALESFORCE_CLIENT_ID"),
        ("invalid_grant", "user hasn't approved this consumer", "pre-authorize"),
        ("invalid_grant", "no client credentials user enabled", "Run As"),
        ("invalid_grant", "audience is invalid", "SALESFORCE_LOGIN_URL"),
        ("invalid_grant", "request not supported on this domain", "My Domain"),
        ("invalid_grant", "ip restricted", "IP ranges"),
        ("invalid_grant", "something else", "policies"),
        ("invalid_app_access", "user is not admin approved to access this app", "permission set"),
        ("inactive_user", "user is inactive", "activate"),
        ("unheard_of", "new", "policies"),
    ],
)
def test_a_refused_login_says_what_to_mend(start: Start, error: str, description: str, words: str) -> None:
    client, _ = start(lambda asked: Reply({"error": error, "error_description": description}, 400))
    with pytest.raises(Unavailable, match=words) as told:
        client.query(QUERY)
    assert (told.value.destination, told.value.retry_after, told.value.code) == ("salesforce", 300.0, error)
    assert description in str(told.value)


@pytest.mark.parametrize(
    "reply",
    [
        Reply("<html>maintenance</html>", 503, {"Content-Type": "text/html"}),
        Reply("<html>hello</html>", 200),
        Reply({"scope": "api"}, 200),
        Reply([1], 400),
        Reply(None, 302, {"Location": "https://elsewhere.example.com"}),
        DROP,
    ],
)
def test_a_login_that_cannot_be_asked_for_waits_a_little(start: Start, reply: Reply) -> None:
    client, _ = start(lambda asked: reply)
    with pytest.raises(Unavailable) as told:
        client.query(QUERY)
    assert told.value.retry_after is None


def test_a_refused_login_is_not_repeated_by_every_thread(start: Start) -> None:
    client, server = start(lambda asked: Reply({"error": "invalid_client"}, 400))
    raised = side_by_side(16, lambda: client.query(QUERY))
    assert [isinstance(error, Unavailable) for error in raised] == [True] * 16
    assert len(server.asked) == 1


def test_a_refused_login_is_tried_again_after_a_while(start: Start) -> None:
    now = [1000.0]
    replies = iter([Reply({"error": "invalid_client"}, 400)])
    client, _ = start(lambda asked: next(replies, None) or works(asked), clock=lambda: now[0])
    with pytest.raises(Unavailable):
        client.query(QUERY)
    now[0] += 31
    assert client.query(QUERY) == []


def test_the_org_of_a_login_can_only_be_trusted_if_it_is_told(start: Start) -> None:
    def script(asked: Asked) -> Reply:
        return Reply({**works(asked).body, "id": None})

    client, _ = start(script, org_id=ORG)
    with pytest.raises(SetupError, match="unknown"):
        client.query(QUERY)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"login_url": "acme.my.salesforce.com"}, "SALESFORCE_LOGIN_URL"),
        ({"client_id": ""}, "SALESFORCE_CLIENT_ID"),
        ({"client_secret": None}, "SALESFORCE_CLIENT_SECRET"),
        ({"client_secret": None, "username": "bot"}, "SALESFORCE_JWT_KEY"),
        ({"org_id": "00D"}, "SALESFORCE_ORG_ID"),
    ],
)
def test_wrong_settings_name_the_variable(told: dict[str, Any], words: str) -> None:
    good = {"login_url": "https://acme.my.salesforce.com", "client_id": "app", "client_secret": "s"}
    with pytest.raises(SetupError, match=words):
        SalesforceConfig(**{**good, **told})


@pytest.mark.parametrize("told", ["/nowhere/key.pem", "-----BEGIN PRIVATE KEY-----\nrubbish\n"])
def test_a_bad_key_is_a_setting_to_mend(start: Start, told: str) -> None:
    client, _ = start(works, client_secret=None, username="bot", jwt_key=told)
    with pytest.raises(SetupError, match="SALESFORCE_JWT_KEY"):
        client.query(QUERY)


def test_an_address_that_is_not_https_gets_no_token(start: Start) -> None:
    client, server = start(lambda asked: Reply({**works(asked).body, "instance_url": "http://acme.example"}))
    with pytest.raises(SetupError, match="not https"):
        client.query(QUERY)
    assert server.paths() == ["/services/oauth2/token"]
