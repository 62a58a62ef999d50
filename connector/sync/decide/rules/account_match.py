"""Several Salesforce accounts match a billing account, or none does: a person decides on the case."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from connector.mappers.field_limits import page
from connector.mappers.fields import Case as F
from connector.models.facts import Account, Candidate, Facts, Link, LinkState
from connector.models.plan import Change
from connector.policy import Policy, Told
from connector.sync.decide import lifecycle
from connector.sync.decide.lifecycle import Problem

NAME = "account_match"
_ACTION: Final = (
    "Set the account of this case to the right one; if none is, make it first. Billing links it within minutes and "
    "resolves the case."
)


def changes(facts: Facts, policy: Policy) -> list[Change]:
    """No changes before the linker has searched for the record of the account."""
    if facts.link is None or facts.account is None:
        return []
    problem = _problem(facts, facts.account, facts.link)
    made = lifecycle.changes(NAME, [problem], facts, policy, policy.rules.account_match)
    return made if problem.open else [_without_beginning(change) for change in made]


def _problem(facts: Facts, account: Account, link: Link) -> Problem:
    asked = link.state is LinkState.REVIEW
    return Problem(
        object="account",
        id=facts.code,
        name=NAME,
        open=asked,
        evident=asked,
        why=f"the Salesforce account of {facts.code} is not known: {link.how}"
        if asked
        else f"the Salesforce account of {facts.code}: {link.how}",
        opened_at=link.since if asked else None,
        resolved_at=link.since,
        outcome=_outcome(link),
        fields={
            F.REASON: link.how,
            F.ACTION: _ACTION,
            **({F.CANDIDATES: page(candidates(link))} if asked else {}),
        },
        stable={"account": facts.code},
        fresh=_texts(account, link),
    )


def _without_beginning(change: Change) -> Change:
    """The change without the begin time, which is unknown once the problem is over; the case keeps its value."""
    return replace(change, fields={k: v for k, v in change.fields.items() if k != F.OPENED_AT})


def _outcome(link: Link) -> str:
    if link.state is LinkState.WAITING:
        return "Waiting"
    return "Created" if link.made else "Linked"


def _texts(account: Account, link: Link) -> dict[str, Told]:
    person = " ".join(filter(None, (account.first_name, account.last_name)))
    return {
        "problem": _sentence(link.how),
        "name": account.company,
        "person": person or None,
        "email": account.email,
        "candidates": candidates(link) or None,
        "action": _ACTION,
        "how": link.how,
    }


def candidates(link: Link) -> str:
    """A line for each candidate: name, id, reasons, and the account that it is already linked to."""
    return "\n".join(map(_line, link.candidates))


def _line(one: Candidate) -> str:
    why = ", ".join(one.reasons)
    taken = f"; linked to {one.taken_by} already" if one.taken_by else ""
    return f"{one.name or 'no name'} ({one.id}): {why}{taken}"


def _sentence(how: str) -> str:
    return f"{how[:1].upper()}{how[1:]}."
