"""Braintree: fat XML in a signed form, one event in each delivery. See README.md beside this file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from connector.errors import SetupError
from connector.models.events import Event
from connector.webhooks.braintree import parse, verify
from connector.webhooks.braintree.objects import Account
from connector.webhooks.source import Delivery, Source

NAME: Final = "braintree"


class Settings(Protocol):
    """What is read of the settings. ``environment``: production or sandbox; the keys belong to one of them."""

    @property
    def live(self) -> bool: ...

    @property
    def merchant_id(self) -> str: ...

    @property
    def public_key(self) -> str: ...

    @property
    def private_key(self) -> str: ...

    @property
    def environment(self) -> str: ...

    @property
    def currencies(self) -> Mapping[str, str]: ...


def configured(settings: Settings) -> Source | None:
    """The source; None while it lacks one of its two keys."""
    keys = verify.Keys(settings.public_key.strip(), settings.private_key.strip())
    if not keys.public or not keys.private:
        return None
    if not (keys.public + keys.private).isascii():
        raise SetupError(
            "BRAINTREE_PUBLIC_KEY and BRAINTREE_PRIVATE_KEY are letters and digits. Copy them again."
        )
    account = Account(settings.merchant_id.strip(), settings.environment == "production", settings.currencies)
    return Braintree(keys, account, settings.live)


@dataclass(frozen=True, slots=True)
class Braintree:
    """One Braintree account in one environment."""

    keys: verify.Keys = field(repr=False)
    account: Account
    live: bool
    name: str = NAME

    def read(self, delivery: Delivery) -> tuple[Event, ...]:
        """Exactly one event: Braintree never batches."""
        return (parse.read(delivery, verify.payload(delivery, self.keys), self.account, live=self.live),)

    def challenge(self, query: Mapping[str, str]) -> str:
        """The proof Braintree asks for, by ``GET ?bt_challenge=…``, when the address is set up."""
        return verify.proof(query.get("bt_challenge", ""), self.keys)
