"""What several objects are told with: times, and the short form of the account they belong to."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sandbox.recurly.store import Store

Json = dict[str, Any]


def when(moment: datetime | None) -> str | None:
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def account_mini(store: Store, account_id: str) -> Json:
    row = store.owner(account_id)
    return {
        "object": "account",
        "id": row.id,
        "code": row.code,
        "email": row.email,
        "first_name": row.first_name,
        "last_name": row.last_name,
        "company": row.company,
        "parent_account_id": None,
        "bill_to": "self",
        "dunning_campaign_id": row.dunning_campaign_id,
    }
