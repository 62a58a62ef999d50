"""Where the value of a mapped field is found among the facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from connector.mappers.records import invoice, payment, subscription
from connector.mappers.records.account import newest_live
from connector.models.facts import Facts, Subscription
from connector.models.plan import Change
from connector.policy.orgs import SITE
from connector.sync.org_schema.conversion import Known

_SUBSCRIPTION: Final = "subscription"


class Sources:
    """What the fields of one account's records may be filled from."""

    def __init__(self, facts: Facts) -> None:
        own: Mapping[str, Mapping[str, Any]] = {
            _SUBSCRIPTION: {subscription.key(facts, one): one for one in facts.subscriptions},
            "invoice": {invoice.key(facts, one): one for one in facts.invoices},
            "payment": {payment.key(facts, one): one for one in facts.payments},
        }
        self._facts = facts
        self._own = own
        self._newest: Subscription | None = newest_live(facts)

    def value(self, change: Change, path: tuple[str, ...]) -> Known:
        """What the path says of the record of this change; None where that is not known."""
        if path == (SITE,):
            return self._facts.site or None
        held: Any = self._root(change, path[0])
        for part in path[1:]:
            if held is None:
                return None
            held = dict(held).get(part) if isinstance(held, tuple) else getattr(held, part)
        return cast(Known, held)

    def _root(self, change: Change, name: str) -> object:
        if name == "account":
            return self._facts.account
        own = self._own[name].get(change.key)
        return self._newest if own is None and name == _SUBSCRIPTION else own
