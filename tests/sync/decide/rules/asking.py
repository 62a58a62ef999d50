"""How the tests of rules ask: the plan, and in it the change of one record."""

from __future__ import annotations

from connector.models.facts import Facts
from connector.models.plan import Change, Transition
from connector.policy import Policy
from connector.sync.decide.decide import decide

POLICY = Policy()


def changes(known: Facts, object_: str, rule: str = "", policy: Policy = POLICY) -> dict[str, Change]:
    found = (change for change in decide(known, policy).changes if change.object == object_)
    return {change.key.removeprefix("recurly:acme:"): change for change in found if rule in ("", change.rule)}


def the_case(known: Facts, rule: str, policy: Policy = POLICY) -> Change | None:
    """The one case of this rule, or None."""
    found = list(changes(known, "Case", rule, policy).values())
    assert len(found) <= 1
    return found[0] if found else None


def standing(known: Facts, rule: str, policy: Policy = POLICY) -> str | None:
    """``opens``, or the outcome with which a case is made or resolved, or None where nothing happens."""
    case = the_case(known, rule, policy)
    if case is None:
        return None
    if case.fields["Billing_State__c"] == "open":
        return "opens" if case.transition is Transition.OPEN else "stays"
    return str(case.fields["Billing_Outcome__c"])


def policy(rule: str, **changed: object) -> Policy:
    """The default policy with some settings of one rule changed."""
    return Policy.model_validate({"rules": {rule: changed}})
