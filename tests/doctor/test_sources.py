"""Recurly, the webhooks and the processors: keys, sites, secrets, and when each was last seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from samples import event, record, rows
from sqlalchemy import Engine

from connector.container import Container
from connector.doctor import State, processors, recurly, webhooks
from connector.models.events import Fate
from sandbox.control import Control
from sandbox.processors import Processors
from sandbox.processors import create_app as processors_app
from sandbox.recurly import Site, create_app
from sandbox.recurly.limits import RateLimit
from sandbox.server import serve

from .conftest import seen

Set = Callable[..., None]


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Set:
    def set_(**given: str) -> None:
        for name, value in given.items():
            monkeypatch.setenv(name, value)

    return set_


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site("acme")
    yield site
    site.close()


@pytest.fixture
def billing(site: Site, settings: Set) -> Iterator[Site]:
    """A site as it must be."""
    with serve(create_app(site, Control())) as server:
        settings(
            RECURLY_SITE="acme",
            RECURLY_API_KEY="sandbox",
            RECURLY_API_URL=server.url,
            RECURLY_WEBHOOK_SECRETS="a" * 64,
        )
        yield site


# ── Recurly ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_site_as_it_must_be(billing: Site, wire: Callable[..., Container]) -> None:
    found = seen(recurly.areas(wire()))
    assert [one.state for one in found.values()] == [State.OK] * 3
    assert found["recurly: key"].message == "accepted; API v2021-02-25"
    assert found["recurly: site"].message == "the key is of acme"
    assert "of 5,000 calls left" in found["recurly: rate limit"].message


def test_a_key_recurly_does_not_know(billing: Site, settings: Set, wire: Callable[..., Container]) -> None:
    settings(RECURLY_API_KEY="of-yesterday")
    found = seen(recurly.areas(wire()))
    assert found["recurly: key"].state is State.FAILED
    assert "does not accept the API key of site acme" in found["recurly: key"].message
    assert "API Credentials" in found["recurly: key"].fix
    assert found["recurly: site"].state is State.SKIPPED


def test_a_key_of_another_site(billing: Site, settings: Set, wire: Callable[..., Container]) -> None:
    settings(RECURLY_SITE="acme-eu")
    found = seen(recurly.areas(wire()))["recurly: site"]
    assert (found.state, found.message) == (
        State.FAILED,
        "the key is of the site acme, the settings name acme-eu",
    )
    assert "RECURLY_SITE=" not in found.message
    assert "Set RECURLY_SITE to acme" in found.fix


def test_a_rate_limit_that_is_nearly_used(billing: Site, wire: Callable[..., Container]) -> None:
    billing.limit = RateLimit(limit=20)
    for _ in range(18):
        billing.limit.take()
    found = seen(recurly.areas(wire()))["recurly: rate limit"]
    assert (found.state, found.message) == (State.WARNING, "0 of 20 calls left")
    assert "call Recurly less" in found.fix


def test_a_site_without_a_key_and_no_site_at_all(settings: Set, wire: Callable[..., Container]) -> None:
    none = seen(recurly.areas(wire()))["recurly: site"]
    settings(RECURLY_SITE="acme")
    keyless = seen(recurly.areas(wire()))["recurly: key"]
    assert (none.state, keyless.state) == (State.FAILED, State.FAILED)
    assert "RECURLY_SITE" in none.fix
    assert "RECURLY_API_KEY" in keyless.fix


def test_two_sites_are_told_apart(billing: Site, settings: Set, wire: Callable[..., Container]) -> None:
    settings(
        RECURLY_SITES="acme-eu",
        RECURLY_API_KEY__ACME_EU="other",
        RECURLY_API_URL__ACME_EU="http://127.0.0.1:1",
    )
    found = seen(recurly.areas(wire()))
    assert found["recurly acme: key"].state is State.OK
    assert found["recurly acme-eu: key"].state is State.FAILED
    assert "cannot be reached" in found["recurly acme-eu: key"].message
    assert "Check the network" in found["recurly acme-eu: key"].fix


# ── webhooks ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_source_that_delivers(billing: Site, running: Container, engine: Engine) -> None:
    record(engine, event("n1"), event("n2"))
    found = seen(webhooks.areas(running))
    assert found["webhooks: recurly acme"].message == "a secret is set"
    assert found["webhooks: recurly acme: deliveries"].state is State.OK
    assert "2 events within 30 days" in found["webhooks: recurly acme: deliveries"].message


def test_recurly_without_a_secret_is_a_closed_door(billing: Site, running: Container, settings: Set) -> None:
    settings(RECURLY_WEBHOOK_SECRETS="")
    found = seen(webhooks.areas(running))["webhooks: recurly acme"]
    assert (found.state, found.message) == (State.FAILED, "no secret is set: /webhooks/recurly answers 404")
    assert "RECURLY_WEBHOOK_SECRETS (of site acme)" in found.fix
    assert "Integrations > Webhooks" in found.fix


def test_a_processor_nobody_set_up_is_no_mistake_but_half_of_one_is(
    billing: Site, running: Container, settings: Set
) -> None:
    settings(STRIPE_API_KEY="sk_test_1")
    found = seen(webhooks.areas(running))
    assert found["webhooks: adyen"].state is State.SKIPPED
    assert found["webhooks: stripe"].state is State.FAILED
    assert "STRIPE_WEBHOOK_SECRETS" in found["webhooks: stripe"].fix


def test_a_secret_in_a_form_that_cannot_be_is_named(running: Container, settings: Set) -> None:
    settings(ADYEN_HMAC_KEYS="not hex")
    found = seen(webhooks.areas(running))["webhooks: adyen"]
    assert (found.state, "ADYEN_HMAC_KEYS" in found.message) == (State.FAILED, True)
    assert "ADYEN_HMAC_KEYS" in found.fix


def test_silence_is_warned_of_with_the_address_to_post_to(
    billing: Site, running: Container, engine: Engine
) -> None:
    never = seen(webhooks.areas(running))["webhooks: recurly acme: deliveries"]
    record(engine, event("n1"))
    rows(engine, "UPDATE event SET received_at = now() - interval '5 days'")
    quiet = seen(webhooks.areas(running))["webhooks: recurly acme: deliveries"]
    assert (never.state, quiet.state) == (State.WARNING, State.WARNING)
    assert "https://your.host/webhooks/recurly/acme" in never.fix
    assert "is it paused" in quiet.fix


def test_events_that_could_not_be_read_are_counted(billing: Site, running: Container, engine: Engine) -> None:
    record(engine, event("n1"), event("n2", fate=Fate.UNREADABLE, pointers=()))
    found = seen(webhooks.areas(running))["webhooks: recurly acme: content"]
    assert (found.state, found.message) == (State.WARNING, "1 events could not be read")


def test_secrets_are_looked_at_without_postgresql_too(billing: Site, wire: Callable[..., Container]) -> None:
    found = seen(webhooks.areas(wire(database_url="postgresql://me@127.0.0.1:1/none")))
    assert found["webhooks: recurly acme"].message == "a secret is set"
    assert found["webhooks: recurly acme: deliveries"].state is State.SKIPPED


# ── processors ────────────────────────────────────────────────────────────────────────────────────────────────

GOOD = {
    "stripe": {"STRIPE_API_KEY": "sk_test_sandbox"},
    "braintree": {
        "BRAINTREE_MERCHANT_ID": "sandbox",
        "BRAINTREE_PUBLIC_KEY": "sandbox",
        "BRAINTREE_PRIVATE_KEY": "sandbox",
        "BRAINTREE_ENVIRONMENT": "sandbox",
    },
    "gocardless": {"GOCARDLESS_ACCESS_TOKEN": "sandbox"},
    "authorizenet": {"AUTHORIZENET_API_LOGIN_ID": "sandbox", "AUTHORIZENET_TRANSACTION_KEY": "sandbox"},
}


@pytest.fixture(scope="module")
def paying() -> Iterator[str]:
    office = Processors()
    with serve(processors_app(office, Control())) as server:
        yield server.url
    office.close()


def at(source: str, url: str) -> dict[str, str]:
    path = "/xml/v1/request.api" if source == "authorizenet" else ""
    return {f"{source.upper()}_API_URL": url + path}


@pytest.mark.parametrize("source", GOOD)
def test_a_processors_key_is_tried_with_one_look(
    source: str, paying: str, settings: Set, wire: Callable[..., Container]
) -> None:
    settings(**GOOD[source], **at(source, paying), CASEWIRE_MODE="test")
    found = seen(processors.areas(wire()))[f"{source}: key"]
    assert (found.state, found.message) == (State.OK, "accepted")
    listed = seen(processors.areas(wire()))[f"{source}: lists"]
    assert (listed.state, "refunds" in listed.message) == (State.OK, True)


@pytest.mark.parametrize(
    ("may_read", "refused"),
    [
        ("charges", {"key"}),
        ("charges.payment_intents", {"lists: refunds", "lists: disputes"}),
        ("charges.payment_intents.refunds", {"lists: disputes"}),
        ("charges.payment_intents.refunds.disputes", set()),
    ],
)
def test_a_restricted_key_of_stripe_must_read_all_that_is_asked_for(
    paying: str, settings: Set, wire: Callable[..., Container], may_read: str, refused: set[str]
) -> None:
    settings(STRIPE_API_KEY=f"rk_test_sandbox_{may_read}", STRIPE_API_URL=paying, CASEWIRE_MODE="test")
    found = seen(processors.areas(wire()))
    failed = {name.removeprefix("stripe: "): one for name, one in found.items() if one.state is State.FAILED}
    assert set(failed) == refused
    assert all("Refunds and Disputes" in one.fix for one in failed.values())


@pytest.mark.parametrize("source", GOOD)
def test_a_network_that_is_down_is_not_blamed_on_the_key(
    source: str, settings: Set, wire: Callable[..., Container]
) -> None:
    settings(**GOOD[source], **at(source, "http://127.0.0.1:1"), CASEWIRE_MODE="test")
    found = seen(processors.areas(wire()))[f"{source}: key"]
    assert found.state is State.FAILED
    assert "Check the network" in found.fix
    assert "Set " not in found.fix


def test_a_key_of_the_other_mode_is_named(paying: str, settings: Set, wire: Callable[..., Container]) -> None:
    settings(STRIPE_API_KEY="sk_test_sandbox", STRIPE_API_URL=paying, CASEWIRE_MODE="live")
    found = seen(processors.areas(wire()))["stripe: key"]
    assert (found.state, "for test payments, and live events" in found.message) == (State.FAILED, True)
    assert "CASEWIRE_MODE=test" in found.fix


@pytest.mark.parametrize("source", GOOD)
def test_a_processors_key_that_is_refused_is_named(
    source: str, paying: str, settings: Set, wire: Callable[..., Container]
) -> None:
    wrong = {name: "wrong" for name in GOOD[source] if not name.endswith(("ENVIRONMENT", "MERCHANT_ID"))}
    settings(**{**GOOD[source], **wrong, **at(source, paying)}, CASEWIRE_MODE="test")
    found = seen(processors.areas(wire()))[f"{source}: key"]
    assert (found.state, "does not accept the key" in found.message) == (State.FAILED, True)
    assert f"Set {next(iter(GOOD[source]))}" in found.fix


def test_every_processor_with_a_client_is_asked() -> None:
    from connector.clients.processors import CLIENTS

    assert set(GOOD) == set(CLIENTS)
