"""Reading the org's rows. The caller holds the lock of the store."""

from __future__ import annotations

import heapq
from typing import Final

from sandbox.salesforce.org import Org
from sandbox.salesforce.store import Row

SHOWN: Final = 100


def rows(org: Org, name: str) -> list[Row]:
    """Oldest first; none where the org does not have the object."""
    table = org.store.tables.get(name)
    return list(table.live.values()) if table else []


def children(org: Org, name: str, link: str, parent: str) -> list[Row]:
    """The rows whose lookup points to the parent, oldest first."""
    kind = org.schema.objects.get(name)
    if kind is None or link not in kind.fields:
        return []
    table = org.store.table(kind)
    return [table.live[at] for at in table.find(kind.fields[link], parent)]


def newest(found: list[Row], at: str) -> list[Row]:
    """As many as a page shows, by this moment."""
    return heapq.nlargest(SHOWN, found, key=lambda row: row.get(at) or "")


def timeline(org: Org, link: str, parent: str) -> list[Row]:
    return newest(children(org, "Billing_Event__c", link, parent), "Occurred_At__c")


def linked(org: Org, row: Row, link: str) -> Row | None:
    """The row a lookup points to."""
    target = row.get(link)
    return org.store.row(target) if target else None


def owner_name(org: Org, owner_id: str | None) -> str:
    row = org.store.row(owner_id) if owner_id else None
    return str(row["Name"]) if row else "nobody"
