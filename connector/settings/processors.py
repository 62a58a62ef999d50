"""The settings of the payment processors: how to trust what they post, and how to ask them.

One account of each. ``live``: which of its events are worked, live or test ones; the others are recorded as ignored.
An ``api_url`` overrides the processor's own address.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from connector.errors import SetupError
from connector.settings.recurly import listed

Read = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stripe:
    """``connected_accounts``: ids of accounts connected to it whose payments are compared too (Stripe Connect)."""

    live: bool
    webhook_secrets: tuple[str, ...] = field(repr=False)
    api_key: str = field(repr=False)
    api_url: str | None = None
    connected_accounts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Braintree:
    """``environment``: production or sandbox. Its keys differ between the two, and so do its signatures.
    ``currencies``: of its merchant accounts, by their ids; under an empty id that of all others."""

    live: bool
    merchant_id: str
    public_key: str
    private_key: str = field(repr=False)
    environment: str
    api_url: str | None = None
    currencies: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adyen:
    """``hmac_keys`` in hex, as Adyen shows them; ``webhook_basic_auth`` as ``user:password``."""

    live: bool
    hmac_keys: tuple[str, ...] = field(repr=False)
    webhook_basic_auth: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paypal:
    """``cert_hosts``: where its certificates may be fetched from, and nowhere else. None: PayPal's own hosts."""

    live: bool
    webhook_ids: tuple[str, ...]
    cert_hosts: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gocardless:
    live: bool
    webhook_secrets: tuple[str, ...] = field(repr=False)
    access_token: str = field(repr=False)
    api_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizeNet:
    live: bool
    signature_keys: tuple[str, ...] = field(repr=False)
    api_login_id: str
    transaction_key: str = field(repr=False)
    api_url: str | None = None


Processor = Stripe | Braintree | Adyen | Paypal | Gocardless | AuthorizeNet

_TEST, _LIVE = ("sk_test_", "rk_test_", "sandbox_"), ("sk_live_", "rk_live_", "live_")
"""What the API keys of Stripe and GoCardless begin with."""


def is_of_the_other_world(given: Processor) -> bool:
    """Whether its API key is for test payments where live ones are worked, or the other way round; if a key tells."""
    match given:
        case Stripe(api_key=told) | Gocardless(access_token=told):
            pass
        case _:
            return False
    return told.startswith(_TEST) if given.live else told.startswith(_LIVE)


def processors(environment: Mapping[str, str], *, live: bool) -> Mapping[str, Processor]:
    """By the source's name; one without a secret is there too, and is not configured."""

    def read(name: str) -> str:
        return environment.get(name, "").strip()

    return {
        "stripe": Stripe(
            live=live,
            webhook_secrets=listed(read("STRIPE_WEBHOOK_SECRETS")),
            api_key=read("STRIPE_API_KEY"),
            api_url=read("STRIPE_API_URL") or None,
            connected_accounts=_connected_accounts(listed(read("STRIPE_CONNECTED_ACCOUNTS"))),
        ),
        "braintree": _braintree(read, live),
        "adyen": Adyen(
            live=live,
            hmac_keys=listed(read("ADYEN_HMAC_KEYS")),
            webhook_basic_auth=listed(read("ADYEN_WEBHOOK_BASIC_AUTH")),
        ),
        "paypal": Paypal(
            live=live,
            webhook_ids=listed(read("PAYPAL_WEBHOOK_IDS")),
            cert_hosts=listed(read("PAYPAL_CERT_HOSTS")) or None,
        ),
        "gocardless": Gocardless(
            live=live,
            webhook_secrets=listed(read("GOCARDLESS_WEBHOOK_SECRETS")),
            access_token=read("GOCARDLESS_ACCESS_TOKEN"),
            api_url=read("GOCARDLESS_API_URL") or None,
        ),
        "authorizenet": AuthorizeNet(
            live=live,
            signature_keys=listed(read("AUTHORIZENET_SIGNATURE_KEYS")),
            api_login_id=read("AUTHORIZENET_API_LOGIN_ID"),
            transaction_key=read("AUTHORIZENET_TRANSACTION_KEY"),
            api_url=read("AUTHORIZENET_API_URL") or None,
        ),
    }


def _currencies(given: tuple[str, ...]) -> Mapping[str, str]:
    """``USD``, or ``acme_usd:USD,acme_eur:EUR``, or both."""
    found: dict[str, str] = {}
    for one in given:
        account, _, code = one.rpartition(":")
        if not re.fullmatch(r"[A-Za-z]{3}", code.strip()):
            raise SetupError(
                f"BRAINTREE_CURRENCIES: {one!r} is no currency; write USD, or a merchant account and its currency "
                "like acme_usd:USD."
            )
        found[account.strip()] = code.strip().upper()
    return found


def _connected_accounts(given: tuple[str, ...]) -> tuple[str, ...]:
    for one in given:
        if not re.fullmatch(r"acct_[A-Za-z0-9_]{1,200}", one):
            raise SetupError(f"STRIPE_CONNECTED_ACCOUNTS: {one!r} is no account id; they begin with acct_.")
    return tuple(dict.fromkeys(given))


def _braintree(read: Read, live: bool) -> Braintree:
    environment = read("BRAINTREE_ENVIRONMENT").lower() or "production"
    if environment not in {"production", "sandbox"}:
        raise SetupError(f"BRAINTREE_ENVIRONMENT is {environment!r}; it must be production or sandbox.")
    return Braintree(
        live=live,
        merchant_id=read("BRAINTREE_MERCHANT_ID"),
        public_key=read("BRAINTREE_PUBLIC_KEY"),
        private_key=read("BRAINTREE_PRIVATE_KEY"),
        environment=environment,
        api_url=read("BRAINTREE_API_URL") or None,
        currencies=_currencies(listed(read("BRAINTREE_CURRENCIES"))),
    )
