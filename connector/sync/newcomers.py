"""Accounts the ledger meets for the first time: is there a past that no event told of?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from connector import facts
from connector.ledger import events, snapshots, subjects


def decide_history(connection: Connection, at: tuple[str, str], due: Sequence[str]) -> None:
    """An account of this (source, site) that is older than the ledger has its history fetched once, later."""
    new = sorted(subjects.undecided_history(connection, due))
    if not new:
        return
    first = events.first_received_at(connection, *at)
    young = [key for key, born in _birthdays(connection, new) if first and born and born >= first]
    subjects.decide_history(connection, young, [key for key in new if key not in set(young)])


def _birthdays(connection: Connection, subjects_: Sequence[str]) -> list[tuple[str, datetime | None]]:
    known = snapshots.load(connection, subjects_)
    accounts = {
        key: next((s.value for s in found if isinstance(s.value, facts.Account)), None)
        for key, found in known.items()
    }
    return [(key, account.created_at if account else None) for key, account in accounts.items()]
