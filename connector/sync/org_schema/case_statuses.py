"""The statuses of cases: those the policy names are checked against the org, the others are the org's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from connector.errors import SetupError
from connector.mappers.fields import Case
from connector.mappers.org_schema import CaseStatus, OrgShape
from connector.policy import Policy


def fitted(policy: Policy, statuses: Sequence[CaseStatus]) -> Policy:
    """The policy with a value of the org for each status. A new case gets the org's default one, a closed one the
    first that is closed, in the org's order. Raises SetupError for a value that is not the org's, or is not open or
    closed as it must be, and for an org that has none of a kind."""
    chosen = {
        "open": _chosen(policy, "open", statuses, closed=False),
        "reopened": _chosen(policy, "reopened", statuses, closed=False),
        "closed": _chosen(policy, "closed", statuses, closed=True),
    }
    return policy.model_copy(update={"statuses": policy.statuses.model_copy(update=chosen)})


def _chosen(policy: Policy, key: str, statuses: Sequence[CaseStatus], *, closed: bool) -> str:
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


def tell_unknown(policy: Policy, shape: OrgShape, tell: Callable[[str], None]) -> None:
    """Names of the policy that the org does not have: Salesforce takes them, or leaves them out, in silence."""
    found = shape.field(Case.OBJECT, Case.PRIORITY)
    known = found.values if found else frozenset()
    for priority in sorted(policy.case_priorities() - known) if known else ():
        tell(f"Case.Priority has no value {priority!r}")
    for queue in sorted(policy.queues() - shape.queues):
        tell(f"there is no queue {queue} that may own cases: its cases stay with the integration user")
