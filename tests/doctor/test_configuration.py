"""``.env`` and the policy: the line that is wrong, and what it should be."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from connector import doctor, settings
from connector.doctor import State, configuration

from .conftest import Findings, by_name, seen


def looked() -> Findings:
    return seen(iter([configuration.area(settings.load)]))


def env(text: str, mode: int = 0o600) -> None:
    Path(".env").write_text(text)
    Path(".env").chmod(mode)


def test_without_files_the_environment_and_the_defaults_hold() -> None:
    found = looked()
    assert [one.state for one in found.values()] == [State.OK] * 4
    assert "there is no .env here" in found["settings: .env"].message
    assert "there is no policy.toml here" in found["settings: policy"].message


def test_a_line_that_cannot_be_read_is_named() -> None:
    env("PORT=8080\nRECURLY_SITE='acme\n")
    found = looked()["settings: .env"]
    assert (found.state, found.message.startswith(".env:2: this line cannot be read")) == (State.FAILED, True)
    assert "between single quotes" in found.fix


def test_a_misspelt_setting_of_the_file_is_named_with_the_right_one() -> None:
    env("SALESFORCE_CLIENTID=x\nSTRIPE_WEBHOOK_SECRET=whsec_x\nCASEWIRE_XYZ=1\n")
    told = list(configuration.area(settings.load).checks[0].run())
    assert [one.state for one in told] == [State.WARNING] * 3
    assert told[0].text == (
        ".env:1: there is no setting SALESFORCE_CLIENTID; did you mean SALESFORCE_CLIENT_ID?"
    )
    assert told[0].fix == "Rename it to SALESFORCE_CLIENT_ID."
    assert told[1].text.endswith("STRIPE_WEBHOOK_SECRET; did you mean STRIPE_WEBHOOK_SECRETS?")
    assert ".env.example" in told[2].fix
    assert not any("whsec_x" in one.text + one.fix for one in told)


def test_a_misspelt_setting_of_the_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURLY_API_KEYS", "open-sesame")
    found = looked()["settings: environment"]
    assert (found.state, found.fix) == (State.WARNING, "Rename it to RECURLY_API_KEY.")
    assert found.message == "environment: there is no setting RECURLY_API_KEYS; did you mean RECURLY_API_KEY?"


def test_secrets_that_others_can_read_are_warned_of() -> None:
    env("PORT=8080\n", mode=0o644)
    found = looked()["settings: .env"]
    assert (found.state, found.fix) == (State.WARNING, "Run: chmod 600 .env")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_nobody_may_read_is_named() -> None:
    env("PORT=8080\n", mode=0)
    found = looked()
    assert found["settings: .env"].state is State.FAILED
    assert "Casewire's user may read" in found["settings: .env"].fix


def test_a_value_that_cannot_be_is_named_and_nothing_else_is_asked() -> None:
    env("PORT=seven\nRECURLY_SITE=acme\n")
    found = by_name(doctor.examine())
    assert found["settings: values"].state is State.FAILED
    assert "PORT" in found["settings: values"].message
    assert found["all else: "].state is State.SKIPPED
    assert {name.partition(":")[0] for name in found} == {"settings", "all else"}
    assert [one.message for one in found.values() if "PORT" in one.message] == [
        found["settings: values"].message
    ]


def test_all_values_that_cannot_be_are_named_at_once() -> None:
    env("PORT=http\nCASEWIRE_LOG=xml\n")
    told = list(configuration.area(settings.load).checks[2].run())
    assert [one.text.partition(":")[0] for one in told] == ["PORT", "CASEWIRE_LOG"]
    env("RECURLY_SITE=acme\nRECURLY_REGION=asia\nBRAINTREE_ENVIRONMENT=staging\n")
    told = list(configuration.area(settings.load).checks[2].run())
    assert [one.text.partition(" is ")[0] for one in told] == ["RECURLY_REGION", "BRAINTREE_ENVIRONMENT"]


def test_every_mistake_of_the_policy_is_a_finding_of_its_own() -> None:
    Path("policy.toml").write_text('[statuses]\nclozed = "x"\n\n[rules.refund]\nqueue = 7\n')
    told = list(configuration.area(settings.load).checks[3].run())
    assert [one.state for one in told] == [State.FAILED, State.FAILED]
    assert told[0].text.startswith(
        "policy.toml:2: statuses.clozed: there is no such key; did you mean 'closed'?"
    )
    assert told[1].text.startswith("policy.toml:5: rules.refund.queue:")


def test_a_policy_file_that_is_not_there_has_no_line_to_correct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASEWIRE_POLICY", "nowhere.toml")
    found = looked()["settings: policy"]
    assert (found.state, "nowhere.toml" in found.message) == (State.FAILED, True)
    assert "cp policy.example.toml nowhere.toml" in found.fix
    assert "line" not in found.fix


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.write_bytes(b"\xff")])
def test_a_policy_that_is_no_text_file_has_no_line_to_correct(
    monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object]
) -> None:
    make(Path("policy.d"))
    monkeypatch.setenv("CASEWIRE_POLICY", "policy.d")
    found = looked()["settings: policy"]
    assert (found.state, "text file in UTF-8" in found.fix) == (State.FAILED, True)
    assert "line" not in found.fix
