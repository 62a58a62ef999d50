"""What is built from the settings: only what has a key, and nothing that calls anybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.clients.processors import CLIENTS
from connector.container import Container
from connector.settings import Settings
from connector.webhooks.registry import SOURCES

KEYS = {
    "stripe": {"STRIPE_API_KEY": "sk_test_1"},
    "braintree": {
        "BRAINTREE_MERCHANT_ID": "acme",
        "BRAINTREE_PUBLIC_KEY": "public",
        "BRAINTREE_PRIVATE_KEY": "private",
    },
    "gocardless": {"GOCARDLESS_ACCESS_TOKEN": "sandbox_1"},
    "authorizenet": {"AUTHORIZENET_API_LOGIN_ID": "login", "AUTHORIZENET_TRANSACTION_KEY": "key"},
}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_keys_no_processor_is_asked() -> None:
    assert Container(Settings()).lookups == {}


@pytest.mark.parametrize("source", KEYS)
def test_a_processor_with_a_key_is_asked(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS[source].items():
        monkeypatch.setenv(name, value)
    wires = Container(Settings())
    assert set(wires.lookups) == {source}
    assert wires.books[source] is wires.lookups[source]


def test_every_client_has_its_keys_here() -> None:
    assert set(KEYS) == set(CLIENTS)


def test_every_source_may_post(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURLY_SITE", "acme")
    assert {source for source, _ in Container(Settings()).sources} == set(SOURCES)
