"""A population that Casewire knows already, in the ledger and in the CRM, before a burst is measured."""

from __future__ import annotations

from sqlalchemy import text

from bench.progress import say
from connector.cli.local_stack import SITE, Stack
from connector.clients.recurly import RecurlyClient, RecurlyConfig
from connector.ledger import snapshots, subjects
from connector.ledger.subjects import Due
from connector.mappers import external_ids
from connector.models.events import Urgency
from connector.models.facts import BillingObject

KINDS = ("account", "subscription", "invoice", "payment")
LATENCY = {"salesforce": 150, "recurly": 100}
"""Milliseconds, as DESIGN section 9 has them."""


def populate(stack: Stack, accounts: int, prefix: str) -> list[str]:
    """Customers of the sandbox's Recurly, none of them announced; their codes."""
    order = {"accounts": accounts, "prefix": prefix, "seed": 1}
    codes: list[str] = stack.vendors.control("recurly", "POST", "scenarios/population", order)["accounts"]
    return codes


def prime(stack: Stack, codes: list[str]) -> None:
    """Read all there is of them, list by list, and have the worker write it to the CRM."""
    slow_down(stack, slow=False)
    found = _everything(stack)
    due = [
        Due(external_ids.subject("recurly", SITE, code), "recurly", SITE, code, Urgency.ROUTINE)
        for code in codes
    ]
    with stack.engine.begin() as connection:
        snapshots.store(connection, "recurly", SITE, snapshots.clock(connection), found)
        subjects.mark_due(connection, due)
        subjects.decide_history(connection, (), (), done=[one.key for one in due])
        connection.execute(text("ANALYZE"))
    say(f"priming: {len(codes):,} accounts, {len(found):,} objects")
    if not stack.settle(600):
        raise TimeoutError("the population was not written to the CRM in time")


def slow_down(stack: Stack, *, slow: bool = True) -> None:
    """The vendors answer as slowly as they do; or at once, while nothing is measured."""
    for server, milliseconds in LATENCY.items():
        stack.vendors.control(server, "PUT", "latency", {"ms": milliseconds if slow else 0})


def _everything(stack: Stack) -> list[BillingObject]:
    client = RecurlyClient(RecurlyConfig(SITE, "sandbox", api_url=stack.vendors.recurly))
    try:
        return [one for kind in KINDS for page in client.changed(kind) for one in page.found]
    finally:
        client.close()
