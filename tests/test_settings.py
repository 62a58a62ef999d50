"""Settings: what is wrong is named by its variable, and no secret is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connector import settings
from connector.errors import SetupError
from connector.settings import RecurlySite, recurly_sites


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder and an environment without settings."""
    monkeypatch.chdir(tmp_path)
    for name in list(settings.child_environment()):
        if name.startswith(("RECURLY_", "SALESFORCE_", "CASEWIRE_", "DATABASE_", "REDIS_")) or name == "PORT":
            monkeypatch.delenv(name)


ACME = {
    "RECURLY_SITE": "acme",
    "RECURLY_API_KEY": "open-sesame-key",
    "RECURLY_WEBHOOK_SECRETS": "open-sesame-1, open-sesame-2",
    "RECURLY_WEBHOOK_BASIC_AUTH": "user:open-sesame",
}


def sites(*more: str, **environment: str) -> tuple[RecurlySite, ...]:
    return recurly_sites(environment, more)


# ── Recurly sites ─────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_set_is_no_site() -> None:
    assert sites() == ()
    assert settings.load().recurly == ()


def test_a_site_has_what_its_variables_say() -> None:
    (site,) = sites(
        **ACME, RECURLY_REGION="EU", RECURLY_API_URL="http://127.0.0.1:1", RECURLY_WEBHOOK_TOLERANCE="300"
    )
    assert (site.name, site.api_key, site.region) == ("acme", "open-sesame-key", "eu")
    assert (site.api_url, site.webhook_tolerance) == ("http://127.0.0.1:1", 300)
    assert site.webhook_secrets == ("open-sesame-1", "open-sesame-2")
    assert site.webhook_basic_auth == ("user:open-sesame",)


def test_what_is_not_said_has_safe_values() -> None:
    (site,) = sites(RECURLY_SITE="acme")
    assert (site.api_key, site.region, site.api_url) == ("", "us", None)
    assert (site.webhook_secrets, site.webhook_basic_auth) == ((), ())
    assert site.webhook_tolerance == settings.RETENTION_15_DAYS_AND_ONE


def test_further_sites_have_the_same_variables_with_their_name_behind() -> None:
    first, second, third = sites(
        "eu1",
        "acme-uk",
        **ACME,
        RECURLY_API_KEY__EU1="key-eu1",
        RECURLY_REGION__EU1="eu",
        RECURLY_API_KEY__ACME_UK="key-uk",
        RECURLY_SITE__ACME_UK="acme-uk-real",
    )
    assert (first.name, first.region) == ("acme", "us")
    assert (second.name, second.api_key, second.region) == ("eu1", "key-eu1", "eu")
    assert second.webhook_secrets == (), "a secret of another site is not this one's"
    assert (third.name, third.api_key) == ("acme-uk-real", "key-uk")


def test_a_site_named_twice_is_refused() -> None:
    with pytest.raises(SetupError, match=r"RECURLY_SITES.*'acme'.*twice"):
        sites("acme", **ACME)


@pytest.mark.parametrize("empty", ["", "  ", ",", " , ,"])
def test_an_empty_secret_is_no_secret(empty: str) -> None:
    (site,) = sites(RECURLY_SITE="acme", RECURLY_WEBHOOK_SECRETS=empty, RECURLY_WEBHOOK_BASIC_AUTH=empty)
    assert (site.webhook_secrets, site.webhook_basic_auth) == ((), ())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RECURLY_REGION", "asia"),
        ("RECURLY_REGION__EU1", "asia"),
        ("RECURLY_WEBHOOK_TOLERANCE", "5m"),
        ("RECURLY_WEBHOOK_TOLERANCE", "-1"),
        ("RECURLY_WEBHOOK_TOLERANCE", "²"),
    ],
)
def test_a_bad_value_of_a_site_is_named(name: str, value: str) -> None:
    with pytest.raises(SetupError, match=f"{name} is '{value}'"):
        sites("eu1", **{**ACME, name: value})


# ── the rest ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("CASEWIRE_LOG", "xml"),
        ("CASEWIRE_WEB_PROCESSES", "0"),
        ("CASEWIRE_RETENTION_BODIES_DAYS", "-3"),
        ("CASEWIRE_SWEEP_SECONDS", "never"),
    ],
)
def test_a_bad_value_is_named_by_its_variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SetupError, match=f"^{name}: "):
        settings.load()


def test_an_empty_value_is_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "PORT", "SALESFORCE_CLIENT_SECRET", "CASEWIRE_RETENTION_ROWS_DAYS"):
        monkeypatch.setenv(name, "")
    found = settings.load()
    assert (found.database_url, found.port) == (None, 8080)
    assert (found.salesforce_client_secret, found.casewire_retention_rows_days) == (None, None)


def test_settings_stand_in_a_file_beside_the_process(tmp_path: Path) -> None:
    lines = [*(f"{name}={value}" for name, value in ACME.items()), "PORT=9000", "RECURLY_SITES=eu1"]
    (tmp_path / ".env").write_text("\n".join(lines))
    found = settings.load()
    assert found.port == 9000
    assert [site.name for site in found.recurly] == ["acme", "eu1"]
    assert found.recurly[0].webhook_secrets == ("open-sesame-1", "open-sesame-2")


def test_the_environment_has_the_last_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("PORT=9000\nRECURLY_SITE=acme\nRECURLY_API_KEY=old")
    monkeypatch.setenv("PORT", "9001")
    monkeypatch.setenv("RECURLY_API_KEY", "new")
    found = settings.load()
    assert (found.port, found.recurly[0].api_key) == (9001, "new")


def test_a_home_may_begin_with_a_tilde(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CASEWIRE_HOME", "~/data")
    assert settings.load().casewire_home == tmp_path / "data"


# ── no secret is shown ────────────────────────────────────────────────────────────────────────────────────────

SECRET = {
    **ACME,
    "DATABASE_URL": "postgresql://casewire:open-sesame@db/casewire",
    "REDIS_URL": "redis://:open-sesame@redis/0",
    "SALESFORCE_CLIENT_SECRET": "open-sesame",
    "SALESFORCE_JWT_KEY": "open-sesame",
}


def test_no_secret_is_shown_where_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRET.items():
        monkeypatch.setenv(name, value)
    found = settings.load()
    shown: list[Any] = [found, found.recurly, str(found), [found]]
    assert "open-sesame" not in "".join(map(repr, shown))


def test_no_secret_is_shown_where_another_setting_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**SECRET, "PORT": "open"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SetupError) as refused:
        settings.load()
    assert "open-sesame" not in str(refused.value)
    assert refused.value.__suppress_context__
