"""What is built from the settings: only what has a key, and nothing that calls anybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.container import Container
from connector.settings import Settings
from connector.sources.registry import PROCESSORS, sandbox_settings
from connector.webhooks.registry import SOURCES

KEYS = {name: [one.name for one in info.settings.declared()] for name, info in PROCESSORS.items() if info.api}
"""By source, all of its settings."""


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_keys_no_processor_is_asked() -> None:
    assert Container(Settings()).lookups == {}


@pytest.mark.parametrize("source", KEYS)
def test_a_processor_with_a_key_is_asked(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = sandbox_settings("http://127.0.0.1:1", "127.0.0.1:1", "0" * 64)
    for name in KEYS[source]:
        monkeypatch.setenv(name, given.get(name, ""))
    wires = Container(Settings())
    assert set(wires.lookups) == {source}
    assert wires.books[source] is wires.lookups[source]


def test_every_source_may_post(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURLY_SITE", "acme")
    assert {source for source, _ in Container(Settings()).sources} == set(SOURCES)
