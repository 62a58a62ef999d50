"""The settings of the business that an operator can change: thresholds, queues, priorities, and texts of cases.

``policy.example.toml`` documents every key. Loading checks everything at once: a bad policy is found when Casewire
starts or by ``casewire policy check``, never by a case.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import UTC, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from connector.errors import SetupError
from connector.policy.base import (
    CaseRule,
    Cases,
    Escalation,
    Joining,
    Link,
    Section,
    Site,
    Statuses,
    Tier,
    TimeZone,
)
from connector.policy.billing import Cancellation, Chargeback, PaymentFailed, PaymentMethod, UnappliedCredit
from connector.policy.discrepancies import Compare, DiscrepancyRule
from connector.policy.disputes import Dispute, FraudWarning
from connector.policy.incidents import IncidentRule
from connector.policy.linking import AccountMatch, Key, Linking
from connector.policy.operation import Admin, Budget, Reconcile
from connector.policy.orgs import LookupTo, Mapped, Orgs
from connector.policy.payouts import BankDebit, Payout
from connector.policy.refunds import Refund, RefundPolicy
from connector.policy.rules import Rules
from connector.policy.templates import Text, Told
from connector.policy.validation_errors import explain

__all__ = [
    "AccountMatch",
    "Admin",
    "BankDebit",
    "Budget",
    "Cancellation",
    "CaseRule",
    "Cases",
    "Chargeback",
    "Compare",
    "DiscrepancyRule",
    "Dispute",
    "Escalation",
    "FraudWarning",
    "IncidentRule",
    "Joining",
    "Key",
    "Linking",
    "LookupTo",
    "Mapped",
    "Orgs",
    "PaymentFailed",
    "PaymentMethod",
    "Payout",
    "Policy",
    "Reconcile",
    "Refund",
    "RefundPolicy",
    "Rules",
    "Site",
    "Statuses",
    "Text",
    "Tier",
    "Told",
    "UnappliedCredit",
]


class Policy(Section):
    """The whole policy. ``Policy()`` is the default, usable as it is."""

    recurly_link: Link = "https://{site}.recurly.com/accounts/{code}"
    recurly_invoice_link: Link = "https://{site}.recurly.com/invoices/{code}"
    recurly_subscription_link: Link = "https://{site}.recurly.com/subscriptions/{code}"
    recurly_payment_link: Link = "https://{site}.recurly.com/transactions/{code}"
    time_zone: TimeZone = "UTC"
    sites: Mapping[str, Site] = {}
    statuses: Statuses = Statuses()
    cases: Cases = Cases()
    joining: Joining = Joining()
    linking: Linking = Linking()
    budget: Budget = Budget()
    admin: Admin = Admin()
    reconcile: Reconcile = Reconcile()
    orgs: Orgs = Orgs()
    mapping: tuple[Mapped, ...] = ()
    rules: Rules = Rules()

    @classmethod
    def load(cls, path: Path | None) -> Policy:
        """The policy in this TOML file, or the default. Raises ``SetupError`` naming key, file and line."""
        if path is None:
            return cls()
        return cls.parse(_read(path), path)

    @classmethod
    def parse(cls, source: str, path: Path) -> Policy:
        """The policy of this text; ``path``: the file that errors name."""
        try:
            content = tomllib.loads(source)
        except tomllib.TOMLDecodeError as error:
            raise SetupError(f"{path}: not valid TOML: {error}") from error
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            told = [explain(item, path, source, cls) for item in error.errors()]
            raise SetupError("\n".join(told)) from error

    def zone_of(self, site: str | None) -> tzinfo:
        """The zone of a site's clock; without a site, or where it has none of its own, the policy's."""
        own = self.sites.get(site or "")
        name = (own.time_zone if own else None) or self.time_zone
        return UTC if name == "UTC" else ZoneInfo(name)

    def case_rules(self) -> Mapping[str, CaseRule]:
        """The section of every rule, by its name."""
        return {name: getattr(self.rules, name) for name in type(self.rules).model_fields}

    def queues(self) -> frozenset[str]:
        """The queues an org must have."""
        rules = (rule.queues() for rule in self.case_rules().values() if rule.enabled)
        return frozenset({self.joining.queue}).union(*rules)

    def case_statuses(self) -> frozenset[str]:
        """The values of Case.Status an org must have."""
        return frozenset((self.statuses.open, self.statuses.reopened, self.statuses.closed))

    def case_priorities(self) -> frozenset[str]:
        """The values of Case.Priority an org must have."""
        return frozenset().union(*(rule.priorities() for rule in self.case_rules().values() if rule.enabled))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SetupError(f"{path}: the policy cannot be read: it is not text in UTF-8.") from error
    except OSError as error:
        why = error.strerror or str(error)
        raise SetupError(f"{path}: the policy cannot be read: {why}. Name a TOML file.") from error
