"""Questions about the payment processors: secrets of their webhooks, and API keys for what a webhook lacks."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from connector.cli.init.prompts import Answers, prompt_until_valid
from connector.clients.processors import CLIENTS
from connector.doctor import processors as doctor
from connector.doctor.result import Area, Check, CheckResult, failed, ok
from connector.doctor.webhooks import WHERE
from connector.settings import Processor
from connector.settings.processors import processors
from connector.settings.recurly import listed
from connector.webhooks.registry import SOURCES


@dataclass(frozen=True, slots=True)
class Setting:
    """``needed``: without it the processor's webhooks are refused. ``ours``: a password that we choose. ``choices``:
    the first is the default."""

    name: str
    question: str
    needed: bool = False
    ours: bool = False
    secret: bool = True
    choices: tuple[str, ...] = ()


PROCESSORS: Final[Mapping[str, tuple[Setting, ...]]] = {
    "stripe": (
        Setting("STRIPE_WEBHOOK_SECRETS", "signing secret (whsec_…)", needed=True),
        Setting(
            "STRIPE_API_KEY",
            "restricted key, read access to Charges, PaymentIntents, Refunds and Disputes (optional)",
        ),
    ),
    "braintree": (
        Setting("BRAINTREE_ENVIRONMENT", "environment", secret=False, choices=("production", "sandbox")),
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
    """Ask which processors are used, and for the settings of each."""
    given_names = [name for name, of_it in PROCESSORS.items() if answers.given.get(_first(of_it).name)]
    chosen = answers.ask(
        "processors",
        f"Processors that post webhooks too ({', '.join(PROCESSORS)}; empty for none)",
        default=",".join(given_names),
        problem=_names_problem,
    )
    for name in listed(chosen):
        answers.inform(f"{name}: a webhook to {host}/webhooks/{name}. Its secret: {WHERE[name]}.")
        _one(answers, name, live)


def _names_problem(chosen: str) -> str:
    unknown = [name for name in listed(chosen) if name not in PROCESSORS]
    return (
        f"There is no processor {', '.join(unknown)}; there are {', '.join(PROCESSORS)}." if unknown else ""
    )


def _first(of_it: tuple[Setting, ...]) -> Setting:
    return next(setting for setting in of_it if setting.needed)


def _one(answers: Answers, name: str, live: bool) -> None:
    def questions() -> Area:
        given = {setting.name: _answer(answers, name, setting) for setting in PROCESSORS[name]}
        address = f"{name.upper()}_API_URL"
        given |= {address: answers.given[address]} if answers.given.get(address) else {}
        answers.settings |= given
        configured = processors(given, live=live)[name]
        secret = Check(
            "webhook secret", lambda: _secret(name, configured), fix=f"It is shown in {WHERE[name]}."
        )
        key = doctor.area(name, configured).checks if name in CLIENTS else ()
        return Area(name, (secret, *key))

    prompt_until_valid(answers, questions)


def _answer(answers: Answers, name: str, setting: Setting) -> str:
    if setting.ours and not answers.given.get(setting.name):
        password = secrets.token_urlsafe(24)
        answers.inform(f"  Give the webhook the user casewire and this password: {password}")
        return f"casewire:{password}"
    return answers.ask(
        setting.name,
        f"{name}: {setting.question}",
        default=setting.choices[0] if setting.choices else "",
        secret=setting.secret,
        needed=setting.needed or bool(setting.choices),
        choices=setting.choices,
    )


def _secret(name: str, configured: Processor) -> Iterator[CheckResult]:
    """SetupError for a secret with an impossible format."""
    if SOURCES[name](configured) is None:
        yield failed(f"no secret is set: /webhooks/{name} answers 404", f"It is shown in {WHERE[name]}.")
    else:
        yield ok("a secret is set")
