"""Differently broken set-ups: ``casewire doctor`` names the cause and the mend of each, and finds nothing else."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from redis import Redis
from rq import SimpleWorker
from sqlalchemy import make_url
from structlog.testing import capture_logs

from connector import queue
from sandbox.control import Control
from sandbox.recurly import Site
from sandbox.recurly import create_app as recurly_app
from sandbox.salesforce import Org, create_app, default_metadata
from sandbox.server import serve

from .conftest import Run

ORG = "00D000000000001EAA"


def _pem(key: rsa.RSAPrivateKey) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    """Of the certificate that the app knows."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def served(key: rsa.RSAPrivateKey) -> Iterator[tuple[Org, str]]:
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    org = Org(default_metadata(), org_id=ORG, jwt_public_key=public.decode())
    with serve(create_app(org, Control())) as server:
        yield org, server.url


@dataclass
class SetUp:
    """A whole installation, and how to break it."""

    run: Run
    monkeypatch: pytest.MonkeyPatch
    org: Org
    url: str
    redis: Redis
    empty_database: str
    worker: SimpleWorker

    def set(self, **settings: str) -> None:
        for name, value in settings.items():
            self.monkeypatch.setenv(name, value)

    def plane(self, method: str, path: str, told: Any) -> None:
        answer = requests.request(method, f"{self.url}/__sandbox__/{path}", json=told, timeout=10)
        assert answer.ok, answer.text

    def unassign(self) -> None:
        """As an org is whose permission set was deployed and given to nobody."""
        for row in self.org.records("PermissionSetAssignment"):
            self.plane("DELETE", f"records/PermissionSetAssignment/{row['Id']}", None)
        hidden = {"Account": {"Billing_Balance__c": "none"}, "Billing_Invoice__c": {"object": "none"}}
        self.plane("PUT", "permissions", hidden)


@pytest.fixture
def whole(
    connected: Run,
    served: tuple[Org, str],
    redis: Redis,
    empty_database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[SetUp]:
    """An installation that is as it must be."""
    org, url = served
    org.reset()
    site = Site("acme")
    worker = SimpleWorker([queue.NAME], connection=redis)
    worker.register_birth()
    queue.Queue(redis).swept(datetime.now(UTC))
    with serve(recurly_app(site, Control())) as recurly:
        whole = SetUp(connected, monkeypatch, org, url, redis, empty_database_url, worker)
        whole.set(
            SALESFORCE_LOGIN_URL=url,
            SALESFORCE_CLIENT_ID="sandbox",
            SALESFORCE_CLIENT_SECRET="sandbox",
            SALESFORCE_ORG_ID=ORG,
            RECURLY_SITE="acme",
            RECURLY_API_KEY="sandbox",
            RECURLY_API_URL=recurly.url,
            RECURLY_WEBHOOK_SECRETS="a" * 64,
        )
        yield whole
    site.close()
    worker.register_death()


def examined(whole: SetUp) -> tuple[int, dict[str, dict[str, str]]]:
    """The exit code, and what failed or was warned of, by area and name."""
    result = whole.run("doctor", "--json")
    told = json.loads(result.stdout)
    assert told["green"] is (result.exit_code == 0)
    bad = {f"{one['area']}: {one['name']}": one for one in told["findings"] if one["state"] != "ok"}
    return result.exit_code, {name: one for name, one in bad.items() if one["state"] != "skipped"}


USUAL = {"webhooks: recurly acme: deliveries"}
"""Warned of in a fresh set-up: nothing was posted yet."""


def test_a_good_set_up_is_green(whole: SetUp) -> None:
    code, found = examined(whole)
    assert (code, set(found)) == (0, USUAL)


def test_it_reads_as_lines_with_the_mend_beneath(whole: SetUp) -> None:
    whole.set(RECURLY_API_KEY="[of] yesterday")
    result = whole.run("doctor")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if "recurly  key" in line)
    assert lines[at].startswith("FAILED     recurly  key: Recurly does not accept the API key of site acme")
    assert lines[at + 1].strip().startswith("→ In Recurly: Integrations > API Credentials")
    assert lines[at + 2] == "skipped    recurly  site, rate limit: it needs key"
    assert "1 failed" in lines[-1]
    assert "yesterday" not in result.stdout


def _wrong_jwt_key(whole: SetUp) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    whole.set(
        SALESFORCE_CLIENT_SECRET="",
        SALESFORCE_USERNAME="integration.user@casewire.sandbox",
        SALESFORCE_JWT_KEY=_pem(other).replace("\n", "\\n"),
    )


def _empty_database(whole: SetUp) -> None:
    url = make_url(whole.empty_database)
    whole.set(DATABASE_URL=url.render_as_string(hide_password=False))


def _policy(text: str) -> Callable[[SetUp], None]:
    return lambda whole: void(Path("policy.toml").write_text(text))


def _settings(**settings: str) -> Callable[[SetUp], None]:
    return lambda whole: whole.set(**settings)


def _plane(method: str, path: str, told: Any) -> Callable[[SetUp], None]:
    return lambda whole: whole.plane(method, path, told)


def void(_: object) -> None:
    """For what answers something nobody needs."""


BROKEN = {
    "wrong client secret": (
        _settings(SALESFORCE_CLIENT_SECRET="of-yesterday"),
        "salesforce: login",
        "refuses the login (invalid_client",
        "SALESFORCE_CLIENT_SECRET does not belong to SALESFORCE_CLIENT_ID: copy both from Setup",
    ),
    "another org than the pinned one": (
        _settings(SALESFORCE_ORG_ID="00D00000000FFFFEAA"),
        "salesforce: org",
        f"the login is for the org {ORG}",
        f"SALESFORCE_ORG_ID={ORG} in .env",
    ),
    "JWT key of another certificate": (
        _wrong_jwt_key,
        "salesforce: login",
        "refuses the login (invalid_grant",
        "SALESFORCE_JWT_KEY does not belong to the app's certificate",
    ),
    "permission set not assigned": (
        SetUp.unassign,
        "salesforce: fields: Account",
        "not visible to the integration user: Billing_Balance__c",
        "Assign the permission set Casewire_Integration to the integration user: Setup > Permission Sets",
    ),
    "queue missing": (
        _policy('[rules.refund]\nqueue = "Money_Back"\n'),
        "salesforce: queues: Money_Back",
        "there is no queue Money_Back",
        "change rules.refund.queue in policy.toml",
    ),
    "closed status unknown to the org": (
        _policy('[statuses]\nclosed = "Done"\n'),
        "salesforce: case statuses: closed",
        "the org has no case status 'Done'",
        'closed = "Closed"',
    ),
    "API limit nearly used": (
        _plane("PUT", "limits", {"api_used": 90_000}),
        "salesforce: api calls",
        "20,000 kept for people: only disputes are written",
        "reduce its calls",
    ),
    "Recurly key wrong": (
        _settings(RECURLY_API_KEY="of-yesterday"),
        "recurly: key",
        "does not accept the API key of site acme",
        "API Credentials, copy a private key of this site",
    ),
    "Recurly site wrong": (
        _settings(RECURLY_SITE="acme-eu"),
        "recurly: site",
        "the key is of the site acme, the settings name acme-eu",
        "Set RECURLY_SITE to acme",
    ),
    "webhook secret missing": (
        _settings(RECURLY_WEBHOOK_SECRETS=""),
        "webhooks: recurly acme",
        "/webhooks/recurly answers 404",
        "Put it into RECURLY_WEBHOOK_SECRETS",
    ),
    "PostgreSQL not migrated": (
        _empty_database,
        "postgresql: tables",
        "has no Casewire tables",
        "casewire migrate",
    ),
    "PostgreSQL away": (
        _settings(DATABASE_URL="postgresql://me@127.0.0.1:1/none"),
        "postgresql: reachable",
        "PostgreSQL does not answer",
        "Start PostgreSQL, or correct DATABASE_URL",
    ),
    "Redis away": (
        _settings(REDIS_URL="redis://127.0.0.1:1/0"),
        "redis: reachable",
        "Redis does not answer",
        "Start Redis or Valkey, or correct REDIS_URL",
    ),
    "no worker": (
        lambda whole: whole.worker.register_death(),
        "redis: workers",
        "no worker runs",
        "casewire worker",
    ),
    "no scheduler": (
        lambda whole: void(whole.redis.delete("casewire:swept")),
        "redis: scheduler",
        "no scheduler was seen",
        "casewire scheduler",
    ),
    "policy file with a wrong key": (
        _policy("[statuses]\nclozed = 'Closed'\n"),
        "settings: policy",
        "policy.toml:2: statuses.clozed: there is no such key; did you mean 'closed'?",
        "Correct that line",
    ),
    "nothing runs, and no address": (
        _settings(DATABASE_URL="", REDIS_URL=""),
        "redis: reachable",
        "no address is set and no Casewire runs here",
        "Start it with casewire up",
    ),
    "setting that cannot be": (
        _settings(RECURLY_REGION="asia"),
        "settings: values",
        "RECURLY_REGION is 'asia'",
        "Correct that setting",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_set_up_is_named_with_its_mend(case: str, whole: SetUp) -> None:
    break_, name, cause, mend = BROKEN[case]
    break_(whole)
    code, found = examined(whole)
    assert code == 1
    assert {one["name"].partition(":")[0] for one in found.values() if one["state"] == "failed"} == {
        name.split(": ")[1]
    }
    assert cause in found[name]["message"]
    assert mend in found[name]["fix"]


def test_a_duplicate_rule_that_may_block_is_named_with_its_mend(whole: SetUp) -> None:
    """Whether it blocks only its metadata tells, which an integration user may not read: a warning then."""
    rule = {"object": "Contact", "fields": ["Email"], "action": "block", "name": "Same_Person"}
    whole.plane("POST", "duplicate_rules", rule)
    _, found = examined(whole)
    told = found["salesforce: duplicate rules: Contact"]
    assert "'Same Person'" in told["message"]
    assert "Setup > Duplicate Rules > Same Person" in told["fix"]


@pytest.mark.parametrize("address", ["DATABASE_URL", "REDIS_URL"])
def test_it_is_not_green_where_nothing_runs(whole: SetUp, address: str) -> None:
    """Neither PostgreSQL nor Redis, so neither workers nor a scheduler could be seen."""
    whole.set(**{address: ""})
    result = whole.run("doctor", "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["green"]) == (1, False)
    assert whole.run("doctor").exit_code == 1


@pytest.mark.parametrize("command", ["up", "web", "worker", "scheduler"])
def test_a_misspelt_setting_is_logged_when_a_process_starts(
    whole: SetUp, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The policy, or the database, keeps it from going on."""
    _empty_database(whole)
    whole.set(STRIPE_WEBHOOK_SECRET="open-sesame", CASEWIRE_POLICY="nowhere.toml")
    monkeypatch.setattr("connector.cli.serve.stop_event", threading.Event)
    with capture_logs() as logs:
        assert whole.run(command).exit_code == 1
    (found,) = (one for one in logs if one["event"] == "unknown_setting")
    assert (found["setting"], found["place"]) == ("STRIPE_WEBHOOK_SECRET", "environment")
    assert (found["did_you_mean"], found["log_level"]) == ("STRIPE_WEBHOOK_SECRETS", "warning")
    assert "open-sesame" not in repr(logs)
    whole.set(CASEWIRE_KEPT="1")
    monkeypatch.setattr("connector.cli.serve.end_with_supervisor", lambda: None)
    with capture_logs() as logs:
        assert whole.run(command).exit_code == 1
    assert not any(one["event"] == "unknown_setting" for one in logs), "its keeper has said so"


def test_every_failure_and_warning_has_its_mend(whole: SetUp) -> None:
    whole.set(
        SALESFORCE_LOGIN_URL="nowhere", RECURLY_API_URL="http://127.0.0.1:1", ADYEN_HMAC_KEYS="nonsense"
    )
    whole.set(DATABASE_URL="nonsense", REDIS_URL="nonsense")
    code, found = examined(whole)
    assert code == 1
    assert len(found) >= 5
    assert all(one["fix"] for one in found.values())
