"""Whether plans can be made to fit the org, as each worker asks when it starts: mappings, persons, what is left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from connector.clients.salesforce import Org
from connector.doctor.result import CheckResult, NotAsked, State, failed, ok, warning
from connector.doctor.salesforce import cases, fields
from connector.doctor.salesforce.org_context import OrgContext
from connector.errors import SetupError
from connector.sync.org_schema import mapping
from connector.sync.org_schema.adaptation import OrgAdapter

_MEND: Final = "Change [[mapping]] in policy.toml, or the field in the org (Setup > Object Manager)."


def fit(look: OrgContext) -> Iterator[CheckResult]:
    policy = look.policy
    refuses = policy.orgs.missing == "refuse"
    if (refuses and fields.missing(look)) or fields.wrong_keys(look):
        raise NotAsked("fields are missing or not as they must be")
    if any(one.state is State.FAILED for one in cases.statuses(look)):
        raise NotAsked("case statuses are not as the policy says")
    org = Org.load(look.client, {one.lookup.object for one in policy.mapping if one.lookup})
    troubles = list(mapping.troubles(policy, org.shape))
    for mapped, why in troubles:
        told = f"{mapped.name}: {why}"
        yield (
            failed(told, _MEND, mapped.name) if refuses else warning(f"{told}: left out", _MEND, mapped.name)
        )
    if refuses and troubles:
        return
    try:
        OrgAdapter.of(policy, org, lambda _: None)
    except SetupError as error:
        yield failed(str(error), "Do what it says; section [orgs] of policy.example.toml has the choices.")
        return
    mapped_fields = f"; {len(policy.mapping)} fields are mapped" if policy.mapping else ""
    yield ok(f"records can be written in the shape of this org{mapped_fields}")
