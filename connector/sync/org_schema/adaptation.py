"""Adapt a plan to the org's schema: its fields, person accounts and currencies.
Pure but for ``tell``, which receives the names of what cannot be written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from connector.errors import SetupError
from connector.mappers import fields
from connector.mappers.field_limits import required_fields
from connector.mappers.fields import Account, Case, Contact
from connector.mappers.org_schema import CaseStatus, OrgShape
from connector.models.facts import Facts
from connector.models.plan import Change
from connector.policy import Mapped, Policy
from connector.sync.apply.row_diff import OrgIds
from connector.sync.org_schema import currencies, mapping, person_accounts
from connector.sync.org_schema.missing_fields import OmittedFields, lacking, refuse, refuse_needed

log = structlog.get_logger("connector.shaping")


class SchemaWarnings:
    """Of one process. It knows names of fields, never values: there are not many."""

    def __init__(self) -> None:
        self._told: dict[str, None] = {}

    def __call__(self, sentence: str) -> None:
        if sentence not in self._told:
            self._told[sentence] = None
            log.warning("org_does_not_fit", what=sentence, outcome="left out")

    def told(self) -> list[str]:
        """In the order in which they came up."""
        return list(self._told)


Tell = Callable[[str], None]
_OF_PERSONS: Final = (Contact.FIRST_NAME, Contact.LAST_NAME, Contact.PHONE, "PersonEmail", fields.PERSON_KEY)


class OrgDescription(OrgIds, Protocol):
    """An org as it was read (``clients/salesforce``)."""

    @property
    def shape(self) -> OrgShape: ...


@dataclass(frozen=True, slots=True)
class OrgAdapter:
    """``policy``: the effective one, with the org's own case statuses."""

    org: OrgDescription
    policy: Policy
    mapping: mapping.FieldMapping
    left_out: OmittedFields
    tell: Tell

    @classmethod
    def of(cls, policy: Policy, org: OrgDescription, tell: Tell) -> OrgAdapter:
        """Raises SetupError naming what the org lacks, unless the policy leaves it out, and what of the policy does
        not fit it."""
        shape = org.shape
        lacks = lacking(shape, _required(shape, policy))
        unfit = dict(mapping.troubles(policy, shape))
        if policy.orgs.missing == "refuse":
            refuse(shape, lacks)
            _refuse_mapped(unfit)
        refuse_needed(shape, lacks)
        effective = fit_statuses(policy, shape.statuses)
        left_out = OmittedFields.of(shape, lacks)
        for sentence in (*left_out.sentences(), *(_told(*one) for one in unfit.items())):
            tell(sentence)
        report_unknown_names(effective, shape, tell)
        kept = [one for one in policy.mapping if one not in unfit]
        return cls(org, effective, mapping.FieldMapping.of(kept, shape), left_out, tell)

    def fit(self, changes: Sequence[Change], facts: Facts) -> Sequence[Change]:
        """The changes as this org can take them."""
        shape = self.org.shape
        fitted = self.mapping.filled(changes, facts, self.tell, self.policy.zone_of(facts.site))
        if shape.person_accounts:
            fitted = person_accounts.merged(fitted, facts, self.policy.orgs, shape)
        fitted = currencies.named(fitted, shape, self.tell)
        return self.left_out.leave(fitted) if self.left_out else fitted


def _required(shape: OrgShape, policy: Policy) -> Mapping[str, frozenset[str]]:
    required = required_fields()
    if not shape.person_accounts:
        return required
    more = {f"{Account.OBJECT}.{policy.orgs.person_record_type}"} if policy.orgs.person_record_type else set()
    if more - shape.record_types:
        raise SetupError(
            f"policy: orgs.person_record_type: the org has no record type {policy.orgs.person_record_type} of "
            "Account that the integration user may use."
        )
    return {**required, Account.OBJECT: required[Account.OBJECT].union(_OF_PERSONS)}


def _refuse_mapped(unfit: Mapping[Mapped, str]) -> None:
    if unfit:
        raise SetupError(
            f"The policy's mapping does not fit the org: {'; '.join(_told(*o) for o in unfit.items())}."
        )


def _told(mapped: Mapped, why: str) -> str:
    return f"{mapped.name}: {why}"


def fit_statuses(policy: Policy, statuses: Sequence[CaseStatus]) -> Policy:
    """The policy with a value of the org for each status. A new case gets the org's default one, a closed one the
    first that is closed, in the org's order. Raises SetupError for a value that is not the org's, or is not open or
    closed as it must be, and for an org that has none of a kind."""
    chosen = {
        "open": _chosen_status(policy, "open", statuses, closed=False),
        "reopened": _chosen_status(policy, "reopened", statuses, closed=False),
        "closed": _chosen_status(policy, "closed", statuses, closed=True),
    }
    return policy.model_copy(update={"statuses": policy.statuses.model_copy(update=chosen)})


def _chosen_status(policy: Policy, key: str, statuses: Sequence[CaseStatus], *, closed: bool) -> str:
    kind = "closed" if closed else "open"
    fitting = [status for status in statuses if status.closed is closed]
    if not fitting:
        raise SetupError(f"The org has no {kind} case status. Make one: Setup > Case Status.")
    if not policy.statuses.is_given(key):
        return next((status.name for status in fitting if status.default), fitting[0].name)
    given: str = getattr(policy.statuses, key)
    if given not in [status.name for status in fitting]:
        known = ", ".join(status.name for status in fitting)
        is_there = any(status.name == given for status in statuses)
        why = f"it is not {kind}" if is_there else "the org has no such case status"
        raise SetupError(f"policy: statuses.{key} = {given!r}: {why}. The {kind} ones: {known}.")
    return given


def report_unknown_names(policy: Policy, shape: OrgShape, tell: Callable[[str], None]) -> None:
    """Names of the policy that the org does not have: Salesforce takes them, or leaves them out, in silence."""
    found = shape.field(Case.OBJECT, Case.PRIORITY)
    known = found.values if found else frozenset()
    for priority in sorted(policy.case_priorities() - known) if known else ():
        tell(f"Case.Priority has no value {priority!r}")
    for queue in sorted(policy.queues() - shape.queues):
        tell(f"there is no queue {queue} that may own cases: its cases stay with the integration user")
