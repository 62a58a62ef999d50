"""``python -m sandbox`` as others run it: one line on stdout, then silence until it is told to stop."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

CHECKOUT = Path(__file__).resolve().parents[3]
Start = Callable[..., tuple["subprocess.Popen[str]", dict[str, str]]]


@pytest.fixture
def start() -> Iterator[Start]:
    running: list[subprocess.Popen[str]] = []

    def run(*args: str) -> tuple[subprocess.Popen[str], dict[str, str]]:
        process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", *args],
            cwd=CHECKOUT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        running.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        return process, json.loads(line) if line else {}

    yield run
    for process in running:
        process.kill()
        process.communicate()


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_all_until_a_signal_and_ends_quietly(start: Start, number: signal.Signals) -> None:
    latency = "recurly=1,processors=1"
    process, urls = start("--latency-ms", latency, "--site", "acme", "--seed", "5", "--processors-port", "0")
    told: Any = requests.post(
        urls["recurly"] + "/__sandbox__/scenarios/customer_cancels", json={}, timeout=10
    ).json()
    assert told["seed"] == 5
    assert told["expect"][0]["match"]["Billing_Key__c"].startswith("recurly:acme:account:")
    assert requests.get(urls["salesforce"] + "/__sandbox__/calls", timeout=10).status_code == 200
    charge = requests.get(urls["processors"] + "/v1/charges/ch_1", auth=("sk_test_sandbox", ""), timeout=10)
    assert charge.json()["error"]["code"] == "resource_missing"
    process.send_signal(number)
    assert ended(process) == (0, "", "")


def test_what_a_story_does_at_a_processor_is_there_to_be_asked_for(start: Start) -> None:
    _, urls = start()
    requests.post(urls["recurly"] + "/__sandbox__/scenarios/chargeback_won", json={}, timeout=10)
    *_, charge = requests.get(urls["processors"] + "/__sandbox__/records/charge", timeout=10).json()
    assert charge["id"].startswith("ch_")


def test_it_ends_with_its_parent_if_asked_to(start: Start) -> None:
    process, _ = start("--exit-with-parent")
    assert process.stdin is not None
    process.stdin.close()
    process.stdin = None
    assert ended(process) == (0, "", "")


def test_a_port_that_is_taken_is_said_in_one_line(start: Start) -> None:
    _, urls = start()
    process, told = start("--recurly-port", urls["recurly"].rpartition(":")[2])
    assert told == {}
    code, _, err = ended(process)
    assert code == 1
    assert err.startswith("sandbox: ")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "args", [["--latency-ms", "stripe=1"], ["--metadata", "nowhere"], ["--jwt-public-key", "nowhere"]]
)
def test_wrong_usage_is_explained(start: Start, args: list[str]) -> None:
    process, _ = start(*args)
    code, _, err = ended(process)
    assert code == 2
    assert "usage:" in err
