"""Map each billing account to one Salesforce account. Unique even when several workers link concurrently."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection, Row, text

from connector.ledger import subjects as due
from connector.ledger.locks import Lock, until_committed
from connector.models.facts import Candidate, Link, LinkState
from connector.models.linking import MADE

_HELD = "state IN ('review', 'waiting')"
_GONE = "EXISTS (SELECT 1 FROM snapshot s WHERE s.subject = link.subject AND s.object = 'account' AND s.gone)"


def load(connection: Connection, subjects: Sequence[str]) -> dict[str, Link]:
    """Load the links of these subjects."""
    rows = connection.execute(
        text("SELECT * FROM link WHERE subject = ANY(:subjects)"), {"subjects": list(subjects)}
    )
    return {row.subject: _link(row) for row in rows}


def holders(connection: Connection, account_ids: Collection[str]) -> dict[str, str]:
    """CRM account → the subject that is linked to it."""
    rows = connection.execute(
        text("SELECT account_id, subject FROM link WHERE account_id = ANY(:ids)"), {"ids": list(account_ids)}
    )
    return {row.account_id: row.subject for row in rows}


def held(connection: Connection, state: LinkState | None = None) -> dict[str, Link]:
    """Accounts without a link that wait for a person or for their record to appear, oldest first. Accounts that were
    deleted in billing are left out."""
    which = [str(state)] if state else [str(LinkState.REVIEW), str(LinkState.WAITING)]
    rows = connection.execute(
        text(f"SELECT * FROM link WHERE state = ANY(:which) AND NOT {_GONE} ORDER BY since, subject"),
        {"which": which},
    )
    return {row.subject: _link(row) for row in rows}


def numbers(connection: Connection) -> dict[LinkState, int]:
    """Count accounts by link state; accounts deleted in billing are not counted as waiting."""
    rows = connection.execute(
        text(f"SELECT state, count(*) AS n FROM link WHERE NOT ({_HELD} AND {_GONE}) GROUP BY state")
    )
    return {LinkState(row.state): row.n for row in rows}


def made(connection: Connection) -> int:
    """Count linked accounts whose Salesforce record was created by Casewire."""
    rows = connection.execute(
        text("SELECT count(*) FROM link WHERE state = :linked AND starts_with(how, :made)"),
        {"linked": str(LinkState.LINKED), "made": MADE},
    )
    return int(rows.scalar_one())


def exist(connection: Connection) -> bool:
    """Whether a link was ever searched."""
    return bool(connection.execute(text("SELECT EXISTS (SELECT 1 FROM link)")).scalar_one())


def save(connection: Connection, found: Mapping[str, Link]) -> set[str]:
    """Store these links. Return the subjects whose Salesforce account is already linked to another subject: their
    links are not stored.

    Records that were written without an account while the link was pending are written again with it."""
    until_committed(connection, Lock.LINKING)
    released = _released(connection, found)
    taken = {subject for subject in sorted(found) if not _save(connection, subject, found[subject])}
    _tell_again(connection, released - taken)
    return taken


def forget(connection: Connection, subjects: Sequence[str]) -> None:
    """Delete the links of these subjects: they are searched again, and dependent records are written again."""
    if not subjects:
        return
    connection.execute(text("DELETE FROM link WHERE subject = ANY(:subjects)"), {"subjects": list(subjects)})
    _tell_again(connection, subjects)


def move(connection: Connection, found: Mapping[str, Link], run_id: int | None = None) -> set[str]:
    """Store links that have changed to another record, and make the accounts due: everything is written to the new
    record. Returns like ``save``. ``run_id``: the admin's run that changes the link."""
    taken = save(connection, found)
    moved = sorted(found.keys() - taken)
    _tell_again(connection, moved)
    make_due(connection, moved, run_id)
    return taken


def make_due(connection: Connection, subjects: Collection[str], run_id: int | None = None) -> None:
    """Make these subjects due, with their last urgency."""
    known = [due.named(connection, subject) for subject in sorted(subjects)]
    due.mark_due(connection, [replace(one, run_id=run_id) for one in known if one is not None])


def _released(connection: Connection, found: Mapping[str, Link]) -> set[str]:
    """The subjects whose link was pending and no longer is."""
    free = [subject for subject, link in found.items() if not link.held]
    rows = connection.execute(
        text(f"SELECT subject FROM link WHERE subject = ANY(:subjects) AND {_HELD}"), {"subjects": free}
    )
    return {row.subject for row in rows}


def _tell_again(connection: Connection, subjects: Collection[str]) -> None:
    """Write the timeline rows of these subjects again: a row is written once, with the account it had then."""
    if not subjects:
        return
    connection.execute(
        text("UPDATE event SET status = 'fetched' WHERE subject = ANY(:subjects) AND status = 'done'"),
        {"subjects": list(subjects)},
    )
    make_due(connection, subjects)


def _save(connection: Connection, subject: str, link: Link) -> bool:
    return bool(
        connection.execute(
            text(
                """
                INSERT INTO link (subject, state, account_id, contact_id, person, how, candidates)
                SELECT :subject, :state, :account_id, :contact_id, :person, :how, CAST(:candidates AS jsonb)
                WHERE NOT EXISTS (SELECT 1 FROM link WHERE account_id = :account_id AND subject <> :subject)
                ON CONFLICT (subject) DO UPDATE SET state = excluded.state, account_id = excluded.account_id,
                    contact_id = excluded.contact_id, person = excluded.person, how = excluded.how,
                    candidates = excluded.candidates,
                    since = CASE WHEN link.state = excluded.state THEN link.since ELSE now() END
                """
            ),
            {
                "subject": subject,
                "state": str(link.state),
                "account_id": link.account_id,
                "contact_id": link.contact_id,
                "person": link.person,
                "how": link.how,
                "candidates": json.dumps([asdict(one) for one in link.candidates]),
            },
        ).rowcount
    )


def _link(row: Row[Any]) -> Link:
    return Link(
        LinkState(row.state),
        account_id=row.account_id,
        contact_id=row.contact_id,
        how=row.how,
        person=row.person,
        candidates=tuple(
            Candidate(one["id"], one["name"], tuple(one["reasons"]), one["taken_by"])
            for one in row.candidates
        ),
        since=row.since,
    )
