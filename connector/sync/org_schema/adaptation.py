"""A plan says what should be true; here it is made to fit the shape of the org: its fields, persons and currencies.
Pure but for ``tell``, which hears by name what cannot be written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from connector.errors import SetupError
from connector.mappers import fields
from connector.mappers.field_limits import required_fields
from connector.mappers.fields import Account, Contact
from connector.mappers.org_schema import OrgShape
from connector.models.facts import Facts
from connector.models.plan import Change
from connector.policy import Mapped, Policy
from connector.sync.apply.row_diff import OrgIds
from connector.sync.org_schema import case_statuses, currencies, mapping, person_accounts
from connector.sync.org_schema.missing_fields import OmittedFields, lacking, refuse, refuse_needed

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
        effective = case_statuses.fitted(policy, shape.statuses)
        left_out = OmittedFields.of(shape, lacks)
        for sentence in (*left_out.sentences(), *(_told(*one) for one in unfit.items())):
            tell(sentence)
        case_statuses.tell_unknown(effective, shape, tell)
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
