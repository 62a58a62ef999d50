"""Decide whether new accounts need their history fetched: they may be older than the ledger's first event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from connector.ledger import events, snapshots, subjects
from connector.mappers import external_ids
from connector.models import facts


def decide_history(connection: Connection, at: tuple[str, str], due: Sequence[str]) -> None:
    """Mark accounts of this site that are older than the ledger: their history is fetched once, later."""
    new = sorted(subjects.undecided_history(connection, due))
    if not new:
        return
    first = events.first_received_at(connection, *at)
    young = [key for key, born in _birthdays(connection, at, new) if first and born and born >= first]
    subjects.decide_history(connection, young, [key for key in new if key not in set(young)])


def _birthdays(
    connection: Connection, at: tuple[str, str], subjects_: Sequence[str]
) -> list[tuple[str, datetime | None]]:
    """The creation times, read from the account snapshots only: an account may have very many objects."""
    prefix = external_ids.subject(*at, "")
    aliases = {f"code-{key.removeprefix(prefix)}": key for key in subjects_}
    found = snapshots.find(connection, *at, [("account", alias) for alias in aliases])
    accounts = {
        snapshots.alias(one): one.created_at
        for one in snapshots.values(connection, *at, list(found.values()), gone=True)
        if isinstance(one, facts.Account)
    }
    return [(key, accounts.get(alias)) for alias, key in aliases.items()]
