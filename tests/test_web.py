"""The web process: deliveries in, and what an operator's probes ask for."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from flask.testing import FlaskClient
from redis import Redis
from samples import due, statuses
from sqlalchemy import Engine
from structlog.testing import capture_logs
from waiting import wait_until
from webhooks.recurly_deliveries import signed, thin

from connector import queue
from connector.cli.serve import serve_metrics
from connector.container import Container
from connector.errors import SetupError
from connector.ledger import api_usage, circuit_breakers, missed_changes, source_activity, subjects
from connector.ledger.engine import open_engine
from connector.ledger.missed_changes import MissedChange
from connector.settings import Settings, child_environment
from connector.web import Readiness, create_app, create_front, create_metrics_app, lane_of

SECRET = "open-sesame"


@pytest.fixture
def wires(engine: Engine, redis: Redis, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Container:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("connector.ledger.inbox.QUIET_SECONDS", 0.05)
    for name, value in {"RECURLY_SITE": "acme", "RECURLY_WEBHOOK_SECRETS": SECRET}.items():
        monkeypatch.setenv(name, value)
    made = Container(Settings())
    made.__dict__ |= {"engine": engine, "redis": redis}
    return made


@pytest.fixture
def client(wires: Container) -> FlaskClient:
    return create_app(wires).test_client()


def test_a_signed_delivery_is_recorded_answered_and_wakes_the_next_stage(
    engine: Engine, client: FlaskClient, redis: Redis
) -> None:
    body = thin("account.updated", account_code="bob")
    headers = {**signed(body, SECRET, datetime.now(UTC)), "recurly-notification-id": "n1"}
    first = client.post("/webhooks/recurly", data=body, headers=headers)
    again = client.post("/webhooks/recurly/acme", data=body, headers=headers)
    assert (first.status_code, first.json) == (200, {"accepted": 1, "duplicates": 0})
    assert (again.status_code, again.json) == (200, {"accepted": 0, "duplicates": 1})
    assert statuses(engine) == {"n1": "pending"}
    wait_until(lambda: queue.Queue(redis).depth())


def test_what_is_refused_is_counted_for_whoever_asks_why_nothing_comes(
    client: FlaskClient, redis: Redis
) -> None:
    body = thin("account.updated", account_code="bob")
    forged = signed(body, "another secret", datetime.now(UTC))
    assert client.post("/webhooks/recurly", data=body, headers=forged).status_code == 401
    assert client.post("/webhooks/nobody", data=body, headers=forged).status_code == 404
    wait_until(lambda: queue.Queue(redis).refusals())
    (one,) = queue.Queue(redis).refusals()
    assert (one.source, one.site, one.reason, one.count) == ("recurly", "acme", "bad_signature", 1)
    assert "RECURLY_WEBHOOK_SECRETS" in one.message


def test_while_redis_is_gone_deliveries_are_recorded_all_the_same(engine: Engine, wires: Container) -> None:
    gone = queue.connect("redis://127.0.0.1:1/0")
    wires.__dict__["redis"] = gone
    body = thin("account.updated", account_code="bob")
    answer = (
        create_app(wires)
        .test_client()
        .post("/webhooks/recurly", data=body, headers=signed(body, SECRET, datetime.now(UTC)))
    )
    assert answer.status_code == 200
    assert list(statuses(engine).values()) == ["pending"]
    gone.close()


def test_without_the_ledger_a_delivery_is_to_be_sent_again(wires: Container) -> None:
    gone = open_engine("postgresql://nobody@127.0.0.1:1/none")
    wires.__dict__["engine"] = gone
    body = thin("account.updated", account_code="bob")
    answer = (
        create_app(wires)
        .test_client()
        .post("/webhooks/recurly", data=body, headers=signed(body, SECRET, datetime.now(UTC)))
    )
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    gone.dispose()


def test_a_source_without_a_secret_is_not_there(wires: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURLY_WEBHOOK_SECRETS", "")
    answer = create_app(wires).test_client().post("/webhooks/recurly", data=b"{}")
    assert answer.status_code == 404


def test_a_living_process_says_so_whatever_else_is_missing(wires: Container) -> None:
    gone = open_engine("postgresql://nobody@127.0.0.1:1/none")
    wires.__dict__["engine"] = gone
    answer = create_app(wires).test_client().get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"status": "alive"})
    gone.dispose()


def test_it_is_ready_with_its_tables_and_its_queue(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json) == (200, {"status": "ready", "reasons": []})


def test_without_tables_it_is_not_ready_and_says_what_to_run(
    wires: Container, empty_database_url: str
) -> None:
    empty = open_engine(empty_database_url)
    wires.__dict__["engine"] = empty
    answer = create_app(wires).test_client().get("/readyz")
    assert answer.status_code == 503
    (reason,) = answer.json["reasons"]
    assert "PostgreSQL" in reason
    assert "casewire doctor" in reason
    empty.dispose()


def test_readyz_names_postgresql_and_redis_and_only_the_log_says_why(
    wires: Container, tmp_path: Path
) -> None:
    socket = tmp_path / "postgres"
    ledger = open_engine(f"postgresql://u:open-sesame@/x?host={socket}")
    redis = queue.connect("redis://127.0.0.1:1/0")
    wires.__dict__ |= {"engine": ledger, "redis": redis}
    client = create_app(wires).test_client()
    with capture_logs() as lines:
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert ["PostgreSQL" in reason for reason in answer.json["reasons"]] == [True, False]
    assert ["Redis" in reason for reason in answer.json["reasons"]] == [False, True]
    for detail in (str(socket), "127.0.0.1", "open-sesame", "refused"):
        assert detail not in answer.text
    reasons = [line["reason"] for line in lines if line["event"] == "not_ready"]
    assert [str(socket) in reason for reason in reasons] == [True, False]
    assert "open-sesame" not in str(lines)
    ledger.dispose()
    redis.close()


def test_readiness_is_checked_at_most_once_a_second_and_logged_when_it_changes() -> None:
    now, found = [0.0], [{"part": "one"}, {"part": "one"}, {"part": "two"}, {}]
    readiness = Readiness(lambda: found.pop(0), lambda: now[0])
    with capture_logs() as lines:
        for moment in (0.0, 0.5, 2.0, 4.0):
            now[0] = moment
            assert readiness.public_reasons() == ["part"]
        now[0] = 6.0
        assert readiness.public_reasons() == []
    assert [line["reason"] for line in lines] == ["one", "two"]


def test_what_comes_in_is_counted_for_prometheus(client: FlaskClient) -> None:
    client.post("/webhooks/recurly", data=b"{}")
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.mimetype == "text/plain"
    assert 'casewire_deliveries_total{outcome="rejected",source="recurly"} 1.0' in answer.text


def test_metrics_ask_for_their_token_where_one_is_set(
    wires: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CASEWIRE_METRICS_TOKEN", "0123456789abcdef")
    wires.__dict__["settings"] = Settings()
    client = create_app(wires).test_client()
    for header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer wr\u00f6ng"}):
        answer = client.get("/metrics", headers=header)
        assert (answer.status_code, answer.json["error"]) == (401, "unauthorized")
        assert "casewire_" not in answer.text
    assert client.get("/metrics", headers={"Authorization": "Bearer 0123456789abcdef"}).status_code == 200
    assert client.get("/healthz").status_code == 200


def test_metrics_with_an_address_of_their_own_are_not_on_the_public_port(
    wires: Container, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CASEWIRE_METRICS_ADDRESS", "127.0.0.1:9100")
    wires.__dict__["settings"] = Settings()
    assert create_app(wires).test_client().get("/metrics").status_code == 404
    answer = create_metrics_app(wires, tmp_path).test_client().get("/metrics")
    assert (answer.status_code, "casewire_accounts_due" in answer.text) == (200, True)


def test_metrics_are_served_on_an_address_of_their_own(wires: Container, tmp_path: Path) -> None:
    server = serve_metrics("127.0.0.1:0", wires, tmp_path)
    try:
        answer = requests.get(f"http://127.0.0.1:{server.server_port}/metrics", timeout=60)
        assert (answer.status_code, "casewire_accounts_due" in answer.text) == (200, True)
        assert requests.get(f"http://127.0.0.1:{server.server_port}/readyz", timeout=60).status_code == 404
        with pytest.raises(SetupError, match="CASEWIRE_METRICS_ADDRESS"):
            serve_metrics(f"127.0.0.1:{server.server_port}", wires, tmp_path)
    finally:
        server.shutdown()
        server.server_close()


def test_a_delivery_is_accepted_and_metrics_answer_though_their_folder_is_gone(
    engine: Engine, wires: Container, tmp_path: Path
) -> None:
    folder = tmp_path / "metrics"
    folder.mkdir()
    environment = child_environment(
        PROMETHEUS_MULTIPROC_DIR=str(folder),
        DATABASE_URL=engine.url.render_as_string(hide_password=False),
        REDIS_URL="redis://127.0.0.1:1/0",
        PYTHONPATH=str(Path(__file__).parent),
    )
    ended = subprocess.run(
        [sys.executable, "-c", METRICS_GONE, SECRET],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.stdout.splitlines()[-1] == "200 {'accepted': 1, 'duplicates': 0} 200", ended.stderr
    assert list(statuses(engine).values()) == ["pending"]


METRICS_GONE = """
import os, shutil, sys
from datetime import UTC, datetime
from connector.settings import Settings
from connector.web import create_app
from connector.container import Container
from webhooks.recurly_deliveries import signed, thin

client = create_app(Container(Settings())).test_client()
shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"])
body = thin("account.updated", account_code="bob")
answer = client.post("/webhooks/recurly", data=body, headers=signed(body, sys.argv[1], datetime.now(UTC)))
print(answer.status_code, answer.json, client.get("/metrics").status_code)
"""


@pytest.mark.parametrize(
    ("path", "lane"),
    [
        ("/webhooks/recurly", "recurly"),
        ("/webhooks/paypal/", "paypal"),
        ("/webhooks/recurly/acme", "recurly"),
        ("/webhooks/invented", "unknown source"),
        ("/webhooks/", "unknown source"),
        ("/webhooks", "unknown source"),
        ("/healthz", "health"),
        ("/readyz", "readiness"),
        ("/metrics", "metrics"),
        ("/webhooksrecurly", "web"),
        ("/", "web"),
    ],
)
def test_each_source_has_threads_of_its_own_and_so_have_the_probes(path: str, lane: str) -> None:
    assert lane_of(path) == lane


def test_the_front_has_the_limits_of_the_settings(wires: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"REQUEST_SECONDS": "7", "CONNECTIONS": "33", "THREADS": "5"}.items():
        monkeypatch.setenv(f"CASEWIRE_WEB_{name}", value)
    wires.__dict__["settings"] = Settings()
    limits = create_front(wires).connections.limits
    assert (limits.request_seconds, limits.connections, limits.threads) == (7, 33, 5)


def test_what_waits_is_told_as_numbers(engine: Engine, client: FlaskClient) -> None:
    with engine.begin() as connection:
        subjects.mark_due(connection, [due("bob"), due("eve")])
        circuit_breakers.open_circuit(connection, "salesforce", "out", "503", None)
        api_usage.note(connection, "salesforce", 10, 1000)
    told = client.get("/metrics").text.splitlines()
    assert "casewire_accounts_due 2.0" in told
    assert 'casewire_circuit_open{destination="salesforce"} 1.0' in told
    assert "casewire_salesforce_calls_used 10.0" in told
    assert "casewire_salesforce_calls_allowed 1000.0" in told


def test_who_is_silent_and_what_was_missed_are_told_as_numbers(engine: Engine, client: FlaskClient) -> None:
    here, there = ("recurly", "acme"), MissedChange("invoice", "i1", None, "s")
    silent = 'casewire_source_silent{site="acme",source="recurly"}'
    assert f"{silent} 0.0" in client.get("/metrics").text
    with engine.begin() as connection:
        source_activity.begin(connection, here, datetime.now(UTC))
        missed_changes.record(connection, here, [there], None)
    told = client.get("/metrics").text.splitlines()
    assert f"{silent} 1.0" in told
    assert "casewire_missed_changes 1.0" in told


def test_without_postgresql_the_counters_are_still_told(wires: Container) -> None:
    wires.__dict__["engine"] = open_engine("postgresql://127.0.0.1:1/nobody")
    answer = create_app(wires).test_client().get("/metrics")
    assert answer.status_code == 200
    assert "casewire_deliveries" in answer.text
    assert "casewire_accounts_due" not in answer.text


def test_an_unknown_path_is_answered_in_json(wires: Container) -> None:
    answer = create_app(wires).test_client().get("/nowhere")
    assert (answer.status_code, answer.json["error"]) == (404, "not_found")
