"""The payment processors: what proves their webhooks, and the keys that fill in what a webhook lacks."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from connector.cli.init.answers import Answers
from connector.cli.init.until_good import asked
from connector.clients.processors import CLIENTS
from connector.doctor import processors as doctor
from connector.doctor.finding import Area
from connector.doctor.webhooks import WHERE
from connector.settings.processors import processors
from connector.settings.reading import listed


@dataclass(frozen=True, slots=True)
class Setting:
    """``needed``: without it the processor's webhooks are not taken. ``ours``: a password that we choose."""

    name: str
    question: str
    needed: bool = False
    ours: bool = False
    secret: bool = True


PROCESSORS: Final[Mapping[str, tuple[Setting, ...]]] = {
    "stripe": (
        Setting("STRIPE_WEBHOOK_SECRETS", "signing secret (whsec_…)", needed=True),
        Setting(
            "STRIPE_API_KEY",
            "restricted key, read access to Charges, PaymentIntents, Refunds and Disputes (optional)",
        ),
    ),
    "braintree": (
        Setting("BRAINTREE_ENVIRONMENT", "production or sandbox", secret=False),
        Setting("BRAINTREE_MERCHANT_ID", "merchant id", needed=True, secret=False),
        Setting("BRAINTREE_PUBLIC_KEY", "public key", needed=True, secret=False),
        Setting("BRAINTREE_PRIVATE_KEY", "private key", needed=True),
    ),
    "adyen": (
        Setting("ADYEN_HMAC_KEYS", "HMAC key, in hex", needed=True),
        Setting("ADYEN_WEBHOOK_BASIC_AUTH", "user:password of the webhook", ours=True),
    ),
    "paypal": (Setting("PAYPAL_WEBHOOK_IDS", "webhook id", needed=True, secret=False),),
    "gocardless": (
        Setting("GOCARDLESS_WEBHOOK_SECRETS", "secret of the webhook endpoint", needed=True),
        Setting("GOCARDLESS_ACCESS_TOKEN", "read-only access token (optional)"),
    ),
    "authorizenet": (
        Setting("AUTHORIZENET_SIGNATURE_KEYS", "signature key, 128 hex digits", needed=True),
        Setting("AUTHORIZENET_API_LOGIN_ID", "API login id (optional)", secret=False),
        Setting("AUTHORIZENET_TRANSACTION_KEY", "transaction key (optional)"),
    ),
}


def ask(answers: Answers, host: str, *, live: bool) -> None:
    """Those that are used."""
    known = [name for name, of_it in PROCESSORS.items() if answers.given.get(_first(of_it).name)]
    chosen = answers.ask(
        "processors",
        f"Processors that post webhooks too ({', '.join(PROCESSORS)}; empty for none)",
        default=",".join(known),
    )
    for name in listed(chosen):
        if name in PROCESSORS:
            answers.say(f"{name}: a webhook to {host}/webhooks/{name}. Its secret: {WHERE[name]}.")
            _one(answers, name, live)
        else:
            answers.say(f"There is no processor {name}.")


def _first(of_it: tuple[Setting, ...]) -> Setting:
    return next(setting for setting in of_it if setting.needed)


def _one(answers: Answers, name: str, live: bool) -> None:
    def questions() -> Area:
        given = {setting.name: _answer(answers, name, setting) for setting in PROCESSORS[name]}
        address = f"{name.upper()}_API_URL"
        given |= {address: answers.given[address]} if answers.given.get(address) else {}
        answers.settings |= given
        if name not in CLIENTS:
            return Area(name, ())
        return doctor.area(name, processors(given, live=live)[name])

    asked(answers, questions)


def _answer(answers: Answers, name: str, setting: Setting) -> str:
    if setting.ours and not answers.given.get(setting.name):
        password = secrets.token_urlsafe(24)
        answers.say(f"  Give the webhook the user casewire and this password: {password}")
        return f"casewire:{password}"
    return answers.ask(
        setting.name, f"{name}: {setting.question}", secret=setting.secret, needed=setting.needed
    )
