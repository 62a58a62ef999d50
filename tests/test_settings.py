"""Settings: what is wrong is named by its variable, and no secret is shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from connector import settings
from connector.errors import SetupError
from connector.settings import RecurlySite, recurly_sites
from connector.settings.names import INTERNAL
from connector.sources.adyen import Settings as Adyen
from connector.sources.authorizenet import Settings as AuthorizeNet
from connector.sources.braintree import Settings as Braintree
from connector.sources.gocardless import Settings as Gocardless
from connector.sources.paypal import Settings as Paypal
from connector.sources.registry import read_processors as processors
from connector.sources.stripe import Settings as Stripe

OURS = ("RECURLY_", "SALESFORCE_", "CASEWIRE_", "DATABASE_", "REDIS_")
PROCESSORS = ("STRIPE_", "BRAINTREE_", "ADYEN_", "PAYPAL_", "GOCARDLESS_", "AUTHORIZENET_")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder and an environment without settings."""
    monkeypatch.chdir(tmp_path)
    for name in list(settings.child_environment()):
        if name.startswith((*OURS, *PROCESSORS)) or name == "PORT":
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
    assert site.webhook_tolerance == 1_382_400, "Recurly redelivers for 15 days; one day more"


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
    assert [site.setting("RECURLY_API_KEY") for site in (first, second, third)] == [
        "RECURLY_API_KEY",
        "RECURLY_API_KEY__EU1",
        "RECURLY_API_KEY__ACME_UK",
    ]


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
        ("CASEWIRE_MODE", "prod"),
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


# ── names ─────────────────────────────────────────────────────────────────────────────────────────────────────

MISSPELT = [
    # name, did you mean
    ("STRIPE_WEBHOOK_SECRET", "STRIPE_WEBHOOK_SECRETS"),
    ("RECURLY_API_KEYS", "RECURLY_API_KEY"),
    ("RECURLY_API_KEYS__EU1", "RECURLY_API_KEY__EU1"),
    ("RECURLY_API_KEY_EU1", "RECURLY_API_KEY__EU1"),
    ("RECURLY_API_KEY__eu1", "RECURLY_API_KEY__EU1"),
    ("RECURLY_API_KEY__EU2", ""),
    ("STRIPE_API_KEY__EU1", "STRIPE_API_KEY"),
    ("stripe_api_key", "STRIPE_API_KEY"),
    ("DATABASE_URI", "DATABASE_URL"),
    ("CASEWIRE_WEB_THREAD", "CASEWIRE_WEB_THREADS"),
    ("STRIPE_SIGNING_SECRET", ""),
]
ONLY_IN_THE_FILE = [("STRPE_API_KEY", "STRIPE_API_KEY"), ("PORTS", "PORT")]
OF_OTHERS = [
    *("POSTGRES_PASSWORD", "REDIS_PORT", "REDIS_TLS_URL", "DATABASE_PASSWORD", "HOME", "STRIPE_LOG"),
    *("casewire_mode", "CASEWIRE_KEPT", "RECURLY_API_KEY__EU1", "REDIS_TLS_CA_FILE"),
]


def unknown(in_file: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> dict[str, str]:
    monkeypatch.setenv("RECURLY_SITES", "eu1")
    if in_file:
        (tmp_path / ".env").write_text(f"# settings\n{name}=open-sesame\n")
    else:
        monkeypatch.setenv(name, "open-sesame")
    found = settings.unknown_settings()
    assert "open-sesame" not in repr(found)
    assert all(one.place == (".env:2" if in_file else "environment") and one.advice for one in found)
    return {one.name: one.suggestion for one in found}


@pytest.mark.parametrize("in_file", [True, False])
@pytest.mark.parametrize(("name", "meant"), MISSPELT)
def test_a_misspelt_name_is_found_with_the_one_that_was_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_file: bool, name: str, meant: str
) -> None:
    assert unknown(in_file, tmp_path, monkeypatch, name) == {name: meant}


@pytest.mark.parametrize(("name", "meant"), ONLY_IN_THE_FILE)
def test_the_file_is_ours_and_the_environment_is_everybodys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, meant: str
) -> None:
    assert unknown(False, tmp_path, monkeypatch, name) == {}
    monkeypatch.delenv(name)
    assert unknown(True, tmp_path, monkeypatch, name) == {name: meant}


@pytest.mark.parametrize("in_file", [True, False])
@pytest.mark.parametrize("name", OF_OTHERS)
def test_what_is_no_mistake_is_not_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_file: bool, name: str
) -> None:
    assert unknown(in_file, tmp_path, monkeypatch, name) == {}


def test_a_further_site_that_is_not_listed_is_pointed_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECURLY_API_KEY__EU2", "open-sesame")
    (found,) = settings.unknown_settings()
    assert found.advice.startswith("List the site of RECURLY_API_KEY__EU2 in RECURLY_SITES")


def test_the_example_and_what_is_read_have_the_same_names() -> None:
    example = (Path(__file__).resolve().parents[1] / ".env.example").read_text()
    named = set(re.findall(r"^(?:# )?([A-Z_]+)=", example, re.MULTILINE))
    assert named == settings.setting_names([]).all - {"CASEWIRE_WORKER", "RECURLY_SITES"}
    assert "RECURLY_SITES=" in example


def test_what_casewire_passes_to_its_own_processes_is_no_unknown_setting() -> None:
    source = Path(settings.__file__).resolve().parents[1]
    written = {
        name
        for path in source.rglob("*.py")
        for name in re.findall(r'"(CASEWIRE_[A-Z_]+)"', path.read_text())
    }
    assert written <= settings.setting_names([]).all | INTERNAL


@pytest.mark.parametrize("address", ["127.0.0.1:9100", "localhost:9100", "[::1]:9100"])
def test_metrics_may_have_an_address_of_their_own(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASEWIRE_METRICS_ADDRESS", address)
    assert settings.load().casewire_metrics_address == address


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CASEWIRE_METRICS_ADDRESS", "9100"),
        ("CASEWIRE_METRICS_ADDRESS", "http://127.0.0.1:9100"),
        ("CASEWIRE_METRICS_TOKEN", "too short"),
        ("CASEWIRE_WEB_CONNECTIONS", "0"),
        ("CASEWIRE_WEB_REQUEST_SECONDS", "0"),
    ],
)
def test_a_web_setting_that_cannot_be_is_named(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SetupError, match=name) as raised:
        settings.load()
    assert value not in str(raised.value) or "TOKEN" not in name


# ── payment processors ────────────────────────────────────────────────────────────────────────────────────────

EVERY = {
    "STRIPE_WEBHOOK_SECRETS": "open-sesame-1, open-sesame-2",
    "STRIPE_API_KEY": "open-sesame",
    "STRIPE_API_URL": "http://127.0.0.1:1",
    "STRIPE_CONNECTED_ACCOUNTS": "acct_1Shop, acct_2",
    "BRAINTREE_MERCHANT_ID": "merchant",
    "BRAINTREE_PUBLIC_KEY": "public",
    "BRAINTREE_PRIVATE_KEY": "open-sesame",
    "BRAINTREE_ENVIRONMENT": "Sandbox",
    "BRAINTREE_API_URL": "http://127.0.0.1:2",
    "BRAINTREE_CURRENCIES": "usd, acme_eur:EUR",
    "ADYEN_HMAC_KEYS": "open-sesame-3,open-sesame-4",
    "ADYEN_WEBHOOK_BASIC_AUTH": "user:open-sesame",
    "PAYPAL_WEBHOOK_IDS": "WH-1, WH-2",
    "PAYPAL_CERT_HOSTS": "api.paypal.com, 127.0.0.1",
    "GOCARDLESS_WEBHOOK_SECRETS": "open-sesame",
    "GOCARDLESS_ACCESS_TOKEN": "open-sesame",
    "GOCARDLESS_API_URL": "http://127.0.0.1:3",
    "AUTHORIZENET_SIGNATURE_KEYS": "open-sesame",
    "AUTHORIZENET_API_LOGIN_ID": "login",
    "AUTHORIZENET_TRANSACTION_KEY": "open-sesame",
    "AUTHORIZENET_API_URL": "http://127.0.0.1:4",
}


@pytest.mark.parametrize("given", ["ch_1", "acct_", "acct_1/x", "acct_1 acct_2"])
def test_what_is_no_account_of_stripe_is_refused(given: str) -> None:
    with pytest.raises(SetupError, match="STRIPE_CONNECTED_ACCOUNTS"):
        processors({"STRIPE_CONNECTED_ACCOUNTS": given}, live=True)


@pytest.mark.parametrize("given", ["dollars", "acme_usd", "acme_usd:", "acme:US", "U$D"])
def test_what_is_no_currency_is_refused(given: str) -> None:
    with pytest.raises(SetupError, match="BRAINTREE_CURRENCIES"):
        processors({"BRAINTREE_CURRENCIES": given}, live=True)


def test_every_processor_has_what_its_variables_say() -> None:
    secret = ("open-sesame",)
    assert processors(EVERY, live=True) == {
        "stripe": Stripe(
            live=True,
            webhook_secrets=("open-sesame-1", "open-sesame-2"),
            api_key="open-sesame",
            api_url="http://127.0.0.1:1",
            connected_accounts=("acct_1Shop", "acct_2"),
        ),
        "braintree": Braintree(
            live=True,
            merchant_id="merchant",
            public_key="public",
            private_key="open-sesame",
            environment="sandbox",
            api_url="http://127.0.0.1:2",
            currencies={"": "USD", "acme_eur": "EUR"},
        ),
        "adyen": Adyen(
            live=True,
            hmac_keys=("open-sesame-3", "open-sesame-4"),
            webhook_basic_auth=("user:open-sesame",),
        ),
        "paypal": Paypal(live=True, webhook_ids=("WH-1", "WH-2"), cert_hosts=("api.paypal.com", "127.0.0.1")),
        "gocardless": Gocardless(
            live=True, webhook_secrets=secret, access_token="open-sesame", api_url="http://127.0.0.1:3"
        ),
        "authorizenet": AuthorizeNet(
            live=True,
            signature_keys=secret,
            api_login_id="login",
            transaction_key="open-sesame",
            api_url="http://127.0.0.1:4",
        ),
    }


@pytest.mark.parametrize("empty", ["", "  ", ","])
def test_a_processor_without_a_secret_is_there_and_has_none(empty: str) -> None:
    lists = (
        "_WEBHOOK_SECRETS",
        "_HMAC_KEYS",
        "_WEBHOOK_IDS",
        "_CERT_HOSTS",
        "_SIGNATURE_KEYS",
        "_BASIC_AUTH",
    )
    found = processors({name: empty for name in EVERY if name.endswith(lists)}, live=False)
    assert found == processors({}, live=False)
    assert {(one.live, one.api_url) for one in found.values() if isinstance(one, Stripe | Gocardless)} == {
        (False, None)
    }
    paypal, adyen, braintree = found["paypal"], found["adyen"], found["braintree"]
    assert isinstance(paypal, Paypal)
    assert (paypal.webhook_ids, paypal.cert_hosts) == ((), None)
    assert isinstance(adyen, Adyen)
    assert (adyen.hmac_keys, adyen.webhook_basic_auth) == ((), ())
    assert isinstance(braintree, Braintree)
    assert (braintree.private_key, braintree.environment) == ("", "production")


def test_an_environment_that_braintree_does_not_have_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRAINTREE_ENVIRONMENT", "staging")
    with pytest.raises(SetupError, match=r"BRAINTREE_ENVIRONMENT is 'staging'.*production or sandbox"):
        _ = settings.load().processors


def test_processors_are_set_in_the_environment_and_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("STRIPE_API_KEY=old\nSTRIPE_WEBHOOK_SECRETS=whsec\nCASEWIRE_MODE=test\n")
    monkeypatch.setenv("STRIPE_API_KEY", "new")
    stripe = settings.load().processors["stripe"]
    assert stripe == Stripe(live=False, webhook_secrets=("whsec",), api_key="new")


LIVE: Sequence[tuple[str | None, str, bool]] = [
    # CASEWIRE_MODE, SALESFORCE_LOGIN_URL, are live events worked?
    (None, "", True),
    (None, "https://acme.my.salesforce.com", True),
    (None, "https://login.salesforce.com", True),
    (None, "https://sandbox.my.salesforce.com", True),
    (None, "https://develop-inc.my.salesforce.com", True),
    (None, "https://test.salesforce.com", False),
    (None, "https://TEST.salesforce.com/", False),
    (None, "https://acme--uat.sandbox.my.salesforce.com", False),
    (None, "https://acme--uat.my.salesforce.com", False),
    (None, "https://energy-speed-1234.scratch.my.salesforce.com", False),
    (None, "https://orgfarm-1234-dev-ed.develop.my.salesforce.com", False),
    (None, "https://creative-fox-1234-dev-ed.trailblaze.my.salesforce.com", False),
    (None, "https://acme-dev-ed.my.salesforce.com", False),
    (None, "http://127.0.0.1:8090", False),
    (None, "http://localhost:8090", False),
    (None, "http://[::1]:8090", False),
    ("live", "https://acme--uat.sandbox.my.salesforce.com", True),
    ("live", "http://127.0.0.1:8090", True),
    ("test", "https://acme.my.salesforce.com", False),
    ("test", "", False),
]


@pytest.mark.parametrize(("mode", "url", "live"), LIVE)
def test_the_org_tells_whether_live_events_are_worked_unless_the_mode_is_set(
    monkeypatch: pytest.MonkeyPatch, mode: str | None, url: str, live: bool
) -> None:
    monkeypatch.setenv("SALESFORCE_LOGIN_URL", url)
    if mode:
        monkeypatch.setenv("CASEWIRE_MODE", mode)
    found = settings.load()
    assert found.live is live
    assert {one.live for one in found.processors.values()} == {live}


# ── no secret is shown ────────────────────────────────────────────────────────────────────────────────────────

SECRET = {
    **ACME,
    **EVERY,
    "DATABASE_URL": "postgresql://casewire:open-sesame@db/casewire",
    "REDIS_URL": "redis://:open-sesame@redis/0",
    "SALESFORCE_CLIENT_SECRET": "open-sesame",
    "SALESFORCE_JWT_KEY": "open-sesame",
}


def test_no_secret_is_shown_where_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRET.items():
        monkeypatch.setenv(name, value)
    found = settings.load()
    shown: list[Any] = [found, found.recurly, found.processors, str(found), [found]]
    assert "open-sesame" not in "".join(map(repr, shown))


def test_no_secret_is_shown_where_another_setting_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**SECRET, "PORT": "open"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SetupError) as refused:
        settings.load()
    assert "open-sesame" not in str(refused.value)
    assert refused.value.__suppress_context__
